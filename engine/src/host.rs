//! What the engine does for a connector: log, metrics, clock, timers, readiness, blocking tasks.

use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Instant;

use log::Level;
use smol::{Async, Executor, Timer};
use temblor_pdk::CellKind;
use temblor_pdk::abi::{Cancel, HostServices, Interest, Place, Task};
use temblor_pdk::io::is_one_of_the_last;

use crate::clock::Clock;
use crate::control::{Report, Supervision};
use crate::executor::Watched;
use crate::log::{LogRecord, Logger};
use crate::metrics::Metrics;
use crate::stop::{Flows, StopRequest};

/// What all connectors of an engine share.
pub(crate) struct Shared {
    pub(crate) executor: Arc<Executor<'static>>,
    pub(crate) clock: Clock,
    pub(crate) logger: Logger,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) stopping: AtomicBool,
    pub(crate) flows: Flows,
    /// Workers that were replaced because a poll kept them.
    pub(crate) workers_replaced: AtomicU64,
    pub(crate) started: Instant,
    pub(crate) supervision: Supervision,
}

impl Shared {
    pub(crate) fn new(logger: Logger, supervision: Supervision) -> Arc<Shared> {
        Arc::new(Shared {
            executor: Arc::new(Executor::new()),
            clock: Clock::new(),
            logger,
            metrics: Arc::new(Metrics::default()),
            stopping: AtomicBool::new(false),
            flows: Flows::default(),
            workers_replaced: AtomicU64::new(0),
            started: Instant::now(),
            supervision,
        })
    }
}

/// The services of one connector: records and metrics carry its name and its plugin's.
pub(crate) struct ConnectorHost {
    pub(crate) shared: Arc<Shared>,
    pub(crate) flow: String,
    pub(crate) connector: String,
    pub(crate) plugin: Option<String>,
    /// Where its keeper hears of it; none for a plugin itself.
    pub(crate) reports: Option<flume::Sender<Report>>,
}

impl HostServices for ConnectorHost {
    fn log(&self, level: Level, target: &str, place: Place<'_>, message: &str) {
        let record = LogRecord {
            level,
            flow: Some(&self.flow),
            connector: Some(&self.connector),
            pipeline: None,
            plugin: self.plugin.as_deref(),
            target,
            message,
        };
        self.shared.logger.log_from(place, &record);
    }

    fn level(&self) -> Arc<AtomicU32> {
        self.shared.logger.level()
    }

    fn cell(&self, name: &str, kind: CellKind) -> Arc<AtomicU64> {
        let plugin = self.plugin.as_deref();
        self.shared
            .metrics
            .cell(&self.flow, &self.connector, plugin, name, kind)
    }

    fn now_ns(&self) -> u64 {
        self.shared.clock.now_ns()
    }

    fn is_stopping(&self) -> bool {
        self.shared.stopping.load(Ordering::Relaxed)
    }

    fn timer(&self, deadline_ns: u64, task: Task) -> Cancel {
        let at = self.shared.clock.instant(deadline_ns);
        // Dropping the handle of a smol task cancels it.
        Cancel::new(self.shared.executor.spawn(async move {
            Timer::at(at).await;
            task.run();
        }))
    }

    fn readiness(&self, fd: BorrowedFd<'_>, interest: Interest, task: Task) -> Cancel {
        // The task may outlive the borrow, and one descriptor cannot be registered twice: wait on a duplicate.
        let watched =
            fd.try_clone_to_owned()
                .and_then(|copy| match is_one_of_the_last(copy.as_fd()) {
                    true => Err(rustix::io::Errno::MFILE.into()),
                    false => Async::new_nonblocking(copy),
                });
        let watched = match watched {
            Ok(watched) => watched,
            // Whoever is told that it is ready tries again: without a pause it would do nothing else.
            Err(reason) if is_exhausted(&reason) => {
                let later = self.now_ns().saturating_add(EXHAUSTED_NS);
                return self.timer(later, task);
            }
            Err(_) => {
                // What cannot be polled, such as a regular file, is always ready.
                task.run();
                return Cancel::new(());
            }
        };
        Cancel::new(self.shared.executor.spawn(async move {
            // An error means that waiting is pointless: the caller finds out when it reads or writes.
            let _ = match interest {
                Interest::Read => watched.readable().await,
                Interest::Write => watched.writable().await,
            };
            task.run();
        }))
    }

    fn blocking(&self, task: Task) {
        smol::unblock(move || task.run()).detach();
    }

    fn run(&self, task: Task) {
        let name = format!("{}/{}", self.flow, self.connector);
        let work = async move { task.run() };
        // A task that panics is over; its maker finds that out, and the panic hook has reported it.
        let watched = Watched::new(&name, &self.shared, work, |_| ());
        let reports = self.reports.clone();
        let watched = watched.on_hang(move || {
            let tell = |reports: &flume::Sender<Report>| drop(reports.send(Report::HungBeside));
            reports.iter().for_each(tell);
        });
        self.shared.executor.spawn(watched).detach();
    }

    fn request_stop(&self, status: u8, is_graceful: bool) {
        let logger = &self.shared.logger;
        let message = format!("the program is to end with status {status}");
        logger.about(Level::Info, &self.flow, &self.connector, &message);
        self.shared.flows.stop(StopRequest {
            status,
            is_graceful,
        });
    }
}

/// How long a descriptor is left alone when the process can have no more of them.
const EXHAUSTED_NS: u64 = 50_000_000;

/// Whether the process or the system has no descriptor left.
fn is_exhausted(reason: &std::io::Error) -> bool {
    let codes = [rustix::io::Errno::MFILE, rustix::io::Errno::NFILE];
    codes
        .iter()
        .any(|code| reason.raw_os_error() == Some(code.raw_os_error()))
}

/// The services of a plugin itself, for what it says when no connector of it is concerned.
pub(crate) fn plugin_host(shared: &Arc<Shared>, plugin: &str) -> temblor_pdk::Host {
    temblor_pdk::Host::new(PluginHost(ConnectorHost {
        shared: Arc::clone(shared),
        flow: String::new(),
        connector: String::new(),
        plugin: Some(plugin.to_owned()),
        reports: None,
    }))
}

struct PluginHost(ConnectorHost);

impl HostServices for PluginHost {
    fn log(&self, level: Level, target: &str, place: Place<'_>, message: &str) {
        let record = LogRecord {
            level,
            flow: None,
            connector: None,
            pipeline: None,
            plugin: self.0.plugin.as_deref(),
            target,
            message,
        };
        self.0.shared.logger.log_from(place, &record);
    }

    fn level(&self) -> Arc<AtomicU32> {
        self.0.level()
    }

    fn cell(&self, name: &str, kind: CellKind) -> Arc<AtomicU64> {
        self.0.cell(name, kind)
    }

    fn now_ns(&self) -> u64 {
        self.0.now_ns()
    }

    fn is_stopping(&self) -> bool {
        self.0.is_stopping()
    }

    fn timer(&self, deadline_ns: u64, task: Task) -> Cancel {
        self.0.timer(deadline_ns, task)
    }

    fn readiness(&self, fd: BorrowedFd<'_>, interest: Interest, task: Task) -> Cancel {
        self.0.readiness(fd, interest, task)
    }

    fn blocking(&self, task: Task) {
        self.0.blocking(task);
    }

    fn run(&self, task: Task) {
        self.0.run(task);
    }
}
