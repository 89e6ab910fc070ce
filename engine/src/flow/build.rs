//! Starting a flow: connectors made and connected, sinks before sources, then all tasks at once.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use event_listener::Event as Notify;
use log::Level;
use smol::Task;
use temblor_lang::{ConnectorSpec, Flow, Named};
use temblor_pdk::{
    Command, Context, DynCodec, DynPostprocessor, DynPreprocessor, Error, Host, Instance, Kind,
    Outcome, Payload, SinkInfo, SourceInfo, call,
};
use temblor_registry::Registered;

use super::graph;
use super::handle::{FlowHandle, FlowState, Known};
use super::pipeline::run_pipeline;
use super::plan::{Found, Planned, StartError, plan};
use super::supervise::{Control, Supervisor};
use super::tell::tell;
use crate::breaker::Contraflow;
use crate::control::{ConnectorState, Status};
use crate::decode::Decoder;
use crate::encode::Encoder;
use crate::engine::Inner;
use crate::executor::Watched;
use crate::fate::{SourceFates, Tally};
use crate::host::ConnectorHost;
use crate::letter::{Letters, OnFailure};
use crate::measure::Measures;
use crate::sink::SinkTask;
use crate::source::SourceTask;

/// A connector that was made, with what its sides need.
struct Made<'f> {
    planned: Planned<'f>,
    control: Box<dyn Instance>,
    status: Status,
    measures: Arc<Measures>,
    decoder: Option<Decoder>,
    encoder: Option<Encoder>,
    sink: Option<(Box<dyn Instance>, SinkInfo)>,
    source: Option<(Box<dyn Instance>, SourceInfo)>,
}

/// Starts a flow. If anything fails, nothing of it is left running.
pub(crate) async fn start(inner: &Arc<Inner>, flow: &Flow) -> Result<FlowHandle, StartError> {
    let planned = plan(flow, &inner.registry, &inner.locals)?;
    let mut made = Vec::new();
    for planned in planned {
        made.push(make(inner, flow, planned)?);
    }
    // Sinks are ready before any source is.
    for made in made.iter_mut().filter(|made| made.planned.sink.is_some()) {
        connect(made).await?;
        create_sink(made).await?;
    }
    for made in made.iter_mut().filter(|made| made.planned.source.is_some()) {
        if made.planned.sink.is_none() {
            connect(made).await?;
        }
        create_source(made).await?;
    }
    for made in &mut made {
        order(made, Command::Start, "start").await?;
        made.status.set(ConnectorState::Running);
    }
    Ok(spawn(inner, flow, made))
}

fn make<'f>(inner: &Arc<Inner>, flow: &Flow, planned: Planned<'f>) -> Result<Made<'f>, StartError> {
    let spec = planned.spec;
    let decoder = match planned.source {
        Some(info) if info.payload == Payload::Bytes => {
            Some(decoder(inner, &flow.name, spec, info)?)
        }
        _ => None,
    };
    let encoder = match planned.sink {
        Some(info) if info.payload == Payload::Bytes => Some(encoder(inner, spec)?),
        _ => None,
    };
    let host = Host::new(ConnectorHost {
        shared: Arc::clone(&inner.shared),
        flow: flow.name.clone(),
        connector: spec.name.clone(),
        plugin: planned.found.plugin(),
    });
    let context = Context::new(&spec.name, host);
    let control = match &planned.found {
        Found::Registered(entry) => entry.make_connector(&spec.config.to_json(), context),
        Found::Local(local) => local.make(context),
    };
    let control = control.map_err(|error| StartError::of_connector(spec, "make", &error))?;
    Ok(Made {
        planned,
        control,
        status: Status::new(),
        measures: Measures::new((!inner.is_logical).then_some(inner.shared.clock)),
        decoder,
        encoder,
        sink: None,
        source: None,
    })
}

fn entry(inner: &Inner, kind: Kind, named: &Named) -> Result<Registered, StartError> {
    inner
        .registry
        .find(kind, &named.name)
        .map_err(|error| StartError::config(named.name_span, error.to_string()).help(error.help()))
}

/// An error that a codec or processor gave while it was made.
fn unusable(named: &Named, error: &Error) -> StartError {
    let message = format!("cannot make `{}`: {error}", named.name);
    StartError::config(named.config_spans.value(""), message)
}

fn codec(inner: &Inner, spec: &ConnectorSpec) -> Result<Box<dyn DynCodec>, StartError> {
    let Some(named) = &spec.codec else {
        return Err(StartError::config(spec.span, "a codec is missing"));
    };
    let made = entry(inner, Kind::Codec, named)?.make_codec(&named.config.to_json());
    made.map_err(|error| unusable(named, &error))
}

