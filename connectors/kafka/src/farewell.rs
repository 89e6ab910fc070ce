//! How a consumer ends.

use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};

use crate::commits::{commit_all, insist, is_in_flux, passes, tell_left};
use crate::rebalance::Callbacks;
use crate::shared::Shared;

/// How long what was reached is tried to be committed while the group does not take it.
const COMMIT: Duration = Duration::from_secs(3);
/// How long a consumer that cannot go on is served, so that it gives up what it has and leaves the group.
const LINGER: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(50);

/// Commits what was reached and leaves the group. A consumer that cannot go on comes back, for [`abandon`].
pub(crate) fn leave(
    shared: &Shared,
    consumer: BaseConsumer<Callbacks>,
) -> Option<BaseConsumer<Callbacks>> {
    let is_over = || consumer.client().fatal_error().is_some();
    if !is_over() && shared.settings.by_fates {
        commit(shared, &consumer);
    }
    if is_over() {
        consumer.unsubscribe();
        return Some(consumer);
    }
    // Dropping it leaves the group.
    None
}

/// A group that is just being rebalanced takes no commit, and it takes polling until it does.
fn commit(shared: &Shared, consumer: &BaseConsumer<Callbacks>) {
    let until = Instant::now() + COMMIT;
    let passes = |code| is_in_flux(code) || passes(code);
    // Nobody wants records any more.
    let wait = || drop(consumer.poll(POLL));
    let committed = insist(until, passes, || commit_all(shared, consumer), wait);
    committed.unwrap_or_else(|code| tell_left(shared, code));
}

/// librdkafka (2.12) does not come to an end when a consumer is closed after an error that it calls fatal: that waits for
/// ever. So such a consumer leaves the group, and stays; nobody waits for that. The connector has failed by then, and is
/// not connected again unless somebody wants that.
pub(crate) fn abandon(consumer: BaseConsumer<Callbacks>) {
    let until = Instant::now() + LINGER;
    while Instant::now() < until {
        let _ = consumer.poll(POLL);
    }
    std::mem::forget(consumer);
}
