//! Checkpoints: the states of pipelines that are kept by lane, stored together with the position of the lane.

mod directory;
mod keeping;

pub use directory::Directory;
pub(crate) use keeping::{Keeping, Stored};

/// A lane, by names that are the same in every process.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LaneName {
    /// The flow.
    pub flow: String,
    /// The connector that the lane is of, as the flow calls it.
    pub source: String,
    /// The lane, as its source calls it, such as `group/topic/3`.
    pub lane: String,
}

impl std::fmt::Display for LaneName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let LaneName { flow, source, lane } = self;
        write!(f, "lane `{lane}` of connector `{source}` of flow `{flow}`")
    }
}

/// What is stored of a lane: all that is to be known to go on with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Where to go on; all in front of it is in the states, or done with.
    pub position: u64,
    /// The pipelines that keep their states by lane, by their names, each with its state.
    pub pipelines: Vec<(String, Vec<u8>)>,
}

/// What is found of a lane.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// The latest checkpoint that is whole.
    pub checkpoint: Option<Checkpoint>,
    /// Where it stands, for messages; empty without one.
    pub place: String,
    /// What was passed over, and why.
    pub warnings: Vec<String>,
}

/// Why a checkpoint cannot be loaded or stored: the thing, the reason, the way out.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub struct CheckpointError(pub String);

/// A place for checkpoints, which all processes of a group can reach that share the lanes. Its calls block.
///
/// Several processes may store checkpoints of a lane at once, if one of them has not noticed yet that the lane has moved.
/// What it stores has a lower position then, and must not hide what the other has stored.
pub trait Checkpoints: Send + Sync {
    /// Finds the checkpoint of a lane that has the highest position.
    ///
    /// # Errors
    /// If the place cannot be read. That there is none yet, or none that is whole, is no error.
    fn load(&self, lane: &LaneName) -> Result<Found, CheckpointError>;

    /// Stores a checkpoint. When this returns, it outlives the process and the machine's power.
    ///
    /// # Errors
    /// If the place cannot be written to. What was stored before is still there.
    fn store(&self, lane: &LaneName, checkpoint: &Checkpoint) -> Result<(), CheckpointError>;
}
