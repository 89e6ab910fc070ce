//! What operators learn of the events that they sent: which way an event went, and where ways lead.

use std::num::NonZeroU16;

use temblor_pdk::value::Event;
use temblor_pdk::{Feedback, FeedbackKind};

use super::state::{NodeState, State};
use super::{NodeKind, Pipeline, Plan, Target};

/// Where in the flags of an event the number of its trail stands; the bits below are its own.
const SHIFT: u32 = 16;
/// The flags that an operator may set: that the event stands for many.
const OF_OPERATORS: u32 = 1;

/// Which operators that want feedback sent an event, and to which outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Trail(NonZeroU16);

impl Trail {
    /// Takes the trail off an event that came out of a pipeline. None if no operator wants to hear of it.
    pub fn take(event: &mut Event<'_>) -> Option<Trail> {
        let number = event.id.flags >> SHIFT;
        event.id.flags &= (1 << SHIFT) - 1;
        NonZeroU16::new(number as u16).map(Trail)
    }
}

/// One operator and output that an event came by, and the trail until there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Step {
    operator: u32,
    output: u32,
    before: u16,
}

/// The trails that there were so far. There are only as many as ways through a pipeline.
#[derive(Debug, Default)]
pub(super) struct Trails(Vec<Step>);

impl Trails {
    /// Puts the number of the event's trail, which goes on with this output, into its flags.
    pub(super) fn go_on(&mut self, event: &mut Event<'_>, operator: usize, output: u32) {
        let before = (event.id.flags >> SHIFT) as u16;
        let step = Step {
            operator: operator as u32,
            output,
            before: if usize::from(before) <= self.0.len() {
                before
            } else {
                0
            },
        };
        let known = self.0.iter().position(|known| *known == step);
        let at = known.unwrap_or(self.0.len());
        // What there are too many of is not followed.
        let Ok(number) = u16::try_from(at + 1) else {
            return;
        };
        if known.is_none() {
            self.0.push(step);
        }
        event.id.flags = (event.id.flags & ((1 << SHIFT) - 1)) | u32::from(number) << SHIFT;
    }

    /// The steps of a trail, the last one first.
    fn steps(&self, trail: Trail) -> impl Iterator<Item = Step> {
        let step = |number: u16| self.0.get(usize::from(number).checked_sub(1)?).copied();
        std::iter::successors(step(trail.0.get()), move |last| step(last.before))
    }
}

/// Takes flags off an event that an operator sent, but for those that are its to set, and its trail.
pub(super) fn clean(event: &mut Event<'_>) {
    event.id.flags &= OF_OPERATORS | !((1 << SHIFT) - 1);
}

/// An output of an operator that wants feedback, and the output ports of the pipeline that it leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Way {
    /// The place of the operator among the nodes.
    pub operator: usize,
    /// The number of its output.
    pub output: u32,
    /// The output ports of the pipeline.
    pub ports: Vec<usize>,
    /// Whether the operator sends events elsewhere while this way is closed.
    pub is_avoided: bool,
}

/// The ways through a pipeline, as far as operators want to hear of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ways {
    /// The outputs of operators that want feedback.
    pub ways: Vec<Way>,
    /// The output ports that events come to without passing an operator that avoids closed ways.
    pub unguarded: Vec<usize>,
}

impl Pipeline {
    /// The ways through the pipeline, if an operator of it wants feedback.
    #[must_use]
    pub fn ways(&self, state: &State) -> Option<Ways> {
        if !state.wants_feedback() {
            return None;
        }
        let plan = self.plan();
        let mut ways = Vec::new();
        for (at, node) in plan.nodes.iter().enumerate() {
            let NodeKind::Operator(operator) = &node.kind else {
                continue;
            };
            if !state.wants(at) {
                continue;
            }
            ways.extend(operator.outputs.iter().zip(0..).map(|(to, output)| Way {
                operator: at,
                output,
                ports: reach(plan, to, &|_| false),
                is_avoided: state.routes_around(at),
            }));
        }
        let entries: Vec<Target> = plan.entries.iter().flatten().copied().collect();
        Some(Ways {
            ways,
            unguarded: reach(plan, &entries, &|at| state.routes_around(at)),
        })
    }
}

