//! Topics: making them, filling them, and how far they are.

use std::fmt::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::{ClientContext, DefaultClientContext};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, BaseRecord, DeliveryResult, Producer, ProducerContext};

use rdkafka::{ClientConfig, Message, Offset, TopicPartitionList};

use crate::broker::{self, Broker};
use crate::process::Result;

const PATIENCE: Duration = Duration::from_secs(60);
const WAIT: Duration = Duration::from_millis(50);

/// What became of the records.
#[derive(Default)]
struct Delivered {
    count: AtomicUsize,
    failure: OnceLock<KafkaError>,
}

impl ClientContext for Delivered {}

impl ProducerContext for Delivered {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        match result {
            Ok(_) => drop(self.count.fetch_add(1, Ordering::Relaxed)),
            Err((reason, _)) => drop(self.failure.set(reason.clone())),
        }
    }
}

/// Where it is measured.
pub(crate) struct Cluster {
    broker: Arc<Broker>,
    admin: AdminClient<DefaultClientContext>,
    observer: BaseConsumer,
}

impl Cluster {
    pub(crate) fn start() -> Result<Self> {
        let broker = broker::shared().ok_or("there is no broker")?;
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &broker.bootstrap);
        Ok(Cluster {
            admin: config.create()?,
            observer: config
                .set("group.id", "observer")
                .set("isolation.level", "read_uncommitted")
                .set("fetch.wait.max.ms", "10")
                .set("enable.partition.eof", "true")
                .create()?,
            broker,
        })
    }

    pub(crate) fn bootstrap(&self) -> &str {
        &self.broker.bootstrap
    }

    pub(crate) fn make(&self, topic: &str, partitions: usize) -> Result<()> {
        let partitions = i32::try_from(partitions)?;
        let new = NewTopic::new(topic, partitions, TopicReplication::Fixed(1));
        let made = self.admin.create_topics([&new], &AdminOptions::new());
        for one in futures_lite::future::block_on(made)? {
            one.map_err(|(topic, code)| format!("cannot make topic `{topic}`: {code}"))?;
        }
        Ok(())
    }

    /// How many records a topic has. The broker of the tests calls the end of a topic wrongly, by up to a batch: what is
    /// there behind it is read.
    pub(crate) fn count(&self, topic: &str, partitions: usize) -> Result<usize> {
        let mut ends = vec![0; partitions];
        let mut list = TopicPartitionList::new();
        for (partition, end) in (0..).zip(&mut ends) {
            let (_, high) = self.observer.fetch_watermarks(topic, partition, PATIENCE)?;
            *end = high;
            list.add_partition_offset(topic, partition, Offset::Offset(high))?;
        }
        self.observer.assign(&list)?;
        let (mut left, begin) = (partitions, Instant::now());
        while left > 0 {
            match self.observer.poll(WAIT) {
                Some(Ok(message)) => {
                    let end = usize::try_from(message.partition())?;
                    let end = ends.get_mut(end).ok_or("an unknown partition")?;
                    *end = message.offset() + 1;
                }
                Some(Err(KafkaError::PartitionEOF(_))) => left -= 1,
                Some(Err(reason)) => return Err(reason.into()),
                None if begin.elapsed() < PATIENCE => {}
                None => return Err(format!("nothing is heard of `{topic}`").into()),
            }
        }
        self.observer.unassign()?;
        Ok(usize::try_from(ends.iter().sum::<i64>())?)
    }

    /// Produces records with numbers, spread evenly. The last one of all says so.
    pub(crate) fn fill(&self, topic: &str, partitions: usize, records: usize) -> Result<()> {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", self.bootstrap())
            .set("enable.idempotence", "true")
            .set("queue.buffering.max.messages", "500000");
        let producer: BaseProducer<Delivered> = config.create_with_context(Delivered::default())?;
        let (mut text, mut key) = (String::new(), String::new());
        for number in 0..records {
            text.clear();
            key.clear();
            write_record(&mut text, number, number + 1 == records)?;
            write!(key, "k-{}", number % 1000)?;
            let partition = i32::try_from(number % partitions)?;
            let mut record = BaseRecord::to(topic)
                .payload(text.as_str())
                .key(key.as_str())
                .partition(partition);
            while let Err((reason, back)) = producer.send(record) {
                if reason != KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull) {
                    return Err(reason.into());
                }
                record = back;
                producer.poll(WAIT);
            }
        }
        producer.flush(PATIENCE)?;
        let Delivered { count, failure } = &**producer.context();
        if count.load(Ordering::Relaxed) != records {
            return Err(
                format!("{count:?} of {records} records were delivered: {failure:?}").into(),
            );
        }
        self.expect(topic, partitions, records)
    }

    /// Waits until a topic has so many records, and not more.
    pub(crate) fn expect(&self, topic: &str, partitions: usize, records: usize) -> Result<()> {
        let begin = Instant::now();
        loop {
            let count = self.count(topic, partitions)?;
            if count == records {
                return Ok(());
            }
            if count > records || begin.elapsed() > PATIENCE {
                return Err(format!("`{topic}` has {count} records and not {records}").into());
            }
            std::thread::sleep(WAIT);
        }
    }

    /// User and system seconds of the broker, where it is a child of this process.
    pub(crate) fn cpu_seconds(&self) -> Option<f64> {
        let pid = self.broker.child.as_ref()?.id();
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let (_, rest) = stat.rsplit_once(')')?;
        let fields: Vec<&str> = rest.split_whitespace().collect();
        let ticks = |at: usize| fields.get(at)?.parse::<f64>().ok();
        // Linux counts in hundredths of a second, whatever the kernel's own clock does.
        Some((ticks(11)? + ticks(12)?) / 100.0)
    }
}

/// About 200 bytes.
fn write_record(text: &mut String, number: usize, is_last: bool) -> std::fmt::Result {
    // Customers come in no order, so that their windows do not end all at once.
    let customer = number.wrapping_mul(2_654_435_761) >> 7 & 0x3FF;
    let level = ["debug", "info", "warn"].get(number % 3).unwrap_or(&"");
    write!(
        text,
        "{{\"number\":{number},\"customer\":\"c-{customer}\",\"level\":\"{level}\",\"path\":\"/api/v2/orders/{}\",\
         \"status\":200,\"took_ms\":{}.25,\"tags\":[\"eu-west\",\"canary\"],\
         \"message\":\"order accepted and sent to the warehouse\",\"last\":{is_last}}}",
        number * 7,
        number % 90,
    )
}
