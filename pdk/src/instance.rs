//! Instances as the engine sees them, and the driver that turns an author's `async fn`s into one.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context as TaskContext, Poll};

use crate::abi::fence;
use crate::writer::Interrupt;
use crate::{
    BatchWriter, Command, Connector, Error, ErrorKind, Outcome, Reply, Result, Sink, Source,
};

/// A running connector, source or sink: the one trait object that the engine sees, whatever the link mode.
pub trait Instance: Send {
    /// Gives a command, or with `None` goes on with the one that was given, until the reply is ready.
    ///
    /// One command at a time: the next may be given only after the reply. Never panics.
    fn poll(&mut self, command: Option<Command>, cx: &mut TaskContext<'_>) -> Poll<Reply>;

    /// Asks a waiting pull to end. The caller polls afterwards.
    fn interrupt(&self);
}

/// Gives `command` to `instance` and waits for the reply.
pub async fn call(instance: &mut dyn Instance, command: Command) -> Reply {
    let mut command = Some(command);
    poll_fn(|cx| instance.poll(command.take(), cx)).await
}

/// Makes an instance of a connector that is not registered, such as one that an embedding program brings.
pub fn drive<C: Connector>(connector: C) -> Box<dyn Instance> {
    Box::new(Driver::connector(connector))
}

/// Where commands wait for the author's code, and replies for the engine.
#[derive(Default)]
struct Slot {
    command: Option<Command>,
    reply: Option<Reply>,
}

type SharedSlot = Arc<Mutex<Slot>>;

fn lock(slot: &SharedSlot) -> MutexGuard<'_, Slot> {
    // Nothing that can panic runs under this lock, so a poisoned one is still whole.
    slot.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn next_command(slot: &SharedSlot) -> Command {
    poll_fn(|_| match lock(slot).command.take() {
        Some(command) => Poll::Ready(command),
        None => Poll::Pending,
    })
    .await
}

/// One `async` block that owns the author's object, and the slot through which it is spoken to.
pub(crate) struct Driver {
    /// None once it panicked.
    task: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    slot: SharedSlot,
    interrupt: Interrupt,
}

impl Driver {
    /// Makes a driver whose author's object answers with `answer`.
    fn new<T, F>(object: T, run: impl FnOnce(T, SharedSlot, Interrupt) -> F) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let slot = SharedSlot::default();
        let interrupt = Arc::new(AtomicBool::new(false));
        let task = run(object, Arc::clone(&slot), Arc::clone(&interrupt));
        Driver {
            task: Some(Box::pin(task)),
            slot,
            interrupt,
        }
    }

    pub(crate) fn connector<C: Connector>(connector: C) -> Self {
        Driver::new(connector, |mut connector, slot, _| async move {
            loop {
                let command = next_command(&slot).await;
                let reply = answer_connector(&mut connector, command).await;
                lock(&slot).reply = Some(reply);
            }
        })
    }

    pub(crate) fn source<S: Source>(source: S) -> Self {
        Driver::new(source, |mut source, slot, interrupt| async move {
            let mut expected = 0;
            loop {
                let command = next_command(&slot).await;
                let reply = answer_source(&mut source, command, &interrupt, &mut expected).await;
                lock(&slot).reply = Some(reply);
            }
        })
    }

    pub(crate) fn sink<S: Sink>(sink: S) -> Self {
        Driver::new(sink, |mut sink, slot, _| async move {
            loop {
                let command = next_command(&slot).await;
                let reply = answer_sink(&mut sink, command).await;
                lock(&slot).reply = Some(reply);
            }
        })
    }
}

impl Instance for Driver {
    fn poll(&mut self, command: Option<Command>, cx: &mut TaskContext<'_>) -> Poll<Reply> {
        let Some(task) = &mut self.task else {
            return Poll::Ready(Err(Error::new(
                ErrorKind::Bug,
                "the instance has panicked before",
            )));
        };
        if let Some(command) = command {
            if matches!(command, Command::Pull(..)) {
                self.interrupt.store(false, Ordering::Release);
            }
            lock(&self.slot).command = Some(command);
        }
        let polled = fence::catch(|| task.as_mut().poll(cx));
        match polled {
            Ok(_) => match lock(&self.slot).reply.take() {
                Some(reply) => Poll::Ready(reply),
                None => Poll::Pending,
            },
            Err(error) => {
                let task = self.task.take();
                // What the author's object throws while it is dropped is reported by the panic hook; the first
                // panic is the reason.
                let _ = fence::catch(move || drop(task));
                Poll::Ready(Err(error))
            }
        }
    }

    fn interrupt(&self) {
        self.interrupt.store(true, Ordering::Release);
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let task = self.task.take();
        // A panic in an author's drop must not unwind into the engine; the hook has reported it.
        let _ = fence::catch(move || drop(task));
    }
}

fn misdirected<T>(command: &Command) -> Result<T> {
    Err(Error::failed(format!(
        "this side cannot answer `{command:?}`"
    )))
}

async fn answer_connector<C: Connector>(connector: &mut C, command: Command) -> Reply {
    match command {
        Command::Connect => connector.connect().await?,
        Command::CreateSource => {
            let source = Driver::source(connector.create_source().await?);
            return Ok(Outcome::Instance(Box::new(source)));
        }
        Command::CreateSink => {
            let sink = Driver::sink(connector.create_sink().await?);
            return Ok(Outcome::Instance(Box::new(sink)));
        }
        Command::Start => connector.on_start().await?,
        Command::Pause => connector.on_pause().await?,
        Command::Resume => connector.on_resume().await?,
        Command::Drain => connector.on_drain().await?,
        Command::Stop => connector.on_stop().await?,
        other => misdirected(&other)?,
    }
    Ok(Outcome::Done)
}

async fn answer_source<S: Source>(
    source: &mut S,
    command: Command,
    interrupt: &Interrupt,
    expected: &mut usize,
) -> Reply {
    match command {
        Command::Pull(limits, number) => {
            let writer = BatchWriter::new(limits, number, Arc::clone(interrupt), *expected);
            let reply = pull(source, writer).await;
            if let Ok(Outcome::Batch(batch, _)) = &reply {
                *expected = batch.len();
            }
            return reply;
        }
        Command::Fates(fates) => source.on_fates(&fates).await?,
        Command::Assigned(start) => source.on_assigned(start).await?,
        Command::Stored(lane, position) => source.on_stored(lane, position).await?,
        Command::Revoke(lane, deadline_ns) => source.on_revoke(lane, deadline_ns).await?,
        Command::Lost(lane) => source.on_lost(lane).await?,
        Command::Undecodable(lane, pull, reason) => {
            source.on_undecodable(lane, pull, &reason).await?;
        }
        other => misdirected(&other)?,
    }
    Ok(Outcome::Done)
}

async fn pull<S: Source>(source: &mut S, mut writer: BatchWriter) -> Reply {
    let pull = source.pull(&mut writer).await?;
    writer.finish(pull)
}

async fn answer_sink<S: Sink>(sink: &mut S, command: Command) -> Reply {
    match command {
        Command::Write(batch, fates) => sink.write(batch, fates).await?,
        Command::Flush => sink.flush().await?,
        other => misdirected(&other)?,
    }
    Ok(Outcome::Done)
}
