//! `temblor dlq replay`: the flow runs without its sources, and gets the events of the file instead.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use temblor::{Engine, EngineBuilder, FlowReport, Replay};
use temblor_lang::{ConnectorSpec, Deployment, Endpoint, Flow};
use temblor_pdk::{OwnedValue, Payload as PayloadKind};

use super::super::catalogue;
use super::super::check::show;
use super::super::failure::{Exit, Failure, Outcome};
use super::super::log::Log;
use super::super::output::{complain, nearest, quoted, secrets};
use super::super::program::Program;
use super::super::run::not_started;
use super::super::signals::Signals;
use super::ReplayOptions;
use super::record::{Payload, Record, Records};

/// What a source's place is taken by.
#[derive(Default)]
struct StandIn {
    /// Takes events as they are.
    values: Option<Replay>,
    /// Takes what the codec is to read.
    bytes: Option<Replay>,
}

/// How much goes to a source.
#[derive(Clone, Copy, Default)]
struct Share {
    values: u64,
    bytes: u64,
    /// The first line with bytes.
    line: usize,
}

/// What the file holds.
#[derive(Default)]
struct Content {
    /// The flow in which they failed.
    flow: Option<String>,
    shares: BTreeMap<String, Share>,
    /// Records of events of which the file holds nothing to send.
    missing: u64,
}

/// Runs the command.
pub(super) fn run(options: &ReplayOptions, log: Log) -> Outcome {
    let registry = catalogue::fill(&options.catalogue, log)?;
    catalogue::warn_of_refused(&registry, log);
    let registry = Arc::new(registry);
    let mut program = Program::read(&options.flow, &options.modules.options(&registry))?;
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
    let Some(deployment) = &mut program.deployment else {
        let file = options.flow.display();
        return Err(Failure::wrong(format!("`{file}` deploys no flow"))
            .help("events are sent again through a flow, a file `.troy`"));
    };
    let flow = flow_of(deployment, options)?;
    let content = look(options, flow)?;
    check_is_not_written(flow, &options.file)?;
    let mut builder = Engine::builder()
        .registry(registry)
        .secrets(secrets().clone())
        .log(log.level(), move |record| log.take(record));
    let stand_ins = replace(flow, &content, &mut builder)?;
    let signals = Signals::catch()?;
    let engine = builder
        .build()
        .map_err(|error| Failure::failed(format!("the engine cannot start: {error}")))?;
    // Opened before the flow is, in case that it puts another file in its place.
    let records = Records::open(&options.file)?;
    let handle = match engine.start(flow) {
        Ok(handle) => handle,
        Err(error) => return Ok(not_started(&error, &program.sources)),
    };
    signals.watch(handle.clone());
    let sent = send(records, options.connector.as_deref(), stand_ins)?;
    let report = handle.wait();
    Ok(told(&report, sent, &content))
}

/// The flow that the events are for.
fn flow_of<'d>(
    deployment: &'d mut Deployment,
    options: &ReplayOptions,
) -> Result<&'d mut Flow, Failure> {
    let name = match Records::open(&options.file)?.next()? {
        Some(record) => record.flow,
        None => {
            let message = format!("`{}` holds no records", options.file.display());
            return Err(Failure::wrong(message).help("there is nothing to send again"));
        }
    };
    let names: Vec<String> = deployment
        .flows
        .iter()
        .map(|flow| flow.name.clone())
        .collect();
    let at = match names.iter().position(|known| *known == name) {
        Some(at) => at,
        // The flow may have been given another name since.
        None if names.len() == 1 => 0,
        None => {
            let file = options.flow.display();
            let message = format!("`{file}` has no flow `{name}`, where the first event failed");
            return Err(Failure::wrong(message).help(format!(
                "its flows are {}",
                quoted(names.iter().map(String::as_str))
            )));
        }
    };
    match deployment.flows.get_mut(at) {
        Some(flow) => Ok(flow),
        None => Err(Failure::wrong("there is no flow")),
    }
}

