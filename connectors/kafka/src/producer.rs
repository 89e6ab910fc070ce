//! `kafka_producer`: events become records.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use rdkafka::Message;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, DeliveryResult, Producer, ProducerContext, PurgeConfig};
use temblor_pdk::io;
use temblor_pdk::{
    Batch, Cell, CellKind, Connector, ConnectorInfo, Context, Error, Fates, Host, NoSource,
    Payload, Result, Settles, Sink, SinkInfo, register,
};

use crate::client::{Outside, help, hint, is_final, probe};
use crate::config::{ProducerConfig, ProducerSettings};
use crate::options::unfit;
use crate::record::Outgoing;
use crate::reports::Reports;
use crate::verdict::{Verdict, verdict};

/// How long one poll lasts. Reports wake it; what was delivered of a write that is not complete is told this late.
const POLL: Duration = Duration::from_millis(50);
/// How long one flush lasts; it is repeated until everything is delivered.
const FLUSH: Duration = Duration::from_millis(200);
/// How long a full queue is waited for before it is looked at again.
const FULL: Duration = Duration::from_millis(50);

/// The connector.
pub struct KafkaProducer {
    context: Context,
    settings: Arc<ProducerSettings>,
    client: Option<Client>,
}

/// A producer of librdkafka, and the thread that serves it.
struct Client {
    producer: Arc<BaseProducer<Callbacks>>,
    is_over: Arc<AtomicBool>,
}

impl Drop for Client {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Release);
    }
}

/// The producer's callbacks.
struct Callbacks {
    outside: Outside,
    reports: Reports,
    delivered: Cell,
    /// Why the client cannot go on, once it cannot.
    end: OnceLock<Error>,
    /// Records that librdkafka has thrown away because of that, or because it is closed.
    purged: Mutex<Vec<usize>>,
}

impl ClientContext for Callbacks {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        self.outside.log(level, facility, text);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.outside.error(&error, reason);
    }
}

impl ProducerContext for Callbacks {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, number: usize) {
        match result {
            Ok(_) => {
                self.delivered.add(1);
                self.reports.settle(number, None);
            }
            Err((reason, message)) => {
                let size = message.payload_len() + message.key_len();
                let place = (message.topic(), Some(message.partition()), size);
                self.failed(number, place, reason);
            }
        }
    }
}

impl Callbacks {
    /// A record was not delivered.
    fn failed(
        &self,
        number: usize,
        (topic, partition, size): (&str, Option<i32>, usize),
        reason: &KafkaError,
    ) {
        let code = reason.rdkafka_error_code();
        let code = code.unwrap_or(RDKafkaErrorCode::Unknown);
        let partition = match partition.filter(|partition| *partition >= 0) {
            Some(partition) => format!(", partition {partition}"),
            None => String::new(),
        };
        let brokers = &self.outside.brokers;
        if let Some(end) = self.end.get() {
            return self.reports.settle(number, Some(end));
        }
        let error = match verdict(code) {
            Verdict::Closed => {
                // Whether the client cannot go on is asked by the thread, which tells it then.
                let purged = self.purged.lock();
                return purged.unwrap_or_else(PoisonError::into_inner).push(number);
            }
            Verdict::Refused(help) => Error::rejected(format!(
                "topic `{topic}`{partition} at `{brokers}`: the record of {size} bytes is refused: {code}\nhelp: {help}"
            )),
            Verdict::Lost(help) => {
                let why = self
                    .outside
                    .take()
                    .map_or(String::new(), |(_, why)| format!("; {why}"));
                Error::disconnected(format!(
                    "topic `{topic}`{partition} at `{brokers}`: the record is not delivered: {code}{why}\nhelp: {help}"
                ))
            }
        };
        self.reports.settle(number, Some(&error));
    }
}

impl Connector for KafkaProducer {
    type Config = ProducerConfig;
    type Source = NoSource;
    type Sink = KafkaSink;

    const INFO: ConnectorInfo = ConnectorInfo {
        name: "kafka_producer",
        summary: "Produces events to topics of Kafka.",
        example: r#"{"brokers": ["127.0.0.1:9092"], "topic": "events"}"#,
        source: None,
        sink: Some(SinkInfo {
            payload: Payload::Bytes,
            settles: Settles::Late,
        }),
    };

    fn new(config: ProducerConfig, context: Context) -> Result<Self> {
        Ok(KafkaProducer {
            settings: Arc::new(config.check(context.alias())?),
            context,
            client: None,
        })
    }

    async fn connect(&mut self) -> Result<()> {
        self.client = None;
        let (settings, host) = (Arc::clone(&self.settings), self.context.host().clone());
        let alias = self.context.alias().to_owned();
        let connecting = io::blocking(self.context.host(), move || start(&settings, &host, &alias));
        self.client = Some(connecting.await??);
        Ok(())
    }

    async fn create_sink(&mut self) -> Result<KafkaSink> {
        let client = self.client.as_ref();
        let client = client.ok_or_else(|| Error::disconnected("the producer is not connected"))?;
        Ok(KafkaSink {
            host: self.context.host().clone(),
            settings: Arc::clone(&self.settings),
            producer: Arc::clone(&client.producer),
        })
    }

    async fn on_stop(&mut self) -> Result<()> {
        self.client = None;
        Ok(())
    }
}

