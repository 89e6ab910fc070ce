//! Clusters, members of groups and producers, as the tests use them.

use std::collections::{BTreeMap, HashMap};
use std::ops::{Range, RangeInclusive};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::TopicPartitionList;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use temblor_connector_kafka as _;
use temblor_pdk::serde_json::{Value, json};
use temblor_pdk::testing::{FateLog, Running, Side, Subject, TestHost};
use temblor_pdk::{
    Batch, BatchBuilder, Command, Error, Event, Fate, FateRange, Lane, LaneNotice, LaneStart,
    Outcome, Reply, Result,
};

use crate::broker::{self, Broker};

/// How long a test waits for what must happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) type Mock = MockCluster<'static, DefaultProducerContext>;

/// Where a test runs.
pub(crate) enum Cluster {
    Mock(Mock),
    Real(Arc<Broker>),
}

impl Cluster {
    pub(crate) fn mock(brokers: i32) -> Cluster {
        Cluster::Mock(MockCluster::new(brokers).unwrap())
    }

    /// The clusters that a test runs against: librdkafka's own, and a real broker where there is one.
    pub(crate) fn all() -> Vec<Cluster> {
        let real = broker::shared().map(Cluster::Real);
        [Cluster::mock(1)].into_iter().chain(real).collect()
    }

    pub(crate) fn bootstrap(&self) -> String {
        match self {
            Cluster::Mock(mock) => mock.bootstrap_servers(),
            Cluster::Real(broker) => broker.bootstrap.clone(),
        }
    }

    pub(crate) fn as_mock(&self) -> &Mock {
        match self {
            Cluster::Mock(mock) => mock,
            Cluster::Real(_) => panic!("this is a real broker"),
        }
    }

    /// Makes a topic with a name that no other test has.
    pub(crate) fn topic(&self, partitions: i32) -> String {
        let topic = unique("events");
        match self {
            Cluster::Mock(mock) => mock.create_topic(&topic, partitions, 1).unwrap(),
            Cluster::Real(broker) => {
                let mut config = ClientConfig::new();
                config.set("bootstrap.servers", &broker.bootstrap);
                let admin: AdminClient<DefaultClientContext> = config.create().unwrap();
                let new = NewTopic::new(&topic, partitions, TopicReplication::Fixed(1));
                let making = admin.create_topics([&new], &AdminOptions::new());
                futures_lite::future::block_on(making).unwrap();
            }
        }
        topic
    }

    /// The configuration of a consumer of a topic.
    pub(crate) fn consumer(&self, group: &str, topic: &str) -> Value {
        let mut options = broker::options();
        if let Cluster::Mock(_) = self {
            // It gathers members for 3 s, and forgets those whose time is over before.
            options["session.timeout.ms"] = json!(6_000);
        }
        json!({
            "brokers": self.bootstrap().split(',').collect::<Vec<_>>(),
            "group_id": group,
            "topics": [topic],
            "commit_interval_ms": 100,
            "rdkafka_options": options,
        })
    }

    /// The configuration of a producer.
    pub(crate) fn producer(&self, topic: &str) -> Value {
        json!({
            "brokers": self.bootstrap().split(',').collect::<Vec<_>>(),
            "topic": topic,
        })
    }

    /// Where a group stands in the first partition of a topic; -1 where it has no position.
    pub(crate) fn committed(&self, group: &str, topic: &str) -> i64 {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", self.bootstrap())
            .set("group.id", group);
        let observer: BaseConsumer = config.create().unwrap();
        let mut list = TopicPartitionList::new();
        list.add_partition(topic, 0);
        let offsets = observer.committed_offsets(list, PATIENCE).unwrap();
        let offset = offsets.elements()[0].offset();
        offset.to_raw().filter(|offset| *offset >= 0).unwrap_or(-1)
    }

    /// Produces records `first`, `first + 1`, … to a topic, keyed by their number modulo `keys`.
    pub(crate) fn fill(&self, topic: &str, numbers: Range<usize>, keys: usize) {
        let mut producer = Producing::start(&self.producer(topic));
        let events = numbers.clone().map(|number| Sending {
            payload: number.to_string(),
            meta: json!({"key": format!("k{}", number % keys)}),
        });
        producer.write(&events.collect::<Vec<_>>());
        producer.flush().unwrap();
        let settled = producer.fates.wait_for(numbers.len());
        assert!(
            settled.iter().all(|(_, _, error)| error.is_none()),
            "{settled:?}"
        );
    }
}

pub(crate) fn unique(name: &str) -> String {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let next = NEXT.fetch_add(1, Ordering::Relaxed);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    format!("{name}-{}-{next}", now.unwrap().as_nanos())
}

