//! What is counted comes back to where it was; what need not be called is not.

use std::ops::Range;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use temblor_pdk::abi::FateSink;
use temblor_pdk::log::{Level, LevelFilter};
use temblor_pdk::{CellKind, Command, Error, Fates};

use super::{MODES, TestHost, give};

#[derive(Default)]
struct Settled {
    told: Mutex<Vec<(u64, Range<usize>, bool)>>,
}

impl FateSink for Settled {
    fn settle(&self, write: u64, range: Range<usize>, error: Option<Error>) {
        let mut told = self.told.lock().expect("no panic");
        told.push((write, range, error.is_some()));
    }
}

#[test]
fn fates_are_counted() {
    let sink = Arc::new(Settled::default());
    let fates = Fates::new(Arc::clone(&sink), 3, 10);
    assert_eq!(Arc::strong_count(&sink), 2);
    let copies: Vec<Fates> = (0..10).map(|_| fates.clone()).collect();
    assert_eq!(Arc::strong_count(&sink), 12);
    let threads = copies.into_iter().enumerate().map(|(n, fates)| {
        std::thread::spawn(move || match n % 2 {
            0 => fates.acked_range(n..n + 1),
            _ => fates.failed_range(n..n + 1, &Error::rejected("odd")),
        })
    });
    let threads: Vec<_> = threads.collect();
    threads
        .into_iter()
        .for_each(|t| t.join().expect("no panic"));
    assert_eq!(Arc::strong_count(&sink), 2);
    drop(fates);
    assert_eq!(Arc::strong_count(&sink), 1);
    let mut told = std::mem::take(&mut *sink.told.lock().expect("no panic"));
    told.sort_by_key(|(_, range, _)| range.start);
    let expected: Vec<_> = (0..10).map(|n| (3, n..n + 1, n % 2 == 1)).collect();
    assert_eq!(told, expected);
}

#[test]
fn fates_never_name_events_that_there_are_not() {
    let sink = Arc::new(Settled::default());
    let fates = Fates::new(Arc::clone(&sink), 0, 4);
    fates.acked_range(2..100);
    fates.acked_range(100..200);
    #[expect(clippy::reversed_empty_ranges, reason = "an author's mistake")]
    fates.acked_range(3..1);
    let told = std::mem::take(&mut *sink.told.lock().expect("no panic"));
    assert_eq!(told, [(0, 2..4, false), (0, 4..4, false), (0, 1..1, false)]);
}

#[test]
fn hosts_are_counted() {
    let host = TestHost::new();
    let handle = host.handle();
    assert_eq!(Arc::strong_count(&host.0), 2);
    let copies: Vec<_> = (0..10).map(|_| handle.clone()).collect();
    assert_eq!(Arc::strong_count(&host.0), 2, "handles share one object");
    let cell = handle.cell("held", CellKind::Gauge);
    drop(copies);
    drop(handle);
    assert_eq!(Arc::strong_count(&host.0), 2, "a cell keeps the host");
    cell.set(5);
    drop(cell);
    assert_eq!(Arc::strong_count(&host.0), 1);
}

#[test]
fn instances_give_everything_back() {
    for mode in MODES {
        let host = TestHost::new();
        for _ in 0..10 {
            let mut source = mode.source("probe", r#"{"source":"values"}"#, &host);
            let pulled = give(&mut *source.side, super::pull());
            let life = give(&mut *source.connector, Command::Connect);
            assert!(life.is_ok());
            drop(source);
            assert!(matches!(pulled, Ok(temblor_pdk::Outcome::Batch(b, _)) if b.len() == 3));
            // A connector that does not come to be.
            assert!(mode.connector("probe", r#"{"fail":"new"}"#, &host).is_err());
            assert!(mode.connector("probe", "{", &host).is_err());
        }
        assert_eq!(Arc::strong_count(&host.0), 1, "{mode:?}");
    }
}

#[test]
fn the_level_is_read_without_a_call() {
    let host = TestHost::new();
    let handle = host.handle();
    handle.log(Level::Info, "seen");
    handle.log(Level::Debug, "not seen");
    assert!(handle.is_logged(Level::Info) && !handle.is_logged(Level::Debug));
    assert_eq!(host.messages(), ["seen"]);
    let level = |filter: LevelFilter| host.0.level.store(filter as u32, Ordering::Relaxed);
    level(LevelFilter::Trace);
    handle.log(Level::Trace, "now it is");
    level(LevelFilter::Off);
    handle.log(Level::Error, "nothing is");
    assert_eq!(host.messages(), ["seen", "now it is"]);
    assert!(!handle.is_logged(Level::Error));
    assert_eq!(
        host.0.calls.load(Ordering::Relaxed),
        2,
        "only what is logged is a call"
    );
}

#[test]
fn cells_of_one_name_are_one() {
    let host = TestHost::new();
    let handle = host.handle();
    let one = handle.cell("lines", CellKind::Counter);
    let two = handle.clone().cell("lines", CellKind::Counter);
    let other = handle.cell("open", CellKind::Gauge);
    one.add(2);
    two.add(3);
    other.set(7);
    assert_eq!((one.get(), two.get(), other.get()), (5, 5, 7));
    let cells = host.0.cells.lock().expect("no panic");
    assert_eq!(cells["lines"].1.load(Ordering::Relaxed), 5);
    assert_eq!(cells["open"].0, CellKind::Gauge);
    drop(cells);
    // The services may forget a cell; whoever has it goes on.
    host.0.cells.lock().expect("no panic").clear();
    one.add(1);
    assert_eq!(two.get(), 6);
}

#[test]
fn a_cell_that_cannot_be_had_counts_nowhere() {
    let host = TestHost::new();
    host.0.panics.store(true, Ordering::Relaxed);
    let cell = host.handle().cell("lost", CellKind::Counter);
    cell.add(1);
    assert!(cell.get() >= 1);
}
