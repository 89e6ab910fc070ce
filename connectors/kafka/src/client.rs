//! What both sides have in common: what a client says beside records, and the first contact with a broker.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::ClientContext;
use rdkafka::client::Client;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::metadata::Metadata;
use temblor_pdk::log::Level;
use temblor_pdk::{Error, Host, Result};

/// How long one question to a broker may take before what the client has heard meanwhile is looked at.
const QUESTION: Duration = Duration::from_millis(500);
/// How long a topic may be unknown: one that was just made takes a moment to be known everywhere.
const UNKNOWN: Duration = Duration::from_secs(2);

/// What a client says of its brokers beside records.
pub(crate) struct Outside {
    pub(crate) host: Host,
    pub(crate) brokers: String,
    /// The last error that says more than that nobody answers.
    last: Mutex<Option<(RDKafkaErrorCode, String)>>,
    /// What the last connection that broke has said.
    broken: Mutex<Option<String>>,
}

impl Outside {
    pub(crate) fn new(host: &Host, brokers: &str) -> Self {
        Outside {
            host: host.clone(),
            brokers: brokers.to_owned(),
            last: Mutex::default(),
            broken: Mutex::default(),
        }
    }

    /// Takes a line of librdkafka's log. What it calls an error it mostly recovers from.
    pub(crate) fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        if facility == "FAIL" {
            let text = text.split_once("]: ").map_or(text, |(_, text)| text);
            let mut broken = self.broken.lock().unwrap_or_else(PoisonError::into_inner);
            *broken = Some(text.to_owned());
        }
        let level = match level {
            RDKafkaLogLevel::Emerg | RDKafkaLogLevel::Alert | RDKafkaLogLevel::Critical => {
                Level::Error
            }
            RDKafkaLogLevel::Error | RDKafkaLogLevel::Warning => Level::Warn,
            RDKafkaLogLevel::Notice | RDKafkaLogLevel::Info => Level::Debug,
            RDKafkaLogLevel::Debug => Level::Trace,
        };
        self.host
            .log(level, &format!("librdkafka: {facility}: {text}"));
    }

    /// Takes an error of the client as a whole.
    pub(crate) fn error(&self, error: &KafkaError, reason: &str) {
        let code = error.rdkafka_error_code();
        let code = code.unwrap_or(RDKafkaErrorCode::Unknown);
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let says_more = match &*last {
            None => true,
            Some((before, _)) => {
                code != RDKafkaErrorCode::AllBrokersDown && (is_final(code) || !is_final(*before))
            }
        };
        if says_more {
            *last = Some((code, reason.to_owned()));
        }
        drop(last);
        self.host.log(Level::Debug, &format!("{code}: {reason}"));
    }

    /// The last error, which is forgotten with it.
    pub(crate) fn take(&self) -> Option<(RDKafkaErrorCode, String)> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.take()
    }

    /// Forgets the last error, unless it is one to keep.
    fn forget_unless(&self, keeps: fn(RDKafkaErrorCode) -> bool) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.take_if(|(code, _)| !keeps(*code));
    }

    fn peek(&self) -> Option<(RDKafkaErrorCode, String)> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.clone()
    }
}

/// What may help against an error.
pub(crate) fn help(code: RDKafkaErrorCode) -> &'static str {
    hint(code).unwrap_or(
        "check `brokers`, that a Kafka broker listens there, and that `security.protocol` in `rdkafka_options` is what \
         it speaks",
    )
}

/// What may help against an error that has a reason of its own.
pub(crate) fn hint(code: RDKafkaErrorCode) -> Option<&'static str> {
    use RDKafkaErrorCode as Code;
    let text = match code {
        Code::Authentication | Code::SaslAuthenticationFailed => {
            "check `sasl.mechanism`, `sasl.username` and `sasl.password` in `rdkafka_options`"
        }
        Code::UnsupportedSASLMechanism => "set `sasl.mechanism` to one that the broker offers",
        Code::SSL => {
            "check that the listener speaks TLS, `security.protocol` and `ssl.ca.location` in `rdkafka_options`, and the \
             names and the time that its certificate is good for"
        }
        Code::TopicAuthorizationFailed => "allow the user to read, or to write, the topic",
        Code::GroupAuthorizationFailed => {
            "allow the user to read the group, or choose another `group_id`"
        }
        Code::ClusterAuthorizationFailed | Code::TransactionalIdAuthorizationFailed => {
            "allow the user idempotent writes on the cluster, or set `enable.idempotence` to false"
        }
        Code::UnknownTopicOrPartition | Code::UnknownTopic => {
            "make the topic, or correct its name; brokers may be set to make topics by themselves"
        }
        Code::FencedInstanceId => "give each process its own `group.instance.id`",
        Code::InconsistentGroupProtocol => {
            "all members of a group need the same `partition.assignment.strategy`, or the group is used by others: \
             choose another `group_id`"
        }
        Code::InvalidSessionTimeout => {
            "set `session.timeout.ms` in `rdkafka_options` to what the brokers allow: see their \
             `group.min.session.timeout.ms` and `group.max.session.timeout.ms`"
        }
        Code::InvalidGroupId => "choose another `group_id`",
        Code::GroupMaxSizeReached => {
            "stop a member of the group, or raise `group.max.size` of the brokers"
        }
        Code::UnsupportedVersion => {
            "the brokers are too old for an option that is set in `rdkafka_options`: see the broker's log for its reason"
        }
        Code::OffsetMetadataTooLarge | Code::InvalidCommitOffsetSize => {
            "raise `offset.metadata.max.bytes` of the brokers"
        }
        Code::UnsupportedCompressionType => {
            "build the connector with its feature `zstd` if the records are compressed with it"
        }
        Code::InvalidTopic => "correct the topic's name",
        _ => return None,
    };
    Some(text)
}

