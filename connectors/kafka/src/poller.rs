//! The thread that serves a consumer: it polls, whatever the engine does, so that the group is not left.

mod back;

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::message::BorrowedMessage;
use rdkafka::{Message, Offset, TopicPartitionList};
use temblor_pdk::log::Level;
use temblor_pdk::{Error, Result};

use crate::client::{help, hint, probe};
use crate::commits::{Membership, start};
use crate::config::is_pattern;
use crate::farewell::leave;
use crate::options::unfit;
use crate::place::{Place, SHOWN, brief, list_of, places};
use crate::rebalance::Callbacks;
use crate::record::Chunk;
use crate::shared::Shared;
use crate::stuck::Stuck;
use crate::wonder::{Wonder, unmatched};
use back::Rewinds;

/// At most so many records, and about so many bytes, are handed over at once.
const CHUNK_RECORDS: usize = 512;
const CHUNK_BYTES: usize = 256 * 1024;
/// How long the engine may take nothing before the partitions are paused. Pausing throws away what was fetched ahead, so
/// it is not done at every hiccup.
const PATIENCE: Duration = Duration::from_millis(500);
/// How long one poll waits.
const POLL: Duration = Duration::from_millis(50);
/// How long going back in a partition may take.
const SEEK: Duration = Duration::from_secs(2);

/// What goes to the source; no chunk where it is to look what there is to say of lanes.
pub(crate) type Arriving = Result<Option<Chunk>>;

/// The thread's own.
pub(crate) struct Poller {
    shared: Arc<Shared>,
    consumer: Arc<BaseConsumer<Callbacks>>,
    chunks: flume::Sender<Arriving>,
    chunk: Option<Chunk>,
    rewinds: Rewinds,
    /// Partitions of which records are handed over one by one, up to an offset.
    one_by_one: HashMap<Place, i64>,
    full_since: Option<Instant>,
    membership: Membership,
    wonder: Wonder,
    stuck: Stuck,
}

/// Runs until it is told to stop: connects, says how that went, and serves the consumer. One that cannot be closed comes
/// back.
pub(crate) fn run(
    shared: &Arc<Shared>,
    chunks: flume::Sender<Arriving>,
    ready: &flume::Sender<Result<()>>,
) -> Option<BaseConsumer<Callbacks>> {
    let _ = shared.thread.set(std::thread::current());
    let _ = shared.nudges.set(chunks.downgrade());
    match connect(shared) {
        Err(error) => {
            let _ = ready.send(Err(error));
            None
        }
        Ok(consumer) => {
            let _ = ready.send(Ok(()));
            let poller = Poller {
                shared: Arc::clone(shared),
                consumer: Arc::new(consumer),
                chunks,
                chunk: None,
                rewinds: Rewinds::default(),
                one_by_one: HashMap::new(),
                full_since: None,
                membership: Membership::default(),
                wonder: Wonder::default(),
                stuck: Stuck::new(),
            };
            poller.serve()
        }
    }
}

fn connect(shared: &Arc<Shared>) -> Result<BaseConsumer<Callbacks>> {
    let settings = &shared.settings;
    let callbacks = Callbacks {
        shared: Arc::clone(shared),
    };
    let consumer: KafkaResult<BaseConsumer<_>> = settings.client.create_with_context(callbacks);
    let consumer = consumer.map_err(|reason| unfit(&reason))?;
    let names = settings.topics.iter().filter(|topic| !is_pattern(topic));
    let names: Vec<&str> = names.map(String::as_str).collect();
    probe(
        consumer.client(),
        &shared.outside,
        &names,
        settings.connect_timeout,
        &shared.is_stopping,
        &|| drop(consumer.poll(Duration::ZERO)),
    )?;
    if let Some((code, text)) = shared.outside.take() {
        let name = shared.name();
        return Err(Error::failed(format!(
            "{name}: {text}\nhelp: {}",
            help(code)
        )));
    }
    let topics: Vec<&str> = settings.topics.iter().map(String::as_str).collect();
    let subscribed = consumer.subscribe(&topics);
    subscribed.map_err(|reason| {
        Error::config(format!(
            "`topics` cannot be subscribed to: {reason}\nhelp: what begins with `^` is a regular expression"
        ))
    })?;
    Ok(consumer)
}

