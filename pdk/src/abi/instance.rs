//! Instances across the boundary: one poll function, commands and replies as plain data.

use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, Waker};

use super::fates::Fates;
use super::fence;
use super::text::RawError;
use super::waker::{self, HostWaker};
use crate::{
    Batch, Command, Error, FateRange, Instance, LaneStart, Outcome, PullLimits, PullNumber, Reply,
};

/// For the layout fingerprint.
pub(super) const SIZES: usize = size_of::<RawCommand>() * 1024 + size_of::<RawReply>();

#[repr(C)]
pub(super) struct InstanceVtable {
    /// Returns 0 while pending and 1 once `reply` is written. A null command goes on with the last one.
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
}

/// A command as plain data. What the fields mean depends on the code; what is not needed is zero.
#[repr(C)]
struct RawCommand {
    code: u32,
    /// Pull: the limit of events; else the lane.
    lane: u32,
    /// Pull: the limit of bytes.
    bytes: u32,
    reserved: u32,
    /// Pull: the source; assigned: 1 if there is a position.
    a: u64,
    /// Pull: its number; assigned: the position; revoke: the deadline.
    b: u64,
    /// Fates: the ranges, valid for the call. Write: the batch, owned. Create: the new instance's waker, owned.
    data: *const (),
    len: usize,
    /// Write: how to tell fates, owned.
    fates: Fates,
}

#[repr(C)]
struct RawReply {
    code: u32,
    error: RawError,
    batch: *const (),
    instance: RawInstance,
}

mod reply {
    pub(super) const FAILED: u32 = 0;
    pub(super) const DONE: u32 = 1;
    pub(super) const IDLE: u32 = 2;
    pub(super) const BATCH: u32 = 3;
    pub(super) const END: u32 = 4;
    pub(super) const INSTANCE: u32 = 5;
}

