//! `temblor run`: starts the flows of a file and waits until they have ended.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use temblor::{
    ConnectorReport, ConnectorState, Counts, Directory, Engine, FlowHandle, FlowReport, StartError,
    StartErrorKind, StopRequest, Supervision,
};
use temblor_lang::{Code, Finding, Sources, render};
use temblor_registry::Registry;

use super::alone::{self, AloneOptions, ClockKind};
use super::catalogue::{self, CatalogueOptions, Link, parse_link};
use super::check::show;
use super::failure::{Exit, Failure, Outcome};
use super::log::Log;
use super::metrics::{self, Metrics};
use super::modules::ModuleOptions;
use super::output::{complain, secrets};
use super::overrides::{self, Override};
use super::program::Program;
use super::signals::Signals;

/// What to run and how.
#[derive(Args, Debug)]
pub(crate) struct RunOptions {
    /// The `.troy` file; or a query (`.trickle`) or a script (`.tremor`) that is run over an input
    file: PathBuf,
    #[command(flatten)]
    catalogue: CatalogueOptions,
    #[command(flatten)]
    modules: ModuleOptions,
    /// Which clock events, windows and operators see
    #[arg(long, value_enum, value_name = "CLOCK", default_value_t)]
    clock: ClockKind,
    /// How connectors of this name are called: native, abi or dylib; can be repeated
    #[arg(long = "link", value_name = "NAME=MODE", value_parser = parse_link)]
    links: Vec<Link>,
    /// Sets a key in the configuration of a created connector; can be repeated
    #[arg(long = "set", value_name = "CONNECTOR.KEY=VALUE", value_parser = overrides::parse)]
    sets: Vec<Override>,
    /// The number of worker threads; one for each core by default
    #[arg(long, value_name = "COUNT")]
    workers: Option<NonZeroUsize>,
    /// Serves metrics, health and readiness over HTTP: a port, or an address and a port
    #[arg(long, value_name = "ADDR", value_parser = metrics::parse)]
    metrics: Option<SocketAddr>,
    /// How long flows may take to drain after a signal or a failure, in seconds; then they stop
    #[arg(long, value_name = "SECONDS", default_value_t = 5.0, value_parser = seconds)]
    drain_timeout: f64,
    /// Where states that are kept by lane are stored; all processes that share the lanes need the same directory
    #[arg(long, value_name = "DIR")]
    state_dir: Option<PathBuf>,
    /// Leaves out the line with what became of the events
    #[arg(long)]
    quiet: bool,
    #[command(flatten)]
    alone: AloneOptions,
}

/// Runs the command.
pub(crate) fn run(options: &RunOptions, log: Log) -> Outcome {
    let mut registry = catalogue::fill(&options.catalogue, log)?;
    catalogue::warn_of_refused(&registry, log);
    for link in &options.links {
        registry.link(&link.name, link.mode);
    }
    let registry = Arc::new(registry);
    let mut program = Program::read(&options.file, &options.modules.options(&registry))?;
    if let Some(deployment) = &mut program.deployment {
        for set in &options.sets {
            set.apply(deployment)?;
        }
    }
    program.check(&registry, &options.sets);
    show(&program);
    if let Some(exit) = program.verdict() {
        return Ok(exit);
    }
    registry
        .check(&program.selectors())
        .map_err(|error| catalogue::of_registry(&error))?;
    if let Some(pipeline) = &program.pipeline {
        if let Some(set) = options.sets.first() {
            let target = set.target();
            let message = format!("`--set {target}`: a script or query has no connectors");
            return Err(Failure::wrong(message).help("`--set` is for flows"));
        }
        if options.metrics.is_some() {
            let message = "`--metrics` is for flows";
            return Err(Failure::wrong(message).help("a script or query that runs alone has none"));
        }
        if options.state_dir.is_some() {
            let message = "`--state-dir` is for flows";
            return Err(
                Failure::wrong(message).help("a script or query that runs alone has no lanes")
            );
        }
        return alone::run(pipeline, &options.alone, options.clock, &registry);
    }
    if let Some(name) = options.alone.given() {
        let message = format!("`{name}` is for scripts and queries");
        return Err(Failure::wrong(message)
            .help("the connectors of a flow say what it reads and writes, and how"));
    }
    start(options, registry, &program, log)
}

