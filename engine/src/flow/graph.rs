//! The routes of a flow: which pipelines run where, and which queues lie between.

use temblor_lang::{Endpoint, Flow};

use crate::log::Logger;
use crate::queue::{QueueLimits, Receiver, Sender, queue};
use crate::route::{Node, Target};

/// A pipeline with several upstreams, or that waits for time to pass: it has a task of its own.
pub(crate) struct PipelineTask {
    pub(crate) name: String,
    pub(crate) node: Node,
    pub(crate) queue: Receiver,
}

/// All routes of a flow.
pub(crate) struct Graph {
    /// For each connector, what its `out` port is connected to.
    pub(crate) outs: Vec<Vec<Target>>,
    /// For each connector, what its `err` port is connected to.
    pub(crate) errs: Vec<Vec<Target>>,
    /// For each connector, the queue that its sink reads.
    pub(crate) sinks: Vec<Option<Receiver>>,
    /// Pipelines that run in tasks of their own.
    pub(crate) pipelines: Vec<PipelineTask>,
}

/// Builds the routes of a flow whose links were checked.
pub(crate) fn build(flow: &Flow, limits: QueueLimits, logger: &Logger) -> Graph {
    let mut builder = Builder::new(flow, limits, logger);
    let connectors = flow.connectors.len();
    let ports = |builder: &mut Builder<'_>, port: &str| {
        let targets = (0..connectors).map(|at| {
            builder.targets(|from| {
                matches!(from, Endpoint::Connector { connector, port: name, .. }
                    if *connector == at && name == port)
            })
        });
        targets.collect::<Vec<_>>()
    };
    let outs = ports(&mut builder, "out");
    let errs = ports(&mut builder, "err");
    let mut pipelines = Vec::new();
    for at in 0..flow.pipelines.len() {
        if let Some((_, queue)) = builder.shared[at].take() {
            let node = builder.node(at);
            let name = flow.pipelines[at].name.clone();
            pipelines.push(PipelineTask { name, node, queue });
        }
    }
    // The builder's own senders go with it; a queue ends when the last upstream is gone.
    let sinks = builder
        .sinks
        .into_iter()
        .map(|sink| sink.map(|(_, queue)| queue));
    Graph {
        outs,
        errs,
        sinks: sinks.collect(),
        pipelines,
    }
}

struct Builder<'f> {
    flow: &'f Flow,
    logger: &'f Logger,
    /// For each connector with a sink, its queue.
    sinks: Vec<Option<(Sender, Receiver)>>,
    /// For each pipeline with a task of its own, its queue.
    shared: Vec<Option<(Sender, Receiver)>>,
    /// The senders of `shared`, which outlive the receivers' way into the tasks.
    senders: Vec<Option<Sender>>,
}

impl<'f> Builder<'f> {
    fn new(flow: &'f Flow, limits: QueueLimits, logger: &'f Logger) -> Self {
        let is_sink = |at: usize| {
            let to = |end: &Endpoint| matches!(end, Endpoint::Connector { connector, .. } if *connector == at);
            flow.links.iter().any(|link| to(&link.to))
        };
        let upstreams = |at: usize| {
            let to = |end: &Endpoint| matches!(end, Endpoint::Pipeline { pipeline, .. } if *pipeline == at);
            flow.links.iter().filter(|link| to(&link.to)).count()
        };
        let shared: Vec<_> = (0..flow.pipelines.len())
            .map(|at| {
                let ticks = flow.pipelines[at].pipeline.wants_ticks();
                (upstreams(at) > 1 || ticks).then(|| queue(limits))
            })
            .collect();
        Builder {
            flow,
            logger,
            sinks: (0..flow.connectors.len())
                .map(|at| is_sink(at).then(|| queue(limits)))
                .collect(),
            senders: shared
                .iter()
                .map(|queue| queue.as_ref().map(|(sender, _)| sender.clone()))
                .collect(),
            shared,
        }
    }

    /// What all links from the ports that `is_from` picks lead to.
    fn targets(&mut self, is_from: impl Fn(&Endpoint) -> bool) -> Vec<Target> {
        let flow = self.flow;
        let links = flow.links.iter().filter(|link| is_from(&link.from));
        links.filter_map(|link| self.target(&link.to)).collect()
    }

    fn target(&mut self, to: &Endpoint) -> Option<Target> {
        match to {
            Endpoint::Connector { connector, .. } => {
                let (sender, _) = self.sinks[*connector].as_ref()?;
                Some(Target::Queue(sender.clone(), 0))
            }
            Endpoint::Pipeline { pipeline, port, .. } => {
                if let Some(sender) = &self.senders[*pipeline] {
                    return Some(Target::Queue(sender.clone(), *port));
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
        )
    }
}
