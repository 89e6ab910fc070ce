//! How much is sent, and when each event is due.

use temblor_pdk::{Error, Result};

/// Nanoseconds in a second.
const SECOND_NS: f64 = 1e9;
/// The longest replay: about 31 years.
const MAX_DURATION_S: f64 = 1e9;
/// The highest rate: an event a nanosecond, the step of the clock.
const MAX_RATE_PER_S: f64 = 1e9;

/// How much is sent.
#[derive(Clone, Copy)]
pub(crate) enum Extent {
    /// All lines, so many times.
    Iterations(u64),
    /// As much as is asked for in so many nanoseconds.
    Duration(u64),
}

impl Extent {
    pub(crate) fn new(iterations: Option<u64>, duration_s: Option<f64>) -> Result<Self> {
        match (iterations, duration_s) {
            (Some(0), None) => Err(Error::config("`iterations` is 0: nothing would be sent")),
            (Some(iterations), None) => Ok(Extent::Iterations(iterations)),
            (None, Some(seconds)) if seconds > 0.0 && seconds <= MAX_DURATION_S => {
                Ok(Extent::Duration((seconds * SECOND_NS) as u64))
            }
            (None, Some(seconds)) => Err(Error::config(format!(
                "`duration_s` is {seconds}: it must be above 0 and at most {MAX_DURATION_S}"
            ))),
            (Some(_), Some(_)) => Err(Error::config(
                "both `iterations` and `duration_s` are given\nhelp: remove one of them",
            )),
            (None, None) => Err(Error::config(
                "neither `iterations` nor `duration_s` is given, so that the replay would never end\n\
                 help: add `iterations`, such as 1, or `duration_s`, such as 10",
            )),
        }
    }
}

/// What a replay does, whatever the file.
#[derive(Clone, Copy)]
pub(crate) struct Schedule {
    extent: Extent,
    /// Events per second in an open loop, none in a closed one.
    rate_per_s: Option<f64>,
}

impl Schedule {
    pub(crate) fn new(extent: Extent, rate_per_s: Option<f64>) -> Result<Self> {
        match rate_per_s {
            Some(rate) if !(rate > 0.0 && rate <= MAX_RATE_PER_S) => Err(Error::config(format!(
                "`rate_per_s` is {rate}: it must be above 0 and at most {MAX_RATE_PER_S}"
            ))),
            _ => Ok(Schedule { extent, rate_per_s }),
        }
    }

    /// Whether events are due at times of their own.
    pub(crate) fn is_open_loop(&self) -> bool {
        self.rate_per_s.is_some()
    }

    /// How many events are sent of a file with so many lines; the largest number if only time bounds it.
    pub(crate) fn total(&self, lines: usize) -> u64 {
        match (self.extent, self.rate_per_s) {
            (Extent::Iterations(iterations), _) => iterations.saturating_mul(lines as u64),
            (Extent::Duration(nanos), Some(_)) => self.due(nanos.saturating_sub(1)),
            (Extent::Duration(_), None) => u64::MAX,
        }
    }

    /// Whether the time is over, so many nanoseconds after the start.
    pub(crate) fn is_over(&self, elapsed_ns: u64) -> bool {
        matches!(self.extent, Extent::Duration(nanos) if elapsed_ns >= nanos)
    }

    /// When event `index` is due, in nanoseconds after the start; at once in a closed loop.
    pub(crate) fn offset_ns(&self, index: u64) -> u64 {
        let nanos = |rate| index as f64 * SECOND_NS / rate;
        self.rate_per_s.map_or(0, |rate| nanos(rate) as u64)
    }

    /// How many events are due so many nanoseconds after the start; all in a closed loop.
    pub(crate) fn due(&self, elapsed_ns: u64) -> u64 {
        let Some(rate) = self.rate_per_s else {
            return u64::MAX;
        };
        let mut due = (elapsed_ns as f64 * rate / SECOND_NS) as u64 + 1;
        // Rounding may leave the estimate a step to either side of what `offset_ns` says.
        while due > 0 && self.offset_ns(due - 1) > elapsed_ns {
            due -= 1;
        }
        while self.offset_ns(due) <= elapsed_ns {
            due += 1;
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::{Extent, Schedule};

    /// `due` and `offset_ns` are inverse: an event is due exactly from its own offset on.
    #[test]
    fn an_event_is_due_from_its_offset_on() {
        for rate in [0.3, 1.0, 3.0, 7.0, 999.0, 1e6, 3e6, 7e7, 1e9] {
            let schedule = Schedule::new(Extent::Iterations(1), Some(rate)).unwrap();
            for index in (0..2_000).chain([1_000_003, 123_456_789]) {
                let offset = schedule.offset_ns(index);
                assert!(schedule.due(offset) > index, "{index} at {rate}/s");
                if offset > 0 {
                    assert!(schedule.due(offset - 1) <= index, "{index} at {rate}/s");
                }
            }
        }
    }
}
