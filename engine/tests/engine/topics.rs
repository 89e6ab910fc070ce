//! A source with lanes whose partitions outlive engines, as those of a broker do, and a sink that remembers.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use temblor_pdk::schemars::JsonSchema;
use temblor_pdk::serde::Deserialize;
use temblor_pdk::{
    Batch, BatchWriter, Connector, ConnectorInfo, Context, Error, Event, Fate, FateRange, Fates,
    Field, Lane, LaneStart, NoSink, NoSource, Payload, Pull, Result, Settles, Sink, SinkInfo,
    Source, SourceInfo, Value, io, register,
};

/// A lane that moves away has so long.
const DEADLINE: Duration = Duration::from_secs(20);

/// A record: its key, and its number among those of the key.
pub(crate) type Record = (u64, u64);

#[derive(Default)]
pub(crate) struct Partition {
    pub(crate) records: Vec<Record>,
    pub(crate) committed: u64,
    /// Which member is to have it.
    pub(crate) wanted: Option<u64>,
    /// Which member has it.
    pub(crate) held: Option<u64>,
}

/// What members of a group and the test share.
#[derive(Default)]
pub(crate) struct Topic {
    pub(crate) partitions: Vec<Partition>,
    /// What the sink took, as JSON.
    pub(crate) taken: Vec<String>,
    /// Every so many batches that the sink refuses.
    pub(crate) refuse_each: u64,
    /// Whether the next pull does not return before the test lets it.
    pub(crate) hangs: bool,
    pub(crate) is_let_go: bool,
    written: u64,
}

pub(crate) type Shared = Arc<Mutex<Topic>>;

pub(crate) fn lock(topic: &Shared) -> MutexGuard<'_, Topic> {
    topic.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The topic of a name.
pub(crate) fn topic(name: &str) -> Shared {
    static TOPICS: Mutex<Option<HashMap<String, Shared>>> = Mutex::new(None);
    let mut topics = TOPICS.lock().unwrap_or_else(PoisonError::into_inner);
    let topics = topics.get_or_insert_default();
    Arc::clone(topics.entry(name.to_owned()).or_default())
}

/// A member of a group.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(crate = "temblor_pdk::serde", deny_unknown_fields)]
#[schemars(crate = "temblor_pdk::schemars")]
pub(crate) struct Config {
    topic: String,
    #[serde(default)]
    member: u64,
    /// Passes over what fails, instead of beginning anew.
    #[serde(default)]
    skips: bool,
}

pub(crate) struct Consumer(Config, Context);

impl Connector for Consumer {
    type Config = Config;
    type Source = ConsumerSource;
    type Sink = NoSink;
    const INFO: ConnectorInfo = ConnectorInfo {
        name: "t_consumer",
        summary: "A member of a group, for tests.",
        example: r#"{"topic": "t"}"#,
        source: Some(SourceInfo {
            payload: Payload::Values,
            transactional: true,
            lanes: true,
        }),
        sink: None,
    };

    fn new(config: Config, context: Context) -> Result<Self> {
        Ok(Consumer(config, context))
    }

