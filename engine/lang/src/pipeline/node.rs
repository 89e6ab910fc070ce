//! The nodes of a compiled pipeline.

use temblor_pdk::value::OwnedValue;

use crate::eval::Code;
use crate::eval::code::ScriptCode;
use crate::group::GroupCode;
use crate::span::Span;
use crate::window::WindowedSelect;

/// A node.
#[derive(Debug)]
pub(crate) struct Node {
    /// What it is called in the text; selects have no name.
    pub(crate) name: Box<str>,
    pub(crate) kind: NodeKind,
}

/// What a node does. Streams and the ports of nested pipelines are no nodes: what feeds them feeds those that read
/// them.
#[derive(Debug)]
pub(crate) enum NodeKind {
    Select(Box<SelectNode>),
    Windowed(Box<WindowedSelect>, Box<[Target]>),
    Script(Box<ScriptNode>),
    Operator(Box<OperatorNode>),
}

/// Where an event goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    Output(u32),
    /// A node, and which of its input ports.
    Node {
        node: u32,
        port: u32,
    },
}

impl Target {
    pub(crate) fn output(at: usize) -> Self {
        Target::Output(at as u32)
    }

    pub(crate) fn node(node: usize, port: usize) -> Self {
        Target::Node {
            node: node as u32,
            port: port as u32,
        }
    }
}

/// A `select` without windows.
#[derive(Debug)]
pub(crate) struct SelectNode {
    pub(crate) filter: Option<Condition>,
    pub(crate) group: Option<GroupCode>,
    pub(crate) target: Code,
    pub(crate) having: Option<Condition>,
    /// Whether the target or the `having` refers to `group`.
    pub(crate) needs_group: bool,
    /// A call of an aggregate, which cannot work here.
    pub(crate) aggregate: Option<Span>,
    /// The select.
    pub(crate) span: Span,
    pub(crate) to: Box<[Target]>,
}

/// A compiled `where` or `having` clause.
#[derive(Debug)]
pub(crate) struct Condition {
    pub(crate) code: Code,
    pub(crate) span: Span,
}

/// Output ports by their names, each with what it feeds.
pub(crate) type Outputs = Box<[(Box<str>, Box<[Target]>)]>;

/// A script.
#[derive(Debug)]
pub(crate) struct ScriptNode {
    pub(crate) main: ScriptCode,
    pub(crate) named: Box<[ScriptCode]>,
    /// What its input ports are, as far as something feeds them.
    pub(crate) inputs: Box<[ScriptInput]>,
    /// The output ports that somebody reads.
    pub(crate) outputs: Outputs,
    pub(crate) state: OwnedValue,
    /// Whether it is a pipeline of its own, whose failures are errors of the run.
    pub(crate) is_alone: bool,
}

impl ScriptNode {
    /// A script that is not in a query.
    pub(crate) fn alone(main: ScriptCode, outputs: Outputs) -> Self {
        ScriptNode {
            main,
            named: [].into(),
            inputs: [ScriptInput::Main].into(),
            outputs,
            state: OwnedValue::Null,
            is_alone: true,
        }
    }
}

/// An input port of a script.
#[derive(Debug)]
pub(crate) enum ScriptInput {
    Main,
    /// A script for that port.
    Named(usize),
    /// There is none.
    Unknown(Box<str>),
}

/// An operator.
#[derive(Debug)]
pub(crate) struct OperatorNode {
    /// What it is made from, such as `generic::batch`.
    pub(crate) kind: Box<str>,
    /// Its configuration as JSON.
    pub(crate) config: Box<str>,
    /// The input ports that something feeds.
    pub(crate) inputs: Box<[Box<str>]>,
    /// Where the events of its outputs go, by their numbers.
    pub(crate) outputs: Box<[Box<[Target]>]>,
    /// Where goes what it could not take.
    pub(crate) err: Box<[Target]>,
    /// Its definition.
    pub(crate) span: Span,
}
