//! One event on its way: attempts, waits between them, and its fate.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{CONTENT_LENGTH, HOST, HeaderValue, RETRY_AFTER};
use hyper::{HeaderMap, Method, Request};
use temblor_pdk::{
    Backoff, BackoffPolicy, Batch, Error, Event, Fates, OwnedValue, Result, Value, io,
};

use super::attempt::Answer;
use super::permits::Permit;
use super::pool::Place;
use super::sides::Received;
use super::url::Url;
use super::{Client, config, rejected};
use crate::headers::{self, Payload};

/// The longest wait that a server may ask for.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// How long to wait for the one request that tries a destination.
const TRIAL: Duration = Duration::from_millis(50);

/// Requests that mostly have no body.
const NO_BODY: [Method; 4] = [Method::GET, Method::HEAD, Method::DELETE, Method::OPTIONS];

/// An event that is to be sent.
pub(super) struct Job {
    pub(super) url: Url,
    pub(super) method: Method,
    headers: HeaderMap,
    /// Whether the event itself says where it goes.
    has_own_url: bool,
    correlation: Option<OwnedValue>,
    batch: Batch,
    at: usize,
    fates: Fates,
    told: bool,
}

/// What is to be done after an attempt.
enum Verdict {
    Delivered,
    /// It will not be taken later either.
    Refused(String),
    /// It may be taken later, and not before that wait.
    Later(String, Option<Duration>),
}

impl Job {
    /// Makes a request of an event.
    pub(super) fn new(client: &Client, batch: &Batch, at: usize, fates: &Fates) -> Result<Job> {
        let event = batch.events().get(at).copied();
        let event = event.unwrap_or_else(|| Event::new(Value::NULL));
        let asked = event.meta.get("http_client");
        let asked = asked
            .and_then(|meta| meta.get("request"))
            .unwrap_or_default();
        let own_url = text(asked, "url")?;
        let url = match own_url {
            Some(text) => Url::parse(text).map_err(rejected)?,
            None => client.url.clone(),
        };
        let method = match text(asked, "method")? {
            Some(text) => config::method(text).map_err(rejected)?,
            None => client.method.clone(),
        };
        let mut headers = headers::from_value(asked.get("headers").unwrap_or_default())?;
        headers::add_missing(&mut headers, &client.headers);
        let correlation = event.meta.get("correlation");
        Ok(Job {
            has_own_url: own_url.is_some(),
            url,
            method,
            headers,
            correlation: correlation.map(Value::to_owned_value),
            batch: batch.clone(),
            at,
            fates: fates.clone(),
            told: false,
        })
    }

    /// The request, as often as it has to be sent.
    pub(super) fn request(&self) -> Request<Full<Bytes>> {
        let body = Bytes::from_owner(Payload(self.batch.clone(), self.at));
        let mut headers = self.headers.clone();
        if !headers.contains_key(HOST) {
            headers.insert(HOST, self.url.authority.clone());
        }
        // Where a body would have a meaning, it is said that there is none.
        if body.is_empty() && !NO_BODY.contains(&self.method) {
            headers.insert(CONTENT_LENGTH, HeaderValue::from(0));
        }
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.url.target.clone();
        *request.headers_mut() = headers;
        request
    }

    fn acked(mut self) {
        self.told = true;
        self.fates.acked_range(self.at..self.at + 1);
    }

    fn failed(mut self, error: &Error) {
        self.told = true;
        self.fates.failed_range(self.at..self.at + 1, error);
    }

    /// Sends the event, again and again where there is hope, and tells its fate.
    pub(super) async fn run(
        self,
        client: Arc<Client>,
        place: Arc<Place>,
        _waiting: Permit,
        first: impl Future<Output = Permit> + Send,
    ) {
        let verdict = self.deliver(&client, &place, first).await;
        match verdict {
            Ok(()) => self.acked(),
            Err(reason) => {
                let Url { text, .. } = &self.url;
                let message = format!("{} {text}: {reason}", self.method);
                client.failed.warn(&client.host, &message);
                self.failed(&Error::rejected(message));
            }
        }
    }

