//! What is measured of one connector of a flow while it runs: plain cells, written once a poll or a batch.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Instant;

use temblor_pdk::{Batch, Command, Event, Instance, Outcome, Reply};

use crate::clock::Clock;
use crate::histogram::{Cells, Histogram};
use crate::secret::Secrets;

/// What was measured of a connector so far.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Numbers {
    /// Batches that its source handed over.
    pub batches_in: u64,
    /// Bytes that its source handed over, where it hands over bytes.
    pub bytes_in: u64,
    /// Batches that its sink was given, those that it was given again included.
    pub batches_out: u64,
    /// Bytes that its sink was given, where it takes bytes.
    pub bytes_out: u64,
    /// Events that its sink delivered.
    pub delivered: u64,
    /// Events that its sink refused, or could not deliver.
    pub failed: u64,
    /// Events that its sink has taken and not told the fate of.
    pub in_flight: u64,
    /// Frames that could not be decoded.
    pub decode_errors: u64,
    /// Events that could not be encoded.
    pub encode_errors: u64,
    /// Time spent in polls of it, in nanoseconds.
    pub poll_ns: u64,
    /// The longest of these polls, in nanoseconds.
    pub longest_poll_ns: u64,
    /// Times from an event's ingest until its sink had delivered it.
    pub latency: Histogram,
}

/// The running numbers of a connector.
pub(crate) struct Measures {
    /// None with a logical clock, by which nothing takes time.
    clock: Option<Clock>,
    /// What its errors do not show.
    pub(crate) secrets: Secrets,
    batches_in: AtomicU64,
    bytes_in: AtomicU64,
    batches_out: AtomicU64,
    bytes_out: AtomicU64,
    taken: AtomicU64,
    delivered: AtomicU64,
    failed: AtomicU64,
    decode_errors: AtomicU64,
    encode_errors: AtomicU64,
    poll_ns: AtomicU64,
    longest_poll_ns: AtomicU64,
    latency: Cells,
}

fn add(cell: &AtomicU64, count: u64) {
    cell.fetch_add(count, Ordering::Relaxed);
}

impl Measures {
    pub(crate) fn new(clock: Option<Clock>, secrets: &Secrets) -> Arc<Measures> {
        Arc::new(Measures {
            clock,
            secrets: secrets.clone(),
            batches_in: AtomicU64::default(),
            bytes_in: AtomicU64::default(),
            batches_out: AtomicU64::default(),
            bytes_out: AtomicU64::default(),
            taken: AtomicU64::default(),
            delivered: AtomicU64::default(),
            failed: AtomicU64::default(),
            decode_errors: AtomicU64::default(),
            encode_errors: AtomicU64::default(),
            poll_ns: AtomicU64::default(),
            longest_poll_ns: AtomicU64::default(),
            latency: Cells::default(),
        })
    }

    /// The numbers as they stand.
    pub(crate) fn numbers(&self) -> Numbers {
        let read = |cell: &AtomicU64| cell.load(Ordering::Acquire);
        // What was taken is read last, so that the difference cannot be negative.
        let (delivered, failed) = (read(&self.delivered), read(&self.failed));
        Numbers {
            batches_in: read(&self.batches_in),
            bytes_in: read(&self.bytes_in),
            batches_out: read(&self.batches_out),
            bytes_out: read(&self.bytes_out),
            delivered,
            failed,
            decode_errors: read(&self.decode_errors),
            encode_errors: read(&self.encode_errors),
            poll_ns: read(&self.poll_ns),
            longest_poll_ns: read(&self.longest_poll_ns),
            latency: self.latency.read(),
            in_flight: read(&self.taken).saturating_sub(delivered + failed),
        }
    }

    /// A sink takes events, whose fates follow.
    pub(crate) fn taken(&self, events: usize) {
        add(&self.taken, events as u64);
    }

    /// Events that a sink has taken and not settled are taken back, to be given to it again.
    pub(crate) fn taken_back(&self, events: usize) {
        self.taken.fetch_sub(events as u64, Ordering::Relaxed);
    }

    /// Events that were taken have their fate.
    pub(crate) fn settled<'a>(&self, events: impl Iterator<Item = &'a Event<'a>>, is_good: bool) {
        if !is_good {
            self.failed
                .fetch_add(events.count() as u64, Ordering::Release);
            return;
        }
        let Some(clock) = self.clock else {
            self.delivered
                .fetch_add(events.count() as u64, Ordering::Release);
            return;
        };
        let now_ns = clock.now_ns();
        let mut count = 0;
        // Events of a batch mostly came in together: those of one time are recorded at once.
        let (mut ingest_ns, mut alike) = (0, 0);
        for event in events {
            if event.ingest_ns != ingest_ns {
                self.record(ingest_ns, now_ns, alike);
                (ingest_ns, alike) = (event.ingest_ns, 0);
            }
            alike += 1;
            count += 1;
        }
        self.record(ingest_ns, now_ns, alike);
        self.delivered.fetch_add(count, Ordering::Release);
    }

    fn record(&self, ingest_ns: u64, now_ns: u64, events: u64) {
        // What was made by the flow itself has no time.
        if ingest_ns != 0 {
            self.latency
                .record(now_ns.saturating_sub(ingest_ns), events);
        }
    }

    /// Frames could not be decoded.
    pub(crate) fn decode_errors(&self, frames: usize) {
        add(&self.decode_errors, frames as u64);
    }

    /// Events could not be encoded.
    pub(crate) fn encode_errors(&self, events: usize) {
        add(&self.encode_errors, events as u64);
    }

    /// Measures an instance of the connector, and keeps secrets out of its errors.
    pub(crate) fn around(self: &Arc<Self>, instance: Box<dyn Instance>) -> Box<dyn Instance> {
        Box::new(Measured {
            measures: Arc::clone(self),
            instance,
        })
    }

    fn polled(&self, began: Instant) {
        let took = u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX);
        add(&self.poll_ns, took);
        // A look costs less than a write, and most polls are not the longest.
        if took > self.longest_poll_ns.load(Ordering::Relaxed) {
            self.longest_poll_ns.fetch_max(took, Ordering::Relaxed);
        }
    }
}

/// The bytes of a batch of bytes; values have none.
fn bytes(batch: &Batch) -> u64 {
    let events = batch.events().iter();
    let sizes = events.filter_map(|event| event.data.as_bytes().map(<[u8]>::len));
    sizes.sum::<usize>() as u64
}

/// An instance with its measures.
struct Measured {
    measures: Arc<Measures>,
    instance: Box<dyn Instance>,
}

impl Instance for Measured {
    fn poll(&mut self, command: Option<Command>, cx: &mut Context<'_>) -> Poll<Reply> {
        let measures = &self.measures;
        if let Some(Command::Write(batch, _)) = &command {
            add(&measures.batches_out, 1);
            add(&measures.bytes_out, bytes(batch));
        }
        let began = Instant::now();
        let polled = self.instance.poll(command, cx);
        measures.polled(began);
        if let Poll::Ready(Ok(Outcome::Batch(batch, _) | Outcome::End(Some(batch), _))) = &polled {
            add(&measures.batches_in, 1);
            add(&measures.bytes_in, bytes(batch));
        }
        polled.map_err(|error| measures.secrets.masked(error))
    }

    fn interrupt(&self) {
        self.instance.interrupt();
    }
}
