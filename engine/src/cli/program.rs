//! A file of the language, compiled and checked against the registry, without starting anything.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use serde_json::Value;
use temblor_lang::{
    Code, ConfigSpans, ConnectorSpec, Deployment, Finding, Flow, Named, Options, Pipeline, Query,
    Rejected, Severity, Source, Sources, Span, compile_deployment, compile_query, compile_script,
};
use temblor_pdk::{Kind, OwnedValue};
use temblor_registry::{Registered, Registry, RegistryError};

use super::catalogue::names_refused_plugin;
use super::config;
use super::failure::{Exit, Failure};
use super::output::secrets;
use super::overrides::Override;

/// A file and everything that is to be said about it.
pub(crate) struct Program {
    /// The text, and those of the modules that it uses.
    pub(crate) sources: Arc<Sources>,
    /// What it deploys; nothing if it does not compile, or is no deployment.
    pub(crate) deployment: Option<Deployment>,
    /// What it does, if it is a query or a script and compiles.
    pub(crate) pipeline: Option<Pipeline>,
    /// What is wrong with it or looks wrong, first what is found first.
    pub(crate) findings: Vec<Finding>,
    /// What is wrong with values that were set from outside.
    pub(crate) failures: Vec<Failure>,
    /// Whether something is missing because a plugin was refused.
    pub(crate) lacks_plugin: bool,
}

impl Program {
    /// Reads and compiles a file. Its name says what it holds.
    pub(crate) fn read(path: &Path, options: &Options) -> Result<Program, Failure> {
        Program::read_as(path, &path.display().to_string(), options)
    }

    /// Reads and compiles a file that is called `name` in reports.
    pub(crate) fn read_as(path: &Path, name: &str, options: &Options) -> Result<Program, Failure> {
        let text = fs::read_to_string(path).map_err(|error| unreadable(path, &error))?;
        let source = Arc::new(Source::new(name, text));
        let compiled = match Language::of(path) {
            Language::Script => compile_script(&source, options).map(Program::of_query),
            Language::Query => compile_query(&source, options).map(Program::of_query),
            Language::Deployment => {
                compile_deployment(&source, options).map(Program::of_deployment)
            }
        };
        Ok(compiled.unwrap_or_else(Program::of_rejected))
    }

    fn of_query(query: Query) -> Program {
        let mut program = Program::new(query.sources, query.warnings);
        program.pipeline = Some(query.pipeline);
        program
    }

    fn of_deployment(mut deployment: Deployment) -> Program {
        let warnings = std::mem::take(&mut deployment.warnings);
        let mut program = Program::new(Arc::clone(&deployment.sources), warnings);
        program.deployment = Some(deployment);
        program
    }

    fn of_rejected(rejected: Rejected) -> Program {
        Program::new(rejected.sources, rejected.findings)
    }

    fn new(sources: Arc<Sources>, findings: Vec<Finding>) -> Program {
        Program {
            sources,
            deployment: None,
            pipeline: None,
            findings,
            failures: Vec::new(),
            lacks_plugin: false,
        }
    }

    /// Checks every name and configuration against the registry.
    pub(crate) fn check(&mut self, registry: &Registry, overrides: &[Override]) {
        let Some(deployment) = &self.deployment else {
            return;
        };
        let mut checker = Checker {
            registry,
            overrides,
            findings: Vec::new(),
            failures: Vec::new(),
            lacks_plugin: false,
        };
        for flow in &deployment.flows {
            checker.flow(flow);
        }
        self.lacks_plugin |= checker.lacks_plugin;
        self.failures.append(&mut checker.failures);
        checker
            .findings
            .sort_by_key(|finding| (finding.span, finding.severity));
        // What keeps the flows from starting comes before what only looks wrong.
        checker.findings.append(&mut self.findings);
        // A definition that is created twice has the same mistake twice.
        checker.findings.dedup();
        self.findings = checker.findings;
    }

    /// Returns the exit code that the findings lead to, if the program cannot be run.
    pub(crate) fn verdict(&self) -> Option<Exit> {
        let error = |finding: &Finding| finding.severity == Severity::Error;
        match self.findings.iter().any(error) || !self.failures.is_empty() {
            false => None,
            true if self.lacks_plugin => Some(Exit::NotStarted),
            true => Some(Exit::Wrong),
        }
    }

