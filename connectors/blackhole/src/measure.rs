//! What is measured: counts, wall time and the latencies after the warm-up.

use hdrhistogram::Histogram;
use temblor_pdk::{Batch, Error, Event, Result};

/// Latencies are kept to this many significant digits.
const DIGITS: u8 = 3;
/// The longest warm-up: about 31 years.
const MAX_WARMUP_S: f64 = 1e9;

/// Everything that was measured so far.
pub(crate) struct Measurement {
    warmup_ns: u64,
    /// When the first batch arrived, measured or not.
    arrived_ns: Option<u64>,
    /// When the first and the last measured batch arrived.
    measured_ns: Option<(u64, u64)>,
    events: u64,
    bytes: u64,
    latencies: Histogram<u64>,
}

impl Measurement {
    pub(crate) fn new(warmup_s: f64) -> Result<Self> {
        if !(0.0..=MAX_WARMUP_S).contains(&warmup_s) {
            return Err(Error::config(format!(
                "`warmup_s` is {warmup_s}: it must be at least 0 and at most {MAX_WARMUP_S}"
            )));
        }
        // Without bounds: it grows to whatever latency comes.
        let latencies = Histogram::new(DIGITS)
            .map_err(|reason| Error::failed(format!("cannot make a histogram: {reason}")))?;
        Ok(Measurement {
            warmup_ns: (warmup_s * 1e9) as u64,
            arrived_ns: None,
            measured_ns: None,
            events: 0,
            bytes: 0,
            latencies,
        })
    }

    /// Takes a batch that arrived at `now_ns`.
    pub(crate) fn record(&mut self, batch: &Batch, now_ns: u64) -> Result<()> {
        if batch.is_empty() {
            return Ok(());
        }
        let arrived_ns = *self.arrived_ns.get_or_insert(now_ns);
        if now_ns.saturating_sub(arrived_ns) < self.warmup_ns {
            return Ok(());
        }
        let first_ns = self.measured_ns.map_or(now_ns, |(first, _)| first);
        self.measured_ns = Some((first_ns, now_ns));
        self.events += batch.len() as u64;
        self.bytes += batch.byte_runs().map(|run| run.len() as u64).sum::<u64>();
        // Events that came in together have one ingest time and stand next to each other.
        for together in batch.events().chunk_by(|a, b| a.ingest_ns == b.ingest_ns) {
            self.record_latency(together, now_ns)?;
        }
        Ok(())
    }

    fn record_latency(&mut self, together: &[Event<'_>], now_ns: u64) -> Result<()> {
        let ingest_ns = together.first().map_or(0, |event| event.ingest_ns);
        // Zero says that nobody knows when the event came in.
        if ingest_ns == 0 {
            return Ok(());
        }
        let latency_ns = now_ns.saturating_sub(ingest_ns);
        let recorded = self.latencies.record_n(latency_ns, together.len() as u64);
        recorded.map_err(|reason| {
            Error::failed(format!(
                "cannot record a latency of {latency_ns} ns: {reason}"
            ))
        })
    }

    pub(crate) fn events(&self) -> u64 {
        self.events
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(crate) fn latencies(&self) -> &Histogram<u64> {
        &self.latencies
    }

    /// Wall time from the first to the last measured arrival.
    pub(crate) fn seconds(&self) -> f64 {
        let (first, last) = self.measured_ns.unwrap_or_default();
        last.saturating_sub(first) as f64 / 1e9
    }

    /// So much a second; 0 where everything arrived at once.
    pub(crate) fn per_second(&self, count: u64) -> f64 {
        match self.seconds() {
            0.0 => 0.0,
            seconds => count as f64 / seconds,
        }
    }
}
