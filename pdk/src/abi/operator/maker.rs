//! The maker's side of operators.

use super::super::fence;
use super::super::processor::{RawObject, object, release, report};
use super::super::text::{RawError, RawStr};
use super::{Operator, OperatorVtable, ROUTES_AROUND, RawEventSink, RawFeedback, WANTS_FEEDBACK};
use crate::operator::OperatorSink;
use crate::{Arena, Event, Result};

/// An operator with the names of its outputs, which the host reads in place.
struct Exported {
    operator: Operator,
    outputs: Vec<String>,
}

pub(in crate::abi) fn export_operator(operator: Operator) -> RawObject {
    let outputs = operator.outputs();
    RawObject {
        data: Box::into_raw(Box::new(Exported { operator, outputs })).cast(),
        vtable: (&raw const OPERATOR).cast(),
    }
}

static OPERATOR: OperatorVtable = OperatorVtable {
    outputs,
    output,
    on_event,
    on_tick,
    finish,
    on_feedback,
    wants_feedback,
    paused,
    held,
    release: release::<Exported>,
};

/// # Safety
/// `data` is a live operator of this copy of the crate that nobody changes now.
unsafe fn shared<'a>(data: *const ()) -> &'a Exported {
    // SAFETY: the caller's contract; the reference is used within the call, and its outputs as long as the object.
    unsafe { &*data.cast::<Exported>() }
}

/// # Safety
/// See [`shared`].
unsafe extern "C" fn outputs(data: *const ()) -> usize {
    // SAFETY: the caller's contract.
    unsafe { shared(data) }.outputs.len()
}

/// # Safety
/// See [`shared`].
unsafe extern "C" fn output(data: *const (), index: usize) -> RawStr {
    // SAFETY: the caller's contract.
    let outputs = &unsafe { shared(data) }.outputs;
    RawStr::new(outputs.get(index).map_or("", String::as_str))
}

/// Runs `work`, fenced, with a sink that hands over to the host's.
///
/// # Safety
/// `sink` is valid for the call; what is sent lives as long as what came into the call.
unsafe fn with_sink<'a>(
    sink: *const RawEventSink,
    work: impl FnOnce(&mut OperatorSink<'_, 'a>) -> Result<()>,
) -> Result<()> {
    // SAFETY: the caller's contract.
    let sink = unsafe { &*sink };
    let mut take = |output: u32, event: Event<'a>| {
        let event = (&raw const event).cast();
        // SAFETY: the host's function for the host's object, within the call that brought it.
        unsafe { (sink.take)(sink.object, output, event) }
    };
    fence::catch(|| work(&mut OperatorSink::new(&mut take)))?
}

/// # Safety
/// See [`object`]; port, event and sink live for the call, arena and what the event reaches as long as what is sent
/// is used; `error` is valid.
unsafe extern "C" fn on_event(
    data: *mut (),
    port: RawStr,
    event: *const Event<'static>,
    arena: *const Arena,
    sink: *const RawEventSink,
    error: *mut RawError,
) {
    // SAFETY: the caller's contract.
    let (operator, arena) = unsafe { (&mut object::<Exported>(data).operator, &*arena) };
    // SAFETY: the caller's contract; the host's port is a string.
    let (port, event) = unsafe { (port.str(), *event) };
    // SAFETY: the caller's contract.
    let done = unsafe { with_sink(sink, |out| operator.on_event(port, event, arena, out)) };
    // SAFETY: `error` is the caller's.
    unsafe { report(done, error) };
}

/// # Safety
/// See [`on_event`].
unsafe extern "C" fn on_tick(
    data: *mut (),
    now_ns: u64,
    arena: *const Arena,
    sink: *const RawEventSink,
    error: *mut RawError,
) {
    // SAFETY: the caller's contract.
    let (operator, arena) = unsafe { (&mut object::<Exported>(data).operator, &*arena) };
    // SAFETY: the caller's contract.
    let done = unsafe { with_sink(sink, |out| operator.on_tick(now_ns, arena, out)) };
    // SAFETY: `error` is the caller's.
    unsafe { report(done, error) };
}

/// # Safety
/// See [`on_event`].
unsafe extern "C" fn finish(
    data: *mut (),
    arena: *const Arena,
    sink: *const RawEventSink,
    error: *mut RawError,
) {
    // SAFETY: the caller's contract.
    let (operator, arena) = unsafe { (&mut object::<Exported>(data).operator, &*arena) };
    // SAFETY: the caller's contract.
    let done = unsafe { with_sink(sink, |out| operator.finish(arena, out)) };
    // SAFETY: `error` is the caller's.
    unsafe { report(done, error) };
}

/// # Safety
/// See [`object`]; the feedback lives for the call.
unsafe extern "C" fn on_feedback(data: *mut (), feedback: *const RawFeedback) {
    // SAFETY: the caller's contract.
    let (exported, feedback) = unsafe { (object::<Exported>(data), &*feedback) };
    if let Some(feedback) = feedback.read() {
        fence::silence(|| exported.operator.on_feedback(&feedback));
    }
}

/// # Safety
/// See [`shared`].
unsafe extern "C" fn wants_feedback(data: *const ()) -> u32 {
    // SAFETY: the caller's contract.
    let exported = unsafe { shared(data) };
    let wants = || match exported.operator.wants_feedback() {
        true if exported.operator.routes_around() => WANTS_FEEDBACK | ROUTES_AROUND,
        true => WANTS_FEEDBACK,
        false => 0,
    };
    fence::catch(wants).unwrap_or(0)
}

/// # Safety
/// See [`shared`].
unsafe extern "C" fn paused(data: *const ()) -> u32 {
    // SAFETY: the caller's contract.
    let exported = unsafe { shared(data) };
    fence::catch(|| exported.operator.paused().into()).unwrap_or(0)
}

/// # Safety
/// See [`shared`].
unsafe extern "C" fn held(data: *const ()) -> u64 {
    // SAFETY: the caller's contract.
    let exported = unsafe { shared(data) };
    // One that panics here is taken to hold something, so that nothing is acked too early.
    fence::catch(|| exported.operator.held() as u64).unwrap_or(1)
}
