//! Time and I/O from a host: what is fulfilled, what is taken back, what is never run.

use std::future::Future;
use std::os::fd::AsFd;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context as TaskContext, Poll, Waker};
use std::time::Duration;

use temblor_pdk::abi::Interest;
use temblor_pdk::{Error, io};

use super::block_on;
use super::host::{Blocking, TestHost};

fn poll<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut TaskContext::from_waker(Waker::noop()))
}

#[test]
fn sleeping_follows_the_hosts_clock() {
    let host = TestHost::new();
    let handle = host.handle();
    let mut sleep = pin!(io::sleep(&handle, Duration::from_nanos(500)));
    assert!(poll(sleep.as_mut()).is_pending());
    host.advance(499);
    assert!(poll(sleep.as_mut()).is_pending());
    host.advance(1);
    assert!(poll(sleep.as_mut()).is_ready());
    let mut past = pin!(io::sleep_until(&handle, 0));
    assert!(poll(past.as_mut()).is_pending());
    host.advance(0);
    assert!(poll(past.as_mut()).is_ready());
    let mut forever = pin!(io::sleep(&handle, Duration::MAX));
    assert!(poll(forever.as_mut()).is_pending());
    assert_eq!(host.0.timers.lock().expect("no panic")[0].0, u64::MAX);
}

#[test]
fn sleeping_wakes() {
    let host = TestHost::new();
    let handle = host.handle();
    let clock = host.clone();
    let mut moved = None;
    block_on(async {
        let mut sleep = pin!(io::sleep(&handle, Duration::from_secs(1)));
        std::future::poll_fn(|cx| {
            let polled = sleep.as_mut().poll(cx);
            if moved.is_none() {
                let clock = clock.clone();
                moved = Some(std::thread::spawn(move || clock.advance(2_000_000_000)));
            }
            polled
        })
        .await;
    });
    assert!(moved.expect("a thread").join().is_ok());
}

#[test]
fn what_is_dropped_is_taken_back() {
    let host = TestHost::new();
    let handle = host.handle();
    let (reader, _writer) = std::io::pipe().expect("a pipe");
    {
        let mut sleep = pin!(io::sleep_until(&handle, 5000));
        let mut readable = pin!(io::readable(&handle, reader.as_fd()));
        assert!(poll(sleep.as_mut()).is_pending() && poll(readable.as_mut()).is_pending());
        assert_eq!(host.0.taken_back.load(Ordering::Relaxed), 0);
    }
    assert_eq!(host.0.taken_back.load(Ordering::Relaxed), 2);
    assert!(host.0.timers.lock().expect("no panic").is_empty());
    // Fulfilled requests are not taken back.
    let mut sleep = Box::pin(io::sleep_until(&handle, 0));
    assert!(poll(sleep.as_mut()).is_pending());
    host.advance(0);
    assert!(poll(sleep.as_mut()).is_ready());
    drop(sleep);
    assert_eq!(host.0.taken_back.load(Ordering::Relaxed), 2);
    drop(handle);
    assert_eq!(Arc::strong_count(&host.0), 1);
}

#[test]
fn readiness_says_which_kind() {
    let host = TestHost::new();
    let handle = host.handle();
    let (reader, writer) = std::io::pipe().expect("a pipe");
    let mut readable = pin!(io::readable(&handle, reader.as_fd()));
    let mut writable = pin!(io::writable(&handle, writer.as_fd()));
    assert!(poll(readable.as_mut()).is_pending() && poll(writable.as_mut()).is_pending());
    assert_eq!(host.all_ready(), [Interest::Read, Interest::Write]);
    assert!(poll(readable.as_mut()).is_ready() && poll(writable.as_mut()).is_ready());
}

#[test]
fn blocking_work_comes_back_with_its_result() {
    let host = TestHost::new();
    let handle = host.handle();
    let text = String::from("moved in");
    let result = block_on(io::blocking(&handle, move || text + " and out"));
    assert_eq!(result, Ok("moved in and out".to_owned()));
}

#[test]
fn blocking_work_that_does_not_come_back_is_an_error() {
    let lost = Err(Error::failed("the blocking task panicked or was not run"));
    let host = TestHost::new();
    let handle = host.handle();
    let panicked = block_on(io::blocking(&handle, || -> u8 { panic!("in the work") }));
    assert_eq!(panicked, lost);
    *host.0.blocking.lock().expect("no panic") = Blocking::Drops;
    assert_eq!(block_on(io::blocking(&handle, || 1)), lost);
    *host.0.blocking.lock().expect("no panic") = Blocking::Runs;
    host.0.panics.store(true, Ordering::Relaxed);
    assert_eq!(block_on(io::blocking(&handle, || 1)), lost);
}

#[test]
fn a_host_that_forgets_does_not_hang_anybody() {
    let host = TestHost::new();
    let handle = host.handle();
    let (reader, _writer) = std::io::pipe().expect("a pipe");
    let mut sleep = pin!(io::sleep_until(&handle, u64::MAX));
    let mut readable = pin!(io::readable(&handle, reader.as_fd()));
    assert!(poll(sleep.as_mut()).is_pending() && poll(readable.as_mut()).is_pending());
    host.forget_all();
    assert!(poll(sleep.as_mut()).is_ready() && poll(readable.as_mut()).is_ready());
}

#[test]
fn yielding_lets_others_run_once() {
    let mut yielded = pin!(io::yield_now());
    assert!(poll(yielded.as_mut()).is_pending());
    assert!(poll(yielded.as_mut()).is_ready());
}