/// Reads the whole file, so that a mistake is found before anything runs.
fn look(options: &ReplayOptions, flow: &Flow) -> Result<Content, Failure> {
    let sources: Vec<&str> = sources(flow).map(|(_, spec)| &*spec.name).collect();
    let mut content = Content::default();
    let mut records = Records::open(&options.file)?;
    while let Some(record) = records.next()? {
        let line = record.line;
        let of = content.flow.get_or_insert_with(|| record.flow.clone());
        if *of != record.flow {
            let file = options.file.display();
            let message = format!("{file}:{line}:1: the record is of flow `{}`", record.flow);
            return Err(Failure::wrong(message).help(format!(
                "those before it are of `{of}`; send the events of each flow from a file of its own"
            )));
        }
        let name = goes_to(&record, options.connector.as_deref());
        let Some(name) = name.filter(|name| sources.contains(name)) else {
            return Err(no_source(options, line, name, &sources));
        };
        let share = content.shares.entry(name.to_owned()).or_default();
        match record.payload {
            Payload::Bytes(_) => {
                share.line = if share.bytes == 0 { line } else { share.line };
                share.bytes += 1;
            }
            Payload::Value(_) => share.values += 1,
            Payload::Missing => content.missing += 1,
        }
    }
    Ok(content)
}

fn goes_to<'r>(record: &'r Record, connector: Option<&'r str>) -> Option<&'r str> {
    connector.or(record.source.as_deref())
}

fn no_source(
    options: &ReplayOptions,
    line: usize,
    name: Option<&str>,
    sources: &[&str],
) -> Failure {
    let (file, flow) = (options.file.display(), options.flow.display());
    let message = match name {
        Some(name) => format!("{file}:{line}:1: `{flow}` has no source `{name}`"),
        None => format!("{file}:{line}:1: the record does not say which source it came from"),
    };
    let known = quoted(sources.iter().copied());
    let meant = name.and_then(|name| nearest(name, sources.iter().copied()));
    Failure::wrong(message).help(match meant {
        Some(meant) => format!("did you mean `--connector {meant}`?"),
        None => format!("say where it is to go with `--connector`; the sources are {known}"),
    })
}

/// The connectors that something reads from, with their places.
fn sources(flow: &Flow) -> impl Iterator<Item = (usize, &ConnectorSpec)> {
    let connectors = flow.connectors.iter().enumerate();
    connectors.filter(|(at, _)| {
        let mut links = flow.links.iter();
        links.any(|link| matches!(&link.from, Endpoint::Connector { connector, port, .. } if connector == at && port == "out"))
    })
}

/// A flow that writes its dead letters to the file that is read would read what it writes, or empty it.
fn check_is_not_written(flow: &Flow, file: &Path) -> Result<(), Failure> {
    let Ok(file_itself) = file.canonicalize() else {
        return Ok(());
    };
    for connector in &flow.connectors {
        let OwnedValue::Object(config) = &connector.config else {
            continue;
        };
        let paths = config.values().filter_map(OwnedValue::as_str);
        let mut files = paths.filter_map(|path| Path::new(path).canonicalize().ok());
        if files.any(|path| path == file_itself) {
            let file = file.display();
            let message = format!(
                "connector `{}` of the flow uses `{file}` itself",
                connector.name
            );
            return Err(Failure::wrong(message)
                .help(format!("move it away first, as in `mv {file} {file}.1`")));
        }
    }
    Ok(())
}

