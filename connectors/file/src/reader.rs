//! Reads an ordinary file in large pieces, up to separators where places matter, and learns what became of them.

use std::sync::Arc;
use std::time::Duration;

use temblor_pdk::io::{self, Disk, Spawned};
use temblor_pdk::log::Level;
use temblor_pdk::{
    Backoff, BackoffPolicy, BatchWriter, Buffer, Cell, CellKind, Error, Event, FateRange, Host,
    Pull, Result, Value,
};

use crate::cannot;
use crate::config::{OnFailed, Settings};
use crate::input::{Input, Place, stopped};
use crate::keeper::{Keeper, Mark};
use crate::progress::{Progress, Sent};

/// At most this many bytes are read at once, unless one event is longer.
const READ_BYTES: usize = 256 * 1024;
/// An event that is longer is handed over in parts.
const LONGEST: usize = 64 * 1024 * 1024;
/// How often the end of a file that is followed is looked at: soon at first, then less often.
const LOOK: BackoffPolicy = BackoffPolicy {
    initial: Duration::from_millis(1),
    growth: 2.0,
    max: Duration::from_millis(50),
    randomized: false,
};
/// How long to wait before events that failed are read again, and how often.
const AGAIN: BackoffPolicy = BackoffPolicy {
    initial: Duration::from_millis(100),
    growth: 2.0,
    max: Duration::from_secs(5),
    randomized: true,
};
const TRIES: u32 = 5;
/// At the end of the file, fates are waited for as long as they come this soon after each other; windows may keep
/// theirs until the source has ended.
const LAST_FATES: Duration = Duration::from_secs(1);
/// How soon a position is tried to be written again that could not be.
const SAVE_AGAIN: Duration = Duration::from_secs(1);

/// A running source of an ordinary file.
pub struct Reader {
    host: Host,
    disk: Arc<dyn Disk>,
    settings: Arc<Settings>,
    /// What stands behind each event; none where places do not matter.
    separator: Option<Vec<u8>>,
    place: Arc<Place>,
    offset: u64,
    /// None where the next pull begins one: it is numbered by that pull, which no other is.
    stream: Option<u64>,
    /// Whether preprocessors may keep the beginning of an event.
    inside: bool,
    /// A stream that goes on nowhere.
    broken: Option<u64>,
    look: Backoff,
    /// Whether another file was seen in the place of this one.
    replaced: bool,
    tracking: Option<Tracking>,
}

/// What a source with a position knows beside.
struct Tracking {
    keeper: Arc<Keeper>,
    progress: Progress,
    again: Backoff,
    /// No pull before this time.
    not_before_ns: u64,
    last_fate_ns: u64,
    /// Since when the end of the file has been reached.
    at_end_ns: Option<u64>,
    /// Whether the source has said that there will never be more.
    ended: bool,
    failed: bool,
    skipped: Cell,
    _saving: Spawned<()>,
}

/// What is there to be handed over.
enum Piece {
    Bytes {
        buffer: Buffer,
        whole: bool,
    },
    /// Nothing but, perhaps, bytes that no separator follows.
    End(Option<Buffer>),
}

impl Reader {
    pub(crate) fn new(
        host: Host,
        disk: Arc<dyn Disk>,
        settings: Arc<Settings>,
        input: Input,
        keeper: Option<Arc<Keeper>>,
    ) -> Self {
        let cuts = keeper.is_some() || settings.follow;
        let separator = settings.separator.as_deref().unwrap_or("\n");
        let Input(Mark { place, offset }) = input;
        let tracking = keeper.map(|keeper| Tracking {
            _saving: keep_saving(&host, &settings, &keeper),
            keeper,
            progress: Progress::default(),
            again: Backoff::new(AGAIN),
            not_before_ns: 0,
            last_fate_ns: 0,
            at_end_ns: None,
            ended: false,
            failed: false,
            skipped: host.cell("skipped_pulls", CellKind::Counter),
        });
        Reader {
            separator: cuts.then(|| separator.as_bytes().to_vec()),
            host,
            disk,
            settings,
            place,
            offset,
            stream: None,
            inside: false,
            broken: None,
            look: Backoff::new(LOOK),
            replaced: false,
            tracking,
        }
    }

