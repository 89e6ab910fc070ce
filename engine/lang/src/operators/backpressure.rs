//! `qos::backpressure`: sends nothing on for a while after something went wrong behind it.

use temblor_pdk::schemars::JsonSchema;
use temblor_pdk::serde::Deserialize;
use temblor_pdk::{
    Arena, Error, Event, Feedback, FeedbackKind, Operator, OperatorSink, ProcessorInfo, Result,
    register,
};

const OUT: u32 = 0;
const OVERFLOW: u32 = 1;

/// What counts as too slow, and how long to back off.
#[derive(Deserialize, JsonSchema)]
#[serde(crate = "temblor_pdk::serde", deny_unknown_fields)]
#[schemars(crate = "temblor_pdk::schemars")]
struct Config {
    /// An event that takes longer than this many nanoseconds to be acknowledged counts as failed.
    timeout: u64,
    /// How long to back off after the first failure, after the second and so on, in milliseconds.
    #[serde(default = "steps")]
    steps: Vec<u64>,
    /// What to do meanwhile.
    #[serde(default)]
    method: Method,
}

fn steps() -> Vec<u64> {
    vec![50, 100, 250, 500, 1000, 5000, 10_000]
}

/// What to do while backing off.
#[derive(Clone, Copy, Deserialize, JsonSchema, Default, PartialEq)]
#[serde(crate = "temblor_pdk::serde", rename_all = "lowercase")]
#[schemars(crate = "temblor_pdk::schemars")]
enum Method {
    /// Send events to `overflow`.
    #[default]
    Discard,
    /// Tell whoever sends events to stop, and pass those on that come nevertheless.
    Pause,
}

/// The operator, under its name and under the one that it had before.
struct Backpressure<const RENAMED: bool> {
    config: Config,
    /// How many steps have been taken since it was last well.
    taken: usize,
    /// When backing off is over.
    until_ns: Option<u64>,
}

impl<const RENAMED: bool> Backpressure<RENAMED> {
    fn back_off(&mut self, now_ns: u64) {
        let last = self.config.steps.len().saturating_sub(1);
        let step = self.config.steps.get(self.taken.min(last));
        let step_ns = step.map_or(0, |ms| ms.saturating_mul(1_000_000));
        self.taken = self.taken.saturating_add(1);
        self.until_ns = Some(now_ns.saturating_add(step_ns));
    }

    fn reset(&mut self) {
        self.taken = 0;
        self.until_ns = None;
    }
}

impl<const RENAMED: bool> Operator for Backpressure<RENAMED> {
    type Config = Config;

    const INFO: ProcessorInfo = ProcessorInfo {
        name: if RENAMED {
            "generic::backpressure"
        } else {
            "qos::backpressure"
        },
        summary: if RENAMED {
            "Is what `qos::backpressure` was called before."
        } else {
            "Holds events back while what follows fails or is slow."
        },
        example: r#"{"timeout": 100000000, "steps": [50, 500], "method": "pause"}"#,
    };

    fn new(config: Config) -> Result<Self> {
        if config.steps.is_empty() {
            let message =
                "`steps` is empty\nhelp: name a time in milliseconds, or leave `steps` out";
            return Err(Error::config(message));
        }
        Ok(Backpressure {
            config,
            taken: 0,
            until_ns: None,
        })
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
        let backs_off = self.until_ns.is_some_and(|until| event.ingest_ns < until);
        match self.config.method {
            Method::Discard if backs_off => out.send(OVERFLOW, event),
            Method::Discard | Method::Pause => out.send(OUT, event),
        }
        Ok(())
    }

    fn on_tick<'a>(
        &mut self,
        now_ns: u64,
        _arena: &'a Arena,
        _out: &mut OperatorSink<'_, 'a>,
    ) -> Result<()> {
        if self.until_ns.is_some_and(|until| now_ns >= until) {
            self.reset();
        }
        Ok(())
    }

    fn on_feedback(&mut self, feedback: &Feedback) {
        if feedback.output != OUT {
            return;
        }
        match feedback.kind {
            FeedbackKind::Fail => self.back_off(feedback.now_ns),
            FeedbackKind::Ack { latency_ns } if latency_ns > self.config.timeout => {
                self.back_off(feedback.now_ns);
            }
            FeedbackKind::Ack { .. } => self.reset(),
            FeedbackKind::Open | FeedbackKind::Close => {}
        }
    }

    fn wants_feedback(&self) -> bool {
        true
    }

    fn paused(&self) -> bool {
        self.config.method == Method::Pause && self.until_ns.is_some()
    }
}

register!(operator Backpressure<false>);
register!(operator Backpressure<true>);
