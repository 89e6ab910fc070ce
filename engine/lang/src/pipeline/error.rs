//! Failures of a run.

use std::fmt;
use std::sync::Arc;

use crate::finding::{Finding, render};
use crate::source::Sources;

/// An expression or an operator failed for an event.
#[derive(Clone, Debug)]
pub struct EvalError {
    pub(super) finding: Box<Finding>,
    pub(super) sources: Arc<Sources>,
    pub(super) is_of_operator: bool,
}

impl EvalError {
    /// What failed and where.
    #[must_use]
    pub fn finding(&self) -> &Finding {
        &self.finding
    }

    /// Whether it was an operator that could not take the event, and no expression.
    #[must_use]
    pub fn is_of_operator(&self) -> bool {
        self.is_of_operator
    }

    /// The texts that the finding refers to.
    #[must_use]
    pub fn sources(&self) -> &Arc<Sources> {
        &self.sources
    }
}

impl fmt::Display for EvalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&render(&self.finding, &self.sources))
    }
}

impl std::error::Error for EvalError {}
