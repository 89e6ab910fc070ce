//! The loop to compare with: librdkafka by hand, in one thread, with nothing but what the task needs.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::client::ClientContext;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, BaseRecord, DeliveryResult, Producer, ProducerContext};
use rdkafka::{ClientConfig, Message};
use simd_json::prelude::*;

use crate::measure::Job;
use crate::process::Result;

/// So many records are taken before reports are looked at.
const AT_ONCE: usize = 512;
const WAIT: Duration = Duration::from_millis(50);
const PATIENCE: Duration = Duration::from_secs(60);
/// A report carries partition and offset in one number.
const PARTITION_BITS: u32 = 8;

/// What was delivered.
#[derive(Default)]
struct Delivered {
    /// Of each partition the offset of the last record.
    offsets: Vec<Option<i64>>,
    count: usize,
    failure: Option<String>,
}

#[derive(Default)]
struct Reports(Mutex<Delivered>);

impl Reports {
    fn lock(&self) -> MutexGuard<'_, Delivered> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ClientContext for Reports {}

impl ProducerContext for Reports {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, place: usize) {
        let mut delivered = self.lock();
        if let Err((reason, _)) = result {
            delivered.failure = Some(reason.to_string());
            return;
        }
        delivered.count += 1;
        let partition = place & ((1 << PARTITION_BITS) - 1);
        if delivered.offsets.len() <= partition {
            delivered.offsets.resize(partition + 1, None);
        }
        // The producer is idempotent, so that reports of a partition come in the order of its records.
        if let Some(offset) = delivered.offsets.get_mut(partition) {
            *offset = Some((place >> PARTITION_BITS) as i64);
        }
    }
}

/// Consumes, decodes, encodes and produces until all records are delivered.
pub(crate) fn run(job: &Job) -> Result<()> {
    let consumer: BaseConsumer = job.consumer_config().create()?;
    consumer.subscribe(&[&job.from])?;
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", &job.bootstrap)
        .set("enable.idempotence", "true");
    let producer: BaseProducer<Reports> = config.create_with_context(Reports::default())?;
    let mut work = Work {
        job,
        buffers: simd_json::Buffers::default(),
        input: Vec::new(),
        output: Vec::new(),
    };
    loop {
        let mut wait = WAIT;
        for _ in 0..AT_ONCE {
            match consumer.poll(wait) {
                None => break,
                Some(message) => work.produce(&message?, &producer)?,
            }
            wait = Duration::ZERO;
        }
        producer.poll(Duration::ZERO);
        if store(job, &producer, &consumer)? >= job.records {
            break;
        }
    }
    producer.flush(PATIENCE)?;
    store(job, &producer, &consumer)?;
    match consumer.commit_consumer_state(CommitMode::Sync) {
        // The interval has just done it.
        Err(KafkaError::ConsumerCommit(RDKafkaErrorCode::NoOffset)) | Ok(()) => Ok(()),
        Err(reason) => Err(reason.into()),
    }
}

/// Consumes all records and does nothing with them. Returns how long that takes from the first one on: the broker's share.
pub(crate) fn read(job: &Job) -> Result<Duration> {
    let consumer: BaseConsumer = job.consumer_config().create()?;
    consumer.subscribe(&[&job.from])?;
    let (mut first, mut left) = (None, job.records);
    while left > 0 {
        if let Some(message) = consumer.poll(WAIT) {
            message?;
            first.get_or_insert_with(Instant::now);
            left -= 1;
        }
    }
    Ok(first.map_or(Duration::ZERO, |first| first.elapsed()))
}

/// Stores what was delivered, to be committed. Returns how many records that is.
fn store(job: &Job, producer: &BaseProducer<Reports>, consumer: &BaseConsumer) -> Result<usize> {
    let mut delivered = producer.context().lock();
    if let Some(failure) = delivered.failure.take() {
        return Err(format!("a record was not delivered: {failure}").into());
    }
    for (partition, offset) in (0..).zip(&mut delivered.offsets) {
        if let Some(offset) = offset.take() {
            consumer.store_offset(&job.from, partition, offset)?;
        }
    }
    Ok(delivered.count)
}

/// What one record needs, kept for its memory.
struct Work<'j> {
    job: &'j Job,
    buffers: simd_json::Buffers,
    input: Vec<u8>,
    output: Vec<u8>,
}

impl Work<'_> {
    fn produce(
        &mut self,
        message: &rdkafka::message::BorrowedMessage<'_>,
        producer: &BaseProducer<Reports>,
    ) -> Result<()> {
        self.input.clear();
        self.input
            .extend_from_slice(message.payload().unwrap_or_default());
        let mut value =
            simd_json::to_borrowed_value_with_buffers(&mut self.input, &mut self.buffers)?;
        if self.job.sets {
            value.try_insert("seen", true);
        }
        self.output.clear();
        value.write(&mut self.output)?;
        let place = (message.offset() as usize) << PARTITION_BITS | message.partition() as usize;
        let mut record: BaseRecord<'_, [u8], [u8], usize> =
            BaseRecord::with_opaque_to(&self.job.to, place).payload(&self.output[..]);
        loop {
            match producer.send(record) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                    record = back;
                    producer.poll(WAIT);
                }
                Err((reason, _)) => return Err(reason.into()),
            }
        }
    }
}
