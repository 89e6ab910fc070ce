//! Starting a flow: connectors made and connected, sinks before sources, then all tasks at once.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use event_listener::Event as Notify;
use log::Level;
use temblor_lang::Flow;
use temblor_pdk::{Command, Error, ErrorKind, Instance};

use super::blueprint::{Blueprint, Recovery};
use super::graph::{self, PipelineTask};
use super::handle::{FlowHandle, FlowShared, Known, Life};
use super::instance::Control;
use super::keeper::{Beginning, Keeper, PATIENCE, RunningSide, SideTask, create, within};
use super::pipeline::run_pipeline;
use super::plan::{Found, Planned, StartError, plan};
use super::supervise::{Kept, Supervisor};
use super::tell::tell_all;
use crate::breaker::{Breaker, Contraflow};
use crate::checkpoint::Keeping;
use crate::control::{ConnectorState, Report, Side, Status};
use crate::engine::Inner;
use crate::executor::Watched;
use crate::fate::{SourceFates, Tally};
use crate::queue::Receiver;
use crate::route::Target;
use crate::sink::{SinkBody, SinkParts};
use crate::slot::Slot;
use crate::source::{Outcomes, SourceBody, SourceParts};

/// A connector that was made, with what its sides need.
struct Made<'f> {
    planned: Planned<'f>,
    blueprint: Arc<Blueprint>,
    reports: flume::Receiver<Report>,
    status: Status,
    control: Option<Control>,
    sink: Option<Box<dyn Instance>>,
    source: Option<Box<dyn Instance>>,
    /// Why it is not connected, where it may be connected later.
    down: Option<Error>,
}

/// Starts a flow. If anything fails, nothing of it is left running.
pub(crate) async fn start(inner: &Arc<Inner>, flow: &Flow) -> Result<FlowHandle, StartError> {
    let started = try_start(inner, flow).await;
    started.map_err(|error| error.masked(&inner.secrets))
}

async fn try_start(inner: &Arc<Inner>, flow: &Flow) -> Result<FlowHandle, StartError> {
    let has_store = inner.checkpoints.is_some();
    let planned = plan(flow, &inner.registry, &inner.locals, has_store)?;
    let mut made = Vec::new();
    match connect_all(inner, flow, planned, &mut made).await {
        Ok(()) => Ok(spawn(inner, flow, made)),
        Err(error) => {
            for made in made {
                made.close().await;
            }
            Err(error)
        }
    }
}

async fn connect_all<'f>(
    inner: &Arc<Inner>,
    flow: &Flow,
    planned: Vec<Planned<'f>>,
    made: &mut Vec<Made<'f>>,
) -> Result<(), StartError> {
    for planned in planned {
        made.push(make(inner, flow, planned).await?);
    }
    // Sinks are ready before any source is.
    for made in made.iter_mut().filter(|made| made.planned.sink.is_some()) {
        made.connect().await?;
        made.create(Side::Sink).await?;
    }
    for made in made.iter_mut().filter(|made| made.planned.source.is_some()) {
        if made.planned.sink.is_none() {
            made.connect().await?;
        }
        made.create(Side::Source).await?;
    }
    for made in made {
        made.start().await?;
    }
    Ok(())
}

async fn make<'f>(
    inner: &Arc<Inner>,
    flow: &Flow,
    planned: Planned<'f>,
) -> Result<Made<'f>, StartError> {
    let (sender, reports) = flume::unbounded();
    let blueprint = Arc::new(Blueprint::new(inner, &flow.name, &planned, sender)?);
    let control = Control::make(&blueprint).await;
    let control =
        control.map_err(|error| StartError::of_connector(planned.spec, "make", &error))?;
    Ok(Made {
        planned,
        blueprint,
        reports,
        status: Status::new(),
        control: Some(control),
        sink: None,
        source: None,
        down: None,
    })
}

impl Made<'_> {
    async fn connect(&mut self) -> Result<(), StartError> {
        self.status.set(ConnectorState::Connecting);
        if let Some(control) = &self.control
            && let Err(error) = control.call(Command::Connect).await
        {
            return self.put_off("connect", error);
        }
        Ok(())
    }

    async fn create(&mut self, side: Side) -> Result<(), StartError> {
        let Some(control) = self.control.as_ref().filter(|_| self.down.is_none()) else {
            return Ok(());
        };
        match (create(control, side).await, side) {
            (Ok(instance), Side::Source) => self.source = Some(instance),
            (Ok(instance), Side::Sink) => self.sink = Some(instance),
            (Err(error), Side::Source) => return self.put_off("create the source of", error),
            (Err(error), Side::Sink) => return self.put_off("create the sink of", error),
        }
        Ok(())
    }

    async fn start(&mut self) -> Result<(), StartError> {
        let Some(control) = self.control.as_ref().filter(|_| self.down.is_none()) else {
            return Ok(());
        };
        match control.call(Command::Start).await {
            Ok(_) => {
                self.status.set(ConnectorState::Running);
                Ok(())
            }
            Err(error) => Err(StartError::of_connector(self.planned.spec, "start", &error)),
        }
    }

    /// Drops all of it. What does not come back is left behind.
    async fn close(self) {
        drop((self.source, self.sink));
        if let Some(control) = self.control {
            within(PATIENCE, control.close()).await;
        }
    }

    /// What cannot be connected now may be later, if the program says how. Else the flow does not start.
    fn put_off(&mut self, doing: &str, error: Error) -> Result<(), StartError> {
        let is_written = matches!(
            self.blueprint.recovery,
            Recovery::Retry {
                is_written: true,
                ..
            }
        );
        match error.kind() {
            ErrorKind::Disconnected | ErrorKind::Failed if is_written => {
                (self.source, self.sink) = (None, None);
                self.down = Some(error);
                Ok(())
            }
            kind => {
                let refused = StartError::of_connector(self.planned.spec, doing, &error);
                Err(match kind {
                    ErrorKind::Disconnected => refused.may_pass(),
                    _ => refused,
                })
            }
        }
    }
}

