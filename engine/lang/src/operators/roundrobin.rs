//! `qos::roundrobin`: deals events out to several outputs.

use temblor_pdk::schemars::JsonSchema;
use temblor_pdk::serde::Deserialize;
use temblor_pdk::{
    Arena, Error, Event, Feedback, FeedbackKind, Operator, OperatorSink, ProcessorInfo, Result,
    register,
};

/// Where events go.
#[derive(Deserialize, JsonSchema)]
#[serde(crate = "temblor_pdk::serde", deny_unknown_fields)]
#[schemars(crate = "temblor_pdk::schemars")]
struct Config {
    /// The names of the ports, in their order.
    outputs: Vec<String>,
}

/// The operator.
struct Roundrobin {
    names: Vec<String>,
    /// For each port whether its circuit breaker is open, so that it takes nothing.
    open: Vec<bool>,
    /// The port whose turn it is.
    next: usize,
}

impl Operator for Roundrobin {
    type Config = Config;

    const INFO: ProcessorInfo = ProcessorInfo {
        name: "qos::roundrobin",
        summary: "Deals events out to its outputs in turn, leaving out those that take nothing.",
        example: r#"{"outputs": ["one", "two"]}"#,
    };

    fn new(config: Config) -> Result<Self> {
        if config.outputs.is_empty() {
            let message =
                "`outputs` is empty\nhelp: name at least one port, as in [\"one\", \"two\"]";
            return Err(Error::config(message));
        }
        Ok(Roundrobin {
            open: vec![false; config.outputs.len()],
            names: config.outputs,
            next: 0,
        })
    }

    fn outputs(&self) -> Vec<String> {
        let overflow = std::iter::once("overflow".to_owned());
        self.names.iter().cloned().chain(overflow).collect()
    }

    fn on_event<'a>(
        &mut self,
        _port: &str,
        event: Event<'a>,
        _arena: &'a Arena,
        out: &mut OperatorSink<'_, 'a>,
    ) -> Result<()> {
        let count = self.open.len();
        let mut turns = (self.next..count).chain(0..self.next);
        let found = turns.find(|port| !self.open[*port]);
        if let Some(port) = found {
            self.next = (port + 1) % count;
        }
        // The port behind the named ones is `overflow`.
        out.send(found.unwrap_or(count) as u32, event);
        Ok(())
    }

    fn on_feedback(&mut self, feedback: &Feedback) {
        let Some(open) = self.open.get_mut(feedback.output as usize) else {
            return;
        };
        match feedback.kind {
            FeedbackKind::Open => *open = true,
            FeedbackKind::Close => *open = false,
            FeedbackKind::Ack { .. } | FeedbackKind::Fail => {}
        }
    }

    fn wants_feedback(&self) -> bool {
        true
    }

    fn routes_around(&self) -> bool {
        true
    }
}

register!(operator Roundrobin);
