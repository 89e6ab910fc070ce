//! The C ABI in one process: what is made through it behaves as what is called as Rust.

mod connectors;
mod counts;
mod equal;
mod functions;
mod host;
mod io;
mod operators;
mod panics;
mod pieces;
mod polls;
mod processors;

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, Wake, Waker};
use std::thread::Thread;

use temblor_pdk::{Command, Context, Entry, Instance, Kind, Outcome, Reply, Result, call, entries};

use host::TestHost;

/// How an entry is called.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Mode {
    Native,
    Abi,
}

const MODES: [Mode; 2] = [Mode::Native, Mode::Abi];

fn entry(kind: Kind, name: &str) -> &'static Entry {
    let found = entries().find(|entry| entry.kind() == kind && entry.name() == name);
    found.expect("registered in this binary")
}

impl Mode {
    fn connector(self, name: &str, config: &str, host: &TestHost) -> Result<Box<dyn Instance>> {
        let entry = entry(Kind::Connector, name);
        let context = Context::new("alias", host.handle());
        match self {
            Mode::Native => entry.make_connector(config, context),
            Mode::Abi => entry.describe().connector(config, context),
        }
    }

    /// A connector and the side that `command` asks it for.
    fn side(self, name: &str, config: &str, host: &TestHost, command: Command) -> Running {
        let mut connector = self.connector(name, config, host).expect("a connector");
        let side = match give(&mut *connector, command) {
            Ok(Outcome::Instance(side)) => side,
            other => panic!("no instance but {other:?}"),
        };
        Running { connector, side }
    }

    fn source(self, name: &str, config: &str, host: &TestHost) -> Running {
        self.side(name, config, host, Command::CreateSource)
    }

    fn sink(self, name: &str, config: &str, host: &TestHost) -> Running {
        self.side(name, config, host, Command::CreateSink)
    }
}

/// A connector with one of its sides.
struct Running {
    connector: Box<dyn Instance>,
    side: Box<dyn Instance>,
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Waits for a future on this thread.
fn block_on<F: Future>(future: F) -> F::Output {
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut TaskContext::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => std::thread::park(),
        }
    }
}

fn give(instance: &mut dyn Instance, command: Command) -> Reply {
    block_on(call(instance, command))
}

fn pull() -> Command {
    Command::Pull(Default::default(), Default::default())
}

fn once(instance: &mut dyn Instance, command: Option<Command>) -> Poll<Reply> {
    instance.poll(command, &mut TaskContext::from_waker(Waker::noop()))
}
