//! Compiling the body of a query or of an embedded pipeline into the graph.

use std::collections::HashMap;
use std::sync::Arc;

use temblor_pdk::value::Value;

use super::graph::{Clauses, Draft, DraftKind, Graph, SelectDraft, Sink};
use super::instance::{Given, given};
use super::query::Directives;
use super::select::clauses;
use super::{Compiled, PoolBuilder};
use crate::ast::{Ident, NodeKind, Port, Query, QueryStatement, Select};
use crate::code::Code;
use crate::finding::{Finding, Phase};
use crate::scope::{Loader, Scope};
use crate::span::Span;
use crate::suggest::did_you_mean;

/// Compiles bodies into one graph.
pub(super) struct Body<'b, 'c> {
    pub(super) graph: &'b mut Graph,
    pub(super) loader: &'b mut Loader,
    pub(super) pool: &'b mut PoolBuilder<'c>,
    pub(super) findings: &'b mut Vec<Finding>,
}

/// What a name of a body stands for.
pub(super) enum Named {
    /// An input port or a stream; events go in and come out.
    Junction(usize),
    /// An output port of the whole pipeline, and a junction that nothing comes out of.
    Output(usize, usize),
    /// A script or an operator.
    Node(usize),
    /// An embedded pipeline.
    Pipeline(Ports),
    /// Something that is wrong and was reported.
    Broken,
}

/// The ports of an embedded pipeline, with their junctions.
#[derive(Default)]
pub(super) struct Ports {
    pub(super) inputs: Vec<(Box<str>, usize)>,
    pub(super) outputs: Vec<(Box<str>, usize)>,
}

/// What the names of one body stand for.
pub(super) struct Names {
    pub(super) all: HashMap<Box<str>, Named>,
    /// The pipelines around it, for names in messages.
    pub(super) prefix: String,
    /// Whether ports that are made on demand are ports of the whole pipeline.
    is_outermost: bool,
    /// Whether the pipeline has a port `err`.
    has_err: bool,
}

/// What was compiled of a statement before the graph is built.
enum Compiling<'c> {
    Nothing,
    Select(Option<Clauses>),
    /// The values that are handed over, and whether the template was defined by then.
    Create(Given<'c>, bool),
}