/// Starts all tasks of a flow whose connectors are ready.
fn spawn(inner: &Arc<Inner>, flow: &Flow, all_made: Vec<Made<'_>>) -> FlowHandle {
    let clock = (!inner.is_logical).then_some(inner.shared.clock);
    let graph = graph::build(flow, inner.limits, &inner.shared.logger, clock);
    let contraflow = graph.contraflow;
    let (failed, failures) = flume::bounded(1);
    let (orders, flow_orders) = flume::unbounded();
    let (alive, all_gone) = flume::bounded(1);
    let (running, all_done) = flume::bounded(1);
    let parts = Spawner {
        inner,
        flow: &flow.name,
        failed,
        alive,
        running,
        contraflow,
    };
    // Before any source runs.
    for (made, queue) in all_made.iter().zip(&graph.sinks) {
        if let (Some(error), Some((_, breaker))) = (&made.down, queue) {
            breaker.open(error.message());
        }
    }
    let mut known = Vec::new();
    let mut keepers = Vec::new();
    let mut intervals = Vec::new();
    let outs = graph.outs.into_iter().zip(graph.errs);
    let routes = outs.zip(graph.sinks).zip(graph.sink_errs);
    for (made, (((out, err), queue), sink_err)) in all_made.into_iter().zip(routes) {
        let spec = made.planned.spec;
        if let Found::Local(local) = &made.planned.found {
            local.give_up();
        }
        known.push(Known {
            name: spec.name.clone(),
            kind: spec.kind.clone(),
            link_mode: made.planned.found.link_mode(),
            status: made.status.clone(),
            breaker: queue.as_ref().map(|(_, breaker)| Arc::clone(breaker)),
            queue: queue.as_ref().map(|(queue, _)| queue.depth()),
            plugin: made.planned.found.plugin(),
            tally: made.planned.source.map(|_| Arc::default()),
            measures: Arc::clone(&made.blueprint.measures),
        });
        intervals.push(spec.metrics_interval_s.map(Duration::from_secs));
        let tally = known.last().and_then(|known| known.tally.clone());
        let sink = queue.map(|queue| (queue, sink_err));
        let keeping = Keeping::of(inner, flow, keepers.len()).map(Arc::new);
        keepers.push(parts.keep(made, (out, err), sink, (tally.as_ref(), keeping)));
    }
    let queues = graph.pipelines.iter();
    let queues = queues.map(|pipeline| (pipeline.name.clone(), pipeline.queue.depth()));
    let queues = queues.collect();
    let state = Arc::new(FlowShared {
        name: flow.name.clone(),
        connectors: known,
        queues,
        orders,
        life: Mutex::new(Life::default()),
        report: Mutex::new(None),
        ended: Notify::new(),
    });
    let pipelines = graph.pipelines.into_iter();
    let supervisor = Supervisor {
        pipelines: pipelines.map(|p| parts.pipeline(p, &state)).collect(),
        keepers,
        all_done,
        all_gone,
        orders: flow_orders,
        failures,
        deadline: None,
    };
    tell_all(&state, &intervals, &inner.shared);
    let task = supervisor.run(Arc::clone(&state), Arc::clone(&inner.shared));
    inner.shared.executor.spawn(task).detach();
    FlowHandle(state)
}

/// What all tasks of a flow are made with.
struct Spawner<'a> {
    inner: &'a Arc<Inner>,
    flow: &'a str,
    failed: flume::Sender<()>,
    /// Every task that has events has one of these as long as it lives.
    alive: flume::Sender<()>,
    /// Every connector and every pipeline has one of these as long as it has something to do.
    running: flume::Sender<()>,
    contraflow: Arc<Contraflow>,
}

/// The queue of a sink with the breaker in front of it, and what its `err` port leads to.
type SinkRoute = ((Receiver, Arc<Breaker>), Vec<Target>);

