//! The records in the sections `.temblor` and `.temblor.schema`.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use temblor_pdk::Kind;

use crate::manifest::{EntryRecord, PdkRecord, SchemaRecord};
use crate::refusal::Refusal;

const SECTION: &str = ".temblor";
const SCHEMA_SECTION: &str = ".temblor.schema";

/// The part of a record that says what it is.
#[derive(Deserialize)]
struct Tag {
    record: String,
}

/// Parses the records of section `.temblor`: one of the pdk and one per entry.
///
/// Records of a kind that is not known are skipped, so that later versions can add some.
pub(super) fn parse(section: &[u8]) -> Result<(PdkRecord, Vec<EntryRecord>), Refusal> {
    let mut pdk: Option<PdkRecord> = None;
    let mut entries: Vec<EntryRecord> = Vec::new();
    for (index, record) in records(section).enumerate() {
        let number = index + 1;
        let tag: Tag = json(record, number)?;
        match tag.record.as_str() {
            "pdk" => {
                let found: PdkRecord = json(record, number)?;
                if pdk.as_ref().is_some_and(|first| *first != found) {
                    return Err(bad_manifest(
                        "holds the records of two different pdk crates",
                    ));
                }
                pdk = Some(found);
            }
            "entry" => entries.push(json(record, number)?),
            _ => {}
        }
    }
    let pdk = pdk.ok_or_else(|| bad_manifest("has no record of temblor-pdk"))?;
    entries.sort_by(|a, b| (&a.kind, &a.name).cmp(&(&b.kind, &b.name)));
    check_entries(&entries)?;
    Ok((pdk, entries))
}

/// Parses section `.temblor.schema`, one JSON object by entry name.
pub(super) fn parse_schemas(section: &[u8]) -> Result<BTreeMap<String, SchemaRecord>, Refusal> {
    let padding = |byte: &u8| *byte == 0 || byte.is_ascii_whitespace();
    let end = section
        .iter()
        .rposition(|byte| !padding(byte))
        .map_or(0, |last| last + 1);
    serde_json::from_slice(&section[..end]).map_err(|error| Refusal::BadRecord {
        section: SCHEMA_SECTION,
        record: 1,
        reason: error.to_string(),
    })
}

/// Splits at newlines and at the zero bytes that linkers pad with.
fn records(section: &[u8]) -> impl Iterator<Item = &[u8]> {
    section
        .split(|&byte| byte == b'\n' || byte == 0)
        .map(<[u8]>::trim_ascii)
        .filter(|record| !record.is_empty())
}

fn json<T: DeserializeOwned>(record: &[u8], number: usize) -> Result<T, Refusal> {
    serde_json::from_slice(record).map_err(|error| Refusal::BadRecord {
        section: SECTION,
        record: number,
        reason: error.to_string(),
    })
}

fn check_entries(entries: &[EntryRecord]) -> Result<(), Refusal> {
    if entries.is_empty() {
        return Err(bad_manifest("registers nothing"));
    }
    if let Some(entry) = entries.iter().find(|entry| !is_named_well(entry)) {
        let reason = format!("has an entry with the name {:?}", entry.name);
        return Err(bad_manifest(reason));
    }
    let twice = entries
        .windows(2)
        .find(|pair| pair[0].kind == pair[1].kind && pair[0].name == pair[1].name);
    match twice {
        Some(pair) => Err(bad_manifest(format!(
            "registers {} `{}` twice",
            pair[0].kind, pair[0].name
        ))),
        None => Ok(()),
    }
}

/// An operator is called `module::kind`; the colons of other kinds would be taken for a path. What kinds of later
/// versions are called is their business, as long as it can be shown.
fn is_named_well(entry: &EntryRecord) -> bool {
    match Kind::from_name(&entry.kind) {
        Some(Kind::Operator) | None => entry.name.splitn(2, "::").all(is_name),
        Some(_) => is_name(&entry.name),
    }
}

/// A name ends up in flows, before an `@`, and on terminals.
fn is_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
    !name.is_empty() && name.bytes().all(allowed)
}

fn bad_manifest(reason: impl Into<String>) -> Refusal {
    Refusal::BadManifest {
        reason: reason.into(),
    }
}
