//! Compiled pipelines and how they are run.

mod error;
mod feedback;
mod memory;
mod node;
mod operator;
mod run;
mod script;
mod select;
mod snapshot;
mod state;

use std::sync::{Arc, OnceLock};

use temblor_pdk::value::Arena;

pub use error::EvalError;
pub use feedback::{Trail, Way, Ways, stands_for_others};
pub use memory::Scratch;
pub(crate) use node::{
    Condition, Node, NodeKind, OperatorNode, ScriptInput, ScriptNode, SelectNode, Target,
};
pub use run::Run;
pub use snapshot::{RestoreError, SnapshotError};
pub use state::{Progress, State};

use crate::catalogue::Catalogue;
use crate::eval::Pool;
use crate::eval::code::ScriptCode;
use crate::source::Sources;

/// A compiled query: immutable, cheap to clone, and shared between threads.
///
/// It is run through [`Pipeline::start`].
#[derive(Clone, Debug)]
pub struct Pipeline(Arc<Program>);

/// What a pipeline consists of, without its texts.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) id: Option<Box<str>>,
    pub(crate) metrics_interval_s: Option<u64>,
    /// Whether each lane is to have a state of its own.
    pub(crate) is_by_lane: bool,
    /// What it was given, and what it gives to the pipelines in it.
    pub(crate) args: Box<str>,
    pub(crate) inputs: Box<[Box<str>]>,
    pub(crate) outputs: Box<[Box<str>]>,
    /// For each input port, where its events go.
    pub(crate) entries: Box<[Box<[Target]>]>,
    /// The nodes, each before those that it feeds.
    pub(crate) nodes: Box<[Node]>,
    /// The nodes that wait for time to pass.
    pub(crate) ticking: Box<[usize]>,
    pub(crate) pool: Pool,
    pub(crate) catalogue: Arc<dyn Catalogue>,
}

#[derive(Debug)]
struct Program {
    plan: Plan,
    sources: Arc<Sources>,
    /// Tells what it keeps from what others keep, once somebody has asked.
    fingerprint: OnceLock<u64>,
}

impl Pipeline {
    /// Puts a pipeline together.
    pub(crate) fn new(plan: Plan, sources: Arc<Sources>) -> Pipeline {
        Pipeline(Arc::new(Program {
            plan,
            sources,
            fingerprint: OnceLock::new(),
        }))
    }

    /// A pipeline of one script. Its ports come behind `out` and `err`.
    pub(crate) fn of_script(
        script: ScriptCode,
        ports: Vec<Box<str>>,
        pool: Pool,
        catalogue: Arc<dyn Catalogue>,
        sources: Arc<Sources>,
    ) -> Pipeline {
        let mut outputs: Vec<Box<str>> = vec!["out".into(), "err".into()];
        for port in ports {
            if !outputs.contains(&port) {
                outputs.push(port);
            }
        }
        let ports = outputs.iter().enumerate();
        let targets = ports.map(|(at, name)| (name.clone(), [Target::output(at)].into()));
        let node = Node {
            name: "tremor".into(),
            kind: NodeKind::Script(Box::new(ScriptNode::alone(script, targets.collect()))),
        };
        let plan = Plan {
            id: None,
            metrics_interval_s: None,
            is_by_lane: false,
            args: "".into(),
            inputs: ["in".into()].into(),
            outputs: outputs.into(),
            entries: [[Target::node(0, 0)].into()].into(),
            nodes: [node].into(),
            ticking: [].into(),
            pool,
            catalogue,
        };
        Pipeline::new(plan, sources)
    }

    pub(crate) fn plan(&self) -> &Plan {
        &self.0.plan
    }

    /// The names of the input ports; a port is run by its place in this list.
    pub fn inputs(&self) -> impl ExactSizeIterator<Item = &str> {
        self.plan().inputs.iter().map(|name| &**name)
    }

    /// The names of the output ports; results name a port by its place in this list.
    pub fn outputs(&self) -> impl ExactSizeIterator<Item = &str> {
        self.plan().outputs.iter().map(|name| &**name)
    }

    /// The place of an input port.
    #[must_use]
    pub fn input(&self, name: &str) -> Option<usize> {
        self.inputs().position(|port| port == name)
    }

    /// The place of an output port.
    #[must_use]
    pub fn output(&self, name: &str) -> Option<usize> {
        self.outputs().position(|port| port == name)
    }

    /// The id that a `#!config id = …` gives.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.plan().id.as_deref()
    }

    /// The interval of metrics in seconds that a `#!config metrics_interval_s = …` gives.
    #[must_use]
    pub fn metrics_interval_s(&self) -> Option<u64> {
        self.plan().metrics_interval_s
    }

    /// Whether a `#!config state = "lane"` says that each lane has a state of its own.
    #[must_use]
    pub fn is_by_lane(&self) -> bool {
        self.plan().is_by_lane
    }

    /// The texts that the pipeline was compiled from, which the spans of its errors refer to.
    #[must_use]
    pub fn sources(&self) -> &Arc<Sources> {
        &self.0.sources
    }

    /// Whether something in it waits for time to pass, so that [`Run::tick`] has to be called.
    #[must_use]
    pub fn wants_ticks(&self) -> bool {
        !self.plan().ticking.is_empty()
    }

    /// What an instance of the pipeline keeps from event to event, as it is before the first.
    #[must_use]
    pub fn state(&self) -> State {
        State::new(self.plan())
    }

    /// Starts a run for events that live in `arena`. An arena serves one batch: what is computed while it runs lives
    /// there too.
    pub fn start<'r, 'a>(
        &'r self,
        arena: &'a Arena,
        scratch: &'r mut Scratch,
        state: &'r mut State,
    ) -> Run<'r, 'a> {
        Run::new(&self.0.plan, &self.0.sources, arena, scratch, state)
    }
}
