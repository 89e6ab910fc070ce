//! The graph of a query under construction, with the nodes of all pipelines that are embedded in it.

use crate::ast::{Modular, ScriptDefinition};
use crate::code::Code;
use crate::eval::code::ScriptCode;
use crate::finding::{Finding, Phase};
use crate::pipeline::{ScriptInput, SelectNode};
use crate::span::Span;
use crate::window::WindowedSelect;
use temblor_pdk::value::OwnedValue;

/// What is built from the text.
#[derive(Default)]
pub(super) struct Graph {
    /// What has a name, and what selects lead from and to.
    pub(super) vertices: Vec<Vertex>,
    /// The ports that events come out of.
    pub(super) junctions: Vec<Junction>,
    /// In the order of the text.
    pub(super) nodes: Vec<Draft>,
    /// The input ports, each with its junction.
    pub(super) inputs: Vec<(Box<str>, usize)>,
    /// The output ports, each with its vertex.
    pub(super) outputs: Vec<(Box<str>, usize)>,
    /// What the embedded pipelines were given.
    pub(super) args: String,
}

/// A port, a stream, a script or an operator.
pub(super) struct Vertex {
    pub(super) name: Box<str>,
    pub(super) is_input: bool,
    pub(super) is_output: bool,
}

/// A port that selects read.
pub(super) struct Junction {
    pub(super) vertex: usize,
    /// The nodes that read it, in the order of the text.
    pub(super) readers: Vec<usize>,
}

/// Where events go.
#[derive(Clone, Copy, Debug)]
pub(super) enum Sink {
    Junction(usize),
    Output(usize),
    /// A node, and which of its input ports.
    Node(usize, usize),
}

/// A node under construction.
pub(super) struct Draft {
    pub(super) name: Box<str>,
    pub(super) kind: DraftKind,
}

pub(super) enum DraftKind {
    Select(SelectDraft),
    Script(ScriptDraft),
    Operator(OperatorDraft),
}

pub(super) struct SelectDraft {
    /// None if its clauses are wrong.
    pub(super) clauses: Option<Clauses>,
    /// The windows, which are looked up when everything else is done.
    pub(super) windows: Vec<Modular>,
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) sink: Sink,
    /// The port `err` of the pipeline that it stands in, if it has windows.
    pub(super) err: Option<Sink>,
    /// Where it reads from.
    pub(super) span: Span,
}

/// A way from a vertex to another one.
#[derive(Clone, Copy)]
pub(super) struct Edge {
    pub(super) from: usize,
    pub(super) to: usize,
    /// Whether only events take it that could not take the other way.
    pub(super) is_err: bool,
    /// The select reads from here.
    span: Span,
}

/// The compiled clauses of a select.
pub(super) enum Clauses {
    Plain(Box<SelectNode>),
    /// Its windows are missing.
    Windowed(Box<WindowedSelect>),
}

pub(super) struct ScriptDraft {
    pub(super) vertex: usize,
    /// None if it is wrong.
    pub(super) main: Option<ScriptCode>,
    pub(super) named: Vec<ScriptCode>,
    /// The ports that have a script, in that order.
    pub(super) ports: Vec<Box<str>>,
    pub(super) state: OwnedValue,
    pub(super) inputs: Vec<Box<str>>,
    pub(super) outputs: Vec<(Box<str>, usize)>,
}

pub(super) struct OperatorDraft {
    pub(super) vertex: usize,
    pub(super) kind: Box<str>,
    pub(super) config: Box<str>,
    /// The names of its outputs.
    pub(super) ports: Vec<String>,
    pub(super) inputs: Vec<Box<str>>,
    pub(super) outputs: Vec<(Box<str>, usize)>,
    pub(super) span: Span,
}

impl ScriptDraft {
    pub(super) fn ports_of(definition: &ScriptDefinition) -> Vec<Box<str>> {
        let ports = definition.ports.iter();
        ports.map(|named| named.port.name.clone()).collect()
    }

    /// What an input port is.
    pub(super) fn input(&self, name: &str) -> ScriptInput {
        if name == "in" {
            return ScriptInput::Main;
        }
        match self.ports.iter().position(|port| **port == *name) {
            Some(at) => ScriptInput::Named(at),
            None => ScriptInput::Unknown(name.into()),
        }
    }
}

impl Graph {
    pub(super) fn vertex(&mut self, name: &str) -> usize {
        self.vertices.push(Vertex {
            name: name.into(),
            is_input: false,
            is_output: false,
        });
        self.vertices.len() - 1
    }

    pub(super) fn junction(&mut self, vertex: usize) -> usize {
        self.junctions.push(Junction {
            vertex,
            readers: Vec::new(),
        });
        self.junctions.len() - 1
    }

    /// Adds an input port of the whole pipeline.
    pub(super) fn input(&mut self, name: &str) -> usize {
        let vertex = self.vertex(name);
        if let Some(vertex) = self.vertices.get_mut(vertex) {
            vertex.is_input = true;
        }
        let junction = self.junction(vertex);
        self.inputs.push((name.into(), junction));
        junction
    }