impl<'c> Body<'_, 'c> {
    /// Compiles the query that is not embedded in another one.
    pub(super) fn outermost(&mut self, query: &Query, args: Value<'c>, directives: &Directives) {
        let mut names = Names::new(String::new(), true);
        let inputs = ports(&query.inputs, &directives.inputs, &["in"]);
        let outputs = ports(&query.outputs, &directives.outputs, &["out", "err"]);
        for port in inputs {
            let junction = self.graph.input(&port.name);
            self.add_port(&mut names, &port, Named::Junction(junction));
        }
        names.has_err = has_err(&outputs);
        for port in outputs {
            let place = self.graph.output(&port.name);
            let dead = self.dead_end(&port.name);
            self.add_port(&mut names, &port, Named::Output(place, dead));
        }
        let scope = self.statements(query, args, names);
        self.graph.report_cycle(self.findings);
        self.windows(&scope);
    }

    /// Compiles an embedded pipeline.
    pub(super) fn embedded(&mut self, query: &Query, args: Value<'c>, prefix: String) -> Ports {
        self.graph.args.push_str(&args.to_json());
        let mut names = Names::new(prefix, false);
        let mut found = Ports::default();
        for port in ports(&query.inputs, &None, &["in"]) {
            let junction = self.stream(&names, &port.name);
            found.inputs.push((port.name.clone(), junction));
            self.add_port(&mut names, &port, Named::Junction(junction));
        }
        let outputs = ports(&query.outputs, &None, &["out", "err"]);
        names.has_err = has_err(&outputs);
        for port in outputs {
            let junction = self.stream(&names, &port.name);
            found.outputs.push((port.name.clone(), junction));
            self.add_port(&mut names, &port, Named::Junction(junction));
        }
        self.statements(query, args, names);
        found
    }

    fn add_port(&mut self, names: &mut Names, port: &Ident, named: Named) {
        if names.all.insert(port.name.clone(), named).is_some() {
            let message = format!("the name `{}` is already in use by another port", port.name);
            self.graph_error(Finding::error(Code::DuplicateName, port.span, message));
        }
    }

    fn stream(&mut self, names: &Names, name: &str) -> usize {
        let vertex = self.graph.vertex(&names.full(name));
        self.graph.junction(vertex)
    }

    fn dead_end(&mut self, name: &str) -> usize {
        let vertex = self.graph.vertex(name);
        self.graph.junction(vertex)
    }

    pub(super) fn graph_error(&mut self, finding: Finding) {
        self.findings.push(finding.phase(Phase::Graph));
    }

    /// Compiles the statements: first names and clauses, in the order of the text, then the graph.
    fn statements(&mut self, query: &Query, args: Value<'c>, mut names: Names) -> Arc<Scope> {
        let mut scope = Scope::new(self.loader);
        let mut compiling = Vec::new();
        for statement in &query.statements {
            compiling.push(self.first_pass(statement, args, &mut scope));
        }
        let scope = Arc::new(scope);
        for (statement, compiled) in query.statements.iter().zip(compiling) {
            match (statement, compiled) {
                (QueryStatement::CreateStream { name, span }, _) => {
                    self.create_stream(name, *span, &mut names);
                }
                (QueryStatement::Create { kind, instance }, Compiling::Create(given, is_known)) => {
                    self.create(*kind, instance, &given, is_known, &scope, &mut names);
                }
                (QueryStatement::Select(select), Compiling::Select(clauses)) => {
                    self.select(select, clauses, &mut names);
                }
                _ => {}
            }
        }
        scope
    }

    fn first_pass(
        &mut self,
        statement: &QueryStatement,
        args: Value<'c>,
        scope: &mut Scope,
    ) -> Compiling<'c> {
        match statement {
            QueryStatement::Use(using) => scope.import(using, self.loader, self.findings),
            QueryStatement::Define(definition) => {
                scope.define(definition, self.loader, self.findings);
            }
            QueryStatement::CreateStream { .. } => {}
            QueryStatement::Create { kind, instance } => {
                let given = given(&instance.with, args, scope, self.pool, self.findings);
                let is_known = scope.has_template(*kind, &instance.template);
                return Compiling::Create(given, is_known);
            }
            QueryStatement::Select(select) => {
                let clauses = clauses(select, args, scope, self.pool, self.findings);
                return Compiling::Select(clauses.ok());
            }
        }
        Compiling::Nothing
    }

    fn create_stream(&mut self, name: &Ident, span: Span, names: &mut Names) {
        if names.all.contains_key(&name.name) {
            let message = format!("the stream `{}` is defined twice", name.name);
            let finding = Finding::error(Code::DuplicateName, span, message);
            self.graph_error(
                finding
                    .help("ports and everything that is created in a pipeline share their names"),
            );
            return;
        }
        let junction = self.stream(names, &name.name);
        names
            .all
            .insert(name.name.clone(), Named::Junction(junction));
    }

    fn select(&mut self, select: &Select, clauses: Option<Clauses>, names: &mut Names) {
        let from = self.source(select, names);
        let sink = self.sink(select, names);
        let (Ok(from), Ok(sink)) = (from, sink) else {
            return;
        };
        let err = match names.all.get("err") {
            _ if select.windows.is_empty() || !names.has_err => None,
            Some(Named::Output(place, _)) => Some(Sink::Output(*place)),
            Some(Named::Junction(junction)) => Some(Sink::Junction(*junction)),
            _ => None,
        };
        let vertex = |at: usize| self.graph.junctions.get(at).map_or(0, |j| j.vertex);
        let draft = SelectDraft {
            clauses,
            windows: select.windows.clone(),
            from: vertex(from),
            to: self.graph.vertex_of(sink),
            sink,
            err,
            span: select.from.node.span,
        };
        self.graph.nodes.push(Draft {
            name: "".into(),
            kind: DraftKind::Select(draft),
        });
        let reader = self.graph.nodes.len() - 1;
        if let Some(junction) = self.graph.junctions.get_mut(from) {
            junction.readers.push(reader);
        }
    }

    /// The junction that a select reads.
    fn source(&mut self, select: &Select, names: &mut Names) -> Compiled<usize> {
        let port = &select.from;
        let name = port.port.as_ref().map_or("out", |port| &port.name);
        match names.all.get(&port.node.name) {
            Some(Named::Junction(junction)) if name == "out" => Ok(*junction),
            Some(Named::Junction(junction)) => {
                let junction = *junction;
                let is_input = *port.node.name == *"in";
                if is_input && self.is_input(junction) {
                    return Ok(self.input_on_demand(format!("in/{name}"), names));
                }
                // Nothing ever comes out of it, but it leads on from the node.
                let vertex = self.graph.junctions.get(junction).map_or(0, |j| j.vertex);
                Ok(self.graph.junction(vertex))
            }
            Some(Named::Output(_, dead)) => Ok(*dead),
            Some(Named::Node(node)) => {
                let node = *node;
                Ok(self.graph.node_output(node, name))
            }
            Some(Named::Pipeline(ports)) => {
                let found = ports.outputs.iter().find(|(port, _)| **port == *name);
                match found {
                    Some((_, junction)) => Ok(*junction),
                    None => self.unknown(port, name, select, names),
                }
            }
            Some(Named::Broken) => Err(super::Reported),
            None => self.unknown(port, name, select, names),
        }
    }

    fn is_input(&self, junction: usize) -> bool {
        self.graph
            .inputs
            .iter()
            .any(|(_, input)| *input == junction)
    }

    fn input_on_demand(&mut self, name: String, names: &mut Names) -> usize {
        if let Some(Named::Junction(junction)) = names.all.get(name.as_str()) {
            return *junction;
        }
        let junction = self.graph.input(&name);
        names.all.insert(name.into(), Named::Junction(junction));
        junction
    }

    /// What a select feeds.
    fn sink(&mut self, select: &Select, names: &mut Names) -> Compiled<Sink> {
        let port = &select.into;
        let name = port.port.as_ref().map_or("in", |port| &port.name);
        match names.all.get(&port.node.name) {
            Some(Named::Output(..)) if *port.node.name == *"out" && name != "in" => Ok(
                Sink::Output(self.output_on_demand(format!("out/{name}"), names)),
            ),
            Some(Named::Output(place, _)) => Ok(Sink::Output(*place)),
            Some(Named::Junction(junction)) => Ok(Sink::Junction(*junction)),
            Some(Named::Node(node)) => {
                let node = *node;
                Ok(self.graph.node_input(node, name))
            }
            Some(Named::Pipeline(ports)) => {
                let found = ports.inputs.iter().find(|(port, _)| **port == *name);
                match found {
                    Some((_, junction)) => Ok(Sink::Junction(*junction)),
                    None => self.unknown(port, name, select, names),
                }
            }
            Some(Named::Broken) => Err(super::Reported),
            None => self.unknown(port, name, select, names),
        }
    }

    fn output_on_demand(&mut self, name: String, names: &mut Names) -> usize {
        if let Some(Named::Output(place, _)) = names.all.get(name.as_str()) {
            return *place;
        }
        let place = self.graph.output(&name);
        let dead = self.dead_end(&name);
        names.all.insert(name.into(), Named::Output(place, dead));
        place
    }

    fn unknown<T>(
        &mut self,
        port: &Port,
        name: &str,
        select: &Select,
        names: &Names,
    ) -> Compiled<T> {
        let node = &port.node.name;
        let message = format!("stream/port not defined: {node}/{name}");
        let help = match names.all.get(node) {
            Some(Named::Pipeline(ports)) => {
                let known = ports.inputs.iter().chain(&ports.outputs);
                did_you_mean(name, known.map(|(port, _)| &**port))
            }
            _ => did_you_mean(node, names.all.keys().map(|name| &**name))
                .or_else(|| Some(format!("`{node}` has to be created above this select"))),
        };
        let finding = Finding::error(Code::UnknownName, port.node.span, message);
        self.graph_error(finding.context(select.span).maybe_help(help));
        Err(super::Reported)
    }
}

impl Names {
    fn new(prefix: String, is_outermost: bool) -> Self {
        Names {
            all: HashMap::new(),
            prefix,
            is_outermost,
            has_err: false,
        }
    }

    /// A name with those of the pipelines around it.
    pub(super) fn full(&self, name: &str) -> String {
        match self.is_outermost {
            true => name.to_owned(),
            false => format!("{}/{name}", self.prefix),
        }
    }
}

/// The ports that are declared, or named by a directive, or those that every query has.
fn ports(declared: &Option<Vec<Ident>>, named: &Option<Vec<Ident>>, usual: &[&str]) -> Vec<Ident> {
    let port = |name: &&str| Ident {
        name: (*name).into(),
        span: Span::default(),
    };
    match declared.as_ref().or(named.as_ref()) {
        Some(ports) => ports.clone(),
        None => usual.iter().map(port).collect(),
    }
}

fn has_err(outputs: &[Ident]) -> bool {
    outputs.iter().any(|port| *port.name == *"err")
}

/// The word for a kind of node.
pub(super) fn kind_name(kind: NodeKind) -> &'static str {
    match kind {
        NodeKind::Operator => "operator",
        NodeKind::Script => "script",
        NodeKind::Pipeline => "pipeline",
    }
}