/// A record as it arrived.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Got {
    pub(crate) payload: String,
    pub(crate) meta: Value,
}

impl Got {
    pub(crate) fn number(&self) -> usize {
        self.payload.parse().unwrap()
    }

    pub(crate) fn partition(&self) -> i64 {
        self.meta["partition"].as_i64().unwrap()
    }

    pub(crate) fn offset(&self) -> i64 {
        self.meta["offset"].as_i64().unwrap()
    }
}

/// A pull as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Pulled {
    pub(crate) lane: Lane,
    pub(crate) pull: u64,
    pub(crate) records: Vec<Got>,
}

/// A member of a group.
pub(crate) struct Member {
    connector: Running,
    pub(crate) source: Running,
    pub(crate) host: TestHost,
    next: u64,
    /// The pulls of each lane whose fates were not told, as the engine keeps them.
    open: HashMap<Lane, Vec<u64>>,
    /// Whether something is kept of lanes, as by pipelines with a state for each.
    pub(crate) keeps: bool,
    /// Where what is kept of lanes stands.
    pub(crate) position: Option<u64>,
    /// Lanes that are to move away when all of them are.
    ending: Vec<LaneNotice>,
}

impl Member {
    pub(crate) fn start(config: &Value) -> Member {
        Member::open(config).unwrap()
    }

    /// Calls it through the C ABI, as a plugin is.
    pub(crate) fn open(config: &Value) -> Result<Member> {
        let host = TestHost::new();
        let subject = Subject::named("kafka_consumer");
        let mut connector = subject.makers()[1].open(&config.to_string(), &host)?;
        tell(&mut connector, Command::Connect)?;
        let source = connector.create(Side::Source)?;
        tell(&mut connector, Command::Start)?;
        Ok(Member {
            connector,
            source,
            host,
            next: 0,
            open: HashMap::new(),
            keeps: false,
            position: None,
            ending: Vec::new(),
        })
    }

    /// Pulls for a while.
    pub(crate) fn pull(&mut self, most: Duration) -> Result<Option<Pulled>> {
        let end = Instant::now() + most;
        loop {
            self.let_go()?;
            let command = self.source.next_pull();
            let pull = self.next;
            self.next += 1;
            let reply = match self.source.poll(Some(command)) {
                Poll::Ready(reply) => reply,
                Poll::Pending => {
                    let left = end.saturating_duration_since(Instant::now());
                    match self.source.wait(left) {
                        Some(reply) => reply,
                        None => {
                            self.source.interrupt();
                            match self.source.poll(None) {
                                Poll::Ready(reply) => reply,
                                Poll::Pending => self.source.wait(PATIENCE).unwrap(),
                            }
                        }
                    }
                }
            };
            match reply? {
                Outcome::Batch(batch, _) => {
                    let pulled = pulled(&batch, pull);
                    self.open.entry(pulled.lane).or_default().push(pull);
                    return Ok(Some(pulled));
                }
                Outcome::Lane(notice) => self.answer(notice)?,
                Outcome::Idle if Instant::now() < end => {}
                Outcome::Idle => return Ok(None),
                other => panic!("{other:?}"),
            }
        }
    }

    /// Answers at once, or when everything of a lane that ends has its fate.
    fn answer(&mut self, notice: LaneNotice) -> Result<()> {
        let lane = notice.lane();
        self.ending.retain(|ending| ending.lane() != lane);
        match notice {
            LaneNotice::End { .. } => {
                self.ending.push(notice);
                Ok(())
            }
            LaneNotice::Begin { .. } if self.keeps => {
                self.source.tell(Command::Assigned(LaneStart {
                    lane,
                    position: self.position,
                    is_kept: true,
                }))
            }
            notice => {
                self.open.remove(&lane);
                self.source.answer(&notice)
            }
        }
    }

    fn let_go(&mut self) -> Result<()> {
        let open = &self.open;
        let is_done = |ending: &LaneNotice| {
            open.get(&ending.lane())
                .is_none_or(|pulls| pulls.is_empty())
        };
        let (done, ending) = std::mem::take(&mut self.ending)
            .into_iter()
            .partition(is_done);
        self.ending = ending;
        let done: Vec<LaneNotice> = done;
        done.iter()
            .try_for_each(|notice| self.source.answer(notice))
    }