    pub(crate) async fn pull(&mut self, out: &mut BatchWriter) -> Result<Pull> {
        if let Some(tracking) = &self.tracking {
            let wait = io::sleep_until(&self.host, tracking.not_before_ns);
            if tracking.not_before_ns > self.host.now_ns() && out.wait(wait).await.is_none() {
                return Ok(Pull::Idle);
            }
        }
        loop {
            if let Some(stream) = self.broken.take() {
                out.fail_stream(0, stream);
                return Ok(Pull::Ready);
            }
            let rest = match self.read(out.limit_bytes())? {
                Piece::Bytes { buffer, whole } => {
                    self.look.reset();
                    self.hand_over(buffer, whole, out);
                    return Ok(Pull::Ready);
                }
                Piece::End(rest) => rest,
            };
            if !self.settings.follow {
                return self.end(rest, out).await;
            }
            if self.turn(rest, out)? {
                return Ok(Pull::Ready);
            }
            let wait = io::sleep(&self.host, self.look.next_wait());
            if out.wait(wait).await.is_none() {
                return Ok(Pull::Idle);
            }
        }
    }

    /// Reads the next piece: at least one event, where there is a whole one.
    fn read(&self, limit: usize) -> Result<Piece> {
        let mut size = limit.clamp(1, READ_BYTES);
        loop {
            let mut buffer = Buffer::with_capacity(size);
            let room = buffer.room();
            let most = room.len().min(size);
            let count = self.fill(&mut room[..most])?;
            let Some(separator) = &self.separator else {
                buffer.commit(count);
                return Ok(match count {
                    0 => Piece::End(None),
                    _ => Piece::Bytes {
                        buffer: fit(buffer),
                        whole: false,
                    },
                });
            };
            if let Some(end) = behind_last(separator, &room[..count]) {
                buffer.commit(end);
                let buffer = fit(buffer);
                return Ok(Piece::Bytes {
                    buffer,
                    whole: true,
                });
            }
            if count < most {
                buffer.commit(count);
                return Ok(Piece::End((count > 0).then(|| fit(buffer))));
            }
            if most >= LONGEST {
                buffer.commit(count);
                return Ok(Piece::Bytes {
                    buffer,
                    whole: false,
                });
            }
            size = most * 4;
        }
    }

