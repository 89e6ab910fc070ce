//! A pipeline that keeps a state for each lane.

use std::collections::BTreeMap;

use log::Level;
use temblor_lang::State;
use temblor_pdk::{Batch, Lane};

use super::{Node, Target};
use crate::parcel::{Parcel, Tickets};
use crate::turn::{LaneTurn, Share, Times, What};

/// A lane of a source, by their numbers.
pub(super) type Key = (u32, Lane);

/// The states of lanes that have begun.
#[derive(Default)]
pub(super) struct Lanes(BTreeMap<Key, LaneState>);

struct LaneState {
    state: State,
    times: Times,
}

impl Lanes {
    pub(super) fn keys(&self) -> Vec<Key> {
        self.0.keys().copied().collect()
    }

    /// Puts the state of a lane in the place of `state`, or back. Returns whether there is such a lane.
    pub(super) fn swap(&mut self, key: Key, state: &mut State) -> bool {
        let lane = self.0.get_mut(&key);
        lane.is_some_and(|lane| {
            std::mem::swap(&mut lane.state, state);
            true
        })
    }

    /// A share in what time makes of a lane's state.
    pub(super) fn share(&self, key: Key) -> Option<Share> {
        self.0.get(&key).map(|lane| lane.times.share())
    }

    /// What a lane's state has come to is lost.
    pub(super) fn fail(&mut self, key: Key) {
        if let Some(lane) = self.0.get_mut(&key) {
            lane.times.fail();
        }
    }

    /// Time has changed a lane's state.
    pub(super) fn changed(&mut self, key: Key) {
        if let Some(lane) = self.0.get_mut(&key) {
            lane.times.changed();
        }
    }
}

/// The lane of a batch, which is of one only.
pub(super) fn key_of(batch: &Batch) -> Option<Key> {
    let first = batch.events().first()?;
    Some((first.id.source, first.id.lane))
}

impl Node {
    /// Something happens to a lane: here, and then in what is behind it.
    pub(crate) async fn turn(&mut self, turn: &LaneTurn) {
        let Some(lanes) = &mut self.lanes else {
            // Only pipelines that keep their states by lane lead to others.
            return;
        };
        let key = (turn.source, turn.lane);
        match &turn.what {
            What::Begin(begun) => {
                let state = begun.take(&self.name);
                let lane = LaneState {
                    state: state.unwrap_or_else(|| self.pipeline.state()),
                    times: Times::of(begun),
                };
                lanes.0.insert(key, lane);
            }
            What::Mark(collector) => {
                if let Some(lane) = lanes.0.get_mut(&key) {
                    let snapshot = self.pipeline.snapshot(&lane.state);
                    collector.add(&self.name, snapshot.map_err(|error| error.to_string()));
                    lane.times.mark(collector);
                }
            }
            What::End => drop(lanes.0.remove(&key)),
        }
        for targets in &mut self.outputs {
            // Boxed, because pipelines nest.
            Box::pin(super::turn(targets, turn)).await;
        }
    }

    /// Events came of a lane that nobody has told of: they fail, since there is no state that they could change.
    #[cold]
    pub(super) fn refuse(&self, parcel: Parcel) {
        let lane = key_of(&parcel.batch).map_or(0, |(_, lane)| lane);
        let message = format!(
            "{} event(s) failed: their lane {lane} has not begun; this is a bug in Temblor",
            parcel.batch.len()
        );
        self.logger
            .about_pipeline(Level::Error, &self.flow, &self.name, &message);
        parcel.fail();
    }

    /// Tickets for what time made of a lane's state, or of the one state that there is.
    pub(super) fn tickets_of_time(&self, key: Option<Key>, events: u32) -> Tickets {
        let mut own = Tickets::of_nobody(events);
        let lanes = self.lanes.as_ref().zip(key);
        own.in_time(lanes.and_then(|(lanes, key)| lanes.share(key)));
        own
    }
}

/// Tells the pipelines behind these targets that keep their states by lane what happens to one.
pub(crate) async fn turn(targets: &mut [Target], turn: &LaneTurn) {
    for target in targets {
        match target {
            Target::Inline(node, _) => node.turn(turn).await,
            Target::Queue(sender, ..) => sender.turn(turn).await,
            // No pipeline of a circle keeps its state by lane.
            Target::Round(..) => {}
        }
    }
}
