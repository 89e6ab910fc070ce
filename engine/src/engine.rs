//! The engine: workers, the registry, and the flows that run.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use log::LevelFilter;
use temblor_lang::{Deployment, Flow, Options};
use temblor_pdk::{Host, Payload, PullLimits};
use temblor_registry::{Expected, Registry, RegistryError};

use crate::catalogue::RegistryCatalogue;
use crate::channel::{self, Input, Locals, Output};
use crate::checkpoint::Checkpoints;
use crate::clock::Times;
use crate::control::Supervision;
use crate::executor::Workers;
use crate::flow::{FlowHandle, FlowReport, StartError};
use crate::host::{Shared, plugin_host};
use crate::limits::{CHANNEL_BATCHES, CHANNEL_VALUES};
use crate::log::{LogRecord, Logger};
use crate::metrics::Metric;
use crate::program::{ProgramError, compile_with};
use crate::queue::QueueLimits;
use crate::replay::Replay;
use crate::secret::{Environment, Secrets};
use crate::stop::StopRequest;

/// At least as many as the reactor opens.
const REACTOR_DESCRIPTORS: usize = 8;
/// How long is waited from one checkpoint of a lane to the next if nothing else is said.
const CHECKPOINT_INTERVAL: Duration = Duration::from_secs(1);

/// What the engine and its flows share.
pub(crate) struct Inner {
    pub(crate) shared: Arc<Shared>,
    pub(crate) registry: Arc<Registry>,
    pub(crate) locals: Locals,
    pub(crate) limits: QueueLimits,
    pub(crate) pull_limits: PullLimits,
    /// Whether events get their number as their time, and no other time passes for pipelines.
    pub(crate) is_logical: bool,
    pub(crate) environment: Environment,
    pub(crate) secrets: Secrets,
    /// Where the states of lanes are stored.
    pub(crate) checkpoints: Option<Arc<dyn Checkpoints>>,
    pub(crate) checkpoint_interval: Duration,
    sources: AtomicU32,
}

impl Inner {
    pub(crate) fn next_source(&self) -> u32 {
        self.sources.fetch_add(1, Ordering::Relaxed)
    }

    /// What gives the events of a source their times.
    pub(crate) fn times(&self) -> Times {
        match self.is_logical {
            true => Times::Logical(0),
            false => Times::Wall(self.shared.clock),
        }
    }
}

/// Runs flows on threads of its own.
///
/// There is no global state: several engines can live in one process. The library installs no signal handler and no
/// logger. Dropping the engine stops its flows at once; drain them first to lose nothing.
pub struct Engine {
    inner: Arc<Inner>,
    /// Ends when the engine is dropped.
    _workers: Workers,
}

/// Sees an engine from outside, on any thread. It does not keep the engine running.
#[derive(Clone)]
pub struct Observer(Arc<Inner>);

impl Observer {
    /// All metrics as they stand; see [`Engine::metrics`].
    #[must_use]
    pub fn metrics(&self) -> Vec<Metric> {
        let Inner {
            shared, registry, ..
        } = &*self.0;
        let mut metrics = crate::metrics::of_engine(shared, registry);
        let flows = shared.flows.all();
        metrics.extend(flows.iter().flat_map(|flow| flow.0.metrics()));
        metrics.extend(shared.metrics.snapshot());
        metrics
    }

    /// How the flows are that run, or whose handles are kept.
    #[must_use]
    pub fn reports(&self) -> Vec<FlowReport> {
        let flows = self.0.shared.flows.all();
        flows.iter().map(FlowHandle::report).collect()
    }
}

impl std::fmt::Debug for Observer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Observer")
    }
}

/// Puts an engine together.
pub struct EngineBuilder {
    registry: Option<Arc<Registry>>,
    workers: usize,
    logger: Logger,
    limits: QueueLimits,
    pull_limits: PullLimits,
    is_logical: bool,
    supervision: Supervision,
    environment: Environment,
    secrets: Secrets,
    checkpoints: Option<Arc<dyn Checkpoints>>,
    checkpoint_interval: Duration,
    locals: Locals,
}

