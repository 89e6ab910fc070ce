//! What a source with lanes needs to keep the states behind it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use temblor_lang::{Flow, Pipeline};

use super::{Checkpoint, CheckpointError, Checkpoints, Found, LaneName};
use crate::engine::Inner;
use crate::flow::behind;
use crate::turn::{Begun, Collected, Collector};

/// How the states of the pipelines behind a source are kept, which each lane has its own of.
pub(crate) struct Keeping {
    store: Arc<dyn Checkpoints>,
    flow: String,
    source: String,
    /// The pipelines that keep their states by lane, with their names.
    pipelines: Vec<(String, Pipeline)>,
    /// How long is waited from one checkpoint of a lane to the next.
    pub(crate) interval: Duration,
}

/// What a lane goes on with.
pub(crate) struct Stored {
    /// For [`crate::turn::What::Begin`].
    pub(crate) begun: Begun,
    /// Where to go on; none without a checkpoint.
    pub(crate) position: Option<u64>,
    /// Where the checkpoint stands, for messages.
    pub(crate) place: String,
    /// What was passed over, and why.
    pub(crate) warnings: Vec<String>,
}

impl Stored {
    /// The lane begins with nothing.
    pub(crate) fn nothing() -> Self {
        Stored {
            begun: Begun::default(),
            position: None,
            place: String::new(),
            warnings: Vec::new(),
        }
    }
}

impl Keeping {
    /// None if no pipeline behind the connector keeps a state for each lane, or there is no place to store them.
    pub(crate) fn of(inner: &Inner, flow: &Flow, connector: usize) -> Option<Self> {
        let pipelines = behind(flow, connector);
        let store = inner
            .checkpoints
            .as_ref()
            .filter(|_| !pipelines.is_empty())?;
        Some(Keeping {
            store: Arc::clone(store),
            flow: flow.name.clone(),
            source: flow.connectors.get(connector)?.name.clone(),
            pipelines,
            interval: inner.checkpoint_interval,
        })
    }

    fn name(&self, lane: &str) -> LaneName {
        LaneName {
            flow: self.flow.clone(),
            source: self.source.clone(),
            lane: lane.to_owned(),
        }
    }

    /// Loads what is stored of a lane. It blocks.
    ///
    /// # Errors
    /// If the place cannot be read, or the states there are of other pipelines: then the lane must not begin, since its
    /// checkpoints would hide those that are there.
    pub(crate) fn load(&self, lane: &str) -> Result<Stored, CheckpointError> {
        let name = self.name(lane);
        let Found {
            checkpoint,
            place,
            mut warnings,
        } = self.store.load(&name)?;
        let Some(checkpoint) = checkpoint else {
            return Ok(Stored {
                warnings,
                ..Stored::nothing()
            });
        };
        let mut states = HashMap::new();
        for (pipeline, bytes) in &checkpoint.pipelines {
            let known = self.pipelines.iter().find(|(name, _)| name == pipeline);
            let Some((_, known)) = known else {
                warnings.push(format!(
                    "the state of pipeline `{pipeline}` in {place} is left out: the flow has no pipeline of that name \
                     that keeps its state by lane"
                ));
                continue;
            };
            let restored = known.restore(bytes);
            let state = restored.map_err(|error| {
                CheckpointError(format!(
                    "cannot go on with {name}: pipeline `{pipeline}` in {place}: {error}; {WAY_OUT}"
                ))
            })?;
            states.insert(pipeline.clone(), state);
        }
        Ok(Stored {
            begun: Begun::new(states),
            position: Some(checkpoint.position),
            place,
            warnings,
        })
    }

    /// Stores what was collected of a lane. It blocks.
    ///
    /// # Errors
    /// If the place cannot be written to.
    pub(crate) fn store(
        &self,
        lane: &str,
        position: u64,
        pipelines: Vec<(String, Vec<u8>)>,
    ) -> Result<(), CheckpointError> {
        let checkpoint = Checkpoint {
            position,
            pipelines,
        };
        self.store.store(&self.name(lane), &checkpoint)
    }

    /// What collects the states of a lane, for [`crate::turn::What::Mark`].
    pub(crate) fn collector(
        &self,
        done: impl FnOnce(Collected) + Send + 'static,
    ) -> Arc<Collector> {
        Collector::new(self.pipelines.len(), done)
    }
}

const WAY_OUT: &str = "run the program that wrote it, or give the pipeline another name, so that it begins with an \
                       empty state, or remove the directory, so that everything begins anew";

#[cfg(test)]
mod tests;
