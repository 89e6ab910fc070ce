//! The host's side of instances.

use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};

use super::super::fates::Fates;
use super::super::waker::HostWaker;
use super::{RawCommand, RawInstance, RawReply, code, reply};
use crate::{Batch, Command, Error, ErrorKind, FateRange, Instance, LaneNotice, Outcome, Reply};

/// What commands point at, for as long as they are read.
#[derive(Default)]
struct Lent {
    ranges: Vec<FateRange>,
    text: String,
}

/// Writes a command down. `lent` keeps what it points at; `child` is the waker of an instance to be created.
fn raw_command(command: Command, lent: &mut Lent, child: &Arc<HostWaker>) -> RawCommand {
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
            lent.ranges = fates;
            (raw.data, raw.len) = (lent.ranges.as_ptr().cast(), lent.ranges.len());
            code::FATES
        }
        Command::Assigned(start) => {
            raw.lane = start.lane;
            raw.a = u64::from(start.position.is_some()) | u64::from(start.is_kept) << 1;
            raw.b = start.position.unwrap_or_default();
            code::ASSIGNED
        }
        Command::Stored(lane, position) => {
            (raw.lane, raw.b) = (lane, position);
            code::STORED
        }
        Command::Revoke(lane, deadline_ns) => {
            (raw.lane, raw.b) = (lane, deadline_ns);
            code::REVOKE
        }
        Command::Lost(lane) => {
            raw.lane = lane;
            code::LOST
        }
        Command::Undecodable(lane, pull, reason) => {
            lent.text = reason;
            (raw.lane, raw.b) = (lane, pull);
            (raw.data, raw.len) = (lent.text.as_ptr().cast(), lent.text.len());
            code::UNDECODABLE
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

/// The error of an answer that no sound plugin gives.
fn garbage(what: &str) -> Error {
    Error::new(ErrorKind::Bug, format!("the plugin answered with {what}"))
}

/// The host's side of an instance behind the C ABI.
pub(in crate::abi) struct Imported {
    raw: RawInstance,
    waker: Arc<HostWaker>,
    /// The waker of the instance that is being created; a new one for each.
    child: Arc<HostWaker>,
}

// SAFETY: the instance behind it is `Send`, and so is the waker that it was made with. `Imported` is not `Sync`, so
// `poll` and `interrupt` never run at once.
unsafe impl Send for Imported {}

impl Imported {
    /// Takes an instance that the other side gave away; none if there is none.
    ///
    /// # Safety
    /// `raw` comes from `export` of a crate with the same layout, which was given `waker`, and is taken once.
    pub(in crate::abi) unsafe fn new(raw: RawInstance, waker: Arc<HostWaker>) -> Option<Self> {
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
        let position = (raw.has_position == 1).then_some(raw.position);
        match (raw.code, batch) {
            (reply::DONE, _) => Ok(Outcome::Done),
            (reply::IDLE, _) => Ok(Outcome::Idle),
            (reply::BATCH, Some(batch)) => Ok(Outcome::Batch(batch, position)),
            (reply::END, batch) => Ok(Outcome::End(batch, position)),
            (reply::BEGIN_LANE, _) => Ok(Outcome::Lane(LaneNotice::Begin {
                lane: raw.lane,
                name: raw.name.to_text(),
                committed: position,
            })),
            (reply::END_LANE, _) => Ok(Outcome::Lane(LaneNotice::End {
                lane: raw.lane,
                deadline_ns: raw.position,
            })),
            (reply::LOSE_LANE, _) => Ok(Outcome::Lane(LaneNotice::Lose { lane: raw.lane })),
            (reply::INSTANCE, _) => {
                let waker = std::mem::replace(&mut self.child, HostWaker::new());
                // SAFETY: a reply gives its instance away, which was made with the waker of the command.
                match unsafe { Imported::new(raw.instance, waker) } {
                    Some(instance) => Ok(Outcome::Instance(Box::new(instance))),
                    None => Err(garbage("an instance that is none")),
                }
            }
            (reply::FAILED, _) => {
                raw.error.into_result()?;
                Err(garbage("a failure without a reason"))
            }
            (reply::UNSUPPORTED, _) => Err(Error::failed(
                "the plugin does not know this command: build it with the temblor-pdk of this host",
            )),
            (other, _) => Err(garbage(&format!("what is no reply: code {other}"))),
        }
    }
}

impl Instance for Imported {
    fn poll(&mut self, command: Option<Command>, cx: &mut TaskContext<'_>) -> Poll<Reply> {
        self.waker.register(cx.waker());
        let mut lent = Lent::default();
        let mut raw = command.map(|command| raw_command(command, &mut lent, &self.child));
        let command = raw
            .as_mut()
            .map_or(std::ptr::null_mut(), std::ptr::from_mut);
        let mut out = std::mem::MaybeUninit::<RawReply>::uninit();
        // SAFETY: the maker's function for the maker's object, used through `&mut self`; command and reply live for
        // the call, and `lent` with them.
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