    /// Adds an output port of the whole pipeline.
    pub(super) fn output(&mut self, name: &str) -> usize {
        let vertex = self.vertex(name);
        if let Some(vertex) = self.vertices.get_mut(vertex) {
            vertex.is_output = true;
        }
        self.outputs.push((name.into(), vertex));
        self.outputs.len() - 1
    }

    /// The vertex that events reach by a sink.
    pub(super) fn vertex_of(&self, sink: Sink) -> usize {
        match sink {
            Sink::Junction(at) => self.junctions.get(at).map_or(0, |junction| junction.vertex),
            Sink::Output(at) => self.outputs.get(at).map_or(0, |(_, vertex)| *vertex),
            Sink::Node(at, _) => match self.nodes.get(at).map(|node| &node.kind) {
                Some(DraftKind::Script(script)) => script.vertex,
                Some(DraftKind::Operator(operator)) => operator.vertex,
                _ => 0,
            },
        }
    }

    /// The input port of a script or operator.
    pub(super) fn node_input(&mut self, node: usize, name: &str) -> Sink {
        let inputs = match self.nodes.get_mut(node).map(|node| &mut node.kind) {
            Some(DraftKind::Script(script)) => &mut script.inputs,
            Some(DraftKind::Operator(operator)) => &mut operator.inputs,
            _ => return Sink::Node(node, 0),
        };
        let place = inputs.iter().position(|port| **port == *name);
        let place = place.unwrap_or_else(|| {
            inputs.push(name.into());
            inputs.len() - 1
        });
        Sink::Node(node, place)
    }

    /// The junction of an output port of a script or operator.
    pub(super) fn node_output(&mut self, node: usize, name: &str) -> usize {
        let next = self.junctions.len();
        let (outputs, vertex) = match self.nodes.get_mut(node).map(|node| &mut node.kind) {
            Some(DraftKind::Script(script)) => (&mut script.outputs, script.vertex),
            Some(DraftKind::Operator(operator)) => (&mut operator.outputs, operator.vertex),
            _ => return next,
        };
        if let Some((_, junction)) = outputs.iter().find(|(port, _)| **port == *name) {
            return *junction;
        }
        outputs.push((name.into(), next));
        self.junction(vertex)
    }

    /// The ways that lead through selects.
    pub(super) fn edges(&self) -> impl Iterator<Item = Edge> {
        let selects = self.nodes.iter().filter_map(|node| match &node.kind {
            DraftKind::Select(select) => Some(select),
            _ => None,
        });
        selects.flat_map(|select| {
            let edge = Edge {
                from: select.from,
                to: select.to,
                is_err: false,
                span: select.span,
            };
            let err = select.err.map(|sink| Edge {
                to: self.vertex_of(sink),
                is_err: true,
                ..edge
            });
            [Some(edge), err].into_iter().flatten()
        })
    }

    pub(super) fn report_cycle(&self, findings: &mut Vec<Finding>) {
        let Some(cycle) = self.cycle() else { return };
        let name = |at: usize| self.vertices.get(at).map_or("", |vertex| &*vertex.name);
        let mut names: Vec<&str> = cycle.iter().map(|edge| name(edge.from)).collect();
        names.extend(names.first().copied());
        let message = format!("cycle detected: {}", names.join(" → "));
        let span = cycle.iter().map(|edge| edge.span).max();
        let finding = Finding::error(Code::Cycle, span.unwrap_or_default(), message);
        findings.push(
            finding
                .phase(Phase::Graph)
                .help("events would run in it forever"),
        );
    }

    /// The ways that do not come to an end: what is left when everything that leads nowhere is taken away, again and
    /// again. Each way is looked at once, since chains of selects can be long.
    fn endless(&self) -> Vec<Edge> {
        let edges: Vec<Edge> = self.edges().collect();
        let mut leading_on = vec![0_usize; self.vertices.len()];
        let mut arriving = vec![Vec::new(); self.vertices.len()];
        for Edge { from, to, .. } in &edges {
            leading_on[*from] += 1;
            arriving[*to].push(*from);
        }
        let ends = (0..leading_on.len()).filter(|at| leading_on[*at] == 0);
        let mut ends: Vec<usize> = ends.collect();
        while let Some(end) = ends.pop() {
            for from in std::mem::take(&mut arriving[end]) {
                leading_on[from] -= 1;
                if leading_on[from] == 0 {
                    ends.push(from);
                }
            }
        }
        let is_endless = |edge: &Edge| leading_on[edge.to] > 0;
        edges.into_iter().filter(is_endless).collect()
    }

    /// Finds a cycle.
    fn cycle(&self) -> Option<Vec<Edge>> {
        let left = self.endless();
        let next: std::collections::HashMap<usize, Edge> =
            left.iter().map(|edge| (edge.from, *edge)).collect();
        let mut passed = std::collections::HashMap::new();
        let mut path: Vec<Edge> = Vec::new();
        let mut edge = *left.first()?;
        loop {
            if let Some(at) = passed.insert(edge.from, path.len()) {
                return Some(path.split_off(at));
            }
            path.push(edge);
            edge = *next.get(&edge.to)?;
        }
    }
}