    /// Returns the names of connectors, codecs and processors that the flows use.
    pub(crate) fn selectors(&self) -> Vec<&str> {
        let flows = self
            .deployment
            .iter()
            .flat_map(|deployment| &deployment.flows);
        let connectors = flows.flat_map(|flow| &flow.connectors);
        let names = connectors.flat_map(|connector| {
            let parts = parts(connector).map(|(_, named)| named.name.as_str());
            std::iter::once(connector.kind.as_str()).chain(parts)
        });
        names.collect()
    }
}

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Language {
    /// A script, `.tremor`.
    Script,
    /// A query, `.trickle`.
    Query,
    /// A deployment, `.troy` or any other name.
    Deployment,
}

impl Language {
    /// What the name of a file says about it.
    pub(crate) fn of(path: &Path) -> Language {
        match path.extension() {
            Some(end) if end == "tremor" => Language::Script,
            Some(end) if end == "trickle" => Language::Query,
            _ => Language::Deployment,
        }
    }
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    let path = path.display();
    let failure = Failure::wrong(format!("`{path}` cannot be read: {error}"));
    match error.kind() {
        std::io::ErrorKind::NotFound => {
            failure.help("check the path; it ends in `.troy`, `.trickle` or `.tremor`")
        }
        std::io::ErrorKind::InvalidData => failure.help("save it as UTF-8 text"),
        _ => failure.help("name a file that this user can read"),
    }
}

/// Returns the codec and the processors of a connector.
fn parts(connector: &ConnectorSpec) -> impl Iterator<Item = (Kind, &Named)> {
    let codec = connector.codec.iter().map(|named| (Kind::Codec, named));
    let before = connector.preprocessors.iter();
    let after = connector.postprocessors.iter();
    codec
        .chain(before.map(|named| (Kind::Preprocessor, named)))
        .chain(after.map(|named| (Kind::Postprocessor, named)))
}

struct Checker<'r> {
    registry: &'r Registry,
    overrides: &'r [Override],
    findings: Vec<Finding>,
    failures: Vec<Failure>,
    lacks_plugin: bool,
}

impl Checker<'_> {
    fn flow(&mut self, flow: &Flow) {
        for connector in &flow.connectors {
            self.connector(connector);
        }
        for error in temblor::check(flow, self.registry) {
            let span = error.span.unwrap_or(flow.span);
            let mut finding = Finding::error(Code::Config, span, error.message);
            finding.help = error.help;
            self.findings.push(finding);
        }
    }

    fn connector(&mut self, spec: &ConnectorSpec) {
        for (kind, named) in parts(spec) {
            if let Some(entry) = self.find(kind, &named.name, named.name_span) {
                self.config(&entry, &named.config, &named.config_spans, None);
            }
        }
        if let Some(entry) = self.find(Kind::Connector, &spec.kind, spec.kind_span) {
            self.config(&entry, &spec.config, &spec.config_spans, Some(&spec.name));
        }
    }

    fn find(&mut self, kind: Kind, name: &str, span: Span) -> Option<Registered> {
        match self.registry.find(kind, name) {
            Ok(entry) => Some(entry),
            Err(error) => {
                self.lacks_plugin |= names_refused_plugin(&error);
                let code = match error {
                    RegistryError::Unknown { .. } => Code::UnknownName,
                    _ => Code::Config,
                };
                let finding = Finding::error(code, span, error.to_string());
                self.findings.push(finding.help(error.help()));
                None
            }
        }
    }

    /// Checks a configuration; `alias` is the connector's name in its flow, which values can be set for.
    fn config(
        &mut self,
        entry: &Registered,
        config: &OwnedValue,
        spans: &ConfigSpans,
        alias: Option<&str>,
    ) {
        let subject = format!("{} `{}`", entry.kind().name(), entry.name());
        let schema = entry.schema();
        secrets().add_written(&schema, config);
        let problems = serde_json::to_value(config)
            .map_err(|error| error.to_string())
            .and_then(|config: Value| config::check(&schema, &config, &subject));
        let problems = problems.unwrap_or_else(|reason| {
            let message = format!("the schema of {subject} cannot be used: {reason}");
            self.findings
                .push(Finding::error(Code::Config, spans.value(""), message));
            Vec::new()
        });
        for problem in problems {
            let set = alias.and_then(|alias| {
                let mut all = self.overrides.iter();
                all.find(|one| one.sets(alias, &problem.pointer))
            });
            if let Some(set) = set {
                let failure = Failure::wrong(format!("`--set {set}`: {}", problem.message));
                self.failures.push(failure.maybe_help(problem.help));
                continue;
            }
            let span = match problem.at_key {
                true => spans.key(&problem.pointer),
                false => spans.value(&problem.pointer),
            };
            let mut finding = Finding::error(problem.code, span, problem.message);
            finding.help = problem.help;
            self.findings.push(finding);
        }
    }
}
