//! `qos::percentile`: passes fewer events on the more of them fail.

use temblor_pdk::schemars::JsonSchema;
use temblor_pdk::serde::Deserialize;
use temblor_pdk::{
    Arena, Event, Feedback, FeedbackKind, Operator, OperatorSink, ProcessorInfo, Result, register,
};

const OUT: u32 = 0;
const OVERFLOW: u32 = 1;

/// What counts as too slow, and how fast to give way and to recover.
#[derive(Deserialize, JsonSchema)]
#[serde(crate = "temblor_pdk::serde", deny_unknown_fields)]
#[schemars(crate = "temblor_pdk::schemars")]
struct Config {
    /// An event that takes longer than this many nanoseconds to be acknowledged counts as failed.
    timeout: u64,
    /// By how much the kept fraction sinks with each failure.
    #[serde(default = "step_down")]
    step_down: f64,
    /// By how much the kept fraction rises with each success.
    #[serde(default = "step_up")]
    step_up: f64,
}

fn step_down() -> f64 {
    0.05
}

fn step_up() -> f64 {
    0.001
}

/// The operator, with the fraction of events that it passes on.
struct Percentile {
    config: Config,
    kept: f64,
}

impl Operator for Percentile {
    type Config = Config;

    const INFO: ProcessorInfo = ProcessorInfo {
        name: "qos::percentile",
        summary: "Drops a fraction of events that grows while what follows fails or is slow.",
        example: r#"{"timeout": 100000000, "step_down": 0.05, "step_up": 0.001}"#,
    };

    fn new(config: Config) -> Result<Self> {
        Ok(Percentile { config, kept: 1.0 })
    }

    fn outputs(&self) -> Vec<String> {
        vec!["out".to_owned(), "overflow".to_owned()]
    }

    fn on_event<'a>(
        &mut self,
        _port: &str,
        event: Event<'a>,
        _arena: &'a Arena,
        out: &mut OperatorSink<'_, 'a>,
    ) -> Result<()> {
        // The time stands in for chance, so that a run can be repeated.
        let place = (event.ingest_ns % 65_535) as f64 / 65_535.0;
        out.send(if place > self.kept { OVERFLOW } else { OUT }, event);
        Ok(())
    }

    fn on_feedback(&mut self, feedback: &Feedback) {
        if feedback.output != OUT {
            return;
        }
        let step = match feedback.kind {
            FeedbackKind::Ack { latency_ns } if latency_ns <= self.config.timeout => {
                self.config.step_up
            }
            FeedbackKind::Ack { .. } | FeedbackKind::Fail => -self.config.step_down,
            FeedbackKind::Open | FeedbackKind::Close => return,
        };
        self.kept = (self.kept + step).clamp(0.0, 1.0);
    }

    fn wants_feedback(&self) -> bool {
        true
    }
}

register!(operator Percentile);