/// Whether a group is refused, which librdkafka says once only.
pub(crate) fn refuses_group(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode as Code;
    matches!(code, Code::GroupAuthorizationFailed | Code::InvalidGroupId)
}

/// Whether waiting cannot help.
pub(crate) fn is_final(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode as Code;
    matches!(
        code,
        Code::Authentication
            | Code::SaslAuthenticationFailed
            | Code::UnsupportedSASLMechanism
            | Code::TopicAuthorizationFailed
            | Code::GroupAuthorizationFailed
            | Code::InvalidGroupId
            | Code::ClusterAuthorizationFailed
            | Code::TransactionalIdAuthorizationFailed
    )
}

/// The first contact: a broker answers, and knows the topics. `serve` lets the client say what it has heard.
pub(crate) fn probe<C: ClientContext>(
    client: &Client<C>,
    outside: &Outside,
    topics: &[&str],
    timeout: Duration,
    is_over: &AtomicBool,
    serve: &dyn Fn(),
) -> Result<()> {
    let begin = Instant::now();
    let mut open: Vec<Option<&str>> = match topics {
        [] => vec![None],
        topics => topics.iter().copied().map(Some).collect(),
    };
    while let Some(topic) = open.last().copied() {
        if is_over.load(Ordering::Acquire) {
            return Err(Error::disconnected("the connector was stopped"));
        }
        let left = timeout.saturating_sub(begin.elapsed());
        let question = QUESTION.min(left.max(Duration::from_millis(1)));
        let answer = client.fetch_metadata(topic, question);
        serve();
        let code = match (answer, topic) {
            (Ok(_), None) => None,
            (Ok(metadata), Some(topic)) => problem(&metadata, topic),
            (Err(reason), _) => {
                let heard = outside.peek().filter(|(code, _)| is_final(*code));
                if heard.is_some() || left <= question {
                    return Err(no_answer(outside, &reason, timeout));
                }
                continue;
            }
        };
        match (code, topic) {
            (Some(RDKafkaErrorCode::UnknownTopicOrPartition), Some(topic)) => {
                if begin.elapsed() >= UNKNOWN.min(timeout) {
                    return Err(refused(
                        outside,
                        topic,
                        RDKafkaErrorCode::UnknownTopicOrPartition,
                    ));
                }
                std::thread::sleep(QUESTION / 5);
            }
            (Some(code), Some(topic)) if is_final(code) => {
                return Err(refused(outside, topic, code));
            }
            // Whatever else is wrong with a topic passes, such as an election.
            _ => drop(open.pop()),
        }
    }
    outside.forget_unless(refuses_group);
    Ok(())
}

fn problem(metadata: &Metadata, topic: &str) -> Option<RDKafkaErrorCode> {
    let mut topics = metadata.topics().iter();
    let found = topics.find(|found| found.name() == topic);
    match found {
        None => Some(RDKafkaErrorCode::UnknownTopicOrPartition),
        Some(found) => found.error().map(RDKafkaErrorCode::from),
    }
}

fn refused(outside: &Outside, topic: &str, code: RDKafkaErrorCode) -> Error {
    let message = format!(
        "the brokers `{}` do not give topic `{topic}`: {code}\nhelp: {}",
        outside.brokers,
        help(code)
    );
    match is_final(code) {
        true => Error::failed(message),
        false => Error::disconnected(message),
    }
}

fn no_answer(outside: &Outside, reason: &KafkaError, timeout: Duration) -> Error {
    let brokers = &outside.brokers;
    let heard = outside.take();
    if let Some((code, reason)) = heard.as_ref().filter(|(code, _)| is_final(*code)) {
        return Error::failed(format!(
            "the brokers `{brokers}` refuse the connection: {reason}\nhelp: {}",
            help(*code)
        ));
    }
    let mut broken = outside
        .broken
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    let (code, why) = match (heard, broken.take()) {
        (Some((code, text)), None) => (code, text),
        (Some((code, text)), Some(_)) if code != RDKafkaErrorCode::AllBrokersDown => (code, text),
        (_, Some(text)) => (RDKafkaErrorCode::BrokerTransportFailure, text),
        (None, None) => (
            RDKafkaErrorCode::BrokerTransportFailure,
            format!("nothing comes that is an answer in Kafka's protocol ({reason})"),
        ),
    };
    // Said as of a connection that broke, like all others.
    let code = match why.contains("SSL_HANDSHAKE") {
        true => RDKafkaErrorCode::SSL,
        false => code,
    };
    Error::disconnected(format!(
        "no broker of `{brokers}` has answered within {} ms: {why}{}\nhelp: {}",
        timeout.as_millis(),
        protocol(&why),
        help(code)
    ))
}

/// What was answered, where librdkafka has taken the first bytes of something else for a size.
fn protocol(text: &str) -> &'static str {
    let size = text
        .split_once("Invalid response size ")
        .and_then(|(_, rest)| rest.split(' ').next()?.parse::<i32>().ok());
    match size.map(i32::to_be_bytes) {
        None => "",
        Some([b'H', b'T', b'T', b'P']) => "; that is an answer in HTTP, and no Kafka broker",
        Some(_) => "; that is no answer in Kafka's protocol",
    }
}
