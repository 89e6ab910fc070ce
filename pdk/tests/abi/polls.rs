//! Waiting: wakers that stay the same, polls that allocate nothing, interrupts.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context as TaskContext, Poll, Wake, Waker};

use temblor_pdk::{Command, Instance, Outcome};

use super::connectors::{STRANGE_WAKERS, WAITS};
use super::{MODES, Mode, TestHost, give, once, pull};

const WAIT: &str = r#"{"source":"wait"}"#;

/// The counters of the waiting source are statics.
static ALONE: Mutex<()> = Mutex::new(());

#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn polled(instance: &mut dyn Instance, waker: &Waker) -> bool {
    let polled = instance.poll(None, &mut TaskContext::from_waker(waker));
    matches!(polled, Poll::Pending)
}

#[test]
fn pending_polls_allocate_nothing_and_bring_one_waker() {
    const POLLS: u64 = 100_000;
    let _alone = ALONE
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    for mode in MODES {
        let host = TestHost::new();
        let mut source = mode.source("probe", WAIT, &host);
        let waker = Waker::from(Arc::new(Count::default()));
        let before = (
            WAITS.load(Ordering::Relaxed),
            STRANGE_WAKERS.load(Ordering::Relaxed),
        );
        let first = source
            .side
            .poll(Some(pull()), &mut TaskContext::from_waker(&waker));
        assert!(matches!(first, Poll::Pending));
        let mut pending = 0;
        let spent = allocation_counter::measure(|| {
            for _ in 0..POLLS {
                pending += u64::from(polled(&mut *source.side, &waker));
            }
        });
        assert_eq!(pending, POLLS);
        assert_eq!((spent.count_total, spent.bytes_total), (0, 0), "{mode:?}");
        assert_eq!(WAITS.load(Ordering::Relaxed) - before.0, POLLS + 1);
        assert_eq!(STRANGE_WAKERS.load(Ordering::Relaxed), before.1, "{mode:?}");
    }
}

#[test]
fn behind_the_abi_the_waker_stays_when_the_engine_polls_from_another_task() {
    let _alone = ALONE
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    let host = TestHost::new();
    let mut source = Mode::Abi.source("probe", WAIT, &host);
    let before = STRANGE_WAKERS.load(Ordering::Relaxed);
    assert!(once(&mut *source.side, Some(pull())).is_pending());
    for _ in 0..10 {
        let waker = Waker::from(Arc::new(Count::default()));
        assert!(polled(&mut *source.side, &waker));
    }
    assert_eq!(STRANGE_WAKERS.load(Ordering::Relaxed), before);
}

#[test]
fn an_instance_that_is_gone_keeps_no_task() {
    let _alone = ALONE
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    for mode in MODES {
        let host = TestHost::new();
        let mut source = mode.source("probe", WAIT, &host);
        let task = Arc::new(Count::default());
        let waker = Waker::from(Arc::clone(&task));
        let first = source
            .side
            .poll(Some(pull()), &mut TaskContext::from_waker(&waker));
        assert!(first.is_pending());
        drop(waker);
        assert!(Arc::strong_count(&task) > 1);
        drop(source);
        assert_eq!(Arc::strong_count(&task), 1, "{mode:?}");
    }
}

#[test]
fn an_interrupt_ends_the_wait_and_the_next_pull_waits_again() {
    let _alone = ALONE
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    for mode in MODES {
        let host = TestHost::new();
        let mut source = mode.source("probe", WAIT, &host);
        for _ in 0..3 {
            assert!(once(&mut *source.side, Some(pull())).is_pending());
            assert!(once(&mut *source.side, None).is_pending());
            source.side.interrupt();
            let reply = once(&mut *source.side, None);
            assert!(
                matches!(reply, Poll::Ready(Ok(Outcome::Idle))),
                "{mode:?}: {reply:?}"
            );
            let fates = give(&mut *source.side, Command::Fates(Vec::new()));
            assert!(matches!(fates, Ok(Outcome::Done)));
        }
        // One that comes between pulls is not for the next.
        source.side.interrupt();
        assert!(once(&mut *source.side, Some(pull())).is_pending());
    }
}

#[test]
fn an_instance_can_be_dropped_while_it_waits() {
    let _alone = ALONE
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    for mode in MODES {
        let host = TestHost::new();
        let mut source = mode.source("probe", WAIT, &host);
        assert!(once(&mut *source.side, Some(pull())).is_pending());
        drop(source);
        assert!(host.messages().contains(&"drop source ".to_owned()));
        assert_eq!(Arc::strong_count(&host.0), 1);
    }
}