/// Why an engine could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// A thread could not be started.
    #[error("cannot start a worker thread: {0}")]
    Threads(#[from] std::io::Error),
    /// The process has no descriptors left for timers and readiness.
    #[error("cannot watch timers and descriptors: {0}")]
    Descriptors(std::io::Error),
    /// What is built in is not all there.
    #[error(transparent)]
    Registry(#[from] RegistryError),
}

impl Engine {
    /// Starts putting an engine together.
    #[must_use]
    pub fn builder() -> EngineBuilder {
        EngineBuilder {
            registry: None,
            workers: std::thread::available_parallelism().map_or(1, usize::from),
            logger: Logger::off(),
            limits: QueueLimits::default(),
            pull_limits: PullLimits::default(),
            is_logical: false,
            supervision: Supervision::default(),
            environment: Environment::of_process(),
            secrets: Secrets::new(),
            checkpoints: None,
            checkpoint_interval: CHECKPOINT_INTERVAL,
            locals: Locals::new(),
        }
    }

    /// Starts a flow, blocking until all of its connectors are ready.
    ///
    /// # Errors
    /// If a part of the flow is not there or does not fit, or a connector cannot start. Then nothing of it runs.
    pub fn start(&self, flow: &Flow) -> Result<FlowHandle, StartError> {
        smol::block_on(self.start_async(flow))
    }

    /// Starts a flow, waiting until all of its connectors are ready; see [`Engine::start`].
    ///
    /// # Errors
    /// See [`Engine::start`].
    pub async fn start_async(&self, flow: &Flow) -> Result<FlowHandle, StartError> {
        let handle = crate::flow::start(&self.inner, flow).await?;
        self.inner.shared.flows.add(&handle);
        Ok(handle)
    }

    /// Compiles a deployment, with the operators and functions of the registry; `name` stands in its messages.
    ///
    /// # Errors
    /// If the text cannot be run.
    pub fn compile(&self, name: &str, text: &str) -> Result<Deployment, ProgramError> {
        let options = Options {
            catalogue: Some(Arc::new(RegistryCatalogue::new(Arc::clone(
                &self.inner.registry,
            )))),
            ..Options::default()
        };
        compile_with(name, text, &options)
    }

    /// What the engine can run.
    #[must_use]
    pub fn registry(&self) -> &Registry {
        &self.inner.registry
    }

    /// All metrics as they stand: those of the engine and its flows, and those that connectors keep themselves.
    #[must_use]
    pub fn metrics(&self) -> Vec<Metric> {
        self.observer().metrics()
    }

    /// What sees the engine from other threads.
    #[must_use]
    pub fn observer(&self) -> Observer {
        Observer(Arc::clone(&self.inner))
    }

    /// What a connector such as `exit` asked for, if one did: all flows are ending then.
    #[must_use]
    pub fn stop_request(&self) -> Option<StopRequest> {
        self.inner.shared.flows.request()
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.inner.shared.stopping.store(true, Ordering::Release);
        let mut running = self.inner.shared.flows.all();
        running.retain(|flow| !flow.is_ended());
        running.iter().for_each(FlowHandle::stop);
        // A connector that does not come back must not keep the program from ending.
        let all = async {
            for flow in &running {
                flow.wait_async().await;
            }
        };
        let patience = async {
            smol::Timer::after(Duration::from_secs(1)).await;
        };
        smol::block_on(smol::future::or(all, patience));
        self.inner.shared.logger.flush();
    }
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Engine")
    }
}

impl EngineBuilder {
    /// Sets what the engine can run; without it, that is what is built in.
    #[must_use]
    pub fn registry(mut self, registry: impl Into<Arc<Registry>>) -> Self {
        self.registry = Some(registry.into());
        self
    }

    /// Sets the number of worker threads; the number of cores is the default.
    #[must_use]
    pub fn workers(mut self, count: usize) -> Self {
        self.workers = count;
        self
    }

