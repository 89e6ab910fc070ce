//! The graph of a query: which select reads and feeds what.

use std::collections::HashMap;

use crate::ast::{Ident, Port, Query, QueryStatement, Select};
use crate::code::Code;
use crate::finding::Finding;
use crate::span::Span;
use crate::suggest::did_you_mean;

/// A node of the graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Node {
    Input(usize),
    Output(usize),
    Stream(usize),
}

/// The nodes of a query, and the ends of its selects.
pub(super) struct Graph {
    pub(super) inputs: Vec<Box<str>>,
    pub(super) outputs: Vec<Box<str>>,
    streams: Vec<Box<str>>,
    nodes: HashMap<Box<str>, Node>,
    /// The selects, in the order of the text.
    pub(super) edges: Vec<Edge>,
}

/// A select as the graph sees it.
pub(super) struct Edge {
    pub(super) from: Node,
    /// Whether it reads a port that never carries events.
    pub(super) silent: bool,
    pub(super) to: Node,
    span: Span,
}

impl Graph {
    /// Builds the graph of a query and reports names that are unknown or taken, and cycles.
    ///
    /// An edge is made for every select, so edges and selects have the same places unless an error was reported.
    pub(super) fn build(
        query: &Query,
        ports: (Vec<Ident>, Vec<Ident>),
        findings: &mut Vec<Finding>,
    ) -> Graph {
        let mut graph = Graph {
            inputs: Vec::new(),
            outputs: Vec::new(),
            streams: Vec::new(),
            nodes: HashMap::new(),
            edges: Vec::new(),
        };
        for port in ports.0 {
            let node = Node::Input(graph.inputs.len());
            graph.inputs.push(port.name.clone());
            graph.name(&port.name, node, port.span, findings);
        }
        for port in ports.1 {
            let node = Node::Output(graph.outputs.len());
            graph.outputs.push(port.name.clone());
            graph.name(&port.name, node, port.span, findings);
        }
        for statement in &query.statements {
            match statement {
                QueryStatement::CreateStream { name, span } => {
                    let node = Node::Stream(graph.streams.len());
                    graph.streams.push(name.name.clone());
                    graph.name(&name.name, node, *span, findings);
                }
                QueryStatement::Select(select) => graph.edge(select, query, findings),
                _ => {}
            }
        }
        graph.report_cycle(findings);
        graph
    }

    fn name(&mut self, name: &str, node: Node, span: Span, findings: &mut Vec<Finding>) {
        if self.nodes.insert(name.into(), node).is_some() {
            let message = format!("the name `{name}` is already in use");
            let finding = Finding::error(Code::DuplicateName, span, message);
            findings.push(
                finding
                    .help("ports and everything that is created in a pipeline share their names"),
            );
        }
    }

    fn edge(&mut self, select: &Select, query: &Query, findings: &mut Vec<Finding>) {
        let from = self.find(&select.from, query, findings);
        let to = self.find(&select.into, query, findings);
        let (Some(from), Some(to)) = (from, to) else {
            return;
        };
        let (from, silent) = self.source_port(from, &select.from, findings);
        let to = self.sink_port(to, &select.into);
        let span = select.from.node.span;
        self.edges.push(Edge {
            from,
            silent,
            to,
            span,
        });
    }

    fn find(&self, port: &Port, query: &Query, findings: &mut Vec<Finding>) -> Option<Node> {
        let name = &port.node.name;
        let node = self.nodes.get(name).copied();
        if node.is_none() {
            let below = query.statements.iter().any(|statement| match statement {
                QueryStatement::CreateStream { name: stream, .. } => stream.name == *name,
                _ => false,
            });
            let (message, help) = if below {
                (
                    format!("`{name}` is created below"),
                    Some("move its `create` up".to_owned()),
                )
            } else {
                let names = self.nodes.keys().map(|name| &**name);
                (
                    format!("`{name}` is neither a port nor created above"),
                    did_you_mean(name, names),
                )
            };
            findings
                .push(Finding::error(Code::UnknownName, port.node.span, message).maybe_help(help));
        }
        node
    }

    /// The node that `from node/port` reads, and whether it never carries events.
    fn source_port(
        &mut self,
        node: Node,
        from: &Port,
        findings: &mut Vec<Finding>,
    ) -> (Node, bool) {
        let name = &from.node.name;
        let port = from.port.as_ref().filter(|port| *port.name != *"out");
        match (node, port) {
            (Node::Input(_), Some(port)) if **name == *"in" => {
                let next = Node::Input(self.inputs.len());
                (
                    port_on_demand(
                        &mut self.inputs,
                        &mut self.nodes,
                        format!("in/{}", port.name),
                        next,
                    ),
                    false,
                )
            }
            (Node::Output(_), _) => {
                let message = format!("nothing comes out of the output port `{name}`");
                findings.push(Finding::warning(Code::UnknownPort, from.node.span, message));
                (node, true)
            }
            (_, Some(port)) => {
                let message = format!("nothing comes out of port `{}` of `{name}`", port.name);
                let finding = Finding::warning(Code::UnknownPort, port.span, message);
                findings.push(finding.help("its only output port is `out`"));
                (node, true)
            }
            (_, None) => (node, false),
        }
    }