/// The output ports that events for these targets can come to. `ends` says at which nodes the search ends.
fn reach(plan: &Plan, from: &[Target], ends: &dyn Fn(usize) -> bool) -> Vec<usize> {
    let mut ports = vec![false; plan.outputs.len()];
    let mut seen = vec![false; plan.nodes.len()];
    let mut open = from.to_vec();
    while let Some(target) = open.pop() {
        let at = match target {
            Target::Output(port) => {
                if let Some(reached) = ports.get_mut(port as usize) {
                    *reached = true;
                }
                continue;
            }
            Target::Node { node, .. } => node as usize,
        };
        let is_new = seen
            .get_mut(at)
            .is_some_and(|seen| !std::mem::replace(seen, true));
        if !is_new || ends(at) {
            continue;
        }
        match plan.nodes.get(at).map(|node| &node.kind) {
            Some(NodeKind::Select(select)) => open.extend(&*select.to),
            Some(NodeKind::Windowed(select, to)) => {
                open.extend(&**to);
                open.extend(&*select.err);
            }
            Some(NodeKind::Script(script)) => {
                open.extend(script.outputs.iter().flat_map(|(_, to)| &**to));
            }
            Some(NodeKind::Operator(operator)) => {
                open.extend(operator.outputs.iter().flat_map(|to| &**to));
                open.extend(&*operator.err);
            }
            None => {}
        }
    }
    let reached = ports.iter().enumerate().filter(|(_, reached)| **reached);
    reached.map(|(port, _)| port).collect()
}

impl State {
    /// Tells the operators of a trail what became of an event that went it.
    pub fn tell(&mut self, trail: Trail, kind: FeedbackKind, now_ns: u64) {
        let State { nodes, trails } = self;
        for step in trails.steps(trail) {
            let feedback = Feedback {
                output: step.output,
                kind,
                now_ns,
            };
            tell(nodes, step.operator as usize, &feedback);
        }
    }

    /// Tells an operator something about one of its outputs; see [`Way`].
    pub fn tell_way(&mut self, way: &Way, kind: FeedbackKind, now_ns: u64) {
        let feedback = Feedback {
            output: way.output,
            kind,
            now_ns,
        };
        tell(&mut self.nodes, way.operator, &feedback);
    }
}

fn tell(nodes: &mut [NodeState], operator: usize, feedback: &Feedback) {
    if let Some(NodeState::Operator { running, .. }) = nodes.get_mut(operator) {
        running.on_feedback(feedback);
    }
}

#[cfg(test)]
mod tests {
    use temblor_pdk::value::Value;

    use super::*;

    #[test]
    fn trails_are_numbered_once_and_lead_back() {
        let mut trails = Trails::default();
        let mut event = Event::new(Value::NULL).with_batch(true);
        trails.go_on(&mut event, 3, 0);
        trails.go_on(&mut event, 5, 1);
        let mut again = Event::new(Value::NULL);
        trails.go_on(&mut again, 3, 0);
        let (trail, other) = (Trail::take(&mut event).unwrap(), Trail::take(&mut again));
        assert!(event.is_batch() && Trail::take(&mut event).is_none());
        let steps = |trail| trails.steps(trail).map(|step| (step.operator, step.output));
        assert_eq!(steps(trail).collect::<Vec<_>>(), [(5, 1), (3, 0)]);
        assert_eq!(steps(other.unwrap()).collect::<Vec<_>>(), [(3, 0)]);
        // A number that was never given leads nowhere.
        event.id.flags = 999 << SHIFT;
        assert_eq!(steps(Trail::take(&mut event).unwrap()).count(), 0);
        event.id.flags = 999 << SHIFT;
        trails.go_on(&mut event, 3, 0);
        assert_eq!(Trail::take(&mut event), other);
    }
}
