//! What a host can say about a deployment.

use std::path::PathBuf;
use std::sync::Arc;

use temblor_pdk::value::OwnedValue;

use crate::catalogue::Catalogue;

/// What the host adds to a deployment.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Values for arguments of flows. Each goes to every flow that declares an argument of that name, and wins over
    /// what the text says.
    pub args: Vec<(String, OwnedValue)>,
    /// Flows to start that the text defines but does not deploy.
    pub flows: Vec<String>,
    /// Where modules are looked for, in this order, before those that come along.
    pub module_path: Vec<PathBuf>,
    /// Where operators come from; those that come along if there is none.
    pub catalogue: Option<Arc<dyn Catalogue>>,
}