impl Spawner<'_> {
    /// Starts the tasks of a connector.
    fn keep(
        &self,
        made: Made<'_>,
        routes: (Vec<Target>, Vec<Target>),
        sink: Option<SinkRoute>,
        (tally, keeping): (Option<&Arc<Tally>>, Option<Arc<Keeping>>),
    ) -> Kept {
        let blueprint = &made.blueprint;
        let shared = &self.inner.shared;
        let name = format!("{}/{}", self.flow, blueprint.name);
        let spawn = |running: RunningSide, instance: Option<Box<dyn Instance>>| {
            let alive = self.alive.clone();
            SideTask::spawn(running, instance, &name, shared, &blueprint.reports, alive)
        };
        let sink = sink.and_then(|route| self.sink(blueprint, route));
        let sink = sink.map(|running| spawn(running, made.sink));
        let source = self.source(blueprint, routes, tally, keeping);
        let source = source.map(|running| spawn(running, made.source));
        let (orders, keeper_orders) = flume::unbounded();
        let keeper = Keeper::new(Beginning {
            blueprint: Arc::clone(blueprint),
            status: made.status,
            control: made.control,
            orders: keeper_orders,
            reports: made.reports,
            source,
            sink,
            running: self.running.clone(),
            failed: self.failed.clone(),
            down: made.down,
        });
        let panicked = self.panicked(&blueprint.name, None);
        let watched = Watched::new(&name, shared, keeper.run(), panicked);
        Kept {
            orders,
            task: shared.executor.spawn(watched),
        }
    }

    fn sink(
        &self,
        blueprint: &Arc<Blueprint>,
        ((queue, breaker), err): SinkRoute,
    ) -> Option<RunningSide> {
        let info = blueprint.sink?;
        // Made before, when the blueprint was, so that it can be made.
        let encoder = blueprint.encoder().ok()?;
        let body = SinkBody::new(queue, encoder, err, blueprint.refusal, &blueprint.measures);
        Some(RunningSide::Sink {
            parts: Arc::new(SinkParts {
                name: blueprint.name.clone(),
                flow: self.flow.to_owned(),
                settles: info.settles,
                shared: Arc::clone(&self.inner.shared),
                reports: blueprint.reports.clone(),
                breaker,
                refusal: blueprint.refusal,
                letters: blueprint.letters(),
                measures: Arc::clone(&blueprint.measures),
            }),
            slot: Slot::new(body),
        })
    }

    fn source(
        &self,
        blueprint: &Arc<Blueprint>,
        (out, err): (Vec<Target>, Vec<Target>),
        tally: Option<&Arc<Tally>>,
        keeping: Option<Arc<Keeping>>,
    ) -> Option<RunningSide> {
        let info = blueprint.source?;
        let number = self.inner.next_source();
        let (fates, settled) = SourceFates::new(
            number,
            &blueprint.name,
            Arc::clone(tally?),
            info.transactional,
        );
        let decoder = blueprint.decoder().ok()?;
        let body = SourceBody::new(decoder, out, err, self.inner.times());
        Some(RunningSide::Source {
            parts: Arc::new(SourceParts {
                name: blueprint.name.clone(),
                flow: self.flow.to_owned(),
                number,
                fates,
                transactional: info.transactional,
                lanes: info.lanes && info.transactional,
                shared: Arc::clone(&self.inner.shared),
                reports: blueprint.reports.clone(),
                limits: self.inner.pull_limits,
                contraflow: Arc::clone(&self.contraflow),
                measures: Arc::clone(&blueprint.measures),
                keeping,
                outcomes: Outcomes::default(),
            }),
            slot: Slot::new(body),
            settled,
        })
    }

    fn pipeline(&self, pipeline: PipelineTask, state: &Arc<FlowShared>) -> smol::Task<()> {
        let shared = &self.inner.shared;
        let panicked = self.panicked(&pipeline.name, Some(Arc::clone(state)));
        let name = format!("{}/{}", self.flow, pipeline.name);
        let (alive, running) = (self.alive.clone(), self.running.clone());
        let contraflow = Arc::clone(&self.contraflow);
        let task = run_pipeline(pipeline, contraflow, shared.clock, self.inner.is_logical);
        let task = async move {
            let _lives = (alive, running);
            task.await;
        };
        let watched = Watched::new(&name, shared, task, panicked);
        shared.executor.spawn(watched)
    }

    /// What is done where the engine itself panics in a task.
    fn panicked(
        &self,
        name: &str,
        state: Option<Arc<FlowShared>>,
    ) -> impl FnMut(Error) + Unpin + Send + 'static {
        let (flow, name) = (self.flow.to_owned(), name.to_owned());
        let (logger, failed) = (self.inner.shared.logger.clone(), self.failed.clone());
        move |error: Error| {
            let message = format!("the engine {error}; this is a bug in Temblor");
            logger.about(Level::Error, &flow, &name, &message);
            if let Some(state) = &state {
                state.life().error = Some(format!("pipeline `{name}`: {message}"));
            }
            // Only the first failure of a flow counts.
            let _ = failed.try_send(());
        }
    }
}
