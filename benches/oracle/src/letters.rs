//! Dead letters: records of events that were refused for good.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::Path;

use serde_json::Value;

use crate::Result;
use crate::event::Series;
use crate::lab::{Lab, Settings, file_sink};

/// What makes a flow write those of its output into a file.
pub(crate) fn flow(path: &Path) -> String {
    format!(
        "  define connector letters from {}\n  end;\n  create connector letters;\n  \
         create pipeline of_letters from pass;\n  \
         connect /connector/output/err to /pipeline/of_letters;\n  \
         connect /pipeline/of_letters to /connector/letters;\n",
        file_sink(path)
    )
}

/// How many there are so far.
pub(crate) fn count(path: &Path) -> u64 {
    let text = std::fs::read(path).unwrap_or_default();
    text.iter().filter(|byte| **byte == b'\n').count() as u64
}

/// The numbers of the events that they are of, each checked to be as it was sent, with a reason.
pub(crate) fn read(lab: &Lab, settings: &Settings) -> Result<BTreeSet<u64>> {
    let series = Series {
        seed: settings.seed,
    };
    let text = match std::fs::read_to_string(lab.letters()) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(BTreeSet::new()),
        Err(error) => return Err(error.into()),
    };
    let mut ids = BTreeSet::new();
    for line in text.lines() {
        ids.insert(id_of(series, line).map_err(|what| format!("a dead letter {what}: {line}"))?);
    }
    Ok(ids)
}

fn id_of(series: Series, line: &str) -> std::result::Result<u64, &'static str> {
    let record: Value = serde_json::from_str(line).map_err(|_| "is no JSON")?;
    if record["error"].as_str().is_none_or(str::is_empty) {
        return Err("gives no reason");
    }
    let id = record["data"]["id"].as_u64().ok_or("is of no event")?;
    let mut expected = Vec::new();
    series.write(id, &mut expected);
    let expected: Value = serde_json::from_slice(&expected).map_err(|_| "is of no event")?;
    match record["data"] == expected {
        true => Ok(id),
        false => Err("is of an event that was not sent like that"),
    }
}
