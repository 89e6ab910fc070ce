//! Reading what a connector does when something fails: `reconnect` and `on_failure`.

use super::config::Setting;
use crate::code::Code;
use crate::deployment::{Afterwards, OnFailure, Reconnect, Retry};
use crate::finding::Finding;
use crate::suggest::one_of;

/// The fields of a `retry`.
const RETRY: [&str; 5] = [
    "growth_rate",
    "interval_ms",
    "max_interval_ms",
    "max_retries",
    "randomized",
];
/// The ends that events can come to.
const ENDS: [(&str, Afterwards); 3] = [
    ("fail", Afterwards::Fail),
    ("drop", Afterwards::Drop),
    ("dead_letter", Afterwards::DeadLetter),
];

impl Setting<'_, '_> {
    /// Reads a reconnect policy.
    pub(super) fn reconnect(&self) -> Result<Reconnect, Finding> {
        if let Some(name) = self.value.as_str() {
            return match name {
                "none" => Ok(Reconnect::Never),
                other => {
                    let message = format!("`{}` cannot be `{other}`", self.name);
                    Err(self
                        .finding(message)
                        .help("write `\"none\"`, or `{\"retry\": {\"interval_ms\": 100}}`"))
                }
            };
        }
        self.fields(&["retry"], "`\"none\"`, or a record with the field `retry`")?;
        let retry = self.field("retry").ok_or_else(|| {
            self.missing("retry")
                .help("write `{\"retry\": {\"interval_ms\": 100}}`, or leave the key out")
        })?;
        Ok(Reconnect::Retry(retry.retry()?))
    }

    /// Reads what becomes of refused events.
    pub(super) fn on_failure(&self) -> Result<OnFailure, Finding> {
        let span = self.spans.value("");
        if self.value.as_str().is_some() {
            let then = self.end()?;
            return Ok(OnFailure {
                retry: None,
                then,
                span,
            });
        }
        let expected = "a string, or a record with the fields `retry` and `then`";
        self.fields(&["retry", "then"], expected)?;
        let retry = self.field("retry");
        let retry = retry.ok_or_else(|| {
            self.missing("retry").help(
                "write `\"fail\"`, `\"drop\"` or `\"dead_letter\"` where nothing is tried again",
            )
        })?;
        let then = self.field("then");
        let then = then.map_or(Ok(Afterwards::Fail), |then| then.end())?;
        let policy = retry.retry()?;
        if policy.max_retries.is_none() {
            return Err(retry
                .missing("max_retries")
                .help("say how often refused events are tried again, as in `\"max_retries\": 3`"));
        }
        Ok(OnFailure {
            retry: Some(policy),
            then,
            span,
        })
    }

    fn end(&self) -> Result<Afterwards, Finding> {
        let names = ENDS.map(|(name, _)| name);
        let Some(name) = self.value.as_str() else {
            return Err(self.wrong("a string"));
        };
        let end = ENDS.iter().find(|(end, _)| *end == name);
        end.map(|(_, end)| *end).ok_or_else(|| {
            let message = format!("`{}` cannot be `{name}`", self.name);
            self.finding(message).help(one_of(name, "values", &names))
        })
    }

    fn retry(&self) -> Result<Retry, Finding> {
        self.fields(&RETRY, "a record")?;
        let interval = self.field("interval_ms").ok_or_else(|| {
            self.missing("interval_ms")
                .help("say how long the first pause is, as in `\"interval_ms\": 100`")
        })?;
        let unsigned = |key: &str| self.field(key).map(|value| value.unsigned()).transpose();
        let growth = self.field("growth_rate");
        let growth_rate = growth.as_ref().map_or(Ok(1.5), |value| value.number())?;
        if let Some(growth) = growth.filter(|_| growth_rate < 1.0 || growth_rate.is_nan()) {
            let message = format!("`{}` is {growth_rate}, expected at least 1", growth.name);
            return Err(growth
                .finding(message)
                .help("each pause is as long as the one before it, times this"));
        }
        let interval_ms = interval.unsigned()?;
        if interval_ms == 0 {
            let message = format!("`{}` is 0, which is no pause", interval.name);
            return Err(interval
                .finding(message)
                .help("give it at least 1, so that nothing is tried again without end at once"));
        }
        let max_interval_ms = unsigned("max_interval_ms")?;
        if let Some(most) = max_interval_ms.filter(|most| *most < interval_ms) {
            let message = format!(
                "`{}/max_interval_ms` is {most}, and `interval_ms` is {interval_ms}",
                self.name
            );
            let longest = self.field("max_interval_ms");
            let longest = longest.as_ref().unwrap_or(self);
            return Err(longest
                .finding(message)
                .help("no pause is longer than the longest: the first is to be the shorter one"));
        }
        Ok(Retry {
            interval_ms,
            growth_rate,
            max_interval_ms,
            max_retries: unsigned("max_retries")?,
            randomized: self
                .field("randomized")
                .map_or(Ok(true), |value| value.boolean())?,
        })
    }

    fn missing(&self, what: &str) -> Finding {
        self.finding(format!("`{}` has no `{what}`", self.name))
    }

    fn finding(&self, message: String) -> Finding {
        Finding::error(Code::Config, self.spans.value(""), message)
    }
}
