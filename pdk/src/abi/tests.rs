//! Tests of what only this side of the boundary can see: layouts, wakers, text.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::task::{Wake, Waker};

use super::text::{RawError, RawStr, RawText};
use super::waker::{HostWaker, import};
use super::{LAYOUT, LAYOUTS, Task};
use crate::{Error, ErrorKind};

/// Size and alignment of each type, then the offsets of its fields, in the order of the lists in each module.
const GOLDEN: &[(&str, &[usize])] = &[
    ("root", &[64, 8, 0, 8, 16, 32, 40, 48, 56]),
    (
        "text",
        &[16, 8, 0, 8, 24, 8, 0, 8, 16, 32, 8, 0, 4, 8, 1, 2, 3, 4, 5],
    ),
    (
        "host",
        &[
            96, 8, 0, 8, 16, 24, 32, 40, 48, 56, 64, 72, 80, 88, 24, 8, 0, 8, 16, 24, 8, 1, 2, 1,
            2, 1, 2, 3, 4, 5,
        ],
    ),
    ("fates", &[24, 8, 0, 8, 16, 32, 8, 0, 8, 16, 24]),
    ("task", &[24, 8, 0, 8, 16, 24, 8]),
    ("waker", &[24, 8, 0, 8, 16]),
    (
        "entry",
        &[
            112, 8, 0, 4, 8, 24, 40, 56, 72, 88, 96, 104, 48, 8, 0, 16, 32, 40, 64, 8, 0, 32, 48,
            1, 2, 3, 4, 5, 6, 1, 2, 4, 8, 16, 32, 64, 65536, 2147483648,
        ],
    ),
    (
        "instance",
        &[
            24, 8, 0, 8, 16, 16, 8, 0, 8, 80, 8, 0, 4, 8, 12, 16, 24, 32, 40, 48, 104, 8, 0, 4, 8,
            40, 48, 64, 72, 76, 80, 32, 8, 0, 4, 8, 16, 24, 28, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11,
            12, 13, 14, 15, 16, 17, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2,
        ],
    ),
    (
        "processor",
        &[
            16, 8, 0, 8, 24, 8, 0, 8, 16, 32, 8, 0, 8, 16, 24, 48, 8, 0, 8, 16, 24, 32, 40, 32, 8,
            0, 8, 16, 24, 16, 8, 0, 8,
        ],
    ),
    (
        "operator",
        &[
            80, 8, 0, 8, 16, 24, 32, 40, 48, 56, 64, 72, 16, 8, 0, 8, 24, 8, 0, 4, 8, 16, 1, 2, 1,
            2, 3, 4,
        ],
    ),
    (
        "function",
        &[
            32, 8, 0, 8, 16, 24, 32, 8, 0, 16, 20, 24, 28, 56, 8, 0, 8, 16, 24, 32, 40, 0, 1, 2, 1,
            255,
        ],
    ),
];

#[test]
fn the_control_plane_has_the_layout_that_plugins_were_built_for() {
    assert_eq!(
        LAYOUTS, GOLDEN,
        "the layout of the control plane, or a number in it, changed: no plugin that exists could be loaded any more, \
         and epoch 1 is frozen (docs/plugins.md)"
    );
}

#[test]
fn the_fingerprint_of_the_layout() {
    const GOLDEN: u64 = 0xa8bd_621c_f2bd_cc14;
    assert_eq!(
        LAYOUT, GOLDEN,
        "{LAYOUT:#018x}: something that crosses the boundary has another layout or another number, so that hosts refuse \
         every plugin that was built before. Epoch 1 is frozen: take the change back, and give what is new an extension, \
         a number or a name of its own (docs/plugins.md). Only epoch 2 has another fingerprint"
    );
}

/// A task that counts, and registers itself again while it is woken, as an executor that polls at once does.
struct Eager {
    woken: AtomicUsize,
    host: Weak<HostWaker>,
}

impl Wake for Eager {
    fn wake(self: Arc<Self>) {
        self.woken.fetch_add(1, Ordering::Relaxed);
        if let Some(host) = self.host.upgrade() {
            host.register(&Waker::from(Arc::clone(&self)));
        }
    }
}

impl Drop for Eager {
    fn drop(&mut self) {
        // A task may be dropped by its last waker, and what it owns may wake.
        if let Some(host) = self.host.upgrade() {
            host.register(Waker::noop());
        }
    }
}

fn eager(host: &Arc<HostWaker>) -> Arc<Eager> {
    Arc::new(Eager {
        woken: AtomicUsize::new(0),
        host: Arc::downgrade(host),
    })
}