    async fn deliver(
        &self,
        client: &Client,
        place: &Place,
        first: impl Future<Output = Permit> + Send,
    ) -> Result<(), String> {
        let mut backoff = Backoff::new(BackoffPolicy::default());
        let mut permit = self.admitted(client, place, first.await).await?;
        loop {
            let attempted = client.attempt(self, place).await;
            let verdict = self.judge(&attempted);
            self.tell_breaker(client, place, &verdict);
            drop(permit);
            let (reason, asked) = match verdict {
                Verdict::Later(reason, asked) => (reason, asked),
                Verdict::Delivered => {
                    self.hand_over(client, attempted).await;
                    return Ok(());
                }
                Verdict::Refused(reason) => {
                    self.hand_over(client, attempted).await;
                    return Err(reason);
                }
            };
            if backoff.attempts() >= client.config.max_retries {
                let times = backoff.attempts() + 1;
                self.hand_over(client, attempted).await;
                return Err(format!("{reason} (tried {times} times)"));
            }
            let wait = backoff.next_wait();
            io::sleep(&client.host, asked.map_or(wait, |asked| asked.max(wait))).await;
            let again = place.requests.take().await;
            permit = self.admitted(client, place, again).await?;
        }
    }

    /// Waits until the request may be made. One to a destination of the event's own is refused while the breaker of
    /// that is open, so that others need not wait for it; where all go to the same one, they wait.
    async fn admitted(
        &self,
        client: &Client,
        place: &Place,
        mut permit: Permit,
    ) -> Result<Permit, String> {
        loop {
            let now_ns = client.host.now_ns();
            let until_ns = {
                let mut breaker = place.breaker();
                if breaker.allows(now_ns) {
                    return Ok(permit);
                }
                breaker.opens_until_ns()
            };
            drop(permit);
            if self.has_own_url {
                let address = self.url.destination.address();
                return Err(format!(
                    "{address} does not answer; after several failures in a row it is left alone for a moment"
                ));
            }
            match until_ns {
                Some(until_ns) => io::sleep_until(&client.host, until_ns).await,
                None => io::sleep(&client.host, TRIAL).await,
            }
            permit = place.requests.take().await;
        }
    }

    fn judge(&self, attempted: &Result<Answer, String>) -> Verdict {
        let answer = match attempted {
            Ok(answer) => answer,
            Err(reason) => return Verdict::Later(reason.clone(), None),
        };
        let status = answer.status.as_u16();
        match status {
            200..300 => Verdict::Delivered,
            408 | 425 | 429 | 500.. => {
                Verdict::Later(format!("the server answered {status}"), retry_after(answer))
            }
            300..400 => Verdict::Refused(format!(
                "the server answered {status}; redirections are not followed"
            )),
            _ => Verdict::Refused(format!("the server answered {status}")),
        }
    }

    fn tell_breaker(&self, client: &Client, place: &Place, verdict: &Verdict) {
        let now_ns = client.host.now_ns();
        let mut breaker = place.breaker();
        let was_open = breaker.is_open();
        match verdict {
            // A server that refuses an event is there.
            Verdict::Delivered | Verdict::Refused(_) => breaker.succeeded(),
            Verdict::Later(..) => breaker.failed(now_ns),
        }
        let is_open = breaker.is_open();
        match (was_open, is_open) {
            (false, true) => client.silent.add(1),
            // One less: it wraps around.
            (true, false) => client.silent.add(u64::MAX),
            _ => {}
        }
        drop(breaker);
        let address = self.url.destination.address();
        match (was_open, is_open, verdict) {
            (false, true, Verdict::Later(reason, _)) => {
                let message = format!("{address} is left alone for a moment: {reason}");
                client.silenced.warn(&client.host, &message);
            }
            (true, false, _) => {
                let message = format!("{address} answers again");
                client.host.log(temblor_pdk::log::Level::Info, &message);
            }
            _ => {}
        }
    }

    /// Makes an event of a response, if anybody reads them.
    async fn hand_over(&self, client: &Client, attempted: Result<Answer, String>) {
        let responses = client.responses().clone();
        if let (Some(responses), Ok(answer)) = (responses, attempted) {
            let received = Received {
                answer,
                url: self.url.text.clone(),
                method: self.method.clone(),
                correlation: self.correlation.clone(),
            };
            // When the source has ended, nobody reads it.
            let _ = responses.send_async(received).await;
        }
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        if !self.told {
            let text = &self.url.text;
            let error = Error::rejected(format!("the request to {text} was given up at the end"));
            self.fates.failed_range(self.at..self.at + 1, &error);
        }
    }
}

/// A text of the record `$http_client.request`.
fn text<'a>(record: Value<'a>, key: &str) -> Result<Option<&'a str>> {
    match record.get(key) {
        None => Ok(None),
        Some(value) => match value.as_str() {
            Some(text) => Ok(Some(text)),
            None => Err(Error::rejected(format!(
                "`$http_client.request.{key}` is not a text"
            ))),
        },
    }
}

/// How long the server asks to be left alone.
fn retry_after(answer: &Answer) -> Option<Duration> {
    let value = answer.headers.get(RETRY_AFTER)?;
    let seconds = value.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(LONGEST_WAIT))
}
