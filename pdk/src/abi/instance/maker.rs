//! The maker's side of instances.

use std::task::{Context as TaskContext, Poll, Waker};

use super::super::fates::Fates;
use super::super::text::{RawError, RawText};
use super::super::{fence, waker};
use super::{InstanceVtable, RawCommand, RawInstance, RawReply, code, reply};
use crate::{
    Batch, Command, Error, FateRange, Instance, LaneNotice, LaneStart, Outcome, PullLimits,
    PullNumber, Reply,
};

impl RawReply {
    pub(super) const EMPTY: RawReply = RawReply {
        code: reply::FAILED,
        lane: 0,
        error: RawError::NONE,
        batch: std::ptr::null(),
        instance: RawInstance::NONE,
        position: 0,
        has_position: 0,
        reserved: 0,
        name: RawText::EMPTY,
    };

    fn failed(error: Error) -> Self {
        RawReply {
            error: RawError::new(error),
            ..RawReply::EMPTY
        }
    }

    fn code(code: u32) -> Self {
        RawReply {
            code,
            ..RawReply::EMPTY
        }
    }

    fn batch(code: u32, batch: Option<Batch>, position: Option<u64>) -> Self {
        RawReply {
            batch: batch.map_or(std::ptr::null(), Batch::into_raw),
            ..RawReply::code(code).at(position)
        }
    }

    fn lane(notice: LaneNotice) -> Self {
        let lane = notice.lane();
        let reply = match notice {
            LaneNotice::Begin {
                name, committed, ..
            } => RawReply {
                name: RawText::new(name),
                ..RawReply::code(reply::BEGIN_LANE).at(committed)
            },
            LaneNotice::End { deadline_ns, .. } => {
                RawReply::code(reply::END_LANE).at(Some(deadline_ns))
            }
            LaneNotice::Lose { .. } => RawReply::code(reply::LOSE_LANE),
        };
        RawReply { lane, ..reply }
    }

    fn at(self, position: Option<u64>) -> Self {
        RawReply {
            position: position.unwrap_or_default(),
            has_position: u32::from(position.is_some()),
            ..self
        }
    }
}

/// The maker's side: an instance with the waker of whoever polls it.
struct Exported {
    instance: Box<dyn Instance>,
    waker: Waker,
    /// The waker for the instance that is being created, until it is there.
    child: Option<Waker>,
}

static VTABLE: InstanceVtable = InstanceVtable {
    poll,
    interrupt,
    release,
};

/// Gives an instance to the other side, which wakes through `waker`.
pub(in crate::abi) fn export(instance: Box<dyn Instance>, waker: Waker) -> RawInstance {
    let exported = Box::new(Exported {
        instance,
        waker,
        child: None,
    });
    RawInstance {
        data: Box::into_raw(exported).cast(),
        vtable: &VTABLE,
    }
}

impl Exported {
    fn poll(&mut self, command: Option<Command>) -> Poll<Reply> {
        self.instance
            .poll(command, &mut TaskContext::from_waker(&self.waker))
    }

    fn raw_reply(&mut self, reply: Reply) -> RawReply {
        match reply {
            Err(error) => RawReply::failed(error),
            Ok(Outcome::Done) => RawReply::code(reply::DONE),
            Ok(Outcome::Idle) => RawReply::code(reply::IDLE),
            Ok(Outcome::Batch(batch, position)) => {
                RawReply::batch(reply::BATCH, Some(batch), position)
            }
            Ok(Outcome::End(batch, position)) => RawReply::batch(reply::END, batch, position),
            Ok(Outcome::Lane(notice)) => RawReply::lane(notice),
            Ok(Outcome::Instance(instance)) => match self.child.take() {
                Some(waker) => RawReply {
                    code: reply::INSTANCE,
                    instance: export(instance, waker),
                    ..RawReply::EMPTY
                },
                None => RawReply::failed(Error::failed("an instance that nobody asked for")),
            },
        }
    }
}

