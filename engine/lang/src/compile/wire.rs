//! Turning the graph of a query into the nodes of a pipeline.

use super::graph::{Clauses, Draft, DraftKind, Edge, Graph, OperatorDraft, ScriptDraft, Sink};
use crate::pipeline::{Node, NodeKind, OperatorNode, ScriptNode, Target};

/// The parts of a pipeline.
pub(super) struct Wired {
    pub(super) inputs: Box<[Box<str>]>,
    pub(super) outputs: Box<[Box<str>]>,
    pub(super) entries: Box<[Box<[Target]>]>,
    pub(super) nodes: Box<[Node]>,
    pub(super) ticking: Box<[usize]>,
}

/// The places that nodes get.
struct Places {
    /// For each draft its place; none if it is left out.
    of: Vec<Option<usize>>,
    /// For each junction, where its events go.
    junctions: Vec<Box<[Target]>>,
}

/// Leaves out what no event reaches or leaves, and puts the rest in the order in which events pass it. Where the graph
/// has errors, what comes out means nothing.
pub(super) fn wire(mut graph: Graph) -> Wired {
    let order = order(&graph);
    let mut of = vec![None; graph.nodes.len()];
    for (place, draft) in order.iter().enumerate() {
        if let Some(slot) = of.get_mut(*draft) {
            *slot = Some(place);
        }
    }
    let mut places = Places {
        of,
        junctions: Vec::new(),
    };
    for junction in &graph.junctions {
        let readers = junction
            .readers
            .iter()
            .filter_map(|reader| places.place(*reader));
        let targets = readers.map(|place| Target::node(place, 0)).collect();
        places.junctions.push(targets);
    }
    let entries = graph
        .inputs
        .iter()
        .map(|(_, junction)| places.junction(*junction));
    let entries = entries.collect();
    let mut drafts: Vec<Option<Draft>> = graph.nodes.drain(..).map(Some).collect();
    let next = |at: &usize| drafts.get_mut(*at).and_then(Option::take);
    let nodes: Box<[Node]> = order
        .iter()
        .filter_map(next)
        .filter_map(|draft| places.node(draft))
        .collect();
    let ticking = nodes
        .iter()
        .enumerate()
        .filter(|(_, node)| wants_ticks(node));
    Wired {
        inputs: graph.inputs.into_iter().map(|(name, _)| name).collect(),
        outputs: graph.outputs.into_iter().map(|(name, _)| name).collect(),
        entries,
        ticking: ticking.map(|(at, _)| at).collect(),
        nodes,
    }
}

fn wants_ticks(node: &Node) -> bool {
    match &node.kind {
        NodeKind::Windowed(select, _) => select.wants_ticks(),
        NodeKind::Operator(_) => true,
        NodeKind::Select(_) | NodeKind::Script(_) => false,
    }
}

/// The drafts that are kept, each before those that it feeds.
fn order(graph: &Graph) -> Vec<usize> {
    let count = graph.vertices.len();
    let mut fed: Vec<bool> = graph.vertices.iter().map(|v| v.is_input).collect();
    let mut useful: Vec<bool> = graph.vertices.iter().map(|v| v.is_output).collect();
    let mut depths = vec![0usize; count];
    // Every way is looked at once in each direction, since chains of selects can be long.
    let edges = in_order(graph);
    for Edge { from, to, .. } in &edges {
        spread(&mut fed, *from, *to);
        depths[*to] = depths[*to].max(depths[*from] + 1);
    }
    // Nothing is done for the sake of its failures.
    for edge in edges.iter().rev().filter(|edge| !edge.is_err) {
        spread(&mut useful, edge.to, edge.from);
    }
    let is_live = |at: usize| fed.get(at) == Some(&true) && useful.get(at) == Some(&true);
    let depth = |at: usize| depths.get(at).copied().unwrap_or_default();
    let mut kept = Vec::new();
    for (at, draft) in graph.nodes.iter().enumerate() {
        let (is_kept, depth) = match &draft.kind {
            DraftKind::Select(select) => (
                is_live(select.from) && is_live(select.to),
                2 * depth(select.from) + 1,
            ),
            DraftKind::Script(script) => (is_live(script.vertex), 2 * depth(script.vertex)),
            DraftKind::Operator(operator) => (is_live(operator.vertex), 2 * depth(operator.vertex)),
        };
        if is_kept {
            kept.push((depth, at));
        }
    }
    kept.sort_unstable();
    kept.into_iter().map(|(_, at)| at).collect()
}