    pub(crate) fn tell(&mut self, pulled: &Pulled, fate: Fate) -> Result<()> {
        let open = self.open.entry(pulled.lane).or_default();
        let before = open.len();
        open.retain(|pull| *pull != pulled.pull);
        if open.len() == before {
            // The engine tells no fates of what was before a lane began anew.
            return Ok(());
        }
        let range = FateRange {
            lane: pulled.lane,
            fate,
            first_pull: pulled.pull,
            last_pull: pulled.pull,
            first_event: 0,
            last_event: u32::MAX,
        };
        self.source.tell(Command::Fates(vec![range]))
    }

    /// Tells the fate of some records of a pull.
    pub(crate) fn tell_of(&mut self, pulled: &Pulled, fate: Fate, events: RangeInclusive<u32>) {
        let range = FateRange {
            lane: pulled.lane,
            fate,
            first_pull: pulled.pull,
            last_pull: pulled.pull,
            first_event: *events.start(),
            last_event: *events.end(),
        };
        self.source.tell(Command::Fates(vec![range])).unwrap();
    }

    pub(crate) fn ack(&mut self, pulled: &Pulled) {
        self.tell(pulled, Fate::Acked).unwrap();
    }

    /// Pulls and acks until so many records have come.
    pub(crate) fn take(&mut self, count: usize) -> Vec<Got> {
        let mut got = Vec::new();
        let end = Instant::now() + PATIENCE;
        while got.len() < count {
            assert!(
                Instant::now() < end,
                "{} of {count}: {:?}",
                got.len(),
                self.host.logs()
            );
            if let Some(pulled) = self.pull(Duration::from_millis(200)).unwrap() {
                self.ack(&pulled);
                got.extend(pulled.records);
            }
        }
        got
    }

    pub(crate) fn stop(mut self) -> Result<()> {
        tell(&mut self.connector, Command::Drain)?;
        drop(self.source);
        tell(&mut self.connector, Command::Stop)
    }
}

/// Gives a command that may take longer than others.
pub(crate) fn tell(running: &mut Running, command: Command) -> Result<()> {
    let reply: Reply = match running.poll(Some(command)) {
        Poll::Ready(reply) => reply,
        Poll::Pending => running.wait(PATIENCE).expect("a reply in time"),
    };
    reply.map(drop)
}

fn pulled(batch: &Batch, pull: u64) -> Pulled {
    let records = batch.events().iter().map(|event| {
        Got {
        payload: String::from_utf8(event.data.as_bytes().unwrap().to_vec()).unwrap(),
        meta: temblor_pdk::serde_json::from_str::<Value>(&event.meta.to_json()).unwrap()
            ["kafka_consumer"]
            .clone(),
    }
    });
    Pulled {
        lane: batch.events()[0].id.lane,
        pull,
        records: records.collect(),
    }
}

/// An event for a producer.
pub(crate) struct Sending {
    pub(crate) payload: String,
    /// `$kafka_producer`.
    pub(crate) meta: Value,
}

/// A running producer.
pub(crate) struct Producing {
    _connector: Running,
    pub(crate) sink: Running,
    pub(crate) fates: Arc<FateLog>,
}

impl Producing {
    pub(crate) fn start(config: &Value) -> Producing {
        Producing::open(config).unwrap()
    }

    pub(crate) fn open(config: &Value) -> Result<Producing> {
        let host = TestHost::new();
        let subject = Subject::named("kafka_producer");
        let mut connector = subject.makers()[1].open(&config.to_string(), &host)?;
        tell(&mut connector, Command::Connect)?;
        Ok(Producing {
            sink: connector.create(Side::Sink)?,
            _connector: connector,
            fates: Arc::default(),
        })
    }

    pub(crate) fn write(&mut self, events: &[Sending]) {
        let mut builder = BatchBuilder::new();
        for sending in events {
            builder.push(|arena| {
                let payload = arena.copy_bytes(sending.payload.as_bytes());
                let mut event = Event::new(temblor_pdk::Value::bytes(payload));
                event.ingest_ns = 1_700_000_000_123_456_789;
                let meta = json!({"kafka_producer": sending.meta});
                let owned: temblor_pdk::OwnedValue =
                    temblor_pdk::serde_json::from_value(meta).unwrap();
                event.meta = arena.value(&owned);
                event
            });
        }
        self.sink.write(builder.seal(), &self.fates).unwrap();
    }

    pub(crate) fn flush(&mut self) -> Result<()> {
        tell(&mut self.sink, Command::Flush)
    }

    /// The error of each event that failed, by its place in the only write.
    pub(crate) fn failures(&self, events: usize) -> BTreeMap<usize, Error> {
        let settled = self.fates.wait_for(events);
        let failed = settled
            .into_iter()
            .filter_map(|(_, range, error)| Some((range, error?)));
        failed
            .flat_map(|(range, error)| range.map(move |at| (at, error.clone())))
            .collect()
    }
}
