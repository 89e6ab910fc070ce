//! Flows: checked against what there is, built, run, supervised.

mod blueprint;
mod build;
mod graph;
mod handle;
mod instance;
mod keeper;
mod lanes;
mod pipeline;
mod plan;
mod supervise;
mod tell;

pub use handle::{ConnectorReport, FlowHandle, FlowReport, FlowState};
pub use plan::{StartError, StartErrorKind, check};

pub(crate) use build::start;
pub(crate) use handle::FlowShared;
pub(crate) use lanes::behind;
pub(crate) use pipeline::TICK;
