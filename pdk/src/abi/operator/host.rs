//! The host's side of operators.

use super::super::fence;
use super::super::processor::RawObject;
use super::super::text::{RawError, RawStr};
use super::{Operator, OperatorVtable, ROUTES_AROUND, RawEventSink, RawFeedback, WANTS_FEEDBACK};
use crate::operator::{DynOperator, Feedback, OperatorSink};
use crate::{Arena, Error, Event, Result};

/// The host's side of an operator behind the C ABI.
struct Imported {
    data: *mut (),
    vtable: &'static OperatorVtable,
    /// Asked for once, so that nobody has to cross for them.
    outputs: Vec<String>,
    wants_feedback: bool,
    routes_around: bool,
}

// SAFETY: the object behind it is `Send`, and is changed through `&mut self` only.
unsafe impl Send for Imported {}

impl Drop for Imported {
    fn drop(&mut self) {
        // SAFETY: the maker's function for the maker's object, called once.
        unsafe { (self.vtable.release)(self.data) }
    }
}

/// # Safety
/// `raw` comes from `export_operator` of a crate with the same layout and is taken once.
pub(in crate::abi) unsafe fn import_operator(raw: RawObject) -> Operator {
    // SAFETY: the vtable of an operator is a static of its maker, which is never unloaded.
    let vtable = unsafe { &*raw.vtable.cast::<OperatorVtable>() };
    let mut operator = Imported {
        data: raw.data,
        vtable,
        outputs: Vec::new(),
        wants_feedback: false,
        routes_around: false,
    };
    // SAFETY: the maker's function for the maker's object.
    let count = unsafe { (vtable.outputs)(raw.data) };
    for index in 0..count {
        // SAFETY: as above; the name lives as long as the object.
        let name = unsafe { (vtable.output)(raw.data, index).text() };
        operator.outputs.push(name.to_owned());
    }
    // SAFETY: as above.
    let wants = unsafe { (vtable.wants_feedback)(raw.data) };
    operator.wants_feedback = wants & WANTS_FEEDBACK != 0;
    operator.routes_around = wants & ROUTES_AROUND != 0;
    Box::new(operator)
}

/// The host's side of a sink of events, for one call.
struct Taking<'o, 's, 'a> {
    out: &'o mut OperatorSink<'s, 'a>,
    /// A panic of the host's own code, which must not unwind through the plugin.
    panicked: Option<Error>,
}

/// Runs `call` with a sink that hands over to `out`.
fn with_sink(
    out: &mut OperatorSink<'_, '_>,
    call: impl FnOnce(*const RawEventSink, *mut RawError),
) -> Result<()> {
    let (mut error, panicked) = (RawError::NONE, None);
    let mut taking = Taking { out, panicked };
    let sink = RawEventSink {
        object: (&raw mut taking).cast(),
        take: take_event,
    };
    call(&raw const sink, &raw mut error);
    match taking.panicked {
        Some(panicked) => Err(panicked),
        None => error.into_result(),
    }
}

/// Takes an event; none after a panic.
///
/// # Safety
/// `sink` is the `Taking` of the call under way; the event is valid, and what it reaches lives as long as what came
/// into that call.
unsafe extern "C" fn take_event(sink: *mut (), output: u32, event: *const Event<'static>) {
    // SAFETY: the caller's contract.
    let (taking, event) = unsafe { (&mut *sink.cast::<Taking<'_, '_, '_>>(), *event) };
    if taking.panicked.is_none() {
        taking.panicked = fence::catch(|| taking.out.send(output, event)).err();
    }
}

impl DynOperator for Imported {
    fn outputs(&self) -> Vec<String> {
        self.outputs.clone()
    }

    fn on_event<'a>(
        &mut self,
        port: &str,
        event: Event<'a>,
        arena: &'a Arena,
        out: &mut OperatorSink<'_, 'a>,
    ) -> Result<()> {
        let (port, event) = (RawStr::new(port), (&raw const event).cast());
        with_sink(out, |sink, error| {
            // SAFETY: the maker's function for the maker's object; port, event, sink and error live for the call, and
            // what the event reaches lives as long as the arena.
            unsafe { (self.vtable.on_event)(self.data, port, event, arena, sink, error) }
        })
    }

    fn on_tick<'a>(
        &mut self,
        now_ns: u64,
        arena: &'a Arena,
        out: &mut OperatorSink<'_, 'a>,
    ) -> Result<()> {
        with_sink(out, |sink, error| {
            // SAFETY: as in `on_event`.
            unsafe { (self.vtable.on_tick)(self.data, now_ns, arena, sink, error) }
        })
    }

    fn finish<'a>(&mut self, arena: &'a Arena, out: &mut OperatorSink<'_, 'a>) -> Result<()> {
        with_sink(out, |sink, error| {
            // SAFETY: as in `on_event`.
            unsafe { (self.vtable.finish)(self.data, arena, sink, error) }
        })
    }

    fn on_feedback(&mut self, feedback: &Feedback) {
        let feedback = RawFeedback::new(feedback);
        // SAFETY: the maker's function for the maker's object; the feedback lives for the call.
        unsafe { (self.vtable.on_feedback)(self.data, &raw const feedback) }
    }

    fn wants_feedback(&self) -> bool {
        self.wants_feedback
    }

    fn routes_around(&self) -> bool {
        self.routes_around
    }

    fn paused(&self) -> bool {
        // SAFETY: the maker's function for the maker's object.
        unsafe { (self.vtable.paused)(self.data) != 0 }
    }

    fn held(&self) -> usize {
        // SAFETY: the maker's function for the maker's object.
        unsafe { (self.vtable.held)(self.data) as usize }
    }
}
