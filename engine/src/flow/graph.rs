//! The routes of a flow: which pipelines run where, and which queues lie between.

use std::sync::Arc;

use temblor_lang::{Endpoint, Flow};

use crate::breaker::{Breaker, Contraflow};
use crate::circle::{Circle, Member, RoundSender};
use crate::clock::Clock;
use crate::log::Logger;
use crate::queue::{QueueLimits, Receiver, Sender, queue};
use crate::route::{Node, Target};

/// A pipeline with several upstreams, or that waits for time to pass: it has a task of its own.
pub(crate) struct PipelineTask {
    pub(crate) name: String,
    pub(crate) node: Node,
    pub(crate) queue: Receiver,
    /// Open while the pipeline cannot hand on what comes in.
    pub(crate) breaker: Arc<Breaker>,
    /// Set if it is one of several that feed each other.
    pub(crate) member: Option<Member>,
}

/// All routes of a flow.
pub(crate) struct Graph {
    /// For each connector, what its `out` port is connected to.
    pub(crate) outs: Vec<Vec<Target>>,
    /// For each connector with a source, what its `err` port is connected to.
    pub(crate) errs: Vec<Vec<Target>>,
    /// For each connector with a sink, what its `err` port is connected to.
    pub(crate) sink_errs: Vec<Vec<Target>>,
    /// For each connector, the queue that its sink reads, and the breaker in front of it.
    pub(crate) sinks: Vec<Option<(Receiver, Arc<Breaker>)>>,
    /// Pipelines that run in tasks of their own.
    pub(crate) pipelines: Vec<PipelineTask>,
    /// Where the opening and closing of breakers is told.
    pub(crate) contraflow: Arc<Contraflow>,
}

/// Builds the routes of a flow whose links were checked.
pub(crate) fn build(
    flow: &Flow,
    limits: QueueLimits,
    logger: &Logger,
    clock: Option<Clock>,
) -> Graph {
    let mut builder = Builder::new(flow, limits, logger);
    builder.clock = clock;
    let connectors = flow.connectors.len();
    let ports = |builder: &mut Builder<'_>, port: &str, has: &dyn Fn(usize) -> bool| {
        let targets = (0..connectors).map(|at| match has(at) {
            true => builder.targets(|from| is_port(from, at, port)),
            false => Vec::new(),
        });
        targets.collect::<Vec<_>>()
    };
    let outs = ports(&mut builder, "out", &|_| true);
    // A connector that is only written to has no source whose errors could go there.
    let errs = ports(&mut builder, "err", &|at| is_read(flow, at));
    let sink_errs = ports(&mut builder, "err", &|at| is_written(flow, at));
    let mut pipelines = Vec::new();
    for at in 0..flow.pipelines.len() {
        if let Some(queue) = builder.queues[at].take() {
            let node = builder.node(at);
            let name = flow.pipelines[at].name.clone();
            let breaker = builder.shared[at].as_ref().map(|(_, b)| Arc::clone(b));
            pipelines.extend(breaker.map(|breaker| PipelineTask {
                name,
                node,
                queue,
                breaker,
                member: builder.members[at].take(),
            }));
        }
    }
    // The builder's own senders go with it; a queue ends when the last upstream is gone.
    let sinks = builder
        .sinks
        .into_iter()
        .map(|sink| sink.map(|(_, queue, breaker)| (queue, breaker)));
    let contraflow = builder.contraflow;
    Graph {
        outs,
        errs,
        sink_errs,
        sinks: sinks.collect(),
        pipelines,
        contraflow,
    }
}

fn is_port(from: &Endpoint, at: usize, name: &str) -> bool {
    matches!(from, Endpoint::Connector { connector, port, .. } if *connector == at && port == name)
}

/// Whether something is written to the connector.
pub(super) fn is_written(flow: &Flow, at: usize) -> bool {
    let to =
        |end: &Endpoint| matches!(end, Endpoint::Connector { connector, .. } if *connector == at);
    flow.links.iter().any(|link| to(&link.to))
}

/// Whether the connector's source is used. One that is not written to has nothing else that could fail.
pub(super) fn is_read(flow: &Flow, at: usize) -> bool {
    let is_out = flow.links.iter().any(|link| is_port(&link.from, at, "out"));
    is_out || !is_written(flow, at)
}

/// How many tasks send to a pipeline, or to a sink.
fn tasks_behind(flow: &Flow, link: &temblor_lang::Link) -> usize {
    match &link.from {
        Endpoint::Connector {
            connector, port, ..
        } if port == "err" => {
            usize::from(is_read(flow, *connector)) + usize::from(is_written(flow, *connector))
        }
        _ => 1,
    }
}

struct Builder<'f> {
    flow: &'f Flow,
    logger: &'f Logger,
    /// None where only events let time pass.
    clock: Option<Clock>,
    contraflow: Arc<Contraflow>,
    /// For each connector with a sink, its queue.
    sinks: Vec<Option<(Sender, Receiver, Arc<Breaker>)>>,
    /// For each pipeline with a task of its own, the way in.
    shared: Vec<Option<(Sender, Arc<Breaker>)>>,
    /// The other ends, until the tasks have them.
    queues: Vec<Option<Receiver>>,
    /// For each pipeline the circle that it is in, by a number.
    circles: Vec<Option<usize>>,
    /// For each pipeline of a circle with a task of its own, the way in from the others.
    rounds: Vec<Option<RoundSender>>,
    members: Vec<Option<Member>>,
}

