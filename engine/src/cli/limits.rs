//! `temblor limits`: every bound that is on by default, with what happens beyond it.

use clap::Args;
use serde::Serialize;
use serde_json::Value;
use temblor_pdk::{Kind, Limit};
use temblor_registry::{Registry, Status};

use super::catalogue::{self, CatalogueOptions};
use super::failure::{Exit, Outcome};
use super::log::Log;
use super::metrics::{CONNECTION_TIME, CONNECTIONS, HEAD_BYTES};
use super::output::{print, print_json, table};

/// Where to look and how to write it.
#[derive(Args, Debug)]
pub(crate) struct LimitsOptions {
    #[command(flatten)]
    catalogue: CatalogueOptions,
    /// Writes JSON
    #[arg(long)]
    json: bool,
}

/// The bounds of the program itself.
const LIMITS: &[Limit] = &[
    Limit::fixed(
        "connections to `--metrics`",
        CONNECTIONS as u64,
        "connections",
        "more wait until one is closed",
    ),
    Limit::fixed(
        "a connection to `--metrics`",
        CONNECTION_TIME.as_millis() as u64,
        "ms",
        "it is closed",
    ),
    Limit::fixed(
        "the head of a request to `--metrics`",
        HEAD_BYTES as u64,
        "bytes",
        "it is answered with 431 and the connection is closed",
    ),
];

/// A bound, wherever it is kept.
#[derive(Debug, Serialize)]
struct Row {
    /// The part of the program that keeps to it.
    part: String,
    what: String,
    default: Value,
    unit: String,
    /// The bound with its unit, as people write it.
    bound: String,
    set_by: Option<String>,
    beyond: String,
}

/// Runs the command.
pub(crate) fn run(options: &LimitsOptions, log: Log) -> Outcome {
    let registry = catalogue::fill(&options.catalogue, log)?;
    catalogue::warn_of_refused(&registry, log);
    let rows = rows(&registry);
    match options.json {
        true => print_json(&rows)?,
        false => print(&text(&rows))?,
    }
    Ok(Exit::Done)
}

fn text(rows: &[Row]) -> String {
    let head = ["PART", "WHAT", "BOUND", "SET BY", "BEYOND"];
    let mut cells = vec![head.map(str::to_owned).to_vec()];
    cells.extend(rows.iter().map(|row| {
        vec![
            row.part.clone(),
            row.what.clone(),
            row.bound.clone(),
            row.set_by.clone().unwrap_or_else(|| "-".to_owned()),
            row.beyond.clone(),
        ]
    }));
    table(&cells, &[])
}

fn rows(registry: &Registry) -> Vec<Row> {
    let tables = [
        ("engine", temblor::LIMITS),
        ("language", temblor_lang::LIMITS),
        ("codecs", temblor_codecs::LIMITS),
        ("program", LIMITS),
    ];
    let mut rows = Vec::new();
    for (part, limits) in tables {
        rows.extend(limits.iter().map(|limit| Row {
            part: part.to_owned(),
            what: limit.what.to_owned(),
            default: limit.default.into(),
            unit: limit.unit.to_owned(),
            bound: bound(&limit.default.into(), limit.unit),
            set_by: (!limit.set_by.is_empty()).then(|| limit.set_by.to_owned()),
            beyond: limit.beyond.to_owned(),
        }));
    }
    let entries = registry.listing().into_iter();
    for entry in entries.filter(|entry| matches!(entry.status, Status::Ok)) {
        let kind = entry.kind.as_deref().and_then(Kind::from_name);
        let (Some(kind), Some(name)) = (kind, entry.name) else {
            continue;
        };
        let Ok(found) = registry.find(kind, &name) else {
            continue;
        };
        // A schema that is no JSON has no limits to tell of.
        let schema = serde_json::from_str(&found.schema()).unwrap_or_default();
        let part = format!("{} {}", kind.name(), name);
        rows.extend(of_schema(&part, &schema));
    }
    rows
}

/// A number with its unit: `64 MiB`, `10,000,000 elements`; whatever is no number as it is.
fn bound(default: &Value, unit: &str) -> String {
    let Some(number) = default.as_u64() else {
        return default.to_string();
    };
    let larger = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    let whole = larger
        .iter()
        .find(|(_, size)| unit == "bytes" && number > 0 && number % size == 0);
    if let Some((name, size)) = whole {
        return format!("{} {name}", number / size);
    }
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    format!("{text} {unit}")
}

/// The keys of a configuration that are bounds.
fn of_schema<'s>(part: &'s str, schema: &'s Value) -> impl Iterator<Item = Row> + 's {
    let properties = schema.get("properties").and_then(Value::as_object);
    let keys = properties.into_iter().flatten();
    keys.filter_map(move |(key, property)| {
        let limit = property.get("x-limit")?;
        let text = |of: &Value| of.as_str().unwrap_or_default().to_owned();
        let unit = limit.get("unit").map(text).unwrap_or_default();
        let default = property.get("default").cloned().unwrap_or_default();
        let what = property.get("description").map(text).unwrap_or_default();
        let what = what.lines().next().unwrap_or_default();
        Some(Row {
            part: part.to_owned(),
            what: what.trim_end_matches('.').to_owned(),
            bound: bound(&default, &unit),
            default,
            unit,
            set_by: Some(format!("`{key}`")),
            beyond: limit.get("beyond").map(text).unwrap_or_default(),
        })
    })
}