    /// Reads until the room is full or the file ends.
    fn fill(&self, room: &mut [u8]) -> Result<usize> {
        let mut filled = 0;
        while filled < room.len() {
            let at = self.offset + filled as u64;
            match self.place.file.read_at(&mut room[filled..], at) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(reason) => {
                    let error = cannot("read", &self.settings.name, &reason);
                    // Without a position everything would be read once more.
                    return Err(match self.tracking {
                        Some(_) => error,
                        None => Error::failed(error.message()),
                    });
                }
            }
        }
        Ok(filled)
    }

    fn hand_over(&mut self, buffer: Buffer, whole: bool, out: &mut BatchWriter) {
        let start = self.offset;
        self.offset += buffer.len() as u64;
        self.inside = !whole;
        if let Some(tracking) = &mut self.tracking {
            tracking.at_end_ns = None;
            tracking.progress.add(Sent {
                pull: out.number().pull,
                start,
                end: Mark {
                    place: Arc::clone(&self.place),
                    offset: self.offset,
                },
                whole,
            });
        }
        let stream = *self.stream.get_or_insert(out.number().pull);
        let now_ns = self.host.now_ns();
        out.push_buffer(buffer, |bytes, sink| {
            let mut event = Event::new(Value::bytes(bytes));
            event.ingest_ns = now_ns;
            event.id.stream = stream;
            sink.push(event);
        });
    }

    /// The file has ended, and with it the source; but what may fail still can be read again until its fate is known.
    async fn end(&mut self, rest: Option<Buffer>, out: &mut BatchWriter) -> Result<Pull> {
        if let Some(tracking) = &mut self.tracking {
            let patience = u64::try_from(LAST_FATES.as_nanos()).unwrap_or(u64::MAX);
            let now_ns = self.host.now_ns();
            let since = *tracking.at_end_ns.get_or_insert(now_ns);
            let most = since.max(tracking.last_fate_ns).saturating_add(patience);
            if !tracking.progress.is_empty() && now_ns < most {
                let wait = io::sleep_until(&self.host, most);
                // Either more fates come, or the wait is over: in both cases the next pull looks again.
                let _ = out.wait(wait).await;
                return Ok(Pull::Idle);
            }
            tracking.ended = true;
        }
        if let Some(rest) = rest {
            self.hand_over(rest, true, out);
        }
        Ok(Pull::End)
    }

    /// Looks whether the file that is followed was truncated or has a successor, once everything is read; says whether
    /// something was handed over.
    fn turn(&mut self, rest: Option<Buffer>, out: &mut BatchWriter) -> Result<bool> {
        let name = &self.settings.name;
        let here = self.place.file.info();
        let here = here.map_err(|reason| cannot("read", name, &reason))?;
        if here.len < self.offset {
            let message = format!("{name} was truncated: it is read from the start");
            self.host.log(Level::Warn, &message);
            let place = Arc::clone(&self.place);
            self.broken = self.stream.take();
            self.go_on_with(place, 0);
            return Ok(false);
        }
        let there = self.disk.info(&self.settings.path);
        // Between two names there may be none for a moment.
        let Ok(there) = there else { return Ok(false) };
        if self.place.is(&there) {
            self.replaced = false;
            return Ok(false);
        }
        // Its writer may have written once more before it turned to the new file.
        if !std::mem::replace(&mut self.replaced, true) {
            self.look.reset();
            return Ok(false);
        }
        let next = Place::open(&*self.disk, &self.settings.path);
        let next = next.map_err(|reason| cannot("open", name, &reason))?;
        let message = format!("{name} was replaced by another file, which is read from its start");
        self.host.log(Level::Info, &message);
        if let Some(rest) = rest {
            self.hand_over(rest, true, out);
        }
        let ended = self.stream.take();
        if let Some(stream) = ended {
            out.end_stream(0, stream);
        }
        self.go_on_with(next, 0);
        Ok(ended.is_some())
    }

    fn go_on_with(&mut self, place: Arc<Place>, offset: u64) {
        (self.place, self.offset) = (place, offset);
        self.replaced = false;
        // What preprocessors keep belongs to something else.
        if std::mem::take(&mut self.inside) {
            self.broken = self.stream.take().or(self.broken);
        }
    }

    pub(crate) fn on_fates(&mut self, fates: &[FateRange]) -> Result<()> {
        let Some(tracking) = &mut self.tracking else {
            return Ok(());
        };
        tracking.last_fate_ns = self.host.now_ns();
        let skips = self.settings.on_failed == OnFailed::Skip;
        let settled = tracking.progress.settle(fates, skips);
        if let Some(mark) = settled.reached {
            tracking.keeper.advance(mark);
            tracking.again.reset();
        }
        if settled.skipped > 0 {
            tracking.skipped.add(settled.skipped);
            let message = format!("{}: events failed and are skipped", self.settings.name);
            self.host.log(Level::Warn, &message);
        }
        match settled.failed {
            Some(sent) if !tracking.failed => self.read_again(&sent),
            _ => Ok(()),
        }
    }

    /// Goes back to the first event that may have failed, unless that was done often enough.
    fn read_again(&mut self, sent: &Sent) -> Result<()> {
        let Some(tracking) = &mut self.tracking else {
            return Ok(());
        };
        tracking.progress.forget();
        let tries = tracking.again.attempts();
        let stops = self.settings.on_failed == OnFailed::Stop || tracking.ended || tries >= TRIES;
        if stops {
            tracking.failed = true;
            let reason = match tries {
                0 => "events failed".to_owned(),
                tries => format!("events failed, also when they were read {tries} times again,"),
            };
            return Err(stopped(&self.settings, sent.start, &reason));
        }
        let wait = tracking.again.next_wait();
        let wait_ns = u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX);
        tracking.not_before_ns = self.host.now_ns().saturating_add(wait_ns);
        let Some(Mark { place, offset }) = tracking.keeper.reached() else {
            return Ok(());
        };
        let message = format!(
            "{}: events failed; they are read again from byte {offset} on",
            self.settings.name
        );
        self.host.log(Level::Warn, &message);
        self.go_on_with(place, offset);
        Ok(())
    }
}

/// Writes the position now and then while the source lives.
fn keep_saving(host: &Host, settings: &Settings, keeper: &Arc<Keeper>) -> Spawned<()> {
    let (host, keeper, interval) = (host.clone(), Arc::clone(keeper), settings.interval);
    let spawning = host.clone();
    io::spawn(&spawning, async move {
        let mut told = false;
        loop {
            io::sleep(&host, interval.max(Duration::from_millis(1))).await;
            if !keeper.is_behind() {
                continue;
            }
            let saving = Arc::clone(&keeper);
            match io::blocking(&host, move || saving.save()).await {
                Ok(Ok(())) => told = false,
                Ok(Err(error)) => {
                    if !std::mem::replace(&mut told, true) {
                        host.log(Level::Warn, &error.to_string());
                    }
                    io::sleep(&host, SAVE_AGAIN).await;
                }
                // The engine is ending; what is left is written when the connector stops.
                Err(_) => return,
            }
        }
    })
}

/// The place behind the last separator.
fn behind_last(separator: &[u8], bytes: &[u8]) -> Option<usize> {
    let at = bytes.windows(separator.len()).rposition(|w| w == separator);
    at.map(|at| at + separator.len())
}

/// A buffer that is mostly empty would keep far more memory than its content: the content moves to a smaller one.
fn fit(buffer: Buffer) -> Buffer {
    let content = buffer.as_slice();
    if content.len() >= READ_BYTES / 8 {
        return buffer;
    }
    let mut small = Buffer::with_capacity(content.len());
    match small.append(content) {
        true => small,
        false => buffer,
    }
}
