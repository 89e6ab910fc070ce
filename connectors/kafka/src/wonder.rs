//! A member that has nothing to do says so, since that may be a mistake.

use std::time::{Duration, Instant};

use temblor_pdk::log::Level;

use crate::config::is_pattern;
use crate::shared::Shared;

/// After so long without a partition somebody may wonder, and later again.
const FIRST: Duration = Duration::from_secs(15);
const AGAIN: Duration = Duration::from_secs(600);

/// When to say that there is no partition; none while there is one.
#[derive(Default)]
pub(crate) struct Wonder(Option<Instant>);

impl Wonder {
    pub(crate) fn look(&mut self, shared: &Shared) {
        if shared.cells.partitions.get() > 0 {
            self.0 = None;
            return;
        }
        let now = Instant::now();
        if now < *self.0.get_or_insert(now + FIRST) {
            return;
        }
        self.0 = Some(now + AGAIN);
        let topics = &shared.settings.topics;
        let nothing = match topics.iter().any(|topic| is_pattern(topic)) {
            true => format!(", or {NO_MATCH}"),
            false => String::new(),
        };
        let message = format!(
            "{} has no partition of `{}`\nhelp: other members have them all, the group is still being \
             rebalanced, or a member that was killed keeps them until its `session.timeout.ms` is over{nothing}",
            shared.name(),
            topics.join("`, `")
        );
        shared.outside.host.log(Level::Warn, &message);
    }
}

const NO_MATCH: &str =
    "no topic matches: new ones are looked for each `topic.metadata.refresh.interval.ms`";

/// What may help where librdkafka says of a pattern that there is no such topic.
pub(crate) fn unmatched(text: &str) -> Option<&'static str> {
    text.contains("not available: ^").then_some(NO_MATCH)
}
