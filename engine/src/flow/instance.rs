//! A connector's own instance, beside those of its source and sink, in a task of its own: whoever calls it is never
//! held up by it.

use std::sync::Arc;

use smol::Task;
use smol::future::or;
use temblor_pdk::{Command, Error, ErrorKind, Instance, Reply, Result, call};

use super::blueprint::Blueprint;
use crate::executor::Watched;
use crate::measure::Measures;

/// A command, and where the reply goes.
type Call = (Command, flume::Sender<Reply>);

/// A connector's own instance. Dropping it drops the instance, as soon as a poll that is under way returns.
pub(super) struct Control {
    calls: flume::Sender<Call>,
    /// Has something in it once a poll does not return.
    hung: flume::Receiver<()>,
    task: Task<()>,
    hang_after: std::time::Duration,
    /// For the instances of its sides.
    pub(super) measures: Arc<Measures>,
}

impl Control {
    /// Makes the connector.
    ///
    /// # Errors
    /// What the connector says, or that it does not return.
    pub(super) async fn make(blueprint: &Arc<Blueprint>) -> Result<Self> {
        let (calls, receiver) = flume::bounded::<Call>(1);
        let (tell, hung) = flume::bounded(1);
        let (made, is_made) = flume::bounded(1);
        let plan = Arc::clone(blueprint);
        let task = async move {
            let mut instance = match plan.make() {
                Ok(instance) => instance,
                Err(error) => return drop(made.send(Err(error))),
            };
            let _ = made.send(Ok(()));
            serve(&mut *instance, receiver).await;
        };
        let shared = &blueprint.inner.shared;
        let name = format!("{}/{}", blueprint.flow, blueprint.name);
        // A panic of the connector is an error already; any other ends the task, which is noticed.
        let watched = Watched::new(&name, shared, task, |_| ());
        let watched = watched.on_hang(move || {
            // It is told once at most.
            let _ = tell.try_send(());
        });
        let control = Control {
            calls,
            hung,
            task: shared.executor.spawn(watched),
            hang_after: shared.supervision.hang_after,
            measures: Arc::clone(&blueprint.measures),
        };
        control.answer(is_made).await?;
        Ok(control)
    }

    /// Gives it a command and waits for the reply. After an error that says that it does not return, it is of no use.
    pub(super) async fn call(&self, command: Command) -> Reply {
        let (reply, replied) = flume::bounded(1);
        // A task that is gone drops the sender, which is an answer too.
        let _ = self.calls.send_async((command, reply)).await;
        self.answer(replied).await
    }

    async fn answer<T>(&self, answer: flume::Receiver<Result<T>>) -> Result<T> {
        let answer = async {
            let gone = || Error::new(ErrorKind::Bug, "the connector is gone");
            answer.recv_async().await.unwrap_or_else(|_| Err(gone()))
        };
        let hung = async {
            match self.hung.recv_async().await {
                Ok(()) => Err(hangs(self.hang_after)),
                Err(_) => std::future::pending().await,
            }
        };
        let answered = or(answer, hung).await;
        answered.map_err(|error| self.measures.secrets.masked(error))
    }

    /// Drops the instance and waits until that is done.
    pub(super) async fn close(self) {
        drop(self.calls);
        self.task.await;
    }
}

/// The error of something that does not return.
pub(super) fn hangs(after: std::time::Duration) -> Error {
    let message = format!("hangs: a poll does not return for {after:?}");
    Error::new(ErrorKind::Bug, message)
}

async fn serve(instance: &mut dyn Instance, calls: flume::Receiver<Call>) {
    while let Ok((command, reply)) = calls.recv_async().await {
        // Whoever asked may not want to know any more.
        let _ = reply.send(call(instance, command).await);
    }
}
