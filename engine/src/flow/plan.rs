//! A flow against what there is: every connector found, every side it needs there, every codec named.

use temblor_lang::{Afterwards, ConnectorSpec, Endpoint, Flow, Named, Span};
use temblor_pdk::{Error, ErrorKind, Kind, Payload, SinkInfo, SourceInfo};
use temblor_registry::{LinkMode, Registered, Registry};

use super::graph::is_written;
use super::lanes;
use crate::channel::{Local, Locals};
use crate::secret::{self, Secrets};

/// What kept a flow from starting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartErrorKind {
    /// What the user wrote cannot work.
    Config,
    /// A connector could not start.
    Connector,
}

/// Why a flow did not start. Nothing of it runs.
#[derive(Clone, Debug)]
pub struct StartError {
    /// Whether the text or the world is to blame.
    pub kind: StartErrorKind,
    /// What is wrong: lower case, no full stop.
    pub message: String,
    /// Where in the flow's text, if it is about a place.
    pub span: Option<Span>,
    /// The way out, if there is one to name.
    pub help: Option<String>,
}

impl StartError {
    pub(crate) fn config(span: Span, message: impl Into<String>) -> Self {
        StartError {
            kind: StartErrorKind::Config,
            message: message.into(),
            span: Some(span),
            help: None,
        }
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The same without what nobody is to see.
    pub(crate) fn masked(self, secrets: &Secrets) -> Self {
        StartError {
            message: secrets.mask(&self.message).into_owned(),
            help: self.help.map(|help| secrets.mask(&help).into_owned()),
            ..self
        }
    }

    /// An error that a connector gave while it was made or started.
    pub(crate) fn of_connector(spec: &ConnectorSpec, doing: &str, error: &Error) -> Self {
        let kind = match error.kind() {
            ErrorKind::Config => StartErrorKind::Config,
            _ => StartErrorKind::Connector,
        };
        StartError {
            kind,
            message: format!("cannot {doing} `{}` (`{}`): {error}", spec.name, spec.kind),
            span: Some(spec.span),
            help: None,
        }
    }

    /// The outside is not there, which may pass.
    pub(crate) fn may_pass(self) -> Self {
        self.help(
            "with `reconnect = {\"retry\": {\"interval_ms\": 100}}` the flow starts without it, and it is tried again",
        )
    }
}

impl std::fmt::Display for StartError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for StartError {}

/// What stands behind a connector's kind.
#[derive(Clone)]
pub(crate) enum Found {
    /// An entry of the registry.
    Registered(Registered),
    /// A channel of the embedding program.
    Local(Local),
}

impl Found {
    pub(crate) fn source(&self) -> Option<SourceInfo> {
        match self {
            Found::Registered(entry) => entry.source(),
            Found::Local(local) => local.source(),
        }
    }

    pub(crate) fn sink(&self) -> Option<SinkInfo> {
        match self {
            Found::Registered(entry) => entry.sink(),
            Found::Local(local) => local.sink(),
        }
    }

    /// The JSON Schema of its configuration; empty for a channel, which has none.
    pub(crate) fn schema(&self) -> String {
        match self {
            Found::Registered(entry) => entry.schema(),
            Found::Local(_) => String::new(),
        }
    }

    pub(crate) fn link_mode(&self) -> LinkMode {
        match self {
            Found::Registered(entry) => entry.link_mode(),
            Found::Local(_) => LinkMode::Native,
        }
    }

    /// The file name of the library it was loaded from.
    pub(crate) fn plugin(&self) -> Option<String> {
        match self {
            Found::Registered(entry) => match entry.provider() {
                temblor_registry::Provider::Plugin { path, .. } => {
                    Some(path.file_name()?.to_string_lossy().into_owned())
                }
                temblor_registry::Provider::Builtin { .. } => None,
            },
            Found::Local(_) => None,
        }
    }
}

/// A connector of the flow with the sides that the flow uses.
pub(crate) struct Planned<'f> {
    pub(crate) spec: &'f ConnectorSpec,
    pub(crate) found: Found,
    /// Set if something reads from it.
    pub(crate) source: Option<SourceInfo>,
    /// Set if something writes to it.
    pub(crate) sink: Option<SinkInfo>,
}

