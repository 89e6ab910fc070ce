//! Log records of the engine, its connectors and its plugins; of many alike, most are left out.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use log::{Level, LevelFilter};
use temblor_pdk::abi::Place;

use crate::limits::RECORDS_ALIKE;
use crate::secret::Secrets;

/// How long records are counted together.
const WINDOW: Duration = Duration::from_secs(1);
/// Places that are told apart at one time; what comes beyond is taken for one place.
const PLACES: usize = 4096;

/// One record.
#[derive(Clone, Copy, Debug)]
pub struct LogRecord<'a> {
    /// How important it is.
    pub level: Level,
    /// The flow it is about, if any.
    pub flow: Option<&'a str>,
    /// The connector it is from or about, by its name in the flow.
    pub connector: Option<&'a str>,
    /// The pipeline it is about, by its name in the flow.
    pub pipeline: Option<&'a str>,
    /// The library that the connector was loaded from, by its file name.
    pub plugin: Option<&'a str>,
    /// The module that logged it, where a library names itself.
    pub target: &'a str,
    /// What it says.
    pub message: &'a str,
}

type Take = dyn Fn(&LogRecord<'_>) + Send + Sync;

/// Where records go. The engine installs no logger of its own.
#[derive(Clone)]
pub(crate) struct Logger {
    take: Arc<Take>,
    level: Arc<AtomicU32>,
    recent: Arc<Recent>,
    /// What no record shows.
    secrets: Secrets,
}

impl Logger {
    pub(crate) fn new(level: LevelFilter, take: Arc<Take>) -> Self {
        Logger {
            take,
            level: Arc::new(AtomicU32::new(level as u32)),
            recent: Arc::default(),
            secrets: Secrets::new(),
        }
    }

    /// The same, with these secrets.
    pub(crate) fn hiding(self, secrets: &Secrets) -> Self {
        Logger {
            secrets: secrets.clone(),
            ..self
        }
    }

    /// A logger that takes nothing.
    pub(crate) fn off() -> Self {
        Logger::new(LevelFilter::Off, Arc::new(|_| {}))
    }

    pub(crate) fn level(&self) -> Arc<AtomicU32> {
        Arc::clone(&self.level)
    }

    /// Logs a record of the calling line.
    #[track_caller]
    pub(crate) fn log(&self, record: &LogRecord<'_>) {
        let caller = Location::caller();
        let place = Place {
            file: caller.file(),
            line: caller.line(),
        };
        self.log_from(place, record);
    }

    /// Logs a record of a place, unless there were too many of it.
    pub(crate) fn log_from(&self, place: Place<'_>, record: &LogRecord<'_>) {
        if record.level as u32 > self.level.load(Ordering::Relaxed) {
            return;
        }
        let (ended, is_shown) = self.recent.count(place, record);
        ended.into_iter().for_each(|alike| self.sum_up(&alike));
        if is_shown {
            self.give(record);
        }
    }

    fn give(&self, record: &LogRecord<'_>) {
        let message = self.secrets.mask(record.message);
        let record = &LogRecord {
            message: &message,
            ..*record
        };
        // A panic of the embedding program's function is not one of the engine or of a connector.
        let taken = catch_unwind(AssertUnwindSafe(|| (self.take)(record)));
        if let Err(payload) = taken {
            // Dropping it could throw again.
            std::mem::forget(payload);
        }
    }

    /// Says how many records were left out.
    fn sum_up(&self, alike: &Alike) {
        let Some(first) = &alike.first else { return };
        let message = format!("{} more like this: {}", alike.left_out, first.message);
        self.give(&LogRecord {
            level: first.level,
            flow: first.flow.as_deref(),
            connector: first.connector.as_deref(),
            pipeline: first.pipeline.as_deref(),
            plugin: first.plugin.as_deref(),
            target: &first.target,
            message: &message,
        });
    }

    /// Says of what is over how much was left out; called now and then.
    pub(crate) fn tick(&self) {
        for alike in self.recent.ended(|alike| alike.began.elapsed() >= WINDOW) {
            self.sum_up(&alike);
        }
    }

    /// Says of everything how much was left out.
    pub(crate) fn flush(&self) {
        let rest = self.recent.ended(|_| true);
        rest.iter().for_each(|alike| self.sum_up(alike));
    }

    /// How many records were left out.
    pub(crate) fn left_out(&self) -> u64 {
        self.recent.left_out.load(Ordering::Relaxed)
    }

    /// Logs something that the engine itself has to say about a connector.
    #[track_caller]
    pub(crate) fn about(&self, level: Level, flow: &str, connector: &str, message: &str) {
        self.log(&LogRecord {
            connector: Some(connector),
            ..of_engine(level, flow, message)
        });
    }

    /// The same about a pipeline.
    #[track_caller]
    pub(crate) fn about_pipeline(&self, level: Level, flow: &str, pipeline: &str, message: &str) {
        self.log(&LogRecord {
            pipeline: Some(pipeline),
            ..of_engine(level, flow, message)
        });
    }

    /// The same about a flow.
    #[track_caller]
    pub(crate) fn about_flow(&self, level: Level, flow: &str, message: &str) {
        self.log(&of_engine(level, flow, message));
    }
}

fn of_engine<'a>(level: Level, flow: &'a str, message: &'a str) -> LogRecord<'a> {
    LogRecord {
        level,
        flow: Some(flow),
        connector: None,
        pipeline: None,
        plugin: None,
        target: "temblor",
        message,
    }
}

/// Records of the last moments, by where they come from and what they are about.
#[derive(Default)]
struct Recent {
    alike: Mutex<HashMap<u64, Alike>>,
    left_out: AtomicU64,
}

/// Records of one place about one connector.
struct Alike {
    began: Instant,
    count: u64,
    left_out: u64,
    /// The first one that was left out.
    first: Option<Owned>,
}

/// A record that is kept.
struct Owned {
    level: Level,
    flow: Option<String>,
    connector: Option<String>,
    pipeline: Option<String>,
    plugin: Option<String>,
    target: String,
    message: String,
}

impl Recent {
    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Alike>> {
        self.alike.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a record. Returns those of before whose time is over, and whether this one is logged.
    fn count(&self, place: Place<'_>, record: &LogRecord<'_>) -> (Option<Alike>, bool) {
        let now = Instant::now();
        let mut all = self.lock();
        let mut key = key(place, record);
        if all.len() >= PLACES && !all.contains_key(&key) {
            all.retain(|_, alike| alike.left_out > 0 || now - alike.began < WINDOW);
            if all.len() >= PLACES {
                key = 0;
            }
        }
        let is_over = |alike: &Alike| now.saturating_duration_since(alike.began) >= WINDOW;
        let ended = match all.get(&key).is_some_and(is_over) {
            true => all.remove(&key),
            false => None,
        };
        let alike = all.entry(key).or_insert_with(|| Alike {
            began: now,
            count: 0,
            left_out: 0,
            first: None,
        });
        alike.count += 1;
        let is_shown = alike.count <= RECORDS_ALIKE;
        if !is_shown {
            alike.left_out += 1;
            alike.first.get_or_insert_with(|| Owned::of(record));
            self.left_out.fetch_add(1, Ordering::Relaxed);
        }
        (ended, is_shown)
    }

    /// Takes out what is over by this rule.
    fn ended(&self, is_over: impl Fn(&Alike) -> bool) -> Vec<Alike> {
        let mut all = self.lock();
        let ended = all.extract_if(|_, alike| is_over(alike));
        ended.map(|(_, alike)| alike).collect()
    }
}

/// What tells records apart: where they come from and what they are about, not what they say.
fn key(place: Place<'_>, record: &LogRecord<'_>) -> u64 {
    let mut hasher = DefaultHasher::new();
    (place, record.level, record.target).hash(&mut hasher);
    (record.flow, record.connector, record.plugin).hash(&mut hasher);
    record.pipeline.hash(&mut hasher);
    // 0 stands for all that there is no room for.
    hasher.finish().max(1)
}

impl Owned {
    fn of(record: &LogRecord<'_>) -> Owned {
        Owned {
            level: record.level,
            flow: record.flow.map(str::to_owned),
            connector: record.connector.map(str::to_owned),
            pipeline: record.pipeline.map(str::to_owned),
            plugin: record.plugin.map(str::to_owned),
            target: record.target.to_owned(),
            message: record.message.to_owned(),
        }
    }
}
