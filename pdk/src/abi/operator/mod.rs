//! Operators across the boundary: what both sides know of them.

mod host;
mod maker;

use std::mem::offset_of;

use super::text::{RawError, RawStr};
use crate::operator::{DynOperator, Feedback, FeedbackKind};
use crate::{Arena, Event};

pub(super) use host::import_operator;
pub(super) use maker::export_operator;

type Operator = Box<dyn DynOperator>;

/// What an operator says in its `wants_feedback`.
const WANTS_FEEDBACK: u32 = 1;
const ROUTES_AROUND: u32 = 1 << 1;

/// What became of an event; see [`FeedbackKind`]. Others are passed over.
const ACK: u32 = 1;
const FAIL: u32 = 2;
const OPEN: u32 = 3;
const CLOSE: u32 = 4;

#[repr(C)]
struct OperatorVtable {
    /// How many outputs there are.
    outputs: unsafe extern "C" fn(*const ()) -> usize,
    /// The name of an output; lives as long as the object.
    output: unsafe extern "C" fn(*const (), usize) -> RawStr,
    /// Object, port, event, and where new values and the events go.
    on_event: unsafe extern "C" fn(
        *mut (),
        RawStr,
        *const Event<'static>,
        *const Arena,
        *const RawEventSink,
        *mut RawError,
    ),
    /// Object, time, and where new values and the events go.
    on_tick: unsafe extern "C" fn(*mut (), u64, *const Arena, *const RawEventSink, *mut RawError),
    finish: unsafe extern "C" fn(*mut (), *const Arena, *const RawEventSink, *mut RawError),
    on_feedback: unsafe extern "C" fn(*mut (), *const RawFeedback),
    /// The constants above.
    wants_feedback: unsafe extern "C" fn(*const ()) -> u32,
    paused: unsafe extern "C" fn(*const ()) -> u32,
    held: unsafe extern "C" fn(*const ()) -> u64,
    release: unsafe extern "C" fn(*mut ()),
}

/// Takes events across; valid for the call that brings it.
#[repr(C)]
struct RawEventSink {
    object: *mut (),
    /// Object, the number of the output, the event.
    take: unsafe extern "C" fn(*mut (), u32, *const Event<'static>),
}

/// What became of an event.
#[repr(C)]
struct RawFeedback {
    output: u32,
    /// One of the constants above.
    kind: u32,
    latency_ns: u64,
    now_ns: u64,
}

impl RawFeedback {
    fn new(feedback: &Feedback) -> Self {
        let (kind, latency_ns) = match feedback.kind {
            FeedbackKind::Ack { latency_ns } => (ACK, latency_ns),
            FeedbackKind::Fail => (FAIL, 0),
            FeedbackKind::Open => (OPEN, 0),
            FeedbackKind::Close => (CLOSE, 0),
        };
        RawFeedback {
            output: feedback.output,
            kind,
            latency_ns,
            now_ns: feedback.now_ns,
        }
    }

    /// What it says; none for a kind of a later version.
    fn read(&self) -> Option<Feedback> {
        let kind = match self.kind {
            ACK => FeedbackKind::Ack {
                latency_ns: self.latency_ns,
            },
            FAIL => FeedbackKind::Fail,
            OPEN => FeedbackKind::Open,
            CLOSE => FeedbackKind::Close,
            _ => return None,
        };
        Some(Feedback {
            output: self.output,
            kind,
            now_ns: self.now_ns,
        })
    }
}

/// Sizes, alignments and offsets of what crosses; see `layout`.
pub(super) const LAYOUT: &[usize] = &[
    size_of::<OperatorVtable>(),
    align_of::<OperatorVtable>(),
    offset_of!(OperatorVtable, outputs),
    offset_of!(OperatorVtable, output),
    offset_of!(OperatorVtable, on_event),
    offset_of!(OperatorVtable, on_tick),
    offset_of!(OperatorVtable, finish),
    offset_of!(OperatorVtable, on_feedback),
    offset_of!(OperatorVtable, wants_feedback),
    offset_of!(OperatorVtable, paused),
    offset_of!(OperatorVtable, held),
    offset_of!(OperatorVtable, release),
    size_of::<RawEventSink>(),
    align_of::<RawEventSink>(),
    offset_of!(RawEventSink, object),
    offset_of!(RawEventSink, take),
    size_of::<RawFeedback>(),
    align_of::<RawFeedback>(),
    offset_of!(RawFeedback, output),
    offset_of!(RawFeedback, kind),
    offset_of!(RawFeedback, latency_ns),
    offset_of!(RawFeedback, now_ns),
    WANTS_FEEDBACK as usize,
    ROUTES_AROUND as usize,
    ACK as usize,
    FAIL as usize,
    OPEN as usize,
    CLOSE as usize,
];