    /// Sets where log records go, and the most detailed level; without it they go nowhere.
    #[must_use]
    pub fn log(
        mut self,
        level: LevelFilter,
        take: impl Fn(&LogRecord<'_>) + Send + Sync + 'static,
    ) -> Self {
        self.logger = Logger::new(level, Arc::new(take));
        self
    }

    /// Sets the bounds of the queues between tasks.
    #[must_use]
    pub fn queue_limits(mut self, limits: QueueLimits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets how much a source may hand over at once.
    #[must_use]
    pub fn pull_limits(mut self, limits: PullLimits) -> Self {
        self.pull_limits = limits;
        self
    }

    /// Sets a logical clock, for runs that can be repeated: event i of a source came in at nanosecond i, and no other
    /// time passes for windows and operators.
    #[must_use]
    pub fn logical_clock(mut self, is_logical: bool) -> Self {
        self.is_logical = is_logical;
        self
    }

    /// Sets when a connector counts as broken, how often it may break, and how long a flow may drain.
    #[must_use]
    pub fn supervision(mut self, supervision: Supervision) -> Self {
        self.supervision = supervision;
        self
    }

    /// Sets where configurations find `${env:NAME}`; without it, in the environment of the process.
    #[must_use]
    pub fn environment(
        mut self,
        look_up: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        self.environment = Environment::of(look_up);
        self
    }

    /// Sets what no record and no error of the engine shows. It learns here what the configurations of its flows have of
    /// secrets, so that the program can mask what it writes itself.
    #[must_use]
    pub fn secrets(mut self, secrets: Secrets) -> Self {
        self.secrets = secrets;
        self
    }

    /// Sets where the states of lanes are stored, of pipelines that keep one for each (`#!config state = "lane"`), such
    /// as in a [`crate::Directory`]. All processes of a group need the same.
    #[must_use]
    pub fn checkpoints(mut self, checkpoints: Arc<dyn Checkpoints>) -> Self {
        self.checkpoints = Some(checkpoints);
        self
    }

    /// Sets how long is waited from one checkpoint of a lane to the next, a second without it. Events are acked when a
    /// checkpoint covers them.
    #[must_use]
    pub fn checkpoint_interval(mut self, interval: Duration) -> Self {
        self.checkpoint_interval = interval;
        self
    }

    /// Adds a connector kind `name` that flows read from, fed through the result. It serves one flow.
    pub fn input(&mut self, name: &str) -> Input {
        let (input, local) = channel::input(CHANNEL_VALUES);
        self.locals.insert(name.to_owned(), local);
        input
    }

    /// Adds a connector kind `name` that flows read from in the place of another: it sends whole events, as those of
    /// dead letters, fed through the result. It serves one flow.
    pub fn replay(&mut self, name: &str, payload: Payload) -> Replay {
        let (replay, local) = channel::replay(CHANNEL_VALUES, payload);
        self.locals.insert(name.to_owned(), local);
        replay
    }

    /// Adds a connector kind `name` that flows write to, read through the result. It serves one flow.
    pub fn output(&mut self, name: &str) -> Output {
        let (output, local) = channel::output(CHANNEL_BATCHES);
        self.locals.insert(name.to_owned(), local);
        output
    }

    /// Makes the engine and starts its threads.
    ///
    /// # Errors
    /// If a thread cannot be started, or something that should be built in is missing.
    pub fn build(self) -> Result<Engine, BuildError> {
        start_reactor().map_err(BuildError::Descriptors)?;
        let registry = match self.registry {
            Some(registry) => registry,
            None => Arc::new(builtin_registry()?),
        };
        let shared = Shared::new(self.logger.hiding(&self.secrets), self.supervision);
        let workers = Workers::start(Arc::clone(&shared), self.workers)?;
        let inner = Arc::new(Inner {
            shared,
            registry,
            locals: self.locals,
            limits: self.limits,
            pull_limits: self.pull_limits,
            is_logical: self.is_logical,
            environment: self.environment,
            secrets: self.secrets,
            checkpoints: self.checkpoints,
            checkpoint_interval: self.checkpoint_interval,
            sources: AtomicU32::new(0),
        });
        Ok(Engine {
            inner,
            _workers: workers,
        })
    }
}

/// Starts the process's reactor, which panics on whatever thread needs it first if there are no descriptors for it.
fn start_reactor() -> std::io::Result<()> {
    static STARTED: Mutex<bool> = Mutex::new(false);
    let mut started = STARTED.lock().unwrap_or_else(PoisonError::into_inner);
    if !*started {
        let room: Result<Vec<_>, _> = (0..REACTOR_DESCRIPTORS)
            .map(|_| std::fs::File::open("/dev/null"))
            .collect();
        drop(room?);
        // One that has yet to fire, for one that is due does not ask the reactor.
        smol::block_on(smol::Timer::after(Duration::from_millis(1)));
        *started = true;
    }
    Ok(())
}

/// A registry of what is built into this program.
///
/// # Errors
/// If the linker dropped something that the features ask for.
pub fn builtin_registry() -> Result<Registry, RegistryError> {
    let mut registry = Registry::new();
    let expected: Vec<Expected> = crate::builtin::expected();
    registry.add_builtins(&expected)?;
    Ok(registry)
}

/// Makes hosts for plugins that are loaded before there is an engine, so that their own records are not lost.
///
/// A plugin keeps the first host it gets for as long as the process lives. Its records and panics show none of the
/// secrets: pass those that the engine gets too ([`EngineBuilder::secrets`]).
///
/// # Errors
/// Never, today; a host may come to need resources.
pub fn host_for_plugin(
    plugin: &str,
    level: LevelFilter,
    secrets: &Secrets,
    take: impl Fn(&LogRecord<'_>) + Send + Sync + 'static,
) -> Host {
    let logger = Logger::new(level, Arc::new(take)).hiding(secrets);
    let shared = Shared::new(logger, Supervision::default());
    plugin_host(&shared, plugin)
}
