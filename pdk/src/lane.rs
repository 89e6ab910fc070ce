//! Lanes: what can move between processes, and how a source and the engine agree on who has them.
//!
//! A source whose [`crate::SourceInfo::lanes`] says so tells the engine of its lanes **in the order of its pulls**, with
//! the functions of [`crate::BatchWriter`]; each notice is alone in its pull. The engine answers before the next pull:
//!
//! | the source's pull | the engine's answer |
//! |---|---|
//! | [`begin_lane`](crate::BatchWriter::begin_lane) | [`on_assigned`](crate::Source::on_assigned), before the next pull |
//! | [`end_lane`](crate::BatchWriter::end_lane) | [`on_revoke`](crate::Source::on_revoke) once all that was pulled of the lane has its fate and the fates are told, or [`on_lost`](crate::Source::on_lost) where that cannot be had by the deadline |
//! | [`lose_lane`](crate::BatchWriter::lose_lane) | [`on_lost`](crate::Source::on_lost) |
//!
//! Records of a lane are handed over between its begin and its end only. What was pulled before the latest begin of a
//! lane counts for nothing any more: its fates are never told. A lane may begin without having ended, which takes it
//! back to an earlier place, for example to a record that has failed: who means to do that says so in the pulls that follow
//! the fate, before anything else. Who hands records over or finds nothing instead has passed over what failed.
//!
//! Where the engine keeps something of a lane, such as the state of windows, it stores that from time to time together
//! with the [`position`](crate::BatchWriter::position) that it belongs to, and says so with
//! [`on_stored`](crate::Source::on_stored). What is committed outside must never be ahead of what is stored.

/// A lane of a source: what can move between processes, such as a Kafka partition.
pub type Lane = u32;

/// A lane that was assigned, and where to start in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LaneStart {
    /// The lane.
    pub lane: Lane,
    /// The position that what the engine has stored of the lane belongs to; none where it has stored nothing, and the
    /// source chooses.
    pub position: Option<u64>,
    /// Whether the engine keeps something of the lane: then the source commits up to what
    /// [`on_stored`](crate::Source::on_stored) tells, and not up to what has its fate.
    pub is_kept: bool,
}

/// What a source says of one of its lanes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LaneNotice {
    /// It came to this source, or begins anew.
    Begin {
        /// The lane.
        lane: Lane,
        /// A name that it has in every process, such as `orders/3`.
        name: String,
        /// The position that is known outside, if one is.
        committed: Option<u64>,
    },
    /// It has to move away.
    End {
        /// The lane.
        lane: Lane,
        /// Until when, by the host's clock.
        deadline_ns: u64,
    },
    /// It is gone already.
    Lose {
        /// The lane.
        lane: Lane,
    },
}

impl LaneNotice {
    /// Which lane it is about.
    #[must_use]
    pub fn lane(&self) -> Lane {
        match self {
            LaneNotice::Begin { lane, .. }
            | LaneNotice::End { lane, .. }
            | LaneNotice::Lose { lane } => *lane,
        }
    }
}
