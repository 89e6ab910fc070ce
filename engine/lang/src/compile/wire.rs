//! Turning the graph of a query into the nodes of a pipeline.

use super::graph::{Clauses, Draft, DraftKind, Graph, OperatorDraft, ScriptDraft, Sink};
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
    // Without a cycle no path is longer than there are vertices.
    for _ in 0..count {
        let mut changed = false;
        for select in graph.selects() {
            let (from, to) = (select.from, select.to);
            changed |= spread(&mut fed, from, to) | spread(&mut useful, to, from);
            let depth = depths.get(from).map_or(0, |depth| depth + 1);
            if let Some(known) = depths.get_mut(to)
                && *known < depth
            {
                *known = depth;
                changed = true;
            }
        }
        if !changed {
            break;
        }
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

fn spread(marks: &mut [bool], from: usize, to: usize) -> bool {
    let is_new = marks.get(from) == Some(&true) && marks.get(to) == Some(&false);
    if is_new && let Some(mark) = marks.get_mut(to) {
        *mark = true;
    }
    is_new
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
                    Clauses::Windowed(windowed) => NodeKind::Windowed(windowed, to),
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
