//! Flows: checked against what there is, built, run, supervised.

mod build;
mod graph;
mod handle;
mod pipeline;
mod plan;
mod supervise;
mod tell;

pub use handle::{ConnectorReport, FlowHandle, FlowReport};
pub use plan::{StartError, StartErrorKind, check};

pub(crate) use build::start;
pub(crate) use handle::FlowState;
