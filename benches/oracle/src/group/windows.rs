//! Windows by key, whose states move with the partitions: whatever happens to the group, each comes out as if nothing had
//! happened.

use std::path::Path;

use serde_json::{Value, json};

use super::judge::{Made, record};
use super::party::{KEYS, Plan, scripted};
use super::process::Broker;
use super::{Round, run_with};
use crate::Result;
use crate::event::Series;
use crate::feed::Feed;
use crate::lab::Settings;
use crate::report::Report;

/// Events in a window.
const SIZE: u64 = 10;

/// What the members of a group make of the records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Work {
    /// Each is handed on.
    #[default]
    Records,
    /// Those of a key are put together, ten at a time, and what comes out is numbered in each partition.
    Windows,
}

/// Lets a group that keeps windows go through all of it with `count` seeds.
pub(crate) fn run(settings: &Settings, count: u64) -> Result<Report> {
    run_with(settings, count, "windows", one)
}

fn one(settings: &Settings, broker: Broker, seed: u64, report: &mut Report) -> Result<()> {
    let plan = Plan {
        work: Work::Windows,
        ..Plan::default()
    };
    Round::start(settings, broker, plan, seed)?.whole(seed, report)
}

impl Work {
    /// The pipeline of a member, which says with everything whose it is.
    pub(crate) fn pipeline(self, by: &str) -> String {
        match self {
            Work::Records => scripted(&format!(
                "let $kafka_producer = {{\"key\": $kafka_consumer.key}};\n{{\"by\": \"{by}\", \"partition\": \
                 $kafka_consumer.partition, \"offset\": $kafka_consumer.offset, \"event\": event}}"
            )),
            Work::Windows => format!(
                "#!config state = \"lane\"
    define window ten from tumbling with size = {SIZE} end;
    define script number
    script
      let state = match state of case null => 1 case _ => state + 1 end;
      let $kafka_producer = {{\"key\": \"k#{{event.key}}\"}};
      {{\"by\": \"{by}\", \"partition\": event.partition, \"number\": state, \"sums\": event.sums}}
    end;
    create script number;
    select {{
      \"key\": group[0],
      \"partition\": aggr::win::last($kafka_consumer.partition),
      \"sums\": {{
        \"count\": aggr::stats::count(), \"sum\": aggr::stats::sum(event.id),
        \"first\": aggr::win::first(event.id), \"last\": aggr::win::last(event.id)
      }}
    }} from in[ten] group by event.id % {KEYS} into number;
    select event from number into out;"
            ),
        }
    }

    /// How much comes of so many events.
    pub(crate) fn expected(self, sent: u64) -> u64 {
        match self {
            Work::Records => sent,
            Work::Windows => sent / SIZE,
        }
    }

    /// Sends what is missing in the last windows.
    pub(crate) fn round_off(self, feed: &Feed) -> Result<()> {
        match self {
            Work::Records => Ok(()),
            Work::Windows => {
                let all = SIZE * KEYS;
                feed.write((all - feed.sent() % all) % all)
            }
        }
    }

    /// Reads what a member has made.
    pub(crate) fn read(self, made: &Value, series: Series) -> Option<Made> {
        match self {
            Work::Records => record(made, series),
            Work::Windows => window(made),
        }
    }
}

/// A window that holds what it should: ten numbers of a key, none of which is in another one.
fn window(made: &Value) -> Option<Made> {
    let window = &made["sums"];
    let first = window["first"].as_u64()?;
    let (key, at) = (first % KEYS, first / KEYS);
    let ids = (at..at + SIZE).map(|at| key + at * KEYS);
    let last = key + (at + SIZE - 1) * KEYS;
    let expected = json!({
        "count": SIZE, "sum": ids.sum::<u64>() as f64, "first": first, "last": last,
    });
    let is_whole = at % SIZE == 0 && *window == expected;
    is_whole.then_some(Made {
        by: made["by"].as_str()?.to_owned(),
        partition: made["partition"].as_u64()?,
        from: made["number"].as_u64()?,
        id: at / SIZE * KEYS + key,
    })
}

/// How many windows at most come out of those of `sent` events that no stored state has seen.
pub(crate) fn unstored(sent: u64, states: &Path) -> Result<u64> {
    let lanes = states.join("member").join("input").join("group").join("in");
    let mut stored = 0;
    for lane in folders(&lanes)? {
        let names = folders(&lane)?;
        let names = names.iter().filter_map(|path| path.file_name()?.to_str());
        let positions = names.filter_map(|name| name.strip_suffix(".checkpoint")?.parse().ok());
        stored += positions.max().unwrap_or(0u64);
    }
    // Of each key one more than are filled, since one was open before.
    Ok(sent.saturating_sub(stored) / SIZE + KEYS)
}

/// What lies in a folder; nothing if it is not there yet.
fn folders(path: &Path) -> Result<Vec<std::path::PathBuf>> {
    let all = match std::fs::read_dir(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        all => all?,
    };
    let paths = all.map(|entry| entry.map(|entry| entry.path()));
    Ok(paths.collect::<std::io::Result<_>>()?)
}

#[cfg(test)]
mod tests {
    use super::{Made, window};
    use serde_json::{Value, json};

    fn of(first: u64, last: u64, sum: f64) -> Value {
        let window = json!({"count": 10, "sum": sum, "first": first, "last": last});
        json!({"by": "a", "partition": 2, "number": 7, "sums": window})
    }

    #[test]
    fn only_a_window_of_the_undisturbed_division_is_one() {
        // Of key 1: numbers 10 to 19 of it.
        let sum = (10..20).map(|at| 1 + 64 * at).sum::<u64>() as f64;
        let made = Made {
            by: "a".to_owned(),
            partition: 2,
            from: 7,
            id: 65,
        };
        assert_eq!(window(&of(641, 1217, sum)), Some(made));
        assert_eq!(window(&of(641, 1217, sum + 1.0)), None);
        assert_eq!(window(&of(641, 1281, sum)), None);
        let shifted = (11..21).map(|at| 1 + 64 * at).sum::<u64>() as f64;
        assert_eq!(window(&of(705, 1281, shifted)), None);
    }
}