fn start(options: &RunOptions, registry: Arc<Registry>, program: &Program, log: Log) -> Outcome {
    let flows = program
        .deployment
        .as_ref()
        .map(|deployment| &*deployment.flows);
    let Some(flows @ [_, ..]) = flows else {
        let file = options.file.display();
        return Err(Failure::wrong(format!("`{file}` deploys no flow"))
            .help("add a line like `deploy flow main;`"));
    };
    let signals = Signals::catch()?;
    let engine = engine(options, registry, log)?;
    let metrics = options
        .metrics
        .map(|address| Metrics::serve(address, engine.observer(), log));
    let metrics = metrics.transpose()?;
    for flow in flows {
        match engine.start(flow) {
            Ok(handle) => signals.watch(handle),
            // Dropping the engine stops the flows that run already.
            Err(error) => return Ok(not_started(&error, &program.sources)),
        }
    }
    metrics.iter().for_each(|metrics| metrics.started());
    let mut exit = Exit::Done;
    for handle in signals.flows() {
        exit = ended(&handle, options.quiet, exit);
    }
    Ok(match engine.stop_request() {
        Some(request) => asked(request, exit),
        None => exit,
    })
}

fn engine(options: &RunOptions, registry: Arc<Registry>, log: Log) -> Result<Engine, Failure> {
    let supervision = Supervision {
        drain_timeout: Duration::from_secs_f64(options.drain_timeout),
        ..Supervision::default()
    };
    let mut builder = Engine::builder()
        .registry(registry)
        .supervision(supervision)
        .secrets(secrets().clone())
        .logical_clock(options.clock == ClockKind::Logical)
        .log(log.level(), move |record| log.take(record));
    if let Some(workers) = options.workers {
        builder = builder.workers(workers.get());
    }
    if let Some(path) = &options.state_dir {
        let directory = Directory::new(path);
        let directory =
            directory.map_err(|error| Failure::not_started(format!("`--state-dir`: {error}")))?;
        builder = builder.checkpoints(Arc::new(directory));
    }
    let built = builder.build();
    built.map_err(|error| Failure::failed(format!("the engine cannot start: {error}")))
}

/// The end that a connector asked for. Asked to end well, a program that did not still says so.
fn asked(request: StopRequest, exit: Exit) -> Exit {
    match request.status {
        0 if request.is_graceful => exit,
        status => Exit::Asked(status),
    }
}

/// Reads a number of seconds.
fn seconds(text: &str) -> Result<f64, String> {
    let seconds: f64 = text.parse().map_err(|_| "it is not a number".to_owned())?;
    match Duration::try_from_secs_f64(seconds) {
        Ok(_) => Ok(seconds),
        Err(_) => Err("it is no time that can be waited for".to_owned()),
    }
}

/// Shows why a flow did not start.
pub(super) fn not_started(error: &StartError, sources: &Sources) -> Exit {
    let exit = match error.kind {
        StartErrorKind::Config => Exit::Wrong,
        StartErrorKind::Connector => Exit::NotStarted,
    };
    match error.span {
        Some(span) => {
            let mut finding = Finding::error(Code::Config, span, &error.message);
            finding.help = error.help.clone();
            complain(render(&finding, sources).trim_end());
        }
        None => {
            let failure = Failure::wrong(&error.message).maybe_help(error.help.clone());
            complain(&failure);
        }
    }
    exit
}

/// Waits for the end of a flow and reports on it.
fn ended(flow: &FlowHandle, quiet: bool, exit: Exit) -> Exit {
    let report = flow.wait();
    let connectors = report.connectors.iter();
    connectors.for_each(|connector| ended_badly(connector, &report.name));
    if let Some(error) = &report.error {
        complain(format!("error: {error}"));
    }
    if report.stopped {
        let left = match report.left {
            1 => "1 event left".to_owned(),
            left => format!("{left} events left"),
        };
        complain(format!(
            "error: flow `{}` was stopped before it had drained: {left}",
            report.name
        ));
    }
    if !quiet {
        complain(sum(&report));
    }
    match report.is_ok() {
        true => exit,
        false => Exit::Failed,
    }
}

/// Says why a connector failed, if it did.
fn ended_badly(connector: &ConnectorReport, flow: &str) {
    if connector.state != ConnectorState::Failed {
        return;
    }
    let reason = connector.error.as_ref().map(ToString::to_string);
    let reason = reason.unwrap_or_else(|| "it gave no reason".to_owned());
    complain(format!(
        "error: connector `{}` (`{}`, {}) of flow `{flow}` failed: {reason}",
        connector.name, connector.kind, connector.link_mode
    ));
}

/// Says what became of the events, which adds up.
fn sum(report: &FlowReport) -> String {
    let Counts {
        events_in,
        delivered,
        failed,
        in_flight,
        ..
    } = report.counts;
    format!(
        "flow `{}`: in {events_in} = delivered {delivered} + failed {failed} + dropped {}{} + \
         in flight {in_flight}",
        report.name,
        report.counts.dropped(),
        reasons(&report.counts)
    )
}

fn reasons(counts: &Counts) -> String {
    let reasons = counts.reasons();
    let reasons = reasons.iter().filter(|(_, count)| *count > 0);
    let reasons: Vec<String> = reasons
        .map(|(name, count)| format!("{name} {count}"))
        .collect();
    match reasons.is_empty() {
        true => String::new(),
        false => format!(" ({})", reasons.join(", ")),
    }
}
