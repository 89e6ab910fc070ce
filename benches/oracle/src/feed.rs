//! Writes events into a file, at a rate.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::Result;
use crate::event::Series;

/// How often something is written.
const STEP: Duration = Duration::from_millis(5);

/// What is written into a file, and a thread that writes more.
pub(crate) struct Feed {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    series: Series,
    /// Events a second; 0 for a pause.
    rate: AtomicU64,
    stops: AtomicBool,
    state: Mutex<State>,
}

struct State {
    file: File,
    /// Where each event ends in the file, its newline included.
    ends: Vec<u64>,
    error: Option<std::io::Error>,
}

impl Feed {
    /// Begins an empty file, and nothing is written yet.
    pub(crate) fn start(path: &Path, series: Series) -> Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        let shared = Arc::new(Shared {
            series,
            rate: AtomicU64::new(0),
            stops: AtomicBool::new(false),
            state: Mutex::new(State {
                file,
                ends: Vec::new(),
                error: None,
            }),
        });
        let writer = Arc::clone(&shared);
        let thread = std::thread::spawn(move || writer.run());
        Ok(Feed {
            shared,
            thread: Some(thread),
        })
    }

    pub(crate) fn set_rate(&self, rate: u64) {
        self.shared.rate.store(rate, Ordering::SeqCst);
    }

    /// Writes so many events at once.
    pub(crate) fn write(&self, events: u64) -> Result<()> {
        self.shared.write(events);
        self.check()
    }

    /// How many events are written.
    pub(crate) fn sent(&self) -> u64 {
        self.shared.lock().ends.len() as u64
    }

    /// How many events end at or before a place in the file.
    pub(crate) fn before(&self, offset: u64) -> u64 {
        let state = self.shared.lock();
        state.ends.partition_point(|end| *end <= offset) as u64
    }

    /// Where the first so many events end in the file.
    pub(crate) fn end_of(&self, events: u64) -> u64 {
        let before = events
            .checked_sub(1)
            .and_then(|at| usize::try_from(at).ok());
        let state = self.shared.lock();
        before
            .and_then(|at| state.ends.get(at))
            .copied()
            .unwrap_or_default()
    }

    /// Whether everything could be written.
    pub(crate) fn check(&self) -> Result<()> {
        match self.shared.lock().error.take() {
            Some(error) => Err(format!("the input cannot be written: {error}").into()),
            None => Ok(()),
        }
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.shared.stops.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            // A panic there has been shown already.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self) {
        let mut last = Instant::now();
        let mut due = 0.0;
        while !self.stops.load(Ordering::SeqCst) {
            std::thread::sleep(STEP);
            let elapsed = last.elapsed();
            last += elapsed;
            due += self.rate.load(Ordering::SeqCst) as f64 * elapsed.as_secs_f64();
            let events = due as u64;
            due -= events as f64;
            if events > 0 {
                self.write(events);
            }
        }
    }

    fn write(&self, events: u64) {
        let mut state = self.lock();
        let mut end = state.ends.last().copied().unwrap_or_default();
        let mut text = Vec::new();
        let start = end;
        let mut ends = Vec::new();
        for id in state.ends.len() as u64..state.ends.len() as u64 + events {
            self.series.write(id, &mut text);
            text.push(b'\n');
            end = start + text.len() as u64;
            ends.push(end);
        }
        match state.file.write_all(&text) {
            Ok(()) => state.ends.extend(ends),
            Err(error) => state.error = Some(error),
        }
    }
}