/// # Safety
/// `data` is a live `Exported` of this copy of the crate that nobody else uses now; `command` is null or valid, and
/// what it owns is taken; `out` is valid for writing and holds nothing that must be dropped.
unsafe extern "C" fn poll(data: *mut (), command: *mut RawCommand, out: *mut RawReply) -> u32 {
    // SAFETY: the caller's contract.
    let (exported, command) = unsafe { (&mut *data.cast::<Exported>(), command.as_mut()) };
    let polled = fence::catch(|| {
        let command = match command {
            // SAFETY: a valid command, which is taken once.
            Some(raw) => match unsafe { take_command(raw, &mut exported.child) } {
                Ok(Some(command)) => Some(command),
                Ok(None) => return Some(RawReply::code(reply::UNSUPPORTED)),
                Err(error) => return Some(RawReply::failed(error)),
            },
            None => None,
        };
        match exported.poll(command) {
            Poll::Pending => None,
            Poll::Ready(reply) => Some(exported.raw_reply(reply)),
        }
    });
    match polled.unwrap_or_else(|error| Some(RawReply::failed(error))) {
        None => 0,
        Some(reply) => {
            // SAFETY: the caller's contract.
            unsafe { out.write(reply) };
            1
        }
    }
}

/// # Safety
/// `data` is a live `Exported` of this copy of the crate.
unsafe extern "C" fn interrupt(data: *const ()) {
    // SAFETY: the caller's contract.
    let exported = unsafe { &*data.cast::<Exported>() };
    fence::silence(|| exported.instance.interrupt());
}

/// # Safety
/// `data` comes from `export` of this copy of the crate and is released once.
unsafe extern "C" fn release(data: *mut ()) {
    // SAFETY: the caller's contract.
    let exported = unsafe { Box::from_raw(data.cast::<Exported>()) };
    fence::silence(move || drop(exported));
}

/// Reads a command and takes over what it owns; none, and nothing is taken, if it is a command of a later version.
///
/// # Safety
/// The command is valid, comes from [`raw_command`], and is taken once.
unsafe fn take_command(
    raw: &mut RawCommand,
    child: &mut Option<Waker>,
) -> Result<Option<Command>, Error> {
    Ok(Some(match raw.code {
        code::PULL => Command::Pull(
            PullLimits {
                events: raw.lane,
                bytes: raw.bytes,
            },
            PullNumber {
                source: raw.a as u32,
                pull: raw.b,
            },
        ),
        code::FATES => {
            // SAFETY: `raw_command` points at `len` ranges that live for the call.
            let fates =
                unsafe { std::slice::from_raw_parts(raw.data.cast::<FateRange>(), raw.len) };
            Command::Fates(fates.to_vec())
        }
        code::ASSIGNED => Command::Assigned(LaneStart {
            lane: raw.lane,
            position: (raw.a & 1 != 0).then_some(raw.b),
            is_kept: raw.a & 2 != 0,
        }),
        code::STORED => Command::Stored(raw.lane, raw.b),
        code::REVOKE => Command::Revoke(raw.lane, raw.b),
        code::LOST => Command::Lost(raw.lane),
        code::UNDECODABLE => {
            // SAFETY: `raw_command` points at `len` bytes that live for the call.
            let reason = unsafe { std::slice::from_raw_parts(raw.data.cast::<u8>(), raw.len) };
            let reason = String::from_utf8_lossy(reason).into_owned();
            Command::Undecodable(raw.lane, raw.b, reason)
        }
        code::WRITE => {
            let fates = std::mem::replace(&mut raw.fates, Fates::NONE);
            // SAFETY: the command gives the batch away.
            match unsafe { Batch::from_raw(raw.data) } {
                Some(batch) => Command::Write(batch, fates),
                None => return Err(Error::failed("a write without a batch")),
            }
        }
        code::FLUSH => Command::Flush,
        code::CONNECT => Command::Connect,
        code::CREATE_SOURCE | code::CREATE_SINK => {
            // SAFETY: the command gives one count of the new instance's waker away.
            *child = Some(unsafe { waker::import(raw.data.cast()) });
            match raw.code {
                code::CREATE_SOURCE => Command::CreateSource,
                _ => Command::CreateSink,
            }
        }
        code::START => Command::Start,
        code::PAUSE => Command::Pause,
        code::RESUME => Command::Resume,
        code::DRAIN => Command::Drain,
        code::STOP => Command::Stop,
        _ => return Ok(None),
    }))
}