impl<'f> Builder<'f> {
    fn new(flow: &'f Flow, limits: QueueLimits, logger: &'f Logger) -> Self {
        let upstreams = |at: usize| {
            let to = |end: &Endpoint| matches!(end, Endpoint::Pipeline { pipeline, .. } if *pipeline == at);
            let links = flow.links.iter().filter(|link| to(&link.to));
            links.map(|link| tasks_behind(flow, link)).sum::<usize>()
        };
        let contraflow = Arc::new(Contraflow::default());
        let made = |is_needed: bool| {
            is_needed.then(|| {
                let (sender, receiver) = queue(limits);
                (sender, receiver, Breaker::new(&contraflow))
            })
        };
        let sinks = (0..flow.connectors.len()).map(|at| made(is_written(flow, at)));
        let sinks = sinks.collect();
        let mut shared = Vec::new();
        let mut queues = Vec::new();
        for at in 0..flow.pipelines.len() {
            let ticks = flow.pipelines[at].pipeline.wants_ticks();
            let (way_in, queue) = match made(upstreams(at) > 1 || ticks) {
                Some((sender, queue, breaker)) => {
                    let sender = match flow.pipelines[at].pipeline.is_by_lane() {
                        true => sender.taking_turns(),
                        false => sender,
                    };
                    (Some((sender, breaker)), Some(queue))
                }
                None => (None, None),
            };
            shared.push(way_in);
            queues.push(queue);
        }
        let circles = circles(flow);
        let (rounds, members) = members(flow, &circles, &shared, logger);
        Builder {
            flow,
            logger,
            clock: None,
            sinks,
            shared,
            queues,
            circles,
            rounds,
            members,
            contraflow,
        }
    }

    /// What all links from the ports that `is_from` picks lead to.
    fn targets(&mut self, is_from: impl Fn(&Endpoint) -> bool) -> Vec<Target> {
        let flow = self.flow;
        let links = flow.links.iter().filter(|link| is_from(&link.from));
        links
            .filter_map(|link| self.target(&link.from, &link.to))
            .collect()
    }

    fn target(&mut self, from: &Endpoint, to: &Endpoint) -> Option<Target> {
        match to {
            Endpoint::Connector { connector, .. } => {
                let (sender, _, breaker) = self.sinks[*connector].as_ref()?;
                Some(Target::Queue(sender.clone(), 0, Arc::clone(breaker)))
            }
            Endpoint::Pipeline { pipeline, port, .. } => {
                let circle = self.circles[*pipeline];
                let is_round = matches!(from, Endpoint::Pipeline { pipeline, .. }
                    if circle.is_some() && self.circles[*pipeline] == circle);
                if let (true, Some(sender)) = (is_round, &self.rounds[*pipeline]) {
                    return Some(Target::Round(sender.clone(), *port));
                }
                if let Some((sender, breaker)) = &self.shared[*pipeline] {
                    let breaker = Arc::clone(breaker);
                    return Some(Target::Queue(sender.clone(), *port, breaker));
                }
                Some(Target::Inline(Box::new(self.node(*pipeline)), *port))
            }
        }
    }

    fn node(&mut self, at: usize) -> Node {
        let spec = &self.flow.pipelines[at];
        let outputs = (0..spec.pipeline.outputs().len()).map(|output| {
            self.targets(|from| {
                matches!(from, Endpoint::Pipeline { pipeline, port, .. }
                    if *pipeline == at && *port == output)
            })
        });
        let outputs = outputs.collect();
        let flow = &self.flow.name;
        Node::new(
            spec.pipeline.clone(),
            outputs,
            flow,
            &spec.name,
            self.logger.clone(),
            self.clock,
        )
    }
}

/// For each pipeline, the circle of pipelines that feed each other which it is in: the first of them.
fn circles(flow: &Flow) -> Vec<Option<usize>> {
    let count = flow.pipelines.len();
    let mut reaches = vec![vec![false; count]; count];
    for link in &flow.links {
        if let (
            Endpoint::Pipeline { pipeline: from, .. },
            Endpoint::Pipeline { pipeline: to, .. },
        ) = (&link.from, &link.to)
        {
            reaches[*from][*to] = true;
        }
    }
    for through in 0..count {
        for from in 0..count {
            for to in 0..count {
                if reaches[from][through] && reaches[through][to] {
                    reaches[from][to] = true;
                }
            }
        }
    }
    let circle = |at: usize| (0..count).find(|other| reaches[at][*other] && reaches[*other][at]);
    (0..count).map(circle).collect()
}

/// The parts of the pipelines in their circles, and the ways from the others; only of those with tasks of their own.
fn members(
    flow: &Flow,
    circles: &[Option<usize>],
    shared: &[Option<(Sender, Arc<Breaker>)>],
    logger: &Logger,
) -> (Vec<Option<RoundSender>>, Vec<Option<Member>>) {
    let count = flow.pipelines.len();
    let mut rounds: Vec<_> = (0..count).map(|_| None).collect();
    let mut members: Vec<_> = (0..count).map(|_| None).collect();
    for first in 0..count {
        let is_in = |at: &usize| circles[*at] == Some(first) && shared[*at].is_some();
        let all: Vec<usize> = (0..count).filter(is_in).collect();
        let circle = Circle::new(all.len());
        for (place, at) in all.into_iter().enumerate() {
            let name = &flow.pipelines[at].name;
            let (round, member) = Member::new(&circle, place, &flow.name, name, logger);
            (rounds[at], members[at]) = (Some(round), Some(member));
        }
    }
    (rounds, members)
}
