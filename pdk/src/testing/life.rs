//! The life of a connector: every state can be reached and left, waits end when they should, nothing panics.

use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use super::TestHost;
use super::panics::watch;
use super::run::{FateLog, Running, Side, batch_of_bytes, batch_of_values, payloads};
use super::subject::{Maker, Subject};
use crate::{Batch, Command, ErrorKind, Outcome, Payload, Reply, Settles};

/// Within this time a pull ends after an interrupt. The contract says 100 ms; a busy machine needs more.
const INTERRUPT: Duration = Duration::from_secs(1);
/// So many pulls of a source that has no end.
const PULLS: usize = 16;
/// So many events are written to a sink.
const EVENTS: usize = 3;

/// How far a connector gets before it is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Made,
    Connected,
    Created,
    /// A pull or a write was given and polled once.
    Busy,
    Used,
    Paused,
    Drained,
    Stopped,
}

impl Stage {
    const ALL: [Stage; 8] = [
        Stage::Made,
        Stage::Connected,
        Stage::Created,
        Stage::Busy,
        Stage::Used,
        Stage::Paused,
        Stage::Drained,
        Stage::Stopped,
    ];
}

impl Subject {
    /// Takes the connector through its life with a configuration that works, in every way of making it: it is
    /// dropped in each state, pulls are interrupted, sides that do not exist are asked for, fates are counted.
    ///
    /// # Panics
    /// At the first thing that is not as it should be.
    pub fn check_life(&self, config: &str, side: Side) {
        for maker in self.makers() {
            for last in Stage::ALL {
                let host = TestHost::new();
                let about = format!("`{}` ({}) up to {last:?}", self.name, maker.mode());
                let life = Life {
                    subject: self,
                    side,
                    last,
                    about: &about,
                };
                let ((), panics) = watch(|| life.live(maker, config, &host));
                let all = [panics, host.panics()].concat();
                assert!(all.is_empty(), "{about} panicked: {all:?}");
            }
            self.check_misuse(maker, config);
        }
    }

    /// Pulls the same from every way of making the source, and compares: payloads and times of ingest. The clock is
    /// one that only moves when the source waits. Returns what was pulled.
    ///
    /// # Panics
    /// Where two ways differ.
    #[must_use]
    pub fn check_same(&self, config: &str, pulls: usize) -> Vec<(Vec<u8>, u64)> {
        let mut expected: Option<Vec<(Vec<u8>, u64)>> = None;
        for maker in self.makers() {
            let host = TestHost::with_clock(1_000_000_000);
            let about = format!("`{}` ({})", self.name, maker.mode());
            let mut connector = succeed(maker.open(config, &host), &about);
            let mut source = succeed(connector.start(Side::Source), &about);
            let batches = succeed(source.pull_all(pulls), &about);
            let times = batches.iter().flat_map(Batch::events).map(|e| e.ingest_ns);
            let pulled: Vec<_> = payloads(&batches).into_iter().zip(times).collect();
            match &expected {
                Some(expected) => assert_eq!(*expected, pulled, "{about} differs"),
                None => expected = Some(pulled),
            }
        }
        expected.unwrap_or_default()
    }

    /// Commands to the wrong instance and sides that do not exist are refused, and nothing panics.
    fn check_misuse(&self, maker: &Maker, config: &str) {
        let about = format!("`{}` ({})", self.name, maker.mode());
        let host = TestHost::new();
        let mut connector = succeed(maker.open(config, &host), &about);
        let pull = connector.next_pull();
        assert!(
            connector.call(pull).is_err(),
            "{about}: a connector was pulled"
        );
        succeed(connector.tell(Command::Connect), &about);
        succeed(
            connector.tell(Command::Connect),
            &format!("{about}: connecting again"),
        );
        let sides = [
            (Side::Source, self.source.is_some()),
            (Side::Sink, self.sink.is_some()),
        ];
        for (side, exists) in sides {
            if exists {
                continue;
            }
            let Err(error) = connector.create(side) else {
                panic!("{about}: it made a {side:?} that it says it has not");
            };
            assert_eq!(error.kind(), ErrorKind::Config, "{about}: {error}");
        }
    }
}

/// One life, up to a stage.
struct Life<'a> {
    subject: &'a Subject,
    side: Side,
    last: Stage,
    about: &'a str,
}

