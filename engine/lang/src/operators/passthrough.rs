//! `passthrough`: what a stream is.

use temblor_pdk::{Arena, Event, Operator, OperatorSink, ProcessorInfo, Result, register};

use super::Nothing;

/// The operator.
struct Passthrough;

impl Operator for Passthrough {
    type Config = Nothing;

    const INFO: ProcessorInfo = ProcessorInfo {
        name: "passthrough",
        summary: "Passes every event on.",
        example: "{}",
    };

    fn new(_config: Nothing) -> Result<Self> {
        Ok(Passthrough)
    }

    fn on_event<'a>(
        &mut self,
        _port: &str,
        event: Event<'a>,
        _arena: &'a Arena,
        out: &mut OperatorSink<'_, 'a>,
    ) -> Result<()> {
        out.send(0, event);
        Ok(())
    }
}

register!(operator Passthrough);