/// The ways between vertices, each behind all that lead to where it starts. Those of cycles are left out.
fn in_order(graph: &Graph) -> Vec<Edge> {
    let count = graph.vertices.len();
    let mut arriving = vec![0_usize; count];
    let mut leaving = vec![Vec::new(); count];
    for edge in graph.edges() {
        arriving[edge.to] += 1;
        leaving[edge.from].push(edge);
    }
    let mut ready: Vec<usize> = (0..count).filter(|at| arriving[*at] == 0).collect();
    let mut edges = Vec::new();
    while let Some(vertex) = ready.pop() {
        for edge in std::mem::take(&mut leaving[vertex]) {
            arriving[edge.to] -= 1;
            if arriving[edge.to] == 0 {
                ready.push(edge.to);
            }
            edges.push(edge);
        }
    }
    edges
}

fn spread(marks: &mut [bool], from: usize, to: usize) {
    marks[to] |= marks[from];
}

impl Places {
    fn place(&self, draft: usize) -> Option<usize> {
        self.of.get(draft).copied().flatten()
    }

    fn junction(&self, at: usize) -> Box<[Target]> {
        self.junctions.get(at).cloned().unwrap_or_default()
    }

    fn sink(&self, sink: Sink) -> Box<[Target]> {
        match sink {
            Sink::Junction(at) => self.junction(at),
            Sink::Output(at) => [Target::output(at)].into(),
            Sink::Node(draft, port) => match self.place(draft) {
                Some(place) => [Target::node(place, port)].into(),
                None => [].into(),
            },
        }
    }

    fn node(&self, draft: Draft) -> Option<Node> {
        let kind = match draft.kind {
            DraftKind::Select(select) => {
                let to = self.sink(select.sink);
                match select.clauses? {
                    Clauses::Plain(mut plain) => {
                        plain.to = to;
                        NodeKind::Select(plain)
                    }
                    Clauses::Windowed(mut windowed) => {
                        windowed.err = select.err.map_or_else(Box::default, |err| self.sink(err));
                        NodeKind::Windowed(windowed, to)
                    }
                }
            }
            DraftKind::Script(script) => NodeKind::Script(Box::new(self.script(script)?)),
            DraftKind::Operator(operator) => NodeKind::Operator(Box::new(self.operator(operator))),
        };
        Some(Node {
            name: draft.name,
            kind,
        })
    }

    fn script(&self, script: ScriptDraft) -> Option<ScriptNode> {
        let inputs = script
            .inputs
            .iter()
            .map(|name| script.input(name))
            .collect();
        let outputs = script.outputs.into_iter();
        Some(ScriptNode {
            main: script.main?,
            named: script.named.into(),
            inputs,
            outputs: outputs
                .map(|(name, at)| (name, self.junction(at)))
                .collect(),
            state: script.state,
            is_alone: false,
        })
    }

    fn operator(&self, operator: OperatorDraft) -> OperatorNode {
        let targets = |name: &str| {
            let found = operator.outputs.iter().find(|(port, _)| **port == *name);
            found.map_or_else(Box::default, |(_, at)| self.junction(*at))
        };
        OperatorNode {
            outputs: operator.ports.iter().map(|name| targets(name)).collect(),
            err: targets("err"),
            kind: operator.kind,
            config: operator.config,
            inputs: operator.inputs.into(),
            span: operator.span,
        }
    }
}
