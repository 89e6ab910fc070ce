//! `temblor dlq show`: reasons, with how many events each has.

use std::collections::BTreeMap;

use serde::Serialize;

use super::super::failure::{Exit, Outcome};
use super::super::output::{print, print_json, table};
use super::ShowOptions;
use super::record::Records;

/// How much of a reason is shown, in characters.
const SHOWN: usize = 90;

/// Events that failed for one reason at one place.
#[derive(Serialize)]
struct Reason {
    events: u64,
    stage: String,
    flow: String,
    place: String,
    error: String,
    /// The line of the first one.
    line: usize,
}

/// Runs the command.
pub(super) fn run(options: &ShowOptions) -> Outcome {
    let mut reasons: BTreeMap<[String; 4], Reason> = BTreeMap::new();
    let mut records = Records::open(&options.file)?;
    while let Some(record) = records.next()? {
        // The rest of a reason shows the place in the program, which is the same for all of them.
        let error = record.error.lines().next().unwrap_or_default().to_owned();
        let key = [&record.stage, &record.flow, &record.place, &error].map(Clone::clone);
        let reason = reasons.entry(key).or_insert_with(|| Reason {
            events: 0,
            stage: record.stage,
            flow: record.flow,
            place: record.place,
            error,
            line: record.line,
        });
        reason.events += 1;
    }
    let mut reasons: Vec<Reason> = reasons.into_values().collect();
    reasons.sort_by_key(|reason| (std::cmp::Reverse(reason.events), reason.line));
    match options.json {
        true => print_json(&reasons)?,
        false => print(&shown(&reasons))?,
    }
    Ok(Exit::Done)
}

fn shown(reasons: &[Reason]) -> String {
    let head = ["events", "stage", "place", "first line", "reason"].map(str::to_owned);
    let mut rows = vec![head.to_vec()];
    for reason in reasons {
        let mut error: String = reason.error.chars().take(SHOWN).collect();
        if error.len() < reason.error.len() {
            error.push('…');
        }
        rows.push(vec![
            reason.events.to_string(),
            reason.stage.clone(),
            format!("{}/{}", reason.flow, reason.place),
            reason.line.to_string(),
            error,
        ]);
    }
    table(&rows, &[0, 3])
}
