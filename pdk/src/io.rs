//! Time and I/O from the host: a connector has no reactor and no runtime of its own.

use std::future::{Future, poll_fn};
use std::os::fd::BorrowedFd;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use crate::abi::{Cancel, Interest, Task};
pub use crate::descriptors::is_one_of_the_last;
pub use crate::disk::{Disk, DiskFile, FileInfo, Open, SystemDisk};
pub use crate::net::{Connection, Listener, NetFuture, Network, SystemNetwork};
pub use crate::spawn::{Spawned, spawn};
pub use crate::stream::Stream;
use crate::{Error, Host, Result};

/// Where a callback of the host leaves its result for the task that waits for it.
struct Shared<T> {
    state: Mutex<State<T>>,
}

enum State<T> {
    Waiting(Option<Waker>),
    Done(T),
    /// The host dropped the request.
    Gone,
    Taken,
}

impl<T> Shared<T> {
    fn new() -> Arc<Self> {
        Arc::new(Shared {
            state: Mutex::new(State::Waiting(None)),
        })
    }

    fn put(&self, next: State<T>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let State::Waiting(waker) = &mut *state {
            let waker = waker.take();
            *state = next;
            drop(state);
            if let Some(waker) = waker {
                waker.wake();
            }
        }
    }

    fn poll(&self, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let State::Waiting(waker) = &mut *state {
            match waker {
                Some(waker) => waker.clone_from(cx.waker()),
                None => *waker = Some(cx.waker().clone()),
            }
            return Poll::Pending;
        }
        match std::mem::replace(&mut *state, State::Taken) {
            State::Done(value) => Poll::Ready(Some(value)),
            _ => Poll::Ready(None),
        }
    }
}

/// Tells the waiting task when a request is dropped without having run.
struct Promise<T>(Arc<Shared<T>>);

impl<T> Promise<T> {
    fn keep(self, value: T) {
        self.0.put(State::Done(value));
    }
}

impl<T> Drop for Promise<T> {
    fn drop(&mut self) {
        self.0.put(State::Gone);
    }
}

/// A request to the host that is under way; dropping it takes it back.
pub(crate) struct Request {
    shared: Arc<Shared<()>>,
    _cancel: Cancel,
}

impl Request {
    pub(crate) fn new(ask: impl FnOnce(Task) -> Cancel) -> Self {
        let shared = Shared::new();
        let promise = Promise(Arc::clone(&shared));
        let cancel = ask(Task::new(move || promise.keep(())));
        Request {
            shared,
            _cancel: cancel,
        }
    }
}

impl Future for Request {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.shared.poll(cx).map(|_| ())
    }
}

/// Waits until the host's clock reads `deadline_ns`.
pub async fn sleep_until(host: &Host, deadline_ns: u64) {
    Request::new(|task| host.timer(deadline_ns, task)).await;
}

/// Waits for a while.
pub async fn sleep(host: &Host, duration: Duration) {
    let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
    sleep_until(host, host.now_ns().saturating_add(nanos)).await;
}

/// Waits until a descriptor can be read from. It must be one that the system can poll, such as a socket or a pipe.
pub async fn readable(host: &Host, fd: BorrowedFd<'_>) {
    Request::new(|task| host.readiness(fd, Interest::Read, task)).await;
}

/// Waits until a descriptor can be written to; see [`readable`].
pub async fn writable(host: &Host, fd: BorrowedFd<'_>) {
    Request::new(|task| host.readiness(fd, Interest::Write, task)).await;
}

/// Runs `work` on a thread of the host where it may block, and waits for its result.
///
/// # Errors
/// If the work panicked, or the host is ending and will not run it.
pub async fn blocking<T: Send + 'static>(
    host: &Host,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T> {
    let shared = Shared::new();
    let promise = Promise(Arc::clone(&shared));
    host.blocking(Task::new(move || promise.keep(work())));
    let done = poll_fn(|cx| shared.poll(cx)).await;
    done.ok_or_else(|| Error::failed("the blocking task panicked or was not run"))
}

/// Lets others run.
pub async fn yield_now() {
    let mut yielded = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