fn decoder(
    inner: &Inner,
    flow: &str,
    spec: &ConnectorSpec,
    info: SourceInfo,
) -> Result<Decoder, StartError> {
    let mut entries = Vec::new();
    for named in &spec.preprocessors {
        let entry = entry(inner, Kind::Preprocessor, named)?;
        let config = named.config.to_json();
        // Made once here, so that a mistake is found before anything runs.
        let probe = entry.make_preprocessor(&config);
        probe.map_err(|error| unusable(named, &error))?;
        entries.push((entry, config));
    }
    let make = move || -> temblor_pdk::Result<Vec<Box<dyn DynPreprocessor>>> {
        let make = |(entry, config): &(Registered, String)| entry.make_preprocessor(config);
        entries.iter().map(make).collect()
    };
    Ok(Decoder::new(
        codec(inner, spec)?,
        Box::new(make),
        inner.times(),
        Letters::of_connector(flow, &spec.name),
        OnFailure::Fail,
        info.transactional,
    ))
}

fn encoder(inner: &Inner, spec: &ConnectorSpec) -> Result<Encoder, StartError> {
    let mut steps: Vec<Box<dyn DynPostprocessor>> = Vec::new();
    for named in &spec.postprocessors {
        let entry = entry(inner, Kind::Postprocessor, named)?;
        let made = entry.make_postprocessor(&named.config.to_json());
        steps.push(made.map_err(|error| unusable(named, &error))?);
    }
    Ok(Encoder::new(codec(inner, spec)?, steps))
}

async fn order(made: &mut Made<'_>, command: Command, doing: &str) -> Result<Outcome, StartError> {
    let reply = call(&mut *made.control, command).await;
    reply.map_err(|error| {
        let start = StartError::of_connector(made.planned.spec, doing, &error);
        made.status.fail(error);
        start
    })
}

async fn connect(made: &mut Made<'_>) -> Result<(), StartError> {
    made.status.set(ConnectorState::Connecting);
    order(made, Command::Connect, "connect").await?;
    Ok(())
}

async fn create_sink(made: &mut Made<'_>) -> Result<(), StartError> {
    let outcome = order(made, Command::CreateSink, "create the sink of").await?;
    if let (Outcome::Instance(instance), Some(info)) = (outcome, made.planned.sink) {
        made.sink = Some((made.measures.around(instance), info));
    }
    Ok(())
}

async fn create_source(made: &mut Made<'_>) -> Result<(), StartError> {
    let outcome = order(made, Command::CreateSource, "create the source of").await?;
    if let (Outcome::Instance(instance), Some(info)) = (outcome, made.planned.source) {
        made.source = Some((made.measures.around(instance), info));
    }
    Ok(())
}

