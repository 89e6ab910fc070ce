//! What an instance of a pipeline keeps.

use std::fmt;

use temblor_pdk::DynOperator;
use temblor_pdk::value::OwnedValue;

use super::feedback::Trails;
use super::{NodeKind, OperatorNode, Plan};
use crate::catalogue;
use crate::window::Windows;

/// What an instance of a pipeline keeps from event to event: the state of scripts, windows and operators.
#[derive(Debug)]
pub struct State {
    pub(super) nodes: Box<[NodeState]>,
    /// The ways that events went through operators that want to hear of them.
    pub(super) trails: Trails,
}

/// How far an operator has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The number of events that it was given.
    pub given: u64,
    /// How many of them, the last ones, it keeps.
    pub held: u64,
}

/// What a node keeps.
pub(super) enum NodeState {
    None,
    Script(OwnedValue),
    Windows(Box<Windows>),
    Operator {
        running: Box<dyn DynOperator>,
        /// The number of events that it was given.
        given: u64,
        wants_feedback: bool,
    },
    /// An operator that could not be made although its configuration was fine, and why.
    Broken(Box<str>),
}

impl fmt::Debug for NodeState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NodeState::None => f.write_str("None"),
            NodeState::Script(state) => f.debug_tuple("Script").field(state).finish(),
            NodeState::Windows(windows) => f.debug_tuple("Windows").field(windows).finish(),
            NodeState::Operator { .. } => f.write_str("Operator"),
            NodeState::Broken(why) => f.debug_tuple("Broken").field(why).finish(),
        }
    }
}

impl State {
    pub(super) fn new(plan: &Plan) -> Self {
        let state = |node: &super::Node| match &node.kind {
            NodeKind::Select(_) => NodeState::None,
            NodeKind::Windowed(..) => NodeState::Windows(Box::default()),
            NodeKind::Script(script) => NodeState::Script(script.state.clone()),
            NodeKind::Operator(operator) => NodeState::of_operator(operator, plan),
        };
        State {
            nodes: plan.nodes.iter().map(state).collect(),
            trails: Trails::default(),
        }
    }

    /// How many groups have windows that hold data and have not closed.
    #[must_use]
    pub fn open_groups(&self) -> usize {
        let windows = self.nodes.iter().map(|state| match state {
            NodeState::Windows(windows) => windows.open(),
            _ => 0,
        });
        windows.sum()
    }

    /// How many events operators keep for later. What came in is not to be acknowledged meanwhile.
    #[must_use]
    pub fn held(&self) -> usize {
        self.operators().map(|operator| operator.held()).sum()
    }

    /// For each operator, how many events it was given and how many of them it keeps, which are the last ones. What came
    /// in is done with once every operator has let go of what it was given until then.
    pub fn progress(&self) -> impl Iterator<Item = Progress> {
        self.nodes.iter().filter_map(|state| match state {
            NodeState::Operator { running, given, .. } => Some(Progress {
                given: *given,
                held: running.held() as u64,
            }),
            _ => None,
        })
    }

    /// Whether an operator wants whoever sends events to stop for now.
    #[must_use]
    pub fn paused(&self) -> bool {
        self.operators().any(|operator| operator.paused())
    }

    /// Whether an operator wants to learn what became of the events that it sent.
    #[must_use]
    pub fn wants_feedback(&self) -> bool {
        self.operators().any(|operator| operator.wants_feedback())
    }

    fn operators(&self) -> impl Iterator<Item = &dyn DynOperator> {
        self.nodes.iter().filter_map(|state| match state {
            NodeState::Operator { running, .. } => Some(&**running),
            _ => None,
        })
    }

    fn operator(&self, at: usize) -> Option<&dyn DynOperator> {
        match self.nodes.get(at) {
            Some(NodeState::Operator { running, .. }) => Some(&**running),
            _ => None,
        }
    }

    /// Whether the node is an operator that wants to learn what became of the events that it sent.
    pub(super) fn wants(&self, at: usize) -> bool {
        self.operator(at)
            .is_some_and(|operator| operator.wants_feedback())
    }

    /// Whether the node is an operator that sends events elsewhere while a way is closed.
    pub(super) fn routes_around(&self, at: usize) -> bool {
        self.operator(at)
            .is_some_and(|operator| operator.wants_feedback() && operator.routes_around())
    }
}

impl NodeState {
    fn of_operator(operator: &OperatorNode, plan: &Plan) -> Self {
        match catalogue::make(&*plan.catalogue, &operator.kind, &operator.config) {
            Ok(running) => NodeState::Operator {
                wants_feedback: running.wants_feedback(),
                running,
                given: 0,
            },
            Err(error) => NodeState::Broken(error.to_string().into()),
        }
    }
}
