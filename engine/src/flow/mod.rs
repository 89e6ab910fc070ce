//! Flows: checked against what there is, built, run, supervised.

mod blueprint;
mod build;
mod graph;
mod handle;
mod instance;
mod keeper;
mod plan;
mod supervise;

pub use handle::{ConnectorReport, FlowHandle, FlowReport, FlowState};
pub use plan::{StartError, StartErrorKind, check};

pub(crate) use build::start;
pub(crate) use handle::FlowShared;
