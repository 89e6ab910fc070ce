//! Limits in time, and warnings that do not flood the log.

use std::future::Future;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use futures_lite::future::or;
use temblor_pdk::{Host, io, log::Level};

/// Waits for `work`, but not longer than that. The timer is set only if the work has to wait.
pub(crate) async fn within<T>(
    host: &Host,
    limit: Duration,
    work: impl Future<Output = T>,
) -> Option<T> {
    let late = async {
        io::sleep(host, limit).await;
        None
    };
    or(async { Some(work.await) }, late).await
}

/// A second of the host's clock.
const SECOND_NS: u64 = 1_000_000_000;

/// Warns at most once a second, and says how many warnings were left out.
#[derive(Default)]
pub(crate) struct Warnings(Mutex<Said>);

#[derive(Default)]
struct Said {
    last_ns: u64,
    left_out: u64,
}

impl Warnings {
    pub(crate) fn warn(&self, host: &Host, message: &str) {
        let now_ns = host.now_ns();
        let left_out = {
            let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if said.last_ns != 0 && now_ns < said.last_ns.saturating_add(SECOND_NS) {
                said.left_out += 1;
                return;
            }
            said.last_ns = now_ns;
            std::mem::take(&mut said.left_out)
        };
        match left_out {
            0 => host.log(Level::Warn, message),
            _ => host.log(
                Level::Warn,
                &format!("{message} ({left_out} more since the last)"),
            ),
        }
    }
}