impl Poller {
    fn serve(mut self) -> Option<BaseConsumer<Callbacks>> {
        let committer = start(&self.shared, &self.consumer, &self.chunks);
        while !self.shared.is_stopping() {
            self.membership.ask(&self.shared, &self.consumer);
            if self.shared.has_news.swap(false, Ordering::AcqRel) {
                self.hear();
            }
            self.go_back();
            self.look_for_room();
            self.wonder.look(&self.shared);
            self.stuck.ask(&self.shared, &self.consumer);
            self.poll();
        }
        if let Some(committer) = committer {
            // A panic there has been shown already.
            let _ = committer.join();
        }
        // Nobody else holds it any more.
        leave(&self.shared, Arc::into_inner(self.consumer)?)
    }

    /// Takes what is there, up to a chunk.
    fn poll(&mut self) {
        let shared = Arc::clone(&self.shared);
        let mut wait = POLL;
        for _ in 0..CHUNK_RECORDS {
            match self.consumer.poll(wait) {
                None => break,
                Some(Ok(message)) => take(
                    &shared,
                    &self.chunks,
                    &mut self.chunk,
                    &mut self.one_by_one,
                    &message,
                ),
                Some(Err(reason)) => {
                    self.hand_over();
                    self.failed(&reason);
                    return;
                }
            }
            if shared.is_full() {
                break;
            }
            wait = Duration::ZERO;
        }
        self.hand_over();
    }

    fn hand_over(&mut self) {
        if let Some(chunk) = self.chunk.take() {
            hand_over(&self.shared, &self.chunks, chunk);
        }
    }

    /// Stores what was reached, to be committed, and hears which lanes are to be consumed again.
    fn hear(&mut self) {
        let shared = Arc::clone(&self.shared);
        if shared.settings.by_fates {
            let news = shared.lanes().news();
            if !news.is_empty() {
                // A partition that has just gone is none to store an offset for.
                let _ = self.consumer.store_offsets(&list_of(news));
            }
        }
        let mut waiting = shared
            .rewinds
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let rewinds = std::mem::take(&mut *waiting);
        drop(waiting);
        let waiting = self.rewinds.take_in(rewinds, &shared.lanes());
        if !waiting.is_empty() {
            shared.report("pause", self.consumer.pause(&list_of(waiting)));
        }
    }

    /// Waits for the engine to take something, and pauses the partitions where it does not.
    fn look_for_room(&mut self) {
        let shared = Arc::clone(&self.shared);
        if shared.is_draining.load(Ordering::Acquire) {
            return self.pause();
        }
        if !shared.is_full() {
            self.full_since = None;
            return self.resume();
        }
        if shared.is_paused() {
            return;
        }
        let since = *self.full_since.get_or_insert_with(Instant::now);
        while shared.is_full() && !shared.is_stopping() && !shared.has_news.load(Ordering::Acquire)
        {
            let left = PATIENCE.saturating_sub(since.elapsed());
            if left.is_zero() {
                return self.pause();
            }
            std::thread::park_timeout(left);
        }
    }

    fn pause(&mut self) {
        if self.shared.is_paused.swap(true, Ordering::AcqRel) {
            return;
        }
        self.shared.cells.paused.set(1);
        self.for_assigned("pause", |consumer, list| consumer.pause(list));
    }

    fn resume(&mut self) {
        if !self.shared.is_paused.swap(false, Ordering::AcqRel) {
            return;
        }
        self.shared.cells.paused.set(0);
        self.for_assigned("resume", |consumer, list| {
            let resumed = self.rewinds.leave_out(places(list), &self.shared.lanes());
            consumer.resume(&list_of(resumed.into_iter().map(|place| (place, 0))))
        });
    }

    fn for_assigned(
        &self,
        what: &str,
        act: impl FnOnce(&BaseConsumer<Callbacks>, &TopicPartitionList) -> KafkaResult<()>,
    ) {
        let done = match self.consumer.assignment() {
            Ok(list) if list.count() == 0 => Ok(()),
            Ok(list) => act(&self.consumer, &list),
            Err(reason) => Err(reason),
        };
        self.shared.report(what, done);
    }

