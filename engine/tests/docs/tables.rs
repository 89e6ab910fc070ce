//! Tables of the documentation that say what the program says: metrics and bounds.

use serde_json::Value;
use temblor::{FAMILIES, MetricKind};

use crate::{read, temblor};

/// Checks that a page holds these rows below its table's head, in order and nothing else.
#[track_caller]
fn holds(page: &str, head: &str, rows: &[String]) {
    let text = read(page);
    let table = text.split_once(head).map(|(_, table)| table);
    let table = table.unwrap_or_else(|| panic!("{page} has no table with the head `{head}`"));
    let found = table
        .lines()
        .skip(2)
        .take_while(|line| line.starts_with('|'));
    let found: Vec<&str> = found.collect();
    assert!(found == rows, "{page} should have:\n{}", rows.join("\n"));
}

#[test]
fn every_metric_is_in_its_page() {
    let rows = FAMILIES.iter().map(|family| {
        let kind = match family.kind {
            MetricKind::Counter => "counter",
            MetricKind::Gauge => "gauge",
            MetricKind::Histogram => "histogram",
        };
        format!(
            "| `{}` | {kind} | {} | {} | {} |",
            family.name, family.unit, family.labels, family.help
        )
    });
    let rows: Vec<String> = rows.collect();
    holds(
        "docs/metrics.md",
        "| metric | type | unit | labels | what it is |",
        &rows,
    );
}

#[test]
fn every_bound_is_in_its_page() {
    let output = temblor(&["limits", "--json"]);
    let rows: Value = serde_json::from_slice(&output.stdout).expect("it is JSON");
    let rows = rows.as_array().expect("a list").iter();
    // The page lists what a build with the default features has; those of others stand in their own.
    let is_listed = |row: &&Value| {
        let part = row["part"].as_str().unwrap_or_default();
        !part.starts_with("connector kafka_")
    };
    let rows = rows.filter(is_listed).map(|row| {
        let cell = |key: &str| row[key].as_str().unwrap_or("–").to_owned();
        let cells = ["part", "what", "bound", "set_by", "beyond"].map(cell);
        format!("| {} |", cells.join(" | "))
    });
    let rows: Vec<String> = rows.collect();
    holds(
        "docs/limits.md",
        "| part | what | bound | set by | beyond it |",
        &rows,
    );
}