/// Puts stand-ins in the place of all sources: those that get nothing end at once.
fn replace(
    flow: &mut Flow,
    content: &Content,
    builder: &mut EngineBuilder,
) -> Result<BTreeMap<String, StandIn>, Failure> {
    let sources: Vec<usize> = sources(flow).map(|(at, _)| at).collect();
    let mut stand_ins = BTreeMap::new();
    for at in sources {
        let spec = &flow.connectors[at];
        let is_sink = |end: &Endpoint| matches!(end, Endpoint::Connector { connector, .. } if *connector == at);
        if flow.links.iter().any(|link| is_sink(&link.to)) {
            let message = format!(
                "connector `{}` is source and sink of the flow at once, and cannot be one without the other",
                spec.name
            );
            return Err(Failure::wrong(message)
                .help("send the events through a flow with the same pipelines and another sink"));
        }
        let share = content.shares.get(&spec.name).copied().unwrap_or_default();
        if share.bytes > 0 && spec.codec.is_none() {
            let message = format!(
                "line {}: connector `{}` has no codec, so it can read no bytes",
                share.line, spec.name
            );
            return Err(Failure::wrong(message).help("name another one with `--connector`"));
        }
        let stand_in = stand_in(flow, at, share, builder);
        stand_ins.insert(flow.connectors[at].name.clone(), stand_in);
    }
    Ok(stand_ins)
}

fn stand_in(flow: &mut Flow, at: usize, share: Share, builder: &mut EngineBuilder) -> StandIn {
    let mut stand_in = StandIn::default();
    let spec = &mut flow.connectors[at];
    // No kind that can be written in a text.
    let kind = |payload: &str| format!("replay of {payload} to connector {at}");
    spec.config = OwnedValue::default();
    spec.preprocessors.clear();
    spec.postprocessors.clear();
    spec.reconnect = None;
    let mut of_bytes = spec.clone();
    spec.codec = None;
    spec.kind = kind("values");
    stand_in.values = Some(builder.replay(&spec.kind, PayloadKind::Values));
    if share.bytes > 0 {
        of_bytes.kind = kind("bytes");
        stand_in.bytes = Some(builder.replay(&of_bytes.kind, PayloadKind::Bytes));
        let place = flow.connectors.len();
        flow.connectors.push(of_bytes);
        let mut links = Vec::new();
        for link in &flow.links {
            let mut link = link.clone();
            if let Endpoint::Connector { connector, .. } = &mut link.from
                && *connector == at
            {
                *connector = place;
                links.push(link);
            }
        }
        flow.links.append(&mut links);
    }
    stand_in
}

/// Sends all events, in the order of the file. Returns how many were sent.
fn send(
    mut records: Records,
    connector: Option<&str>,
    stand_ins: BTreeMap<String, StandIn>,
) -> Result<u64, Failure> {
    let mut sent = 0;
    while let Some(record) = records.next()? {
        let name = goes_to(&record, connector).unwrap_or_default();
        let stand_in = stand_ins.get(name);
        let channel = stand_in.and_then(|stand_in| match record.payload {
            Payload::Bytes(_) => stand_in.bytes.as_ref(),
            Payload::Value(_) => stand_in.values.as_ref(),
            Payload::Missing => None,
        });
        let (Some(channel), Some(again)) = (channel.cloned(), record.again()) else {
            continue;
        };
        if channel.send(again).is_err() {
            // The flow has ended before its time; its report says why.
            break;
        }
        sent += 1;
    }
    Ok(sent)
}

/// Says what became of the events.
fn told(report: &FlowReport, sent: u64, content: &Content) -> Exit {
    for connector in &report.connectors {
        if let Some(error) = &connector.error {
            let name = &connector.name;
            complain(format!("error: connector `{name}` failed: {error}"));
        }
    }
    let counts = report.counts;
    let again = counts.failed + counts.refused + counts.dead_lettered;
    let wanted: u64 = content.shares.values().map(|s| s.values + s.bytes).sum();
    let dropped = counts.dropped() - counts.refused - counts.dead_lettered;
    complain(format!(
        "replayed {sent} of {wanted} event(s): delivered {}, dropped {dropped}, failed again {again}",
        counts.delivered
    ));
    if content.missing > 0 {
        complain(format!(
            "error: {} record(s) do not hold what failed, so it cannot be sent again",
            content.missing
        ));
    }
    match report.is_ok() && again == 0 && sent == wanted && content.missing == 0 {
        true => Exit::Done,
        false => Exit::Failed,
    }
}
