//! The host's clock: wall time that never goes backwards.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

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