/// Makes the producer, asks a broker whether it is there, and starts the thread.
fn start(settings: &ProducerSettings, host: &Host, alias: &str) -> Result<Client> {
    let callbacks = Callbacks {
        outside: Outside::new(host, &settings.brokers),
        reports: Reports::default(),
        delivered: host.cell("delivered_records", CellKind::Counter),
        end: OnceLock::new(),
        purged: Mutex::default(),
    };
    let producer: KafkaResult<BaseProducer<_>> = settings.client.create_with_context(callbacks);
    let producer = producer.map_err(|reason| unfit(&reason))?;
    let topics: Vec<&str> = settings.topic.iter().map(String::as_str).collect();
    probe(
        producer.client(),
        &producer.context().outside,
        &topics,
        settings.connect_timeout,
        &AtomicBool::new(false),
        &|| producer.poll(Duration::ZERO),
    )?;
    let client = Client {
        producer: Arc::new(producer),
        is_over: Arc::default(),
    };
    let (producer, is_over) = (Arc::clone(&client.producer), Arc::clone(&client.is_over));
    let in_flight = host.cell("records_in_flight", CellKind::Gauge);
    let thread = std::thread::Builder::new().name(format!("kafka {alias}"));
    let started = thread.spawn(move || {
        // The last one who holds the producer takes it apart, which takes a while: that is this thread.
        while !is_over.load(Ordering::Acquire) || Arc::strong_count(&producer) > 1 {
            producer.poll(POLL);
            end(&producer);
            producer.context().reports.tell();
            in_flight.set(producer.in_flight_count().unsigned_abs().into());
        }
    });
    started.map_err(|reason| Error::disconnected(format!("cannot start a thread: {reason}")))?;
    Ok(client)
}

/// Looks whether the client can go on. If not, what is open gets its report now, and so does what is still produced:
/// librdkafka takes it, and keeps it until its time is over.
fn end(producer: &BaseProducer<Callbacks>) {
    let callbacks = producer.context();
    if callbacks.end.get().is_none() {
        let Some((code, text)) = producer.client().fatal_error() else {
            return;
        };
        let brokers = &callbacks.outside.brokers;
        let message = format!("the producer at `{brokers}` cannot go on: {text}");
        let error = match is_final(code) {
            true => Error::failed(format!("{message}\nhelp: {}", help(code))),
            false => Error::disconnected(format!(
                "{message}\nhelp: {}",
                hint(code).unwrap_or("it is made anew by the connector's `reconnect` policy")
            )),
        };
        let _ = callbacks.end.set(error);
    }
    let purged = callbacks.purged.lock();
    let purged = std::mem::take(&mut *purged.unwrap_or_else(PoisonError::into_inner));
    for number in purged {
        callbacks.reports.settle(number, callbacks.end.get());
    }
    if producer.in_flight_count() > 0 {
        producer.purge(PurgeConfig::default().queue().inflight());
    }
}

/// Produces each event, and tells its fate when its record is delivered.
pub struct KafkaSink {
    host: Host,
    settings: Arc<ProducerSettings>,
    producer: Arc<BaseProducer<Callbacks>>,
}

impl Sink for KafkaSink {
    async fn write(&mut self, batch: Batch, fates: Fates) -> Result<()> {
        let producer = &*self.producer;
        let reports = &producer.context().reports;
        let first = reports.open(fates, batch.len());
        for (at, event) in batch.events().iter().enumerate() {
            let number = first + at;
            loop {
                let outgoing = match Outgoing::new(event, &self.settings) {
                    Ok(outgoing) => outgoing,
                    Err(error) => {
                        reports.settle(number, Some(&error));
                        break;
                    }
                };
                let place = (outgoing.topic, outgoing.partition, outgoing.size());
                // The record is given back where it is not taken; it is made again, to hold nothing while waiting.
                let reason = producer
                    .send(outgoing.record(number))
                    .map_err(|(reason, _)| reason);
                match reason {
                    Ok(()) => break,
                    Err(reason) if is_full(&reason) => {}
                    Err(reason) => {
                        producer.context().failed(number, place, &reason);
                        break;
                    }
                }
                self.wait_for_room().await;
            }
        }
        Ok(())
    }

    async fn flush(&mut self) -> Result<()> {
        loop {
            let producer = Arc::clone(&self.producer);
            let flushing = io::blocking(&self.host, move || {
                // What is not delivered in time is looked at again.
                let _ = producer.flush(FLUSH);
                let reports = &producer.context().reports;
                reports.tell();
                reports.is_empty()
            });
            if flushing.await? {
                return Ok(());
            }
        }
    }
}

impl KafkaSink {
    /// Waits for a report, which makes room in librdkafka's queue.
    async fn wait_for_room(&self) {
        let reports = &self.producer.context().reports;
        let report = reports.listen();
        let host = self.host.clone();
        // A report may have come before the listener was there.
        let waking = Arc::clone(&self.producer);
        let waker = io::spawn(&self.host, async move {
            io::sleep(&host, FULL).await;
            waking.context().reports.wake();
        });
        report.await;
        drop(waker);
    }
}

fn is_full(reason: &KafkaError) -> bool {
    reason.rdkafka_error_code() == Some(RDKafkaErrorCode::QueueFull)
}

register!(connector KafkaProducer);
