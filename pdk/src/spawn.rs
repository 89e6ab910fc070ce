//! Tasks of a connector that run beside its source and sink, on the engine's workers.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use async_task::{FallibleTask, Runnable};

use crate::Host;
use crate::abi::Task;

/// A task that [`spawn`] started. Dropping it cancels the task; awaiting it yields its result, or none if it panicked or
/// the engine has ended.
#[must_use = "a task is cancelled when its handle is dropped; `detach` lets it run"]
pub struct Spawned<T>(FallibleTask<T>);

impl<T> Spawned<T> {
    /// Lets the task run to its end, or to that of the engine.
    pub fn detach(self) {
        self.0.detach();
    }

    /// Whether it has ended.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.0.is_finished()
    }
}

impl<T> Future for Spawned<T> {
    type Output = Option<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        Pin::new(&mut self.0).poll(cx)
    }
}

/// Runs a task beside source and sink, polled by the engine's workers. Like everything that they poll it must not
/// block.
///
/// The task goes on while the source is not pulled; what it hands over waits in a bounded channel, so that the outside
/// is slowed down and nothing piles up.
pub fn spawn<T: Send + 'static>(
    host: &Host,
    future: impl Future<Output = T> + Send + 'static,
) -> Spawned<T> {
    let host = host.clone();
    let schedule = move |runnable: Runnable| {
        host.run(Task::new(move || {
            runnable.run();
        }));
    };
    let (runnable, task) = async_task::spawn(future, schedule);
    runnable.schedule();
    Spawned(task.fallible())
}