impl RawReply {
    const EMPTY: RawReply = RawReply {
        code: reply::FAILED,
        error: RawError::NONE,
        batch: std::ptr::null(),
        instance: RawInstance::NONE,
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

    fn batch(code: u32, batch: Option<Batch>) -> Self {
        RawReply {
            code,
            batch: batch.map_or(std::ptr::null(), Batch::into_raw),
            ..RawReply::EMPTY
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
pub(super) fn export(instance: Box<dyn Instance>, waker: Waker) -> RawInstance {
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
            Ok(Outcome::Batch(batch)) => RawReply::batch(reply::BATCH, Some(batch)),
            Ok(Outcome::End(batch)) => RawReply::batch(reply::END, batch),
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
                Ok(command) => Some(command),
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

/// Reads a command and takes over what it owns.
///
/// # Safety
/// The command is valid, comes from [`raw_command`], and is taken once.
unsafe fn take_command(raw: &mut RawCommand, child: &mut Option<Waker>) -> Result<Command, Error> {
    Ok(match raw.code {
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
            position: (raw.a == 1).then_some(raw.b),
        }),
        code::REVOKE => Command::Revoke(raw.lane, raw.b),
        code::LOST => Command::Lost(raw.lane),
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
        other => return Err(Error::failed(format!("unknown command {other}"))),
    })
}

/// Writes a command down. `ranges` keeps what it points at; `child` is the waker of an instance to be created.
fn raw_command(
    command: Command,
    ranges: &mut Vec<FateRange>,
    child: &Arc<HostWaker>,
) -> RawCommand {
    let mut raw = RawCommand {
        code: 0,
        lane: 0,
        bytes: 0,
        reserved: 0,
        a: 0,
        b: 0,
        data: std::ptr::null(),
        len: 0,
        fates: Fates::NONE,
    };
    raw.code = match command {
        Command::Pull(limits, number) => {
            (raw.lane, raw.bytes) = (limits.events, limits.bytes);
            (raw.a, raw.b) = (u64::from(number.source), number.pull);
            code::PULL
        }
        Command::Fates(fates) => {
            *ranges = fates;
            (raw.data, raw.len) = (ranges.as_ptr().cast(), ranges.len());
            code::FATES
        }
        Command::Assigned(start) => {
            raw.lane = start.lane;
            raw.a = u64::from(start.position.is_some());
            raw.b = start.position.unwrap_or_default();
            code::ASSIGNED
        }
        Command::Revoke(lane, deadline_ns) => {
            (raw.lane, raw.b) = (lane, deadline_ns);
            code::REVOKE
        }
        Command::Lost(lane) => {
            raw.lane = lane;
            code::LOST
        }
        Command::Write(batch, fates) => {
            (raw.data, raw.fates) = (batch.into_raw(), fates);
            code::WRITE
        }
        Command::Flush => code::FLUSH,
        Command::Connect => code::CONNECT,
        Command::CreateSource => {
            raw.data = Arc::clone(child).into_raw().cast();
            code::CREATE_SOURCE
        }
        Command::CreateSink => {
            raw.data = Arc::clone(child).into_raw().cast();
            code::CREATE_SINK
        }
        Command::Start => code::START,
        Command::Pause => code::PAUSE,
        Command::Resume => code::RESUME,
        Command::Drain => code::DRAIN,
        Command::Stop => code::STOP,
    };
    raw
}

/// The host's side of an instance behind the C ABI.
pub(super) struct Imported {
    raw: RawInstance,
    waker: Arc<HostWaker>,
    /// The waker of the instance that is being created; a new one for each.
    child: Arc<HostWaker>,
}

// SAFETY: the instance behind it is `Send`; the pointers are used through `&mut self` only, but for `interrupt`,
// which the other side allows on any thread.
unsafe impl Send for Imported {}

impl Imported {
    /// Takes an instance that the other side gave away; none if there is none.
    ///
    /// # Safety
    /// `raw` comes from `export` of a crate with the same layout, which was given `waker`, and is taken once.
    pub(super) unsafe fn new(raw: RawInstance, waker: Arc<HostWaker>) -> Option<Self> {
        if raw.data.is_null() {
            return None;
        }
        Some(Imported {
            raw,
            waker,
            child: HostWaker::new(),
        })
    }

    fn reply(&mut self, raw: RawReply) -> Reply {
        // SAFETY: a reply gives its batch away.
        let batch = unsafe { Batch::from_raw(raw.batch) };
        match (raw.code, batch) {
            (reply::DONE, _) => Ok(Outcome::Done),
            (reply::IDLE, _) => Ok(Outcome::Idle),
            (reply::BATCH, Some(batch)) => Ok(Outcome::Batch(batch)),
            (reply::END, batch) => Ok(Outcome::End(batch)),
            (reply::INSTANCE, _) => {
                let waker = std::mem::replace(&mut self.child, HostWaker::new());
                // SAFETY: a reply gives its instance away, which was made with the waker of the command.
                match unsafe { Imported::new(raw.instance, waker) } {
                    Some(instance) => Ok(Outcome::Instance(Box::new(instance))),
                    None => Err(Error::failed("the plugin made no instance")),
                }
            }
            (reply::FAILED, _) => {
                raw.error.into_result()?;
                Err(Error::failed("the plugin failed without saying why"))
            }
            (other, _) => Err(Error::failed(format!("unknown reply {other}"))),
        }
    }
}

impl Instance for Imported {
    fn poll(&mut self, command: Option<Command>, cx: &mut TaskContext<'_>) -> Poll<Reply> {
        self.waker.register(cx.waker());
        let mut ranges = Vec::new();
        let mut raw = command.map(|command| raw_command(command, &mut ranges, &self.child));
        let command = raw
            .as_mut()
            .map_or(std::ptr::null_mut(), std::ptr::from_mut);
        let mut out = std::mem::MaybeUninit::<RawReply>::uninit();
        // SAFETY: the maker's function for the maker's object, used through `&mut self`; command and reply live for
        // the call, and `ranges` with them.
        let ready = unsafe { ((*self.raw.vtable).poll)(self.raw.data, command, out.as_mut_ptr()) };
        match ready {
            0 => Poll::Pending,
            // SAFETY: the other side has written the reply.
            _ => Poll::Ready(self.reply(unsafe { out.assume_init() })),
        }
    }

    fn interrupt(&self) {
        // SAFETY: the maker's function for the maker's object.
        unsafe { ((*self.raw.vtable).interrupt)(self.raw.data) }
    }
}

impl Drop for Imported {
    fn drop(&mut self) {
        // SAFETY: the maker's function for the maker's object, called once.
        unsafe { ((*self.raw.vtable).release)(self.raw.data) }
        // Whoever still holds a waker of this instance keeps the host's waker, but not the task that polled it.
        self.waker.clear();
    }
}
