//! The sink, which takes events to be sent, and the source, which hands responses over.

use std::sync::Arc;

use hyper::Method;
use temblor_pdk::{
    ANONYMOUS_STREAM, Arena, Batch, BatchWriter, Event, Fates, Field, Host, OwnedValue, Pull,
    Result, Sink, Source, Value,
};

use super::Client;
use super::attempt::Answer;
use super::job::Job;
use crate::headers;

/// A response on its way to the engine.
pub(super) struct Received {
    pub(super) answer: Answer,
    pub(super) url: String,
    pub(super) method: Method,
    pub(super) correlation: Option<OwnedValue>,
}

/// Takes events to be sent.
pub(crate) struct ClientSink {
    client: Arc<Client>,
    flushed: bool,
}

impl ClientSink {
    pub(super) fn new(client: &Arc<Client>) -> Self {
        ClientSink {
            client: Arc::clone(client),
            flushed: false,
        }
    }
}

impl Sink for ClientSink {
    async fn write(&mut self, batch: Batch, fates: Fates) -> Result<()> {
        let client = &self.client;
        for at in 0..batch.len() {
            let job = match Job::new(client, &batch, at, &fates) {
                Ok(job) => job,
                Err(error) => {
                    let message = format!("an event was refused: {error}");
                    client.refused.warn(&client.host, &message);
                    fates.failed_range(at..at + 1, &error);
                    continue;
                }
            };
            let place = client.pool.place(&job.url.destination);
            // So many wait at most; beyond that, the engine does.
            let waiting = place.events.take().await;
            // In the queue before the task runs, so that events that wait for each other keep their order.
            let first = place.requests.take();
            client.run(job.run(Arc::clone(client), place, waiting, first));
        }
        Ok(())
    }

    async fn flush(&mut self) -> Result<()> {
        self.flushed = true;
        Ok(())
    }
}

impl Drop for ClientSink {
    fn drop(&mut self) {
        // The source ends with the last response.
        if self.flushed {
            self.client.responses().take();
        }
    }
}

/// Hands responses over, each as a pull of its own.
pub(crate) struct ClientSource {
    host: Host,
    received: flume::Receiver<Received>,
}

impl ClientSource {
    pub(super) fn new(host: &Host, received: flume::Receiver<Received>) -> Self {
        ClientSource {
            host: host.clone(),
            received,
        }
    }
}

impl Source for ClientSource {
    async fn pull(&mut self, out: &mut BatchWriter) -> Result<Pull> {
        let received = match out.wait(self.received.recv_async()).await {
            Some(Ok(received)) => received,
            Some(Err(_)) => return Ok(Pull::End),
            None => return Ok(Pull::Idle),
        };
        let now_ns = self.host.now_ns();
        out.push(|arena| {
            let data = Value::bytes(arena.copy_bytes(&received.answer.body));
            let mut event = Event::new(data);
            event.meta = meta(arena, &received);
            event.ingest_ns = now_ns;
            event.id.stream = ANONYMOUS_STREAM;
            event
        });
        Ok(Pull::Ready)
    }
}

fn meta<'a>(arena: &'a Arena, received: &Received) -> Value<'a> {
    let text = |text: &str| Value::from(arena.str(text));
    let request = arena.object(&[
        Field::new("url", text(&received.url)),
        Field::new("method", text(received.method.as_str())),
    ]);
    let answer = &received.answer;
    let response = arena.object(&[
        Field::new("status", Value::from(u64::from(answer.status.as_u16()))),
        Field::new("headers", headers::to_record(arena, &answer.headers)),
    ]);
    let client = arena.object(&[
        Field::new("request", request),
        Field::new("response", response),
    ]);
    let mut fields = vec![Field::new("http_client", client)];
    if let Some(correlation) = &received.correlation {
        fields.push(Field::new("correlation", arena.value(correlation)));
    }
    arena.object(&fields)
}
