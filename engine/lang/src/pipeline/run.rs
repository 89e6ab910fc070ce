//! Running a pipeline.

use std::fmt;
use std::sync::Arc;

use temblor_pdk::value::{Arena, Event, Value};

use super::error::EvalError;
use super::memory::{Parts, Scratch};
use super::state::{NodeState, State};
use super::{NodeKind, Plan, Target, Trail};
use crate::code::Code;
use crate::eval::Eval;
use crate::finding::Finding;
use crate::source::Sources;
use crate::span::Span;

/// How often events may go from node to node on behalf of one event. Selects that read one node copy its events, and
/// copies of copies are soon more than anybody can wait for.
const MAX_MOVES: usize = 10_000_000;

/// A failure that nobody reads.
pub(super) struct Unread {
    pub(super) finding: Box<Finding>,
    pub(super) is_of_operator: bool,
}

/// A pipeline that is being run for the events of one batch.
pub struct Run<'r, 'a> {
    pub(super) plan: &'r Plan,
    pub(super) sources: &'r Arc<Sources>,
    pub(super) arena: &'a Arena,
    pub(super) parts: Parts<'a>,
    scratch: &'r mut Scratch,
    pub(super) state: &'r mut State,
    /// Whether a window or an operator took the latest event.
    pub(super) has_kept: bool,
    /// Whether an operator kept something for later, however briefly.
    pub(super) has_held: bool,
    /// The flags, with its trail, of what an operator that wants feedback sent last for the latest event.
    pub(super) trailed: Option<u32>,
    /// The first failure that is on its way to a port `err` which nobody reads.
    pub(super) unread: Option<Unread>,
}

impl fmt::Debug for Run<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run").finish_non_exhaustive()
    }
}

impl<'r, 'a> Run<'r, 'a> {
    pub(super) fn new(
        plan: &'r Plan,
        sources: &'r Arc<Sources>,
        arena: &'a Arena,
        scratch: &'r mut Scratch,
        state: &'r mut State,
    ) -> Self {
        let mut parts = std::mem::take(&mut scratch.0).recycle();
        parts.memory.prepare(&plan.pool);
        Run {
            plan,
            sources,
            arena,
            parts,
            scratch,
            state,
            has_kept: false,
            has_held: false,
            trailed: None,
            unread: None,
        }
    }

