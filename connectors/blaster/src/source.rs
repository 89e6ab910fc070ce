//! The running replay.

use std::sync::Arc;

use temblor_pdk::{BatchWriter, Buffer, Event, Host, Pull, Result, Source, Value, io, log};

use crate::replay::Replay;
use crate::schedule::Schedule;

/// The running replay.
pub struct BlasterSource {
    host: Host,
    replay: Arc<Replay>,
    schedule: Schedule,
    chunk_events: usize,
    spin_ns: u64,
    /// How many events there will be.
    total: u64,
    sent: u64,
    /// The clock at the first pull.
    start_ns: Option<u64>,
}

impl BlasterSource {
    pub(crate) fn new(
        host: Host,
        replay: Arc<Replay>,
        schedule: Schedule,
        chunk_events: usize,
        spin_ns: u64,
    ) -> Self {
        let total = schedule.total(replay.lines());
        BlasterSource {
            host,
            replay,
            schedule,
            chunk_events,
            spin_ns,
            total,
            sent: 0,
            start_ns: None,
        }
    }

    /// Sends at most `count` events.
    fn send(&mut self, out: &mut BatchWriter, count: u64, ingest: impl Fn(u64) -> u64) {
        let room = out.room_events().min(self.chunk_events);
        let count = room.min(usize::try_from(count).unwrap_or(usize::MAX));
        let line = (self.sent % self.replay.lines() as u64) as usize;
        let stretches = self.replay.stretches(line, count, out.limit_bytes());
        let pieces = || stretches.iter().map(|lines| self.replay.bytes(lines));
        let mut buffer = Buffer::with_capacity(pieces().map(<[u8]>::len).sum());
        for piece in pieces() {
            let had_room = buffer.append(piece);
            debug_assert!(had_room, "the buffer was made for these pieces");
        }
        let mut index = self.sent;
        out.push_buffer(buffer, |bytes, sink| {
            let mut at = 0;
            for line in stretches.iter().cloned().flatten() {
                let end = at + self.replay.span(line).len();
                let mut event = Event::new(Value::bytes(bytes.get(at..end).unwrap_or_default()));
                event.ingest_ns = ingest(index);
                sink.push(event);
                (at, index) = (end, index + 1);
            }
        });
        self.sent = index;
    }

    /// Sends what the engine has room for, now.
    fn pull_closed(&mut self, out: &mut BatchWriter, now_ns: u64, elapsed_ns: u64) -> Pull {
        if self.schedule.is_over(elapsed_ns) {
            return Pull::End;
        }
        self.send(out, self.total - self.sent, |_| now_ns);
        self.after_sending()
    }

    /// Sends what is overdue. Once the time is over this is the last pull: an engine that cannot keep up would
    /// otherwise run on for much longer than it was asked to.
    fn pull_overdue(&mut self, out: &mut BatchWriter, overdue: u64, is_last: bool) -> Pull {
        let start_ns = self.start_ns.unwrap_or_default();
        let schedule = self.schedule;
        self.send(out, overdue, |index| start_ns + schedule.offset_ns(index));
        if is_last && self.sent < self.total {
            let unsent = self.total - self.sent;
            let message = format!(
                "{unsent} of {} events were due and not sent when the time was over: the rate is more than the flow takes",
                self.total
            );
            self.host.log(log::Level::Warn, &message);
            return Pull::End;
        }
        self.after_sending()
    }

    fn after_sending(&self) -> Pull {
        match self.sent == self.total {
            true => Pull::End,
            false => Pull::Ready,
        }
    }

    /// Waits until the clock is near `due_ns`, or, if it is near already, lets others run once. Says whether the
    /// engine interrupted.
    async fn wait(&self, out: &mut BatchWriter, now_ns: u64, due_ns: u64) -> bool {
        let near_ns = due_ns.saturating_sub(self.spin_ns);
        let waited = match now_ns < near_ns {
            true => out.wait(io::sleep_until(&self.host, near_ns)).await,
            false => out.wait(io::yield_now()).await,
        };
        waited.is_none()
    }
}

impl Source for BlasterSource {
    async fn pull(&mut self, out: &mut BatchWriter) -> Result<Pull> {
        loop {
            let now_ns = self.host.now_ns();
            let start_ns = *self.start_ns.get_or_insert(now_ns);
            let elapsed_ns = now_ns.saturating_sub(start_ns);
            if self.sent == self.total {
                return Ok(Pull::End);
            }
            if !self.schedule.is_open_loop() {
                return Ok(self.pull_closed(out, now_ns, elapsed_ns));
            }
            let due = self.schedule.due(elapsed_ns).min(self.total);
            if due > self.sent {
                let is_last = self.schedule.is_over(elapsed_ns);
                return Ok(self.pull_overdue(out, due - self.sent, is_last));
            }
            let due_ns = start_ns.saturating_add(self.schedule.offset_ns(self.sent));
            if self.wait(out, now_ns, due_ns).await {
                return Ok(Pull::Idle);
            }
        }
    }
}
