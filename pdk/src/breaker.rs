//! Back-off between attempts, and the circuit breaker that keeps a dead destination from being tried all the time.

use std::time::Duration;

/// How attempts follow each other: bounded, growing, and spread at random so that many do not come at once.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BackoffPolicy {
    /// The wait before the first repetition.
    pub initial: Duration,
    /// What each wait is multiplied by to give the next; at least 1.
    pub growth: f64,
    /// The longest wait.
    pub max: Duration,
    /// Whether each wait is drawn from between half of it and all of it.
    pub randomized: bool,
}

impl Default for BackoffPolicy {
    /// 50 ms, growing by half to 1 s, at random.
    fn default() -> Self {
        BackoffPolicy {
            initial: Duration::from_millis(50),
            growth: 1.5,
            max: Duration::from_secs(1),
            randomized: true,
        }
    }
}

/// The waits between attempts. What is drawn at random does not enter the next wait.
#[derive(Clone, Debug)]
pub struct Backoff {
    policy: BackoffPolicy,
    attempts: u32,
    base: Duration,
}

impl Backoff {
    /// Begins with the first wait.
    #[must_use]
    pub fn new(policy: BackoffPolicy) -> Self {
        Backoff {
            policy,
            attempts: 0,
            base: policy.initial.min(policy.max),
        }
    }

    /// The wait before the next attempt.
    pub fn next_wait(&mut self) -> Duration {
        self.attempts = self.attempts.saturating_add(1);
        let wait = self.base;
        let grown = wait.as_secs_f64() * self.policy.growth.max(1.0);
        // A growth that cannot be a duration is as good as the longest wait.
        let grown = Duration::try_from_secs_f64(grown).unwrap_or(self.policy.max);
        self.base = grown.min(self.policy.max);
        match self.policy.randomized {
            true => wait.mul_f64(0.5 + fastrand::f64() / 2.0),
            false => wait,
        }
    }

    /// How many waits there were since the last success.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.attempts
    }

    /// An attempt succeeded: the next wait is the first again.
    pub fn reset(&mut self) {
        self.attempts = 0;
        self.base = self.policy.initial.min(self.policy.max);
    }
}

/// A circuit breaker of one destination. Closed, it lets everything through. After `threshold` failures in a row it is
/// open and lets nothing through until a wait is over; then it lets one attempt through, whose outcome closes it, or
/// opens it for the next, longer wait.
#[derive(Clone, Debug)]
pub struct Breaker {
    backoff: Backoff,
    threshold: u32,
    failures: u32,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Closed,
    Open {
        until_ns: u64,
    },
    /// One attempt is under way.
    Trying,
}

impl Breaker {
    /// Makes a closed one, which opens at the `threshold`th failure in a row; at least the first.
    #[must_use]
    pub fn new(policy: BackoffPolicy, threshold: u32) -> Self {
        Breaker {
            backoff: Backoff::new(policy),
            threshold: threshold.max(1),
            failures: 0,
            state: State::Closed,
        }
    }

    /// Whether an attempt may be made now; whoever is told so makes it and says how it went. `now_ns` is the time of
    /// the host's clock.
    pub fn allows(&mut self, now_ns: u64) -> bool {
        match self.state {
            State::Closed => true,
            State::Open { until_ns } if now_ns >= until_ns => {
                self.state = State::Trying;
                true
            }
            State::Open { .. } | State::Trying => false,
        }
    }

    /// An attempt succeeded.
    pub fn succeeded(&mut self) {
        self.failures = 0;
        self.backoff.reset();
        self.state = State::Closed;
    }

    /// An attempt failed.
    pub fn failed(&mut self, now_ns: u64) {
        self.failures = self.failures.saturating_add(1);
        // What was under way when it opened says nothing new.
        if self.failures < self.threshold || matches!(self.state, State::Open { .. }) {
            return;
        }
        let wait = u64::try_from(self.backoff.next_wait().as_nanos()).unwrap_or(u64::MAX);
        self.state = State::Open {
            until_ns: now_ns.saturating_add(wait),
        };
    }

    /// Whether it keeps attempts back, one that may be under way aside.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.state != State::Closed
    }

    /// When the next attempt may be made, in nanoseconds of the host's clock; none while it is closed or one is made.
    #[must_use]
    pub fn opens_until_ns(&self) -> Option<u64> {
        match self.state {
            State::Open { until_ns } => Some(until_ns),
            State::Closed | State::Trying => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: BackoffPolicy = BackoffPolicy {
        initial: Duration::from_millis(100),
        growth: 2.0,
        max: Duration::from_millis(500),
        randomized: false,
    };

    #[test]
    fn waits_grow_to_the_longest_and_begin_anew() {
        let mut backoff = Backoff::new(PLAIN);
        let waits: Vec<u128> = (0..5).map(|_| backoff.next_wait().as_millis()).collect();
        assert_eq!(waits, [100, 200, 400, 500, 500]);
        backoff.reset();
        assert_eq!(backoff.next_wait().as_millis(), 100);
    }

    #[test]
    fn random_waits_stay_within_bounds_and_do_not_feed_the_next() {
        let policy = BackoffPolicy {
            randomized: true,
            ..PLAIN
        };
        for _ in 0..200 {
            let mut backoff = Backoff::new(policy);
            for most in [100, 200, 400, 500, 500] {
                let wait = backoff.next_wait().as_millis();
                assert!((most / 2..=most).contains(&wait), "{wait} of {most}");
            }
        }
    }

    #[test]
    fn absurd_growth_is_the_longest_wait() {
        let policy = BackoffPolicy {
            growth: f64::INFINITY,
            ..PLAIN
        };
        let mut backoff = Backoff::new(policy);
        backoff.next_wait();
        assert_eq!(backoff.next_wait(), policy.max);
    }

    #[test]
    fn opens_tries_once_and_closes() {
        let mut breaker = Breaker::new(PLAIN, 2);
        assert!(breaker.allows(0));
        breaker.failed(0);
        assert!(breaker.allows(0), "one failure is not enough");
        breaker.failed(0);
        assert!(breaker.is_open() && !breaker.allows(99_999_999));
        assert!(breaker.allows(100_000_000), "one attempt after the wait");
        assert!(!breaker.allows(100_000_000), "and only one");
        breaker.failed(100_000_000);
        assert_eq!(breaker.opens_until_ns(), Some(300_000_000));
        assert!(breaker.allows(300_000_000));
        breaker.succeeded();
        assert!(!breaker.is_open() && breaker.allows(300_000_000));
    }
}