fn imported(host: &Arc<HostWaker>) -> Waker {
    // SAFETY: one count of a live waker is given away.
    unsafe { import(Arc::clone(host).into_raw()) }
}

#[test]
fn a_waker_may_poll_before_it_returns() {
    let host = HostWaker::new();
    let waker = imported(&host);
    let task = eager(&host);
    host.register(&Waker::from(Arc::clone(&task)));
    waker.wake_by_ref();
    let copy = waker.clone();
    copy.wake();
    assert_eq!(task.woken.load(Ordering::Relaxed), 2);
}

#[test]
fn the_task_that_polled_last_is_woken() {
    let host = HostWaker::new();
    let waker = imported(&host);
    waker.wake_by_ref();
    let (first, second) = (eager(&host), eager(&host));
    host.register(&Waker::from(Arc::clone(&first)));
    host.register(&Waker::from(Arc::clone(&second)));
    waker.wake_by_ref();
    assert_eq!(first.woken.load(Ordering::Relaxed), 0);
    assert_eq!(second.woken.load(Ordering::Relaxed), 1);
}

#[test]
fn wakers_are_counted() {
    let host = HostWaker::new();
    let waker = imported(&host);
    assert_eq!(Arc::strong_count(&host), 2);
    let copy = waker.clone();
    assert!(copy.will_wake(&waker));
    assert_eq!(Arc::strong_count(&host), 3);
    copy.wake();
    drop(waker);
    assert_eq!(Arc::strong_count(&host), 1);
}

#[test]
fn a_cleared_waker_keeps_no_task() {
    let host = HostWaker::new();
    let task = eager(&host);
    host.register(&Waker::from(Arc::clone(&task)));
    assert_eq!(Arc::strong_count(&task), 2);
    host.clear();
    assert_eq!(Arc::strong_count(&task), 1);
    imported(&host).wake();
    assert_eq!(task.woken.load(Ordering::Relaxed), 0);
}

#[test]
fn the_last_waker_of_a_task_may_register_while_it_goes() {
    let host = HostWaker::new();
    host.register(&Waker::from(eager(&host)));
    host.register(Waker::noop());
    host.register(&Waker::from(eager(&host)));
    host.clear();
}

struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("dropped");
    }
}

struct Panicky;

impl Wake for Panicky {
    fn wake(self: Arc<Self>) {
        std::panic::panic_any(Bomb);
    }
}

#[test]
fn a_host_that_panics_while_it_wakes_does_not_unwind_into_the_plugin() {
    let host = HostWaker::new();
    host.register(&Waker::from(Arc::new(Panicky)));
    let waker = imported(&host);
    waker.wake_by_ref();
    host.register(Waker::noop());
    waker.wake();
}

#[test]
fn text_crosses_whole() {
    for text in ["", "text", "täxt\0"] {
        assert_eq!(RawText::new(text.to_owned()).to_text(), text);
        // SAFETY: the string lives.
        assert_eq!(unsafe { RawStr::new(text).text() }, text);
    }
    assert_eq!(RawText::EMPTY.to_text(), "");
    assert_eq!(RawText::of(vec![0xff]).to_text(), "\u{fffd}");
}

#[test]
fn errors_cross_whole() {
    let kinds = [
        ErrorKind::Config,
        ErrorKind::Disconnected,
        ErrorKind::Rejected,
        ErrorKind::Failed,
        ErrorKind::Bug,
    ];
    for kind in kinds {
        let error = Error::new(kind, "the reason");
        assert_eq!(RawError::new(error.clone()).into_result(), Err(error));
    }
    assert_eq!(RawError::NONE.into_result(), Ok(()));
}

#[test]
fn a_task_runs_once_or_is_dropped() {
    let count = Arc::new(AtomicUsize::new(0));
    let task = |by| {
        let count = Arc::clone(&count);
        Task::new(move || {
            count.fetch_add(by, Ordering::Relaxed);
        })
    };
    task(1).run();
    drop(task(100));
    let elsewhere = task(1);
    let ran = std::thread::spawn(move || elsewhere.run()).join();
    assert!(ran.is_ok());
    assert_eq!(count.load(Ordering::Relaxed), 2);
    assert_eq!(Arc::strong_count(&count), 1);
}

#[test]
fn a_task_that_panics_is_contained() {
    Task::new(|| panic!("in a task")).run();
    Task::new(|| std::panic::panic_any(Bomb)).run();
    let bomb = Bomb;
    drop(Task::new(move || drop(bomb)));
}