    /// Where the group stands in this member's partitions, and from where to where their records are. librdkafka's
    /// errors do not say which partition they are about.
    fn positions(&self) -> String {
        let Ok(list) = self.consumer.committed(SEEK) else {
            return String::new();
        };
        let mut text = String::new();
        for element in list.elements().iter().take(SHOWN) {
            let (topic, partition) = (element.topic(), element.partition());
            let position = match element.offset() {
                Offset::Offset(offset) => format!("stands at offset {offset}"),
                _ => "has no position".to_owned(),
            };
            let records = match self.consumer.fetch_watermarks(topic, partition, SEEK) {
                Ok((low, high)) => format!(", records are from offset {low} up to {high}"),
                Err(_) => String::new(),
            };
            text += &format!("; in topic `{topic}`, partition {partition} it {position}{records}");
        }
        text
    }

    /// Which partitions an error may be about: librdkafka seldom says it.
    fn around(&self, text: &str) -> String {
        let list = self.consumer.assignment();
        let list = list.map_or(Vec::new(), |list| places(&list));
        if list.is_empty() || list.iter().any(|place| text.contains(&*place.topic)) {
            return String::new();
        }
        format!(" (it has {})", brief(&list))
    }

    /// An error in the place of a record: most pass.
    fn failed(&mut self, reason: &KafkaError) {
        use RDKafkaErrorCode as Code;
        let (code, is_fatal) = match reason {
            KafkaError::PartitionEOF(_) => return,
            KafkaError::MessageConsumptionFatal(code) => (*code, true),
            other => (other.rdkafka_error_code().unwrap_or(Code::Unknown), false),
        };
        let text = match self.shared.outside.take() {
            Some((_, text)) if !text.is_empty() => text,
            _ => code.to_string(),
        };
        self.stuck.hear(&text);
        let name = self.shared.name();
        let around = self.around(&text);
        let error = match code {
            Code::TopicAuthorizationFailed
            | Code::GroupAuthorizationFailed
            | Code::FencedInstanceId
            | Code::InvalidGroupId
            | Code::InvalidSessionTimeout
            | Code::InconsistentGroupProtocol => {
                Error::failed(format!("{name}: {text}{around}\nhelp: {}", help(code)))
            }
            Code::AutoOffsetReset | Code::OffsetOutOfRange => Error::failed(format!(
                "{name}: {text}{}\nhelp: the records at the group's position are gone, or it has none; set \
                 `auto.offset.reset` in `rdkafka_options` to \"earliest\" or \"latest\", or set the group's offsets",
                self.positions()
            )),
            _ if is_fatal => Error::disconnected(format!(
                "{name} cannot go on: {text}{around}\nhelp: it is made anew by the connector's `reconnect` policy"
            )),
            _ => {
                let unmatched = unmatched(&text).filter(|_| code == Code::UnknownTopicOrPartition);
                let way_out = unmatched
                    .or(hint(code))
                    .map_or(String::new(), |help| format!("\nhelp: {help}"));
                let message = format!("{name}: {text}{around}; it is tried again{way_out}");
                return self.shared.outside.host.log(Level::Warn, &message);
            }
        };
        let _ = self.chunks.send(Err(error));
    }
}

fn hand_over(shared: &Shared, chunks: &flume::Sender<Arriving>, chunk: Chunk) {
    shared
        .queued_records
        .fetch_add(chunk.len(), Ordering::AcqRel);
    shared
        .queued_bytes
        .fetch_add(chunk.bytes(), Ordering::AcqRel);
    // Without a source nobody wants it.
    let _ = chunks.send(Ok(Some(chunk)));
}

/// Adds a record to the chunk of its partition.
fn take(
    shared: &Shared,
    chunks: &flume::Sender<Arriving>,
    chunk: &mut Option<Chunk>,
    one_by_one: &mut HashMap<Place, i64>,
    message: &BorrowedMessage<'_>,
) {
    if let Some(open) = chunk.take_if(|open| !open.is_of(message) || open.bytes() >= CHUNK_BYTES) {
        hand_over(shared, chunks, open);
    }
    let open = match chunk {
        Some(open) => open,
        None => {
            let place = Place {
                topic: message.topic().into(),
                partition: message.partition(),
            };
            // It is about to go away, or to be consumed again.
            let Some((lane, generation)) = shared.lanes().open(&place) else {
                return;
            };
            chunk.insert(Chunk::new(place, lane, generation))
        }
    };
    open.push(message);
    if one_by_one.is_empty() {
        return;
    }
    if let Some(until) = one_by_one.get(&open.place).copied() {
        if message.offset() + 1 >= until {
            one_by_one.remove(&open.place);
        }
        if let Some(single) = chunk.take() {
            hand_over(shared, chunks, single);
        }
    }
}
