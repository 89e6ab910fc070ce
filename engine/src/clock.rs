//! The host's clock: wall time that never goes backwards.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use temblor_pdk::{Batch, Event};

/// Wall time at the start, carried on by the monotonic clock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    started: Instant,
    started_ns: u64,
}

impl Clock {
    pub(crate) fn new() -> Self {
        let since_epoch = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or(Duration::ZERO);
        Clock {
            started: Instant::now(),
            started_ns: nanos(since_epoch),
        }
    }

    /// Nanoseconds since the Unix epoch.
    pub(crate) fn now_ns(&self) -> u64 {
        self.started_ns
            .saturating_add(nanos(self.started.elapsed()))
    }

    /// The moment at which the clock reads `at_ns`.
    pub(crate) fn instant(&self, at_ns: u64) -> Instant {
        let after = Duration::from_nanos(at_ns.saturating_sub(self.started_ns));
        // A time too far away to be named is as good as a century.
        let century = Duration::from_secs(100 * 365 * 24 * 3600);
        self.started + after.min(century)
    }
}

/// What gives events their ingest times.
#[derive(Clone, Debug)]
pub(crate) enum Times {
    /// Those that bring none get the time of now.
    Wall(Clock),
    /// Event i of a source came in at nanosecond i.
    Logical(u64),
}

impl Times {
    /// The ingest time of the next event, which brings `own_ns`, or 0 for none; `now_ns` is the time of the batch.
    pub(crate) fn next(&mut self, own_ns: u64, now_ns: u64) -> u64 {
        match self {
            Times::Wall(_) if own_ns != 0 => own_ns,
            Times::Wall(_) => now_ns,
            Times::Logical(next_ns) => {
                *next_ns += 1;
                *next_ns - 1
            }
        }
    }

    /// The time to give to the events of a batch.
    pub(crate) fn now_ns(&self) -> u64 {
        match self {
            Times::Wall(clock) => clock.now_ns(),
            Times::Logical(next_ns) => *next_ns,
        }
    }

    /// Gives the events of a batch their times.
    pub(crate) fn given_to(&mut self, batch: Batch) -> Batch {
        if self.are_their_own(batch.events()) {
            return batch;
        }
        let now_ns = self.now_ns();
        batch.derive(|events, _, out| {
            for event in events {
                let mut event = *event;
                event.ingest_ns = self.next(event.ingest_ns, now_ns);
                out.push(event);
            }
        })
    }

    /// Whether events have the times that they bring.
    fn are_their_own(&self, events: &[Event<'_>]) -> bool {
        matches!(self, Times::Wall(_)) && events.iter().all(|event| event.ingest_ns != 0)
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_goes_backwards_and_maps_to_instants() {
        let clock = Clock::new();
        let first = clock.now_ns();
        let second = clock.now_ns();
        assert!(second >= first);
        assert!(clock.instant(second) <= Instant::now());
        assert!(clock.instant(u64::MAX) > Instant::now());
    }
}