/// Starts all tasks of a flow whose connectors are ready.
fn spawn(inner: &Arc<Inner>, flow: &Flow, made: Vec<Made<'_>>) -> FlowHandle {
    let graph = graph::build(flow, inner.limits, &inner.shared.logger);
    let contraflow = graph.contraflow;
    let (failed, failures) = flume::bounded(1);
    let (orders, flow_orders) = flume::unbounded();
    let (alive, all_gone) = flume::bounded(1);
    let mut supervisor = Supervisor {
        controls: Vec::new(),
        tasks: Vec::new(),
        all_gone,
        source_orders: Vec::new(),
        orders: flow_orders,
        waiting: VecDeque::new(),
        failures,
    };
    let mut known = Vec::new();
    let mut told = Vec::new();
    let parts = Spawner {
        inner,
        flow: &flow.name,
        failed,
        alive,
        contraflow: &contraflow,
    };
    let routes = graph.outs.into_iter().zip(graph.errs).zip(graph.sinks);
    for (made, ((out, err), queue)) in made.into_iter().zip(routes) {
        let spec = made.planned.spec;
        let status = made.status.clone();
        let tally = made.source.as_ref().map(|_| Arc::new(Tally::default()));
        let depth = queue.as_ref().map(|(queue, _)| queue.depth());
        if let (Some((instance, info)), Some((queue, breaker))) = (made.sink, queue) {
            let task = SinkTask {
                name: spec.name.clone(),
                flow: flow.name.clone(),
                instance,
                encoder: made.encoder,
                queue,
                breaker,
                settles: info.settles,
                status: status.clone(),
                shared: Arc::clone(&inner.shared),
                failed: parts.failed.clone(),
                measures: Arc::clone(&made.measures),
            };
            let task = parts.watch(&spec.name, Some(&status), task.run());
            supervisor.tasks.push(task);
        }
        if let (Some((instance, info)), Some(tally)) = (made.source, &tally) {
            let (source_orders, orders) = flume::unbounded();
            supervisor.source_orders.push(source_orders);
            let task = parts.source(
                spec,
                instance,
                info,
                made.decoder,
                (out, err),
                orders,
                (status.clone(), tally, &made.measures),
            );
            let task = parts.watch(&spec.name, Some(&status), task.run());
            supervisor.tasks.push(task);
        }
        if let Found::Local(local) = &made.planned.found {
            local.give_up();
        }
        supervisor.controls.push(Control {
            instance: made.control,
            status: status.clone(),
            name: spec.name.clone(),
            abandoned: false,
        });
        told.push(spec.metrics_interval_s.map(Duration::from_secs));
        known.push(Known {
            name: spec.name.clone(),
            kind: spec.kind.clone(),
            link_mode: made.planned.found.link_mode(),
            status,
            plugin: made.planned.found.plugin(),
            tally,
            queue: depth,
            measures: made.measures,
        });
    }
    let queues = graph.pipelines.iter();
    let queues = queues.map(|pipeline| (pipeline.name.clone(), pipeline.queue.depth()));
    let queues = queues.collect();
    for pipeline in graph.pipelines {
        let name = pipeline.name.clone();
        let contraflow = Arc::clone(&contraflow);
        let task = run_pipeline(pipeline, contraflow, inner.shared.clock, inner.is_logical);
        supervisor.tasks.push(parts.watch(&name, None, task));
    }
    let state = Arc::new(FlowState {
        name: flow.name.clone(),
        connectors: known,
        queues,
        orders,
        report: Mutex::new(None),
        ended: Notify::new(),
    });
    for (at, every) in told.into_iter().enumerate() {
        if let Some(every) = every {
            tell(&state, at, every, &inner.shared);
        }
    }
    let task = supervisor.run(Arc::clone(&state), Arc::clone(&inner.shared));
    inner.shared.executor.spawn(task).detach();
    FlowHandle(state)
}

/// What all tasks of a flow are made with.
struct Spawner<'a> {
    inner: &'a Arc<Inner>,
    flow: &'a str,
    failed: flume::Sender<()>,
    /// Every task has one of these as long as it lives.
    alive: flume::Sender<()>,
    contraflow: &'a Arc<Contraflow>,
}

impl Spawner<'_> {
    /// Spawns a task of the connector with this status, or of a pipeline.
    fn watch(
        &self,
        name: &str,
        status: Option<&Status>,
        task: impl Future<Output = ()> + Send + 'static,
    ) -> Task<()> {
        let shared = &self.inner.shared;
        let panicked = {
            let (flow, name) = (self.flow.to_owned(), name.to_owned());
            let (status, failed) = (status.cloned(), self.failed.clone());
            let logger = shared.logger.clone();
            move |error: Error| {
                let message = format!("the engine {error}; this is a bug in Temblor");
                logger.about(Level::Error, &flow, &name, &message);
                status.iter().for_each(|status| {
                    status.fail(error.clone());
                });
                // Only the first failure of a flow counts.
                let _ = failed.try_send(());
            }
        };
        let alive = self.alive.clone();
        let task = async move {
            let _alive = alive;
            task.await;
        };
        let name = format!("{}/{name}", self.flow);
        let watched = Watched::new(&name, shared, task, panicked);
        shared.executor.spawn(watched)
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "a task is made of what it is made of"
    )]
    fn source(
        &self,
        spec: &ConnectorSpec,
        instance: Box<dyn Instance>,
        info: SourceInfo,
        decoder: Option<Decoder>,
        (out, err): (Vec<crate::route::Target>, Vec<crate::route::Target>),
        orders: flume::Receiver<crate::control::Order>,
        (status, tally, measures): (Status, &Arc<Tally>, &Arc<Measures>),
    ) -> SourceTask {
        let number = self.inner.next_source();
        let whole_pulls = info.payload == Payload::Bytes;
        let (fates, settled) = SourceFates::new(
            number,
            &spec.name,
            Arc::clone(tally),
            info.transactional,
            whole_pulls,
        );
        SourceTask {
            name: spec.name.clone(),
            flow: self.flow.to_owned(),
            number,
            instance,
            decoder,
            out,
            err,
            orders,
            settled,
            fates,
            transactional: info.transactional,
            status,
            shared: Arc::clone(&self.inner.shared),
            failed: self.failed.clone(),
            measures: Arc::clone(measures),
            limits: self.inner.pull_limits,
            times: self.inner.times(),
            contraflow: Arc::clone(self.contraflow),
        }
    }
}
