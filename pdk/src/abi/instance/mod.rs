//! Instances across the boundary: one poll function, commands and replies as plain data.

mod host;
mod maker;
#[cfg(test)]
mod tests;

use std::mem::offset_of;

use super::fates::Fates;
use super::text::{RawError, RawText};
use crate::{Fate, FateRange};

pub(super) use host::Imported;
pub(super) use maker::export;

#[repr(C)]
pub(super) struct InstanceVtable {
    /// Returns 0 while pending and 1 once the reply is written. A null command goes on with the last one. A command
    /// that is not known is answered with `UNSUPPORTED`.
    poll: unsafe extern "C" fn(*mut (), *mut RawCommand, *mut RawReply) -> u32,
    interrupt: unsafe extern "C" fn(*const ()),
    release: unsafe extern "C" fn(*mut ()),
}

/// An instance on its way across; null data says that there is none.
#[repr(C)]
pub(super) struct RawInstance {
    data: *mut (),
    vtable: *const InstanceVtable,
}

impl RawInstance {
    pub(super) const NONE: RawInstance = RawInstance {
        data: std::ptr::null_mut(),
        vtable: std::ptr::null(),
    };
}

mod code {
    pub(super) const PULL: u32 = 1;
    pub(super) const FATES: u32 = 2;
    pub(super) const ASSIGNED: u32 = 3;
    pub(super) const REVOKE: u32 = 4;
    pub(super) const LOST: u32 = 5;
    pub(super) const WRITE: u32 = 6;
    pub(super) const FLUSH: u32 = 7;
    pub(super) const CONNECT: u32 = 8;
    pub(super) const CREATE_SOURCE: u32 = 9;
    pub(super) const CREATE_SINK: u32 = 10;
    pub(super) const START: u32 = 11;
    pub(super) const PAUSE: u32 = 12;
    pub(super) const RESUME: u32 = 13;
    pub(super) const DRAIN: u32 = 14;
    pub(super) const STOP: u32 = 15;
    pub(super) const UNDECODABLE: u32 = 16;
    pub(super) const STORED: u32 = 17;
}

/// A command as plain data. What the fields mean depends on the code; what is not needed is zero.
#[repr(C)]
struct RawCommand {
    code: u32,
    /// Pull: the limit of events; else the lane.
    lane: u32,
    /// Pull: the limit of bytes.
    bytes: u32,
    /// Zero, and not read.
    reserved: u32,
    /// Pull: the source; assigned: 1 if there is a position, and 2 more if the lane is kept.
    a: u64,
    /// Pull, undecodable: its number; assigned, stored: the position; revoke: the deadline.
    b: u64,
    /// Fates: the ranges, undecodable: the reason, valid for the call. Write: the batch, owned. Create: the new instance's waker, owned.
    data: *const (),
    len: usize,
    /// Write: how to tell fates, owned.
    fates: Fates,
}

#[repr(C)]
struct RawReply {
    code: u32,
    /// Begin, end and lose: the lane.
    lane: u32,
    error: RawError,
    batch: *const (),
    instance: RawInstance,
    /// Batch, end of the source: the position behind the events. Begin: the position that is known outside. End of a
    /// lane: the deadline.
    position: u64,
    /// 1 if there is a position.
    has_position: u32,
    /// Zero, and not read.
    reserved: u32,
    /// Begin: the lane's name, owned.
    name: RawText,
}

mod reply {
    pub(super) const FAILED: u32 = 0;
    pub(super) const DONE: u32 = 1;
    pub(super) const IDLE: u32 = 2;
    pub(super) const BATCH: u32 = 3;
    pub(super) const END: u32 = 4;
    pub(super) const INSTANCE: u32 = 5;
    pub(super) const BEGIN_LANE: u32 = 6;
    pub(super) const END_LANE: u32 = 7;
    pub(super) const LOSE_LANE: u32 = 8;
    /// The command is none that this copy knows; nothing that it brought was taken.
    pub(super) const UNSUPPORTED: u32 = 9;
}

/// Sizes, alignments and offsets of what crosses; see `layout`.
pub(super) const LAYOUT: &[usize] = &[
    size_of::<InstanceVtable>(),
    align_of::<InstanceVtable>(),
    offset_of!(InstanceVtable, poll),
    offset_of!(InstanceVtable, interrupt),
    offset_of!(InstanceVtable, release),
    size_of::<RawInstance>(),
    align_of::<RawInstance>(),
    offset_of!(RawInstance, data),
    offset_of!(RawInstance, vtable),
    size_of::<RawCommand>(),
    align_of::<RawCommand>(),
    offset_of!(RawCommand, code),
    offset_of!(RawCommand, lane),
    offset_of!(RawCommand, bytes),
    offset_of!(RawCommand, reserved),
    offset_of!(RawCommand, a),
    offset_of!(RawCommand, b),
    offset_of!(RawCommand, data),
    offset_of!(RawCommand, len),
    offset_of!(RawCommand, fates),
    size_of::<RawReply>(),
    align_of::<RawReply>(),
    offset_of!(RawReply, code),
    offset_of!(RawReply, lane),
    offset_of!(RawReply, error),
    offset_of!(RawReply, batch),
    offset_of!(RawReply, instance),
    offset_of!(RawReply, position),
    offset_of!(RawReply, has_position),
    offset_of!(RawReply, reserved),
    offset_of!(RawReply, name),
    size_of::<FateRange>(),
    align_of::<FateRange>(),
    offset_of!(FateRange, lane),
    offset_of!(FateRange, fate),
    offset_of!(FateRange, first_pull),
    offset_of!(FateRange, last_pull),
    offset_of!(FateRange, first_event),
    offset_of!(FateRange, last_event),
    code::PULL as usize,
    code::FATES as usize,
    code::ASSIGNED as usize,
    code::REVOKE as usize,
    code::LOST as usize,
    code::WRITE as usize,
    code::FLUSH as usize,
    code::CONNECT as usize,
    code::CREATE_SOURCE as usize,
    code::CREATE_SINK as usize,
    code::START as usize,
    code::PAUSE as usize,
    code::RESUME as usize,
    code::DRAIN as usize,
    code::STOP as usize,
    code::UNDECODABLE as usize,
    code::STORED as usize,
    reply::FAILED as usize,
    reply::DONE as usize,
    reply::IDLE as usize,
    reply::BATCH as usize,
    reply::END as usize,
    reply::INSTANCE as usize,
    reply::BEGIN_LANE as usize,
    reply::END_LANE as usize,
    reply::LOSE_LANE as usize,
    reply::UNSUPPORTED as usize,
    Fate::Acked as usize,
    Fate::Failed as usize,
];