/// Finds everything that a flow names and checks that it fits.
pub(crate) fn plan<'f>(
    flow: &'f Flow,
    registry: &Registry,
    locals: &Locals,
    has_store: bool,
) -> Result<Vec<Planned<'f>>, StartError> {
    let mut planned = Vec::new();
    for (at, spec) in flow.connectors.iter().enumerate() {
        if let Some(error) = secret::check(spec).into_iter().next() {
            return Err(error);
        }
        let found = find(spec, registry, locals)?;
        let (source, sink) = sides(flow, at, spec, &found)?;
        check_codec(spec, source, sink)?;
        check_supported(spec)?;
        check_refusal(flow, at, spec, sink)?;
        check_way_of_records(flow, at, spec)?;
        planned.push(Planned {
            spec,
            found,
            source,
            sink,
        });
    }
    let source = |at: usize| planned.get(at).and_then(|planned| planned.source);
    lanes::check(flow, source, has_store)?;
    Ok(planned)
}

/// Finds what does not fit in a flow, without starting anything: sides and ports that connectors do not have, codecs
/// that are missing or have nothing to do, references in configurations that are not well written. Connectors that the
/// registry does not have are passed over. What references stand for is looked up when the flow starts, which may be in
/// another place.
pub fn check(flow: &Flow, registry: &Registry) -> Vec<StartError> {
    let mut errors = Vec::new();
    for (at, spec) in flow.connectors.iter().enumerate() {
        errors.extend(secret::check(spec));
        let Ok(entry) = registry.find(Kind::Connector, &spec.kind) else {
            continue;
        };
        let fits = sides(flow, at, spec, &Found::Registered(entry))
            .and_then(|(source, sink)| {
                check_codec(spec, source, sink)?;
                check_refusal(flow, at, spec, sink)?;
                check_way_of_records(flow, at, spec)
            })
            .and_then(|()| check_supported(spec));
        errors.extend(fits.err());
    }
    let source = |at: usize| {
        let kind = &flow.connectors.get(at)?.kind;
        registry.find(Kind::Connector, kind).ok()?.source()
    };
    // The place is said where the flow is started.
    errors.extend(lanes::check(flow, source, true).err());
    errors
}

fn find(spec: &ConnectorSpec, registry: &Registry, locals: &Locals) -> Result<Found, StartError> {
    if let Some(local) = locals.get(&spec.kind) {
        return Ok(Found::Local(local.clone()));
    }
    let found = registry.find(Kind::Connector, &spec.kind);
    found
        .map(Found::Registered)
        .map_err(|error| StartError::config(spec.kind_span, error.to_string()).help(error.help()))
}

/// Which sides of a connector the flow's links use, and whether it has them.
fn sides(
    flow: &Flow,
    connector: usize,
    spec: &ConnectorSpec,
    found: &Found,
) -> Result<(Option<SourceInfo>, Option<SinkInfo>), StartError> {
    let (mut source, mut sink) = (None, None);
    for link in &flow.links {
        if let Endpoint::Connector {
            connector: at,
            port,
            span,
        } = &link.from
            && *at == connector
        {
            check_port(*span, spec, port, &["out", "err"])?;
            // What a sink refuses comes from its port `err`.
            if port == "out" || !is_written(flow, connector) {
                source = found.source();
                if source.is_none() {
                    return Err(no_side(*span, spec, "source", "read from"));
                }
            }
        }
        if let Endpoint::Connector {
            connector: at,
            port,
            span,
        } = &link.to
            && *at == connector
        {
            sink = found.sink();
            if sink.is_none() {
                return Err(no_side(*span, spec, "sink", "written to"));
            }
            check_port(*span, spec, port, &["in"])?;
        }
    }
    Ok((source, sink))
}

fn no_side(span: Span, spec: &ConnectorSpec, side: &str, use_of: &str) -> StartError {
    let message = format!(
        "connector `{}` cannot be {use_of}: `{}` has no {side}",
        spec.name, spec.kind
    );
    StartError::config(span, message).help(format!(
        "`temblor connectors show {}` says what it has",
        spec.kind
    ))
}

fn check_port(
    span: Span,
    spec: &ConnectorSpec,
    port: &str,
    ports: &[&str],
) -> Result<(), StartError> {
    if ports.contains(&port) {
        return Ok(());
    }
    let side = match ports.contains(&"in") {
        true => "input",
        false => "output",
    };
    let message = format!("connector `{}` has no {side} port `{port}`", spec.name);
    let all: Vec<String> = ports.iter().map(|port| format!("`{port}`")).collect();
    let help = match &*all {
        [one] => format!("its only {side} port is {one}"),
        all => format!("its {side} ports are {}", all.join(" and ")),
    };
    Err(StartError::config(span, message).help(help))
}

