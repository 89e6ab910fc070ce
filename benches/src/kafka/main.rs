//! What Temblor costs between two topics of Kafka, beside a loop over librdkafka that does the same.
//!
//! ```text
//! kafka throughput [--records N] [--rounds N] [--workers N]
//! kafka scale [--records N] [--rounds N]
//! kafka serve [--records N] [--partitions N]
//! ```
//!
//! A topic is filled once with JSON records of about 200 bytes. Each measurement is a child process that joins a new
//! group, consumes the topic from its beginning, decodes, encodes and produces to another topic, and ends when the last
//! record is delivered. `throughput` runs both sides in turn, `scale` runs several processes of one group, and `serve`
//! keeps the broker and the topic for whoever wants to measure something else, such as `temblor bench`.
//!
//! The broker is the one of the connector's tests, or whatever `KAFKA_BOOTSTRAP` names.

mod bare;
#[allow(dead_code, clippy::unwrap_used, reason = "it is made for tests")]
#[path = "../../../connectors/kafka/tests/broker/mod.rs"]
mod broker;
mod cluster;
mod flow;
mod measure;
#[allow(dead_code, reason = "other measurements use the rest")]
#[path = "../process.rs"]
mod process;

use std::process::ExitCode;

use process::{Result, number};

const USAGE: &str =
    "usage: kafka throughput|scale|serve [--records N] [--rounds N] [--workers N] [--partitions N]";

/// What is measured.
pub(crate) struct Options {
    pub(crate) records: usize,
    pub(crate) rounds: usize,
    /// Worker threads of the engine; one for each core by default.
    pub(crate) workers: Option<usize>,
    pub(crate) partitions: usize,
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let mut args = std::env::args_os().skip(1);
    let (mut what, mut job) = (None, None);
    let mut options = Options {
        records: 1_000_000,
        rounds: 7,
        workers: None,
        partitions: 8,
    };
    while let Some(arg) = args.next() {
        match arg.to_str().ok_or(USAGE)? {
            "--records" => options.records = number(args.next())?,
            "--rounds" => options.rounds = number(args.next())?,
            "--workers" => options.workers = Some(number(args.next())?),
            "--partitions" => options.partitions = number(args.next())?,
            "--job" => job = args.next(),
            // Cargo says so to whatever it runs as a bench.
            "--bench" => {}
            other => what = Some(other.to_owned()),
        }
    }
    let job = job.map(|job| measure::Job::read(&job)).transpose()?;
    match (what.as_deref(), job) {
        (Some("bare"), Some(job)) => bare::run(&job),
        (Some("flow"), Some(job)) => flow::run(&job),
        (Some("throughput"), None) => measure::throughput(&options),
        (Some("scale"), None) => measure::scale(&options),
        (Some("serve"), None) => measure::serve(&options),
        _ => Err(USAGE.into()),
    }
}
