//! Panics stop here: a panic that unwinds out of one Rust library into another aborts the process.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::{Error, ErrorKind};

/// Runs `work`; a panic in it becomes an error with the panic's message.
///
/// What the work had borrowed mutably may be half-changed after a panic: callers poison it.
pub(crate) fn catch<R>(work: impl FnOnce() -> R) -> Result<R, Error> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|payload| {
        let message = message(&*payload);
        discard(payload);
        Error::new(ErrorKind::Bug, format!("panicked: {message}"))
    })
}

/// Runs `work` and forgets a panic in it; for callbacks that have nowhere to report to.
pub(crate) fn silence(work: impl FnOnce()) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(work)) {
        discard(payload);
    }
}

fn message(payload: &(dyn Any + Send)) -> String {
    if let Some(text) = payload.downcast_ref::<&str>() {
        (*text).to_owned()
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text.clone()
    } else {
        "with a payload that is not text".to_owned()
    }
}

/// Drops a panic's payload; what that drop throws is forgotten, for dropping it could throw again.
fn discard(payload: Box<dyn Any + Send>) {
    if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        std::mem::forget(second);
    }
}
