//! Every error code that brokers answer a consumer and a producer with, question by question: each row ends in recovery
//! or in a state whose message says what to do, and nothing is lost.
//!
//! A row takes seconds of waiting and hardly any work, so many run at once. `TEMBLOR_KAFKA_TABLE=full` runs all rows, and
//! `show` prints what each came to; without it those rows run that stand for the others. `TEMBLOR_KAFKA_ROW` runs those
//! that have it in their name, such as `Fetch RD_KAFKA_RESP_ERR_UNKNOWN`.

mod consumer;
mod producer;

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use rdkafka::types::{RDKafkaApiKey as Api, RDKafkaRespErr as Code};
use temblor_pdk::{Error, ErrorKind};

/// So many rows run at once.
const AT_ONCE: usize = 24;
/// So often each error is answered.
const TIMES: usize = 3;

/// How a row ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// Without the engine noticing.
    Goes,
    /// The engine connects again, which it does by itself, and then everything goes.
    Again,
    /// The connector has failed, with a message that holds this.
    Fails(&'static str),
    /// A record is refused, with a message that holds this; what comes after it goes.
    Refuses(&'static str),
}

/// A row: brokers answer a question with an error, some times.
#[derive(Clone, Copy, Debug)]
struct Row {
    api: Api,
    code: Code,
    end: End,
    /// Whether it stands for others, so that it always runs.
    always: bool,
}

/// What a row has come to.
#[derive(Debug, Default)]
struct Story {
    /// Errors that the engine heard.
    errors: Vec<Error>,
    /// What is wrong with it: something lost, something unclear, no end.
    wrong: Vec<String>,
    logs: Vec<String>,
}

impl Story {
    fn end(&self) -> &'static str {
        match self.errors.last().map(Error::kind) {
            None => "Goes",
            Some(ErrorKind::Disconnected) => "Again",
            Some(ErrorKind::Rejected) => "Refuses",
            Some(_) => "Fails",
        }
    }

    /// Each error names these.
    fn all_name(&mut self, parts: &[&str]) {
        for error in &self.errors {
            let text = error.to_string();
            for part in parts.iter().filter(|part| !text.contains(**part)) {
                self.wrong.push(format!("no `{part}` in: {text}"));
            }
        }
    }

    /// Compares with what a row says.
    fn judge(&mut self, row: &Row) {
        let (end, part) = match row.end {
            End::Goes => ("Goes", ""),
            End::Again => ("Again", ""),
            End::Fails(part) => ("Fails", part),
            End::Refuses(part) => ("Refuses", part),
        };
        if self.end() != end {
            self.wrong
                .push(format!("ends as {} and not as {end}", self.end()));
        }
        for error in &self.errors {
            let text = error.to_string();
            if !text.contains("help: ") {
                self.wrong.push(format!("no way out: {text}"));
            }
        }
        let last = self.errors.last().map(Error::to_string).unwrap_or_default();
        if !last.contains(part) {
            self.wrong.push(format!("no `{part}` in: {last}"));
        }
    }
}

/// Runs the rows, and says which are wrong.
fn run(rows: &[Row], tell: impl Fn(&Row) -> Story + Sync) {
    let wish = std::env::var("TEMBLOR_KAFKA_TABLE").unwrap_or_default();
    let only = std::env::var("TEMBLOR_KAFKA_ROW").unwrap_or_default();
    let rows: Vec<&Row> = rows
        .iter()
        .filter(|row| row.always || !wish.is_empty())
        .filter(|row| format!("{:?} {:?}", row.api, row.code).contains(&only))
        .collect();
    let next = AtomicUsize::new(0);
    let wrong = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(row) = rows.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let mut story = tell(row);
                    story.judge(row);
                    if wish == "show" {
                        eprintln!("{:?} {:?}: {}: {story:#?}", row.api, row.code, story.end());
                    }
                    if !story.wrong.is_empty() {
                        wrong.lock().unwrap().push((row, story));
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(
        wrong.is_empty(),
        "{} of {} rows: {wrong:#?}",
        wrong.len(),
        rows.len()
    );
}

/// A row that runs with all others only.
const fn row(api: Api, code: Code, end: End) -> Row {
    Row {
        api,
        code,
        end,
        always: false,
    }
}

/// A row that always runs.
const fn key(api: Api, code: Code, end: End) -> Row {
    Row {
        api,
        code,
        end,
        always: true,
    }
}