    /// Drives an event through the whole pipeline, from input port `input`, and hands every result to `out` together
    /// with the place of its output port. An input port that does not exist is one that nobody reads.
    ///
    /// Results come in the order of the selects in the text. They carry the id and the time of the event. A select
    /// whose target is `event` hands on the very value it got. A batch leaves as the events that it stands for.
    ///
    /// # Errors
    /// Fails if an expression of a select fails. Selects that read one node run from the last to the first; those that
    /// had not run yet are abandoned. Everything that had arrived at an output until then has been handed to `out`,
    /// unless the copies of the event were too many.
    /// Fails too if a script or an operator failed and nobody reads its port `err`; then nothing is abandoned.
    pub fn event(
        &mut self,
        input: usize,
        event: Event<'a>,
        out: &mut impl FnMut(usize, Event<'a>),
    ) -> Result<(), EvalError> {
        self.has_kept = false;
        self.trailed = None;
        if let Some(entries) = self.plan.entries.get(input) {
            let events = entries.iter().map(|target| (*target, event));
            self.parts.pending.extend(events);
        }
        let done = self.drain();
        self.deliver(out);
        done.and(self.unread())
    }

    /// Whether a window or an operator took the event that [`Run::event`] was called with last.
    #[must_use]
    pub fn has_kept(&self) -> bool {
        self.has_kept
    }

    /// Whether an operator kept events for later at any time since the run was started. If none did, what came out
    /// stands for no other event than that whose id it has.
    #[must_use]
    pub fn has_held(&self) -> bool {
        self.has_held
    }

    /// The trail of what was sent last for the event that [`Run::event`] was called with, by an operator that wants to
    /// hear of it.
    #[must_use]
    pub fn trail(&self) -> Option<Trail> {
        let mut event = Event::new(Value::NULL);
        event.id.flags = self.trailed?;
        Trail::take(&mut event)
    }

    /// Tells the time to everything that waits for it; to be called about every 100 ms.
    ///
    /// # Errors
    /// Fails if an expression fails; see [`Run::event`].
    pub fn tick(
        &mut self,
        now_ns: u64,
        out: &mut impl FnMut(usize, Event<'a>),
    ) -> Result<(), EvalError> {
        let mut done = Ok(());
        for at in &self.plan.ticking {
            let ticked = self.node_tick(*at, now_ns);
            done = done.and(ticked.map_err(|finding| self.failure(finding)));
        }
        let drained = self.drain();
        self.deliver(out);
        done.and(drained).and(self.unread())
    }

    /// Sends what operators hold back; to be called when nothing comes in any more. Windows that have not closed
    /// emit nothing: half a window is no window. [`State::open_groups`] tells how many there are.
    ///
    /// # Errors
    /// Fails if an expression fails; see [`Run::event`].
    pub fn flush(
        &mut self,
        now_ns: u64,
        out: &mut impl FnMut(usize, Event<'a>),
    ) -> Result<(), EvalError> {
        let mut done = Ok(());
        // Each node comes before those that it feeds, so these hold all that they will ever get.
        for at in 0..self.plan.nodes.len() {
            self.node_finish(at, now_ns);
            done = done.and(self.drain()).and(self.unread());
            self.deliver(out);
        }
        done
    }

    /// Drives all events that are on their way to their ends.
    fn drain(&mut self) -> Result<(), EvalError> {
        let mut left = MAX_MOVES;
        while let Some((target, event)) = self.parts.pending.pop() {
            if left == 0 {
                self.parts.pending.clear();
                self.parts.results.clear();
                return Err(self.failure(self.too_many_moves(target)));
            }
            left -= 1;
            let done = match target {
                Target::Output(port) => {
                    self.parts.results.push((port as usize, event));
                    Ok(())
                }
                Target::Node { node, port } => self.node_event(node as usize, port as usize, event),
            };
            if let Err(finding) = done {
                self.parts.pending.clear();
                self.parts.memory.clear();
                return Err(self.failure(finding));
            }
        }
        Ok(())
    }

    /// Describes copies of copies that do not end, at the select that is next.
    #[cold]
    fn too_many_moves(&self, target: Target) -> Box<Finding> {
        let message = format!(
            "one event goes more than {MAX_MOVES} times from node to node, with its copies"
        );
        let help = "several selects that read one node copy what it sends; let fewer of them follow each other";
        let node = match target {
            Target::Node { node, .. } => self.plan.nodes.get(node as usize),
            Target::Output(_) => None,
        };
        Box::new(match node.map(|node| &node.kind) {
            Some(NodeKind::Select(select)) => {
                Finding::error(Code::TooLarge, select.span, message).help(help)
            }
            _ => Finding::error(Code::TooLarge, Span::default(), message)
                .help(help)
                .outside(),
        })
    }

    fn deliver(&mut self, out: &mut impl FnMut(usize, Event<'a>)) {
        while let Some((port, event)) = self.parts.results.pop() {
            if event.is_batch() {
                event.parts().for_each(|part| out(port, part));
            } else {
                out(port, event);
            }
        }
    }

    /// The failure that nobody read, once.
    fn unread(&mut self) -> Result<(), EvalError> {
        let unread = self.unread.take();
        let failure = |unread: Unread| EvalError {
            is_of_operator: unread.is_of_operator,
            ..self.failure(unread.finding)
        };
        unread.map_or(Ok(()), |unread| Err(failure(unread)))
    }

    fn failure(&self, finding: Box<Finding>) -> EvalError {
        EvalError {
            finding,
            sources: Arc::clone(self.sources),
            is_of_operator: false,
        }
    }

    /// Sends an event on. What was sent last goes first.
    #[inline]
    pub(super) fn send(&mut self, to: &[Target], event: Event<'a>) {
        self.parts
            .pending
            .extend(to.iter().map(|target| (*target, event)));
    }

    fn node_event(&mut self, at: usize, port: usize, event: Event<'a>) -> Eval<()> {
        let Some(node) = self.plan.nodes.get(at) else {
            return Ok(());
        };
        match &node.kind {
            NodeKind::Select(select) => self.select(select, event),
            NodeKind::Windowed(select, to) => self.windowed(at, select, to, Some(event), 0),
            NodeKind::Script(script) => self.script(at, &node.name, script, port, event),
            NodeKind::Operator(operator) => {
                self.operator(at, operator, port, event);
                Ok(())
            }
        }
    }

    fn node_tick(&mut self, at: usize, now_ns: u64) -> Eval<()> {
        match self.plan.nodes.get(at).map(|node| &node.kind) {
            Some(NodeKind::Windowed(select, to)) => self.windowed(at, select, to, None, now_ns),
            Some(NodeKind::Operator(operator)) => {
                self.operator_tick(at, operator, now_ns);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn node_finish(&mut self, at: usize, now_ns: u64) {
        if let Some(NodeKind::Operator(operator)) = self.plan.nodes.get(at).map(|node| &node.kind) {
            self.operator_finish(at, operator, now_ns);
        }
    }

    /// Takes what a node keeps, to be put back when it has run.
    pub(super) fn take_state(&mut self, at: usize) -> NodeState {
        let state = self.state.nodes.get_mut(at);
        state.map_or(NodeState::None, |state| {
            std::mem::replace(state, NodeState::None)
        })
    }

    pub(super) fn put_state(&mut self, at: usize, state: NodeState) {
        if let Some(place) = self.state.nodes.get_mut(at) {
            *place = state;
        }
    }
}

impl Drop for Run<'_, '_> {
    fn drop(&mut self) {
        self.scratch.0 = std::mem::take(&mut self.parts).recycle();
    }
}