/// What makes no sense is refused, not ignored.
fn check_supported(spec: &ConnectorSpec) -> Result<(), StartError> {
    if spec.metrics_interval_s != Some(0) {
        return Ok(());
    }
    let message = format!(
        "`metrics_interval_s` of connector `{}` is 0, which is no interval",
        spec.name
    );
    let help = "give it a number of seconds, or leave it out: then its numbers are not logged";
    Err(StartError::config(spec.span, message).help(help))
}

/// What becomes of refused events must be possible.
fn check_refusal(
    flow: &Flow,
    at: usize,
    spec: &ConnectorSpec,
    sink: Option<SinkInfo>,
) -> Result<(), StartError> {
    let Some(on_failure) = &spec.on_failure else {
        return Ok(());
    };
    let is_err = |from: &Endpoint| matches!(from, Endpoint::Connector { connector, port, .. } if *connector == at && port == "err");
    let has_err = flow.links.iter().any(|link| is_err(&link.from));
    if on_failure.then == Afterwards::DeadLetter && !has_err {
        let message = format!(
            "connector `{}` has dead letters, and nothing is connected to its port `err`",
            spec.name
        );
        let help = format!(
            "connect the port, as in `connect /connector/{}/err to /connector/dead_letters`",
            spec.name
        );
        return Err(StartError::config(on_failure.span, message).help(help));
    }
    if on_failure.retry.is_some() && sink.is_none() {
        let message = format!(
            "connector `{}` is only read from, and what cannot be decoded cannot be tried again",
            spec.name
        );
        return Err(StartError::config(on_failure.span, message)
            .help("write `\"fail\"`, `\"drop\"` or `\"dead_letter\"`"));
    }
    Ok(())
}

/// Records of what a sink refuses must not come back to it: it would wait for itself.
fn check_way_of_records(flow: &Flow, at: usize, spec: &ConnectorSpec) -> Result<(), StartError> {
    let is_err_of = |from: &Endpoint, sink: usize| {
        matches!(from, Endpoint::Connector { connector, port, .. }
            if *connector == sink && port == "err")
    };
    let mut sinks = vec![at];
    let mut pipelines = Vec::new();
    let mut has_grown = is_written(flow, at);
    while std::mem::take(&mut has_grown) {
        for link in &flow.links {
            let is_on_the_way = match &link.from {
                Endpoint::Pipeline { pipeline, .. } => pipelines.contains(pipeline),
                from => sinks.iter().any(|sink| is_err_of(from, *sink)),
            };
            let (seen, to) = match &link.to {
                Endpoint::Connector { connector, .. } => (&mut sinks, *connector),
                Endpoint::Pipeline { pipeline, .. } => (&mut pipelines, *pipeline),
            };
            if !is_on_the_way {
                continue;
            }
            if matches!(&link.to, Endpoint::Connector { .. }) && to == at {
                let message = format!(
                    "what comes from the port `err` of connector `{}` leads back to it",
                    spec.name
                );
                return Err(StartError::config(link.span, message)
                    .help("send the records to another connector"));
            }
            if !seen.contains(&to) {
                seen.push(to);
                has_grown = true;
            }
        }
    }
    Ok(())
}

/// Bytes need a codec, values cannot have one.
fn check_codec(
    spec: &ConnectorSpec,
    source: Option<SourceInfo>,
    sink: Option<SinkInfo>,
) -> Result<(), StartError> {
    let payloads = [source.map(|s| s.payload), sink.map(|s| s.payload)];
    let bytes = payloads.contains(&Some(Payload::Bytes));
    let used = payloads.iter().any(Option::is_some);
    if bytes && spec.codec.is_none() {
        let message = format!(
            "connector `{}` (`{}`) handles bytes and has no codec",
            spec.name, spec.kind
        );
        return Err(StartError::config(spec.span, message)
            .help("say how they are to be read, as in `codec = \"json\"`"));
    }
    let first = |list: &[Named]| {
        list.first()
            .map(|named| (named.name_span, named.name.clone()))
    };
    let named = spec.codec.as_ref().map(|c| (c.name_span, c.name.clone()));
    let named = named
        .or_else(|| first(&spec.preprocessors))
        .or_else(|| first(&spec.postprocessors));
    if let (true, false, Some((span, name))) = (used, bytes, named) {
        let message = format!(
            "connector `{}` (`{}`) handles values, so `{name}` has nothing to do",
            spec.name, spec.kind
        );
        return Err(StartError::config(span, message).help("leave it out"));
    }
    Ok(())
}
