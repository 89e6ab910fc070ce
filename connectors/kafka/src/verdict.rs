//! What the engine is to do about a record that was not delivered.

use rdkafka::error::RDKafkaErrorCode;

/// What becomes of a record that was not delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It will never be taken, with what may help.
    Refused(&'static str),
    /// The client cannot go on, or could not reach anybody for too long: what is open is produced again. With what may
    /// help.
    Lost(&'static str),
    /// The client is being closed: whoever closes it knows what is open.
    Closed,
}

/// librdkafka has retried what can be retried before it reports an error.
pub(crate) fn verdict(code: RDKafkaErrorCode) -> Verdict {
    use RDKafkaErrorCode as Code;
    match code {
        Code::PurgeQueue | Code::PurgeInflight => Verdict::Closed,
        Code::MessageSizeTooLarge | Code::InvalidMessageSize | Code::MessageBatchTooLarge => {
            Verdict::Refused(
                "raise `message.max.bytes` in `rdkafka_options`, and `max.message.bytes` of the topic, or send less",
            )
        }
        Code::UnknownTopic | Code::UnknownTopicOrPartition => {
            Verdict::Refused("make the topic, or correct its name")
        }
        Code::UnknownPartition => {
            Verdict::Refused("leave the partition out, or choose one that the topic has")
        }
        Code::InvalidTopic => Verdict::Refused("correct the topic's name"),
        Code::TopicAuthorizationFailed => Verdict::Refused("allow the user to write the topic"),
        Code::ClusterAuthorizationFailed => Verdict::Refused(
            "allow the user idempotent writes on the cluster, or set `enable.idempotence` to false",
        ),
        Code::InvalidTimestamp => Verdict::Refused(
            "correct `$kafka_producer.timestamp`, which is in nanoseconds since 1970",
        ),
        Code::InvalidRecord => {
            Verdict::Refused("a topic that is compacted takes records with a key only")
        }
        Code::PolicyViolation
        | Code::InvalidMessage
        | Code::InvalidRequiredAcks
        | Code::UnsupportedForMessageFormat
        | Code::UnsupportedCompressionType
        | Code::InvalidArgument
        | Code::InvalidConfig
        | Code::BadMessage => Verdict::Refused("see the broker's log for its reason"),
        Code::MessageTimedOut | Code::RequestTimedOut | Code::NotEnoughReplicas => Verdict::Lost(
            "see whether the brokers and the replicas of the partition are up; `message.timeout.ms` in \
             `rdkafka_options` is how long a record is tried",
        ),
        Code::ThrottlingQuotaExceeded => Verdict::Lost("raise the user's quota, or send less"),
        Code::TransactionalIdAuthorizationFailed => {
            Verdict::Lost("allow the user idempotent writes, or set `enable.idempotence` to false")
        }
        _ => Verdict::Lost(
            "it is produced again; if that goes on, see the broker's log for its reason",
        ),
    }
}
