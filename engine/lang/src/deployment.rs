//! What a deployment consists of once it is compiled.

use std::collections::HashMap;
use std::sync::Arc;

use temblor_pdk::value::OwnedValue;

use crate::finding::Finding;
use crate::pipeline::Pipeline;
use crate::source::Sources;
use crate::span::Span;

/// A compiled `.troy` text.
#[derive(Debug)]
pub struct Deployment {
    /// The flows to start, in the order of the text, then those that the host asked for.
    pub flows: Vec<Flow>,
    /// What looks wrong.
    pub warnings: Vec<Finding>,
    /// The texts that it consists of.
    pub sources: Arc<Sources>,
}

/// A flow to start: its definition with all arguments filled in.
#[derive(Debug)]
pub struct Flow {
    /// The name it is deployed under.
    pub name: String,
    /// The name of its definition.
    pub definition: String,
    /// The connectors, in the order of their creation.
    pub connectors: Vec<ConnectorSpec>,
    /// The pipelines, in the order of their creation.
    pub pipelines: Vec<PipelineSpec>,
    /// The connections, in the order of the text.
    pub links: Vec<Link>,
    /// The `deploy` statement; the definition if the host asked for the flow.
    pub span: Span,
}

/// A connector to start.
#[derive(Clone, Debug)]
pub struct ConnectorSpec {
    /// The name it is created under.
    pub name: String,
    /// The kind as it is written, without back quotes: `kafka_consumer` or `kafka_consumer@plugin`.
    pub kind: String,
    /// Where the kind is written.
    pub kind_span: Span,
    /// The codec.
    pub codec: Option<Named>,
    /// The preprocessors in their order.
    pub preprocessors: Vec<Named>,
    /// The postprocessors in their order.
    pub postprocessors: Vec<Named>,
    /// The connector's own configuration, a record; empty if none is given.
    pub config: OwnedValue,
    /// Where the parts of the configuration are written.
    pub config_spans: ConfigSpans,
    /// What to do when the connection is lost; the engine decides if none is given.
    pub reconnect: Option<Reconnect>,
    /// What becomes of events that the connector refuses; they fail if none is given.
    pub on_failure: Option<OnFailure>,
    /// The interval of metrics in seconds.
    pub metrics_interval_s: Option<u64>,
    /// The `create` statement.
    pub span: Span,
}

/// A codec, preprocessor or postprocessor.
#[derive(Clone, Debug)]
pub struct Named {
    /// Its name.
    pub name: String,
    /// Where the name is written.
    pub name_span: Span,
    /// Its configuration, a record; empty if none is given.
    pub config: OwnedValue,
    /// Where the parts of the configuration are written.
    pub config_spans: ConfigSpans,
}

/// What to do when the connection is lost.
#[derive(Clone, Debug, PartialEq)]
pub enum Reconnect {
    /// Nothing: the connector fails.
    Never,
    /// Connect again.
    Retry(Retry),
}

/// How often and how fast to try again.
#[derive(Clone, Debug, PartialEq)]
pub struct Retry {
    /// The pause before the first attempt, in milliseconds.
    pub interval_ms: u64,
    /// What each pause is multiplied by to give the next; at least 1.
    pub growth_rate: f64,
    /// The longest pause in milliseconds; the engine's if none is given.
    pub max_interval_ms: Option<u64>,
    /// How many attempts to make; no bound if none is given.
    pub max_retries: Option<u64>,
    /// Whether pauses are shortened at random.
    pub randomized: bool,
}

/// What becomes of events that a connector refuses.
#[derive(Clone, Debug, PartialEq)]
pub struct OnFailure {
    /// They are tried again first; the number of attempts is given.
    pub retry: Option<Retry>,
    /// What becomes of them then.
    pub then: Afterwards,
    /// Where it is written.
    pub span: Span,
}

/// The end of events that a connector refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Afterwards {
    /// They fail.
    Fail,
    /// They are dropped, and count as taken.
    Drop,
    /// A record at the port `err` takes their place.
    DeadLetter,
}

/// A pipeline to start.
#[derive(Debug)]
pub struct PipelineSpec {
    /// The name it is created under.
    pub name: String,
    /// The pipeline.
    pub pipeline: Pipeline,
    /// The `create` statement.
    pub span: Span,
}

/// A connection between two ports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Where events come from.
    pub from: Endpoint,
    /// Where they go.
    pub to: Endpoint,
    /// The `connect` statement.
    pub span: Span,
}

/// A port of a connector or pipeline of a flow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// A port of [`Flow::connectors`]`[connector]`.
    Connector {
        /// The connector's place.
        connector: usize,
        /// The port's name.
        port: String,
        /// Where the end is written.
        span: Span,
    },
    /// A port of [`Flow::pipelines`]`[pipeline]`.
    Pipeline {
        /// The pipeline's place.
        pipeline: usize,
        /// The port's place among the pipeline's outputs, or inputs if events go there.
        port: usize,
        /// Where the end is written.
        span: Span,
    },
}

/// Maps places in a configuration back to the text.
///
/// Places are JSON pointers, such as `/tls/ca`; the empty pointer is the whole configuration. A part that is not
/// written as a literal, such as `args.config`, is known as a whole only.
#[derive(Clone, Debug, Default)]
pub struct ConfigSpans {
    whole: Span,
    parts: HashMap<String, Part>,
}

#[derive(Clone, Copy, Debug)]
struct Part {
    key: Span,
    value: Span,
}

impl ConfigSpans {
    pub(crate) fn new(whole: Span) -> Self {
        ConfigSpans {
            whole,
            parts: HashMap::new(),
        }
    }

    pub(crate) fn insert(&mut self, pointer: String, key: Span, value: Span) {
        self.parts.insert(pointer, Part { key, value });
    }

    /// Where the value at `pointer` is written; that of the closest value around it if it is not written.
    #[must_use]
    pub fn value(&self, pointer: &str) -> Span {
        match self.parts.get(pointer) {
            Some(part) => part.value,
            None => self.around(pointer),
        }
    }

    /// Where the key of the field at `pointer` is written; the closest value around it if it is not written.
    #[must_use]
    pub fn key(&self, pointer: &str) -> Span {
        match self.parts.get(pointer) {
            Some(part) => part.key,
            None => self.around(pointer),
        }
    }

    fn around(&self, pointer: &str) -> Span {
        let mut pointer = pointer;
        while let Some((outer, _)) = pointer.rsplit_once('/') {
            if let Some(part) = self.parts.get(outer) {
                return part.value;
            }
            pointer = outer;
        }
        self.whole
    }
}
