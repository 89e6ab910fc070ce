//! Allocations in steady state: the same numbers however a connector is linked, and none at the boundary.
//!
//! [`measure`] takes a function that makes an instance, so that a loaded library can be measured with it too.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::task::{Context as TaskContext, Poll, Waker};

use temblor_pdk::abi::{Cancel, FateSink, HostServices, Interest, Place, Task};
use temblor_pdk::schemars::JsonSchema;
use temblor_pdk::serde::Deserialize;
use temblor_pdk::{
    Batch, BatchWriter, Buffer, CellKind, Command, Connector, ConnectorInfo, Context, Entry, Error,
    Event, Fates, Field, Host, Instance, Outcome, Payload, Pull, PullLimits, PullNumber, Reply,
    Result, Settles, Sink, SinkInfo, Source, SourceInfo, Value, call, entries, register,
};

/// How many events a pull hands over.
#[derive(Deserialize, JsonSchema)]
#[serde(crate = "temblor_pdk::serde", deny_unknown_fields)]
#[schemars(crate = "temblor_pdk::schemars")]
struct Config {
    events: usize,
}

const fn info(name: &'static str, payload: Payload) -> ConnectorInfo {
    ConnectorInfo {
        name,
        summary: "Hands over events that are alike, and takes any.",
        example: r#"{"events":1}"#,
        source: Some(SourceInfo {
            payload,
            transactional: false,
            lanes: false,
        }),
        sink: Some(SinkInfo {
            payload,
            settles: Settles::OnReturn,
        }),
    }
}

struct Values(usize);

impl Connector for Values {
    type Config = Config;
    type Source = Self;
    type Sink = Taker;
    const INFO: ConnectorInfo = info("values", Payload::Values);

    fn new(config: Config, _context: Context) -> Result<Self> {
        Ok(Values(config.events))
    }

    async fn create_source(&mut self) -> Result<Self> {
        Ok(Values(self.0))
    }

    async fn create_sink(&mut self) -> Result<Taker> {
        Ok(Taker)
    }
}

impl Source for Values {
    async fn pull(&mut self, out: &mut BatchWriter) -> Result<Pull> {
        for n in 0..self.0 {
            out.push(|arena| {
                let list = arena.array(&[Value::from(n), Value::from(arena.str("text"))]);
                let fields = [Field::new("list", list), Field::new("flag", Value::TRUE)];
                Event::new(arena.object(&fields))
            });
        }
        Ok(Pull::Ready)
    }
}

struct Bytes(usize);

impl Connector for Bytes {
    type Config = Config;
    type Source = Self;
    type Sink = Taker;
    const INFO: ConnectorInfo = info("bytes", Payload::Bytes);

    fn new(config: Config, _context: Context) -> Result<Self> {
        Ok(Bytes(config.events))
    }

    async fn create_source(&mut self) -> Result<Self> {
        Ok(Bytes(self.0))
    }

    async fn create_sink(&mut self) -> Result<Taker> {
        Ok(Taker)
    }
}

const LINE: &[u8] = b"a line of a file\n";

impl Source for Bytes {
    async fn pull(&mut self, out: &mut BatchWriter) -> Result<Pull> {
        let mut buffer = Buffer::with_capacity(self.0 * LINE.len());
        for _ in 0..self.0 {
            assert!(buffer.append(LINE), "there is room");
        }
        out.push_buffer(buffer, |bytes, sink| {
            for line in bytes.chunks(LINE.len()) {
                sink.push(Event::new(Value::bytes(line)));
            }
        });
        Ok(Pull::Ready)
    }
}

struct Taker;

impl Sink for Taker {
    async fn write(&mut self, batch: Batch, fates: Fates) -> Result<()> {
        drop(batch);
        fates.acked();
        Ok(())
    }
}

register!(connector Values);
register!(connector Bytes);

/// A host that does nothing.
struct Nothing;

impl HostServices for Nothing {
    fn log(
        &self,
        _level: temblor_pdk::log::Level,
        _target: &str,
        _place: Place<'_>,
        _message: &str,
    ) {
    }
    fn level(&self) -> Arc<AtomicU32> {
        Arc::default()
    }
    fn cell(&self, _name: &str, _kind: CellKind) -> Arc<AtomicU64> {
        Arc::default()
    }
    fn now_ns(&self) -> u64 {
        0
    }
    fn is_stopping(&self) -> bool {
        false
    }
    fn timer(&self, _deadline_ns: u64, task: Task) -> Cancel {
        Cancel::new(task)
    }
    fn readiness(
        &self,
        _fd: std::os::fd::BorrowedFd<'_>,
        _interest: Interest,
        task: Task,
    ) -> Cancel {
        Cancel::new(task)
    }
    fn blocking(&self, _task: Task) {}

