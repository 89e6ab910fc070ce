//! `kafka_consumer`: a member of a group.

use std::sync::Arc;
use std::time::Duration;

use temblor_pdk::io;
use temblor_pdk::log::Level;
use temblor_pdk::{
    BatchWriter, Connector, ConnectorInfo, Context, Error, FateRange, Lane, LaneNotice, LaneStart,
    NoSink, Payload, Pull, Result, Source, SourceInfo, register,
};

use crate::config::{ConsumerConfig, ConsumerSettings};
use crate::farewell::abandon;
use crate::lanes::{Deed, Sent};
use crate::place::Place;
use crate::poller::{Arriving, run};
use crate::record::Chunk;
use crate::shared::Shared;

/// How long leaving the group may take at the end.
const FAREWELL: Duration = Duration::from_secs(10);

/// The connector.
pub struct KafkaConsumer {
    context: Context,
    settings: Arc<ConsumerSettings>,
    client: Option<Client>,
}

/// A consumer of librdkafka, in the thread that serves it.
struct Client {
    shared: Arc<Shared>,
    chunks: flume::Receiver<Arriving>,
    /// Disconnected once the thread has ended.
    ended: flume::Receiver<()>,
}

impl Drop for Client {
    fn drop(&mut self) {
        self.shared.stop();
    }
}

impl Connector for KafkaConsumer {
    type Config = ConsumerConfig;
    type Source = KafkaSource;
    type Sink = NoSink;

    const INFO: ConnectorInfo = ConnectorInfo {
        name: "kafka_consumer",
        summary: "Consumes topics of Kafka as a member of a group.",
        example: r#"{"brokers": ["127.0.0.1:9092"], "group_id": "example", "topics": ["events"]}"#,
        source: Some(SourceInfo {
            payload: Payload::Bytes,
            transactional: true,
            lanes: true,
        }),
        sink: None,
    };

    fn new(config: ConsumerConfig, context: Context) -> Result<Self> {
        Ok(KafkaConsumer {
            settings: Arc::new(config.check(context.alias())?),
            context,
            client: None,
        })
    }

    async fn connect(&mut self) -> Result<()> {
        // Two members of one process would share the partitions.
        self.leave().await?;
        let shared = Shared::new(self.context.host(), &self.settings);
        let (sender, chunks) = flume::unbounded();
        let (ready, is_ready) = flume::bounded(1);
        let (running, ended) = flume::bounded(0);
        let serving = Arc::clone(&shared);
        let thread = std::thread::Builder::new().name(format!("kafka {}", self.context.alias()));
        let started = thread.spawn(move || {
            let left = run(&serving, sender, &ready);
            drop(running);
            if let Some(consumer) = left {
                abandon(consumer);
            }
        });
        started
            .map_err(|reason| Error::disconnected(format!("cannot start a thread: {reason}")))?;
        self.client = Some(Client {
            shared,
            chunks,
            ended,
        });
        let is_ready = is_ready.recv_async().await;
        is_ready.unwrap_or_else(|_| Err(Error::failed("the thread of the consumer has ended")))
    }

    async fn create_source(&mut self) -> Result<KafkaSource> {
        let client = self.client.as_ref();
        let client = client.ok_or_else(|| Error::disconnected("the consumer is not connected"))?;
        Ok(KafkaSource {
            shared: Arc::clone(&client.shared),
            chunks: client.chunks.clone(),
            held: None,
            undecodable: None,
        })
    }

    async fn on_drain(&mut self) -> Result<()> {
        if let Some(client) = &self.client {
            client.shared.drain();
        }
        Ok(())
    }

    async fn on_stop(&mut self) -> Result<()> {
        self.leave().await
    }
}

impl KafkaConsumer {
    /// Commits what was reached and leaves the group.
    async fn leave(&mut self) -> Result<()> {
        let Some(client) = self.client.take() else {
            return Ok(());
        };
        client.shared.stop();
        let ended = client.ended.clone();
        let left = io::blocking(self.context.host(), move || {
            !matches!(
                ended.recv_timeout(FAREWELL),
                Err(flume::RecvTimeoutError::Timeout)
            )
        });
        match left.await? {
            true => Ok(()),
            false => Err(Error::failed(format!(
                "{} could not leave it within {} s: if what was delivered since the last commit could not be committed, \
                 it comes again\nhelp: see whether the brokers answer",
                client.shared.name(),
                FAREWELL.as_secs()
            ))),
        }
    }
}

/// Hands over what the thread has polled.
pub struct KafkaSource {
    shared: Arc<Shared>,
    chunks: flume::Receiver<Arriving>,
    /// What waits until it may be handed over.
    held: Option<Chunk>,
    /// The last pull that could not be decoded, and why.
    undecodable: Option<(Lane, u64, String)>,
}