impl Life<'_> {
    fn live(&self, maker: &Maker, config: &str, host: &TestHost) {
        let mut connector = succeed(maker.open(config, host), self.about);
        if self.last == Stage::Made {
            return;
        }
        succeed(connector.tell(Command::Connect), self.about);
        if self.last == Stage::Connected {
            return;
        }
        let mut side = succeed(connector.create(self.side), self.about);
        succeed(connector.tell(Command::Start), self.about);
        if self.last == Stage::Created {
            return;
        }
        if self.last == Stage::Busy {
            let command = self.work(&mut side, &Arc::default());
            let _ = side.poll(Some(command));
            return;
        }
        match self.side {
            Side::Source => self.pull(&mut side),
            Side::Sink => self.write(&mut side),
        }
        if self.last != Stage::Used {
            self.end(connector, side);
        }
    }

    /// What the side is there for.
    fn work(&self, side: &mut Running, fates: &Arc<FateLog>) -> Command {
        match self.side {
            Side::Source => side.next_pull(),
            Side::Sink => {
                let fates = crate::Fates::new(Arc::clone(fates), 0, EVENTS);
                Command::Write(self.batch(), fates)
            }
        }
    }

    fn batch(&self) -> Batch {
        match self.subject.sink_payload() {
            Payload::Bytes => batch_of_bytes(&[(b"one\n", 1), (b"two\n", 2), (b"three\n", 3)]),
            Payload::Values => batch_of_values(EVENTS as u64),
        }
    }

    /// Pulls, interrupts what waits, and interrupts where nothing waits.
    fn pull(&self, source: &mut Running) {
        for _ in 0..PULLS {
            source.interrupt();
            let command = source.next_pull();
            let reply = match source.poll(Some(command)) {
                Poll::Ready(reply) => reply,
                Poll::Pending => self.interrupt(source),
            };
            match succeed(reply, self.about) {
                Outcome::End(batch, _) => {
                    batch
                        .iter()
                        .for_each(|batch| self.check_lane(batch, source));
                    return;
                }
                Outcome::Batch(batch, _) => self.check_lane(&batch, source),
                Outcome::Idle => {}
                Outcome::Lane(notice) => succeed(source.answer(&notice), self.about),
                other => panic!("{}: {other:?} came of a pull", self.about),
            }
        }
    }

    /// Who tells of lanes hands records over of those only that began.
    fn check_lane(&self, batch: &Batch, source: &Running) {
        if !self.subject.source.is_some_and(|source| source.lanes) {
            return;
        }
        for event in batch.events() {
            assert!(
                source.lanes().contains(&event.id.lane),
                "{}: an event of lane {}, which has not begun",
                self.about,
                event.id.lane
            );
        }
    }

    fn interrupt(&self, source: &mut Running) -> Reply {
        source.interrupt();
        match source.poll(None) {
            Poll::Ready(reply) => reply,
            Poll::Pending => match source.wait(INTERRUPT) {
                Some(reply) => reply,
                None => panic!(
                    "{}: a pull went on for {INTERRUPT:?} after an interrupt",
                    self.about
                ),
            },
        }
    }

    /// Writes, flushes, and counts the fates.
    fn write(&self, sink: &mut Running) {
        let fates = Arc::new(FateLog::default());
        let command = self.work(sink, &fates);
        succeed(sink.tell(command), self.about);
        succeed(sink.tell(Command::Flush), self.about);
        let settles = self.subject.sink.map(|sink| sink.settles);
        if settles != Some(Settles::Late) {
            let early = fates.settled();
            assert!(
                early.is_empty(),
                "{}: it settles on return, and told {early:?}",
                self.about
            );
            return;
        }
        let settled = fates.wait_for(EVENTS);
        let mut events: Vec<usize> = settled
            .iter()
            .flat_map(|(_, range, _)| range.clone())
            .collect();
        events.sort_unstable();
        let all: Vec<usize> = (0..EVENTS).collect();
        assert_eq!(all, events, "{}: each event has one fate", self.about);
    }

    fn end(&self, mut connector: Running, side: Running) {
        succeed(connector.tell(Command::Pause), self.about);
        if self.last == Stage::Paused {
            return;
        }
        succeed(connector.tell(Command::Resume), self.about);
        succeed(connector.tell(Command::Drain), self.about);
        if self.last == Stage::Drained {
            return;
        }
        drop(side);
        succeed(connector.tell(Command::Stop), self.about);
    }
}

fn succeed<T>(result: crate::Result<T>, about: &str) -> T {
    match result {
        Ok(value) => value,
        Err(error) => panic!("{about}: {error}"),
    }
}
