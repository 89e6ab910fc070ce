//! SIGINT and SIGTERM: the first drains every flow, the second stops them at once.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_signal::Signal;
use smol::future::or;
use smol::stream::StreamExt;
use temblor::FlowHandle;

use super::failure::Failure;
use super::output::complain;

/// How long flows that were told to stop at once may take, before the program ends without them.
const PATIENCE: Duration = Duration::from_secs(1);

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
        caught.next().await;
        self.ask(Asked::Drain);
        caught.next().await;
        self.ask(Asked::Stop);
        // A third signal, or a connector that does not let go, ends the program.
        let patience = async {
            smol::Timer::after(PATIENCE).await;
        };
        let impatience = async {
            caught.next().await;
        };
        or(patience, impatience).await;
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

fn tell(flow: &FlowHandle, asked: Asked) {
    match asked {
        Asked::Nothing => {}
        Asked::Drain => flow.drain(),
        Asked::Stop => flow.stop(),
    }
}