impl Source for KafkaSource {
    async fn pull(&mut self, out: &mut BatchWriter) -> Result<Pull> {
        let mut change = None;
        loop {
            let notice = self.shared.lanes().notice(&self.shared.settings.group);
            if let Some(notice) = notice {
                say(notice, out);
                return Ok(Pull::Ready);
            }
            if self.held.is_none() {
                let arriving = match out.wait(self.chunks.recv_async()).await {
                    None => return Ok(Pull::Idle),
                    Some(Ok(arriving)) => arriving?,
                    Some(Err(_)) => {
                        return Err(Error::disconnected(format!(
                            "{} has left it",
                            self.shared.name()
                        )));
                    }
                };
                if let Some(chunk) = arriving {
                    self.shared.taken(&chunk);
                    self.held = Some(chunk);
                }
                // What is to be said of lanes comes first.
                continue;
            }
            if !self.shared.may_go_on() {
                let Some(change) = change.take() else {
                    // Everything is looked at again, because it may have changed before the listener was there.
                    change = Some(self.shared.listen());
                    continue;
                };
                match out.wait(change).await {
                    None => return Ok(Pull::Idle),
                    Some(()) => continue,
                }
            }
            let Some(chunk) = self.held.take() else {
                continue;
            };
            let sent = chunk.sent(out.number().pull);
            let next = sent.next;
            // Asked and noted under one lock: a partition that goes away waits for what is noted.
            if self.shared.lanes().send(chunk.lane, chunk.generation, sent) {
                out.position(u64::try_from(next).unwrap_or_default());
                chunk.write(out, self.shared.outside.host.now_ns());
                return Ok(Pull::Ready);
            }
        }
    }

    async fn on_fates(&mut self, fates: &[FateRange]) -> Result<()> {
        if !self.shared.settings.by_fates {
            self.shared.lanes().pass(fates);
            return Ok(());
        }
        let policy = self.shared.settings.on_failed;
        let deeds = self.shared.lanes().settle(fates, policy);
        let mut failed = None;
        for deed in deeds {
            match deed {
                Deed::Rewind(place, offset) => {
                    let message = format!(
                        "{place}: an event failed; records are consumed again from offset {offset} on"
                    );
                    self.shared.outside.host.log(Level::Warn, &message);
                }
                Deed::Skipped(place, offset) => {
                    self.shared.cells.skipped_records.add(1);
                    let message =
                        format!("{place}, offset {offset}: the record failed and is skipped");
                    self.shared.outside.host.log(Level::Warn, &message);
                }
                Deed::GiveUp(place, sent, tries) => {
                    failed = Some(self.give_up(&place, sent, tries));
                }
            }
        }
        self.shared.settled(Vec::new());
        failed.map_or(Ok(()), Err)
    }

    async fn on_undecodable(&mut self, lane: Lane, pull: u64, reason: &str) -> Result<()> {
        self.undecodable = Some((lane, pull, reason.to_owned()));
        Ok(())
    }

    async fn on_assigned(&mut self, start: LaneStart) -> Result<()> {
        if start.is_kept && !self.shared.settings.by_fates {
            let lanes = self.shared.lanes();
            let place = lanes.place(start.lane).map(Place::to_string);
            return Err(cannot_keep(&place.unwrap_or_default()));
        }
        let rewind = self.shared.lanes().assigned(start);
        if rewind.is_some() {
            self.shared.settled(rewind.into_iter().collect());
        }
        Ok(())
    }

    async fn on_stored(&mut self, lane: Lane, position: u64) -> Result<()> {
        self.shared.lanes().stored(lane, position);
        self.shared.settled(Vec::new());
        Ok(())
    }

    async fn on_revoke(&mut self, lane: Lane, _deadline_ns: u64) -> Result<()> {
        self.let_go(lane);
        Ok(())
    }

    async fn on_lost(&mut self, lane: Lane) -> Result<()> {
        self.shared.lanes().give_up(lane);
        Ok(())
    }
}

impl KafkaSource {
    /// The engine has nothing more of a lane; the thread, which waits for that, commits what was reached.
    fn let_go(&self, lane: Lane) {
        self.shared.lanes().let_go(lane);
        self.shared.settled(Vec::new());
    }

    fn give_up(&self, place: &Place, sent: Sent, tries: u32) -> Error {
        let brokers = &self.shared.outside.brokers;
        let offsets = match sent.records {
            1 => format!("offset {}", sent.first),
            _ => format!("one of the offsets {} to {}", sent.first, sent.next - 1),
        };
        let times = match tries {
            0 => "failed".to_owned(),
            tries => format!("failed, also when it was consumed {tries} times again"),
        };
        let undecodable = self
            .undecodable
            .as_ref()
            .filter(|(_, pull, _)| *pull == sent.pull);
        let (why, keep) = match undecodable {
            Some((_, _, reason)) => (
                format!(": {reason}"),
                "set `on_failure` to \"dead_letter\" to keep it",
            ),
            None => (
                String::new(),
                "keep what fails in a script by a query that reads its port `err`",
            ),
        };
        let group = &self.shared.settings.group;
        Error::failed(format!(
            "{place}, {offsets} at `{brokers}`: the record {times}{why}\nhelp: the position of group `{group}` stays in \
             front of it; set `on_failed` to \"skip\" to go on behind it, or {keep}"
        ))
    }
}

/// What is kept of a partition would be behind what is committed, and useless.
fn cannot_keep(place: &str) -> Error {
    Error::failed(format!(
        "{place}: a pipeline keeps a state of it, which has to be stored before its records are committed, and `mode` \
         leaves commits to librdkafka\nhelp: set `mode` to \"transactional\", or with \"custom\" \
         `enable.auto.offset.store` to \"false\""
    ))
}

fn say(notice: LaneNotice, out: &mut BatchWriter) {
    match notice {
        LaneNotice::Begin {
            lane,
            name,
            committed,
        } => out.begin_lane(lane, name, committed),
        LaneNotice::End { lane, deadline_ns } => out.end_lane(lane, deadline_ns),
        LaneNotice::Lose { lane } => out.lose_lane(lane),
    }
}

register!(connector KafkaConsumer);