    /// The node that `into node/port` feeds.
    fn sink_port(&mut self, node: Node, into: &Port) -> Node {
        let port = into.port.as_ref().filter(|port| *port.name != *"in");
        match (node, port) {
            (Node::Output(_), Some(port)) if *into.node.name == *"out" => {
                let next = Node::Output(self.outputs.len());
                port_on_demand(
                    &mut self.outputs,
                    &mut self.nodes,
                    format!("out/{}", port.name),
                    next,
                )
            }
            _ => node,
        }
    }

    fn node_name(&self, node: Node) -> &str {
        let (names, at) = match node {
            Node::Input(at) => (&self.inputs, at),
            Node::Output(at) => (&self.outputs, at),
            Node::Stream(at) => (&self.streams, at),
        };
        names.get(at).map_or("", |name| name)
    }

    fn report_cycle(&self, findings: &mut Vec<Finding>) {
        let Some(cycle) = self.cycle() else { return };
        let mut names: Vec<_> = cycle.iter().map(|edge| self.node_name(edge.from)).collect();
        names.extend(names.first().copied());
        let message = format!("the selects form a cycle: {}", names.join(" → "));
        let span = cycle.iter().map(|edge| edge.span).max().unwrap_or_default();
        findings.push(
            Finding::error(Code::Cycle, span, message).help("events would run in it forever"),
        );
    }

    /// Finds a cycle.
    fn cycle(&self) -> Option<Vec<&Edge>> {
        // What is left when everything without an edge in or out is taken away, again and again, has a cycle.
        let mut left: Vec<&Edge> = self.edges.iter().collect();
        loop {
            let before = left.len();
            let sources: std::collections::HashSet<_> = left.iter().map(|edge| edge.from).collect();
            left.retain(|edge| sources.contains(&edge.to));
            if left.len() == before {
                break;
            }
        }
        // Every edge that is left leads to another one, so following them comes back to a node.
        let next: HashMap<Node, &Edge> = left.iter().map(|edge| (edge.from, *edge)).collect();
        let mut path: Vec<&Edge> = Vec::new();
        let mut edge = *left.first()?;
        loop {
            if let Some(at) = path.iter().position(|passed| passed.from == edge.from) {
                return Some(path.split_off(at));
            }
            path.push(edge);
            edge = next.get(&edge.to)?;
        }
    }

    /// The number of nodes that are run: inputs and streams.
    pub(super) fn node_count(&self) -> usize {
        self.inputs.len() + self.streams.len()
    }

    /// The place of a node among those that are run; outputs are none of them.
    pub(super) fn place(&self, node: Node) -> Option<usize> {
        match node {
            Node::Input(at) => Some(at),
            Node::Stream(at) => Some(self.inputs.len() + at),
            Node::Output(_) => None,
        }
    }

    /// Whether each select is run: it is fed, however indirectly, by an input and feeds an output.
    pub(super) fn live_edges(&self) -> Vec<bool> {
        let fed = self.spread(|edge, reached| match edge.from {
            Node::Input(_) => Some(edge.to),
            from => reached(from).then_some(edge.to),
        });
        let useful = self.spread(|edge, reached| match edge.to {
            Node::Output(_) => Some(edge.from),
            to => reached(to).then_some(edge.from),
        });
        let live = |edge: &Edge| {
            let is_fed = matches!(edge.from, Node::Input(_)) || fed.contains(&edge.from);
            let is_useful = matches!(edge.to, Node::Output(_)) || useful.contains(&edge.to);
            !edge.silent && is_fed && is_useful
        };
        self.edges.iter().map(live).collect()
    }

    /// Collects what is reached over edges that carry events, until nothing is added.
    fn spread(
        &self,
        step: impl Fn(&Edge, &dyn Fn(Node) -> bool) -> Option<Node>,
    ) -> std::collections::HashSet<Node> {
        let mut reached = std::collections::HashSet::new();
        loop {
            let edges = self.edges.iter().filter(|edge| !edge.silent);
            let found: Vec<_> = edges
                .filter_map(|edge| step(edge, &|node| reached.contains(&node)))
                .collect();
            let before = reached.len();
            reached.extend(found);
            if reached.len() == before {
                return reached;
            }
        }
    }
}

/// Finds a port that exists as soon as a select names it.
fn port_on_demand(
    ports: &mut Vec<Box<str>>,
    nodes: &mut HashMap<Box<str>, Node>,
    name: String,
    next: Node,
) -> Node {
    *nodes.entry(name.as_str().into()).or_insert_with(|| {
        ports.push(name.as_str().into());
        next
    })
}
