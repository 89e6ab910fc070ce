//! `metrics_interval_s` of a connector: its numbers in the log, time and again.

use std::fmt::Write;
use std::sync::{Arc, Weak};
use std::time::Duration;

use log::Level;
use smol::Timer;

use super::handle::{ConnectorReport, FlowShared};
use crate::host::Shared;

/// Logs the numbers of those connectors of the flow that have an interval.
pub(super) fn tell_all(
    flow: &Arc<FlowShared>,
    intervals: &[Option<Duration>],
    shared: &Arc<Shared>,
) {
    for (connector, every) in intervals.iter().enumerate() {
        if let Some(every) = every {
            tell(flow, connector, *every, shared);
        }
    }
}

/// Logs the numbers of a connector of the flow every so often, and when the flow has ended.
fn tell(flow: &Arc<FlowShared>, connector: usize, every: Duration, shared: &Arc<Shared>) {
    let (flow, own) = (Arc::downgrade(flow), Arc::clone(shared));
    let telling = async move { while tell_once(&flow, connector, every, &own).await {} };
    shared.executor.spawn(telling).detach();
}

/// Waits and logs. Says whether there will be more to log.
async fn tell_once(
    flow: &Weak<FlowShared>,
    connector: usize,
    every: Duration,
    shared: &Shared,
) -> bool {
    let Some(state) = flow.upgrade() else {
        return false;
    };
    let ended = state.ended.listen();
    let is_over = match state.ended() {
        Some(_) => true,
        None => {
            // Who waits does not keep the flow.
            drop(state);
            let over = async {
                ended.await;
                true
            };
            let due = async {
                Timer::after(every).await;
                false
            };
            smol::future::or(over, due).await
        }
    };
    let Some(state) = flow.upgrade() else {
        return false;
    };
    if let Some(known) = state.connectors.get(connector) {
        let logger = &shared.logger;
        let message = line(&known.report());
        logger.about(Level::Info, &state.name, &known.name, &message);
    }
    !is_over
}

/// The numbers of a connector in one line.
fn line(report: &ConnectorReport) -> String {
    let numbers = &report.numbers;
    let mut line = format!("{}; ", report.state.as_str());
    // Writing into a string does not fail.
    if let Some(counts) = &report.source {
        let _ = write!(
            line,
            "in {} events, {} bytes: delivered {} + failed {} + dropped {} + in flight {}; ",
            counts.events_in,
            numbers.bytes_in,
            counts.delivered,
            counts.failed,
            counts.dropped(),
            counts.in_flight
        );
    }
    if let Some(queue) = report.queue {
        let _ = write!(
            line,
            "out {} events, {} bytes, failed {}, in flight {}, waiting {}; ",
            numbers.delivered, numbers.bytes_out, numbers.failed, numbers.in_flight, queue.events
        );
    }
    let errors = numbers.decode_errors + numbers.encode_errors;
    let millis = |ns: u64| ns as f64 / 1e6;
    let _ = write!(
        line,
        "errors {errors}, in polls {:.3} ms, the longest {:.3} ms",
        millis(numbers.poll_ns),
        millis(numbers.longest_poll_ns)
    );
    line
}
