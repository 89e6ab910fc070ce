//! SIGINT and SIGTERM: the first drains every flow, the second stops them at once.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_signal::Signal;
use smol::future::or;
use smol::stream::StreamExt;
use temblor::FlowHandle;

use super::failure::Failure;
use super::output::complain;

/// How long flows that were told to stop at once may take, before the program ends without them.
const PATIENCE: Duration = Duration::from_secs(1);

/// The same signal again within this time counts once: `timeout` sends it to a program and then to its whole group.
const TOGETHER: Duration = Duration::from_millis(200);

/// What was asked for so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Nothing,
    Drain,
    Stop,
}

struct State {
    asked: Asked,
    flows: Vec<FlowHandle>,
}

/// The flows that signals end.
#[derive(Clone)]
pub(crate) struct Signals(Arc<Mutex<State>>);

impl Signals {
    /// Starts to catch signals, on a thread of its own.
    pub(crate) fn catch() -> Result<Signals, Failure> {
        let state = State {
            asked: Asked::Nothing,
            flows: Vec::new(),
        };
        let signals = Signals(Arc::new(Mutex::new(state)));
        let caught = async_signal::Signals::new([Signal::Int, Signal::Term]);
        let caught = caught
            .map_err(|error| Failure::failed(format!("signals cannot be caught: {error}")))?;
        let own = signals.clone();
        std::thread::Builder::new()
            .name("signals".to_owned())
            .spawn(move || smol::block_on(own.serve(caught)))
            .map_err(|error| Failure::failed(format!("no thread can be started: {error}")))?;
        Ok(signals)
    }

    async fn serve(&self, mut caught: async_signal::Signals) {
        let mut last = (caught.next().await, Instant::now());
        self.ask(Asked::Drain);
        another(&mut caught, &mut last).await;
        self.ask(Asked::Stop);
        // A third signal, or a connector that does not let go, ends the program.
        let patience = async {
            smol::Timer::after(PATIENCE).await;
        };
        or(patience, another(&mut caught, &mut last)).await;
        complain("error: stopped by a signal before all connectors had ended");
        std::process::exit(1);
    }

    fn ask(&self, asked: Asked) {
        let mut state = self.lock();
        state.asked = asked;
        state.flows.iter().for_each(|flow| tell(flow, asked));
    }

    /// Takes over a flow that was started. A signal may have come before it was.
    pub(crate) fn watch(&self, flow: FlowHandle) {
        let mut state = self.lock();
        tell(&flow, state.asked);
        state.flows.push(flow);
    }

    /// Returns the flows.
    pub(crate) fn flows(&self) -> Vec<FlowHandle> {
        self.lock().flows.clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A signal as it was caught; none if it could not be read.
type Caught = Option<std::io::Result<Signal>>;

/// Waits for a signal that is not the last one come twice.
async fn another(caught: &mut async_signal::Signals, last: &mut (Caught, Instant)) {
    loop {
        let next = (caught.next().await, Instant::now());
        let repeats = match (&last.0, &next.0) {
            (Some(Ok(last)), Some(Ok(next))) => last == next,
            _ => false,
        };
        let is_twice = repeats && next.1 - last.1 < TOGETHER;
        *last = next;
        if !is_twice {
            return;
        }
    }
}

fn tell(flow: &FlowHandle, asked: Asked) {
    match asked {
        Asked::Nothing => {}
        Asked::Drain => flow.drain(),
        Asked::Stop => flow.stop(),
    }
}