    fn run(&self, _task: Task) {}
}

#[derive(Default)]
struct Settled(AtomicU64);

impl FateSink for Settled {
    fn settle(&self, _write: u64, range: std::ops::Range<usize>, _error: Option<Error>) {
        self.0.fetch_add(range.len() as u64, Ordering::Relaxed);
    }
}

fn give(instance: &mut dyn Instance, command: Command) -> Reply {
    let mut reply = pin!(call(instance, command));
    match reply
        .as_mut()
        .poll(&mut TaskContext::from_waker(Waker::noop()))
    {
        Poll::Ready(reply) => reply,
        Poll::Pending => panic!("nothing here waits"),
    }
}

/// What a pull and the write of its batch allocate.
#[derive(Debug, PartialEq)]
struct Spent {
    allocations: u64,
    bytes: u64,
}

const ROUNDS: u64 = 1000;

/// Measures pulls of a source and writes to a sink, both made by `make` with a configuration, once they are warm.
fn measure(
    make: impl Fn(&str, Context) -> Result<Box<dyn Instance>>,
    events: usize,
) -> (Spent, Spent) {
    let context = Context::new("measured", Host::new(Nothing));
    let config = format!(r#"{{"events":{events}}}"#);
    let mut connector = make(&config, context).expect("a connector");
    let mut side = |command| match give(&mut *connector, command) {
        Ok(Outcome::Instance(side)) => side,
        other => panic!("no instance but {other:?}"),
    };
    let (mut source, mut sink) = (side(Command::CreateSource), side(Command::CreateSink));
    let settled = Arc::new(Settled::default());
    let mut pulled = Spent {
        allocations: 0,
        bytes: 0,
    };
    let mut written = Spent { ..pulled };
    for round in 0..2 * ROUNDS {
        let command = Command::Pull(PullLimits::default(), PullNumber::default());
        let mut batch = None;
        let pull = allocation_counter::measure(|| match give(&mut *source, command) {
            Ok(Outcome::Batch(made, _)) => batch = Some(made),
            other => panic!("no batch but {other:?}"),
        });
        let batch = batch.expect("a batch");
        assert_eq!(batch.len(), events);
        let fates = Fates::new(Arc::clone(&settled), round, events);
        let write = allocation_counter::measure(|| {
            assert!(give(&mut *sink, Command::Write(batch, fates)).is_ok());
        });
        if round >= ROUNDS {
            pulled.allocations += pull.count_total;
            pulled.bytes += pull.bytes_total;
            written.allocations += write.count_total;
            written.bytes += write.bytes_total;
        }
    }
    let all = 2 * ROUNDS * events as u64;
    assert_eq!(settled.0.load(Ordering::Relaxed), all);
    (pulled, written)
}

fn entry(name: &str) -> &'static Entry {
    let found = entries().find(|entry| entry.name() == name);
    found.expect("registered in this binary")
}

/// Everything in one test: the pools of arenas and buffers are shared by all threads of the process, and one that
/// another thread has just emptied would count.
#[test]
fn the_boundary_allocates_nothing() {
    for name in ["values", "bytes"] {
        for events in [1, 64, 512] {
            let entry = entry(name);
            let native = measure(
                |config, context| entry.make_connector(config, context),
                events,
            );
            let descriptor = entry.describe();
            let abi = measure(
                |config, context| descriptor.connector(config, context),
                events,
            );
            assert_eq!(
                native, abi,
                "{name}, {events} events a pull: native and abi differ"
            );
            let (pulled, written) = native;
            println!("{name}, {events} events: {ROUNDS} pulls {pulled:?}, writes {written:?}");
            assert_eq!((written.allocations, written.bytes), (0, 0), "{name}");
            // The batch, its list of events, its list of handles; a buffer.
            let most = if name == "bytes" { 4 } else { 3 } * ROUNDS;
            assert!(
                pulled.allocations <= most,
                "{name}, {events} events: {pulled:?}"
            );
        }
    }
}