    async fn create_source(&mut self) -> Result<ConsumerSource> {
        let Consumer(config, context) = self;
        let topic = topic(&config.topic);
        // Whatever the instance before had is nobody's.
        for partition in &mut lock(&topic).partitions {
            partition.held.take_if(|held| *held == config.member);
        }
        Ok(ConsumerSource {
            config: config.clone(),
            context: context.clone(),
            topic,
            lanes: BTreeMap::new(),
            turn: 0,
        })
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Status {
    Beginning,
    Begun,
    Ending,
    /// Something failed: it begins anew.
    Failed,
}

struct LaneState {
    status: Status,
    next: u64,
    is_kept: bool,
    /// Pulls, each with the position behind it.
    sent: Vec<(u64, u64)>,
}

pub(crate) struct ConsumerSource {
    config: Config,
    context: Context,
    topic: Shared,
    lanes: BTreeMap<Lane, LaneState>,
    turn: u32,
}

impl ConsumerSource {
    /// What there is to say of a lane.
    fn notice(&mut self, out: &mut BatchWriter) -> bool {
        let mut topic = lock(&self.topic);
        for (lane, partition) in (0..).zip(&mut topic.partitions) {
            let is_wanted = partition.wanted == Some(self.config.member);
            let state = self.lanes.get_mut(&lane);
            match state {
                None if is_wanted && partition.held.is_none() => {
                    partition.held = Some(self.config.member);
                    let state = LaneState {
                        status: Status::Beginning,
                        next: partition.committed,
                        is_kept: false,
                        sent: Vec::new(),
                    };
                    self.lanes.insert(lane, state);
                }
                Some(state) if state.status == Status::Failed => {
                    state.status = Status::Beginning;
                    state.next = partition.committed;
                    state.sent.clear();
                }
                Some(state) if !is_wanted && state.status == Status::Begun => {
                    state.status = Status::Ending;
                    let deadline = DEADLINE.as_nanos() as u64;
                    out.end_lane(lane, self.context.host().now_ns() + deadline);
                    return true;
                }
                _ => continue,
            }
            out.begin_lane(lane, format!("t/{lane}"), Some(partition.committed));
            return true;
        }
        false
    }

    /// Hands over some of the next lane that has something.
    fn hand_over(&mut self, out: &mut BatchWriter) -> bool {
        let topic = lock(&self.topic);
        let count = topic.partitions.len() as u32;
        for _ in 0..count {
            self.turn = (self.turn + 1) % count;
            let lane = self.turn;
            let Some(state) = self.lanes.get_mut(&lane) else {
                continue;
            };
            let records = &topic.partitions[lane as usize].records;
            let rest = &records[(state.next as usize).min(records.len())..];
            if state.status != Status::Begun || rest.is_empty() {
                continue;
            }
            let most = 1 + out.number().pull as usize % 7;
            for (key, n) in rest.iter().take(most) {
                out.push(|arena| {
                    let fields = [
                        Field::new("key", Value::from(*key)),
                        Field::new("n", Value::from(*n)),
                    ];
                    let mut event = Event::new(arena.object(&fields));
                    event.id.lane = lane;
                    event
                });
            }
            state.next += rest.len().min(most) as u64;
            state.sent.push((out.number().pull, state.next));
            out.position(state.next);
            return true;
        }
        false
    }

    fn let_go(&mut self, lane: Lane) {
        self.lanes.remove(&lane);
        if let Some(partition) = lock(&self.topic).partitions.get_mut(lane as usize) {
            partition.held.take_if(|held| *held == self.config.member);
        }
    }

    fn commit(&self, lane: Lane, position: u64) {
        let mut topic = lock(&self.topic);
        let partition = &mut topic.partitions[lane as usize];
        if partition.held == Some(self.config.member) {
            partition.committed = position;
        }
    }
}

impl Source for ConsumerSource {
    async fn pull(&mut self, out: &mut BatchWriter) -> Result<Pull> {
        if std::mem::take(&mut lock(&self.topic).hangs) {
            while !lock(&self.topic).is_let_go {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
        if !self.notice(out) && !self.hand_over(out) {
            let host = self.context.host().clone();
            out.wait(io::sleep(&host, Duration::from_millis(1))).await;
            return Ok(Pull::Idle);
        }
        Ok(Pull::Ready)
    }

    async fn on_fates(&mut self, fates: &[FateRange]) -> Result<()> {
        for range in fates {
            let Some(state) = self.lanes.get_mut(&range.lane) else {
                continue;
            };
            if range.fate == Fate::Failed && !self.config.skips {
                if state.status == Status::Begun {
                    state.status = Status::Failed;
                }
                continue;
            }
            let done = state
                .sent
                .iter()
                .filter(|(pull, _)| *pull <= range.last_pull);
            let position = done.map(|(_, position)| *position).max();
            state.sent.retain(|(pull, _)| *pull > range.last_pull);
            let is_kept = state.is_kept;
            if let Some(position) = position.filter(|_| !is_kept) {
                self.commit(range.lane, position);
            }
        }
        Ok(())
    }

    async fn on_assigned(&mut self, start: LaneStart) -> Result<()> {
        if let Some(state) = self.lanes.get_mut(&start.lane) {
            state.status = Status::Begun;
            state.is_kept = start.is_kept;
            state.next = start.position.unwrap_or(state.next);
        }
        Ok(())
    }

    async fn on_stored(&mut self, lane: Lane, position: u64) -> Result<()> {
        self.commit(lane, position);
        Ok(())
    }

    async fn on_revoke(&mut self, lane: Lane, _deadline_ns: u64) -> Result<()> {
        self.let_go(lane);
        Ok(())
    }

    async fn on_lost(&mut self, lane: Lane) -> Result<()> {
        self.let_go(lane);
        Ok(())
    }
}

register!(connector Consumer);

pub(crate) struct Keeper(Config);

impl Connector for Keeper {
    type Config = Config;
    type Source = NoSource;
    type Sink = KeeperSink;
    const INFO: ConnectorInfo = ConnectorInfo {
        name: "t_remembers",
        summary: "Remembers what it took, for tests.",
        example: r#"{"topic": "t"}"#,
        source: None,
        sink: Some(SinkInfo {
            payload: Payload::Values,
            settles: Settles::OnReturn,
        }),
    };

    fn new(config: Config, _context: Context) -> Result<Self> {
        Ok(Keeper(config))
    }

    async fn create_sink(&mut self) -> Result<KeeperSink> {
        Ok(KeeperSink(topic(&self.0.topic)))
    }
}

pub(crate) struct KeeperSink(Shared);

impl Sink for KeeperSink {
    async fn write(&mut self, batch: Batch, _fates: Fates) -> Result<()> {
        let mut topic = lock(&self.0);
        topic.written += 1;
        if topic.refuse_each > 0 && topic.written.is_multiple_of(topic.refuse_each) {
            return Err(Error::rejected("told to refuse"));
        }
        for event in batch.events() {
            let mut json = Vec::new();
            event.data.write_json(&mut json);
            topic
                .taken
                .push(String::from_utf8_lossy(&json).into_owned());
        }
        Ok(())
    }
}

register!(connector Keeper);
