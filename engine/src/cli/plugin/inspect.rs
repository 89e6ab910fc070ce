//! `temblor plugin inspect`: what a plugin file says about itself, and whether this program would take it.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};
use temblor_registry::{Contract, EntryRecord, Manifest, PluginFile, Refusal, Refused};

use crate::cli::failure::{Exit, Failure, Outcome};
use crate::cli::output::{print, print_json, table};

/// Which file to look at.
#[derive(Args, Debug)]
pub(crate) struct InspectOptions {
    /// The library
    file: PathBuf,
    /// Writes JSON
    #[arg(long)]
    json: bool,
}

/// Runs the command. A file that cannot be read as a plugin is refused with the exit code of a plugin that cannot
/// start; one that can be read is shown, whatever the verdict.
pub(crate) fn run(options: &InspectOptions) -> Outcome {
    let file = match PluginFile::read(&options.file) {
        Ok(file) => file,
        Err(refused) if options.json && !is_missing(&refused) => {
            print_json(&json!({
                "path": refused.path,
                "verdict": verdict_json(Some(&refused)),
            }))?;
            return Ok(Exit::NotStarted);
        }
        Err(refused) if is_missing(&refused) => {
            let path = refused.path.display();
            return Err(Failure::wrong(format!("`{path}`: {}", refused.why)));
        }
        Err(refused) => return Err(super::of_refused(&refused)),
    };
    let refused = file
        .check_permissions()
        .and_then(|()| file.check_contract(&Contract::of_this_program()))
        .err();
    match options.json {
        true => print_json(&as_json(&file, refused.as_ref())?)?,
        false => print(&as_text(&file, refused.as_ref()))?,
    }
    Ok(Exit::Done)
}

fn is_missing(refused: &Refused) -> bool {
    matches!(refused.why, Refusal::NotFound | Refusal::Unreadable(_))
}

fn verdict_json(refused: Option<&Refused>) -> Value {
    json!({
        "accepted": refused.is_none(),
        "reason": refused.map(|refused| refused.why.to_string()),
        "help": refused.map(Refused::help),
    })
}

fn as_json(file: &PluginFile, refused: Option<&Refused>) -> Result<Value, Failure> {
    let mut value = serde_json::to_value(file.manifest())
        .map_err(|error| Failure::failed(format!("the record cannot be written: {error}")))?;
    value["path"] = json!(file.path());
    value["sha256"] = json!(file.sha256());
    value["size"] = json!(file.bytes().len());
    value["verdict"] = verdict_json(refused);
    Ok(value)
}

fn as_text(file: &PluginFile, refused: Option<&Refused>) -> String {
    let manifest = file.manifest();
    let pdk = &manifest.pdk;
    let needed = match manifest.needed.is_empty() {
        true => "nothing".to_owned(),
        false => manifest.needed.join(", "),
    };
    let rows = [
        ("file:", file.path().display().to_string()),
        ("size:", format!("{} bytes", file.bytes().len())),
        ("sha256:", file.sha256().to_string()),
        ("temblor-pdk:", pdk.pdk.clone()),
        ("epoch:", pdk.epoch.to_string()),
        ("layout:", pdk.layout.clone()),
        ("target:", pdk.target.clone()),
        ("rustc:", pdk.rustc.clone()),
        ("collector:", pdk.collector.clone()),
        ("needs:", needed),
        ("schema:", schemas(manifest)),
    ];
    let rows = rows.map(|(key, value)| vec![key.to_owned(), value]);
    let verdict = match refused {
        None => "this program would load it\n".to_owned(),
        Some(refused) => format!("refused: {}\nhelp: {}\n", refused.why, refused.help()),
    };
    format!(
        "{}\n{}\n{}verdict: {verdict}",
        table(&rows, &[]),
        entries(&manifest.entries),
        newer(&manifest.entries)
    )
}

/// What in the plugin is newer than this program, one a line.
fn newer(entries: &[EntryRecord]) -> String {
    let mut lines = String::new();
    for entry in entries {
        let (kind, name) = (&entry.kind, &entry.name);
        if let Some(reason) = entry.left_out() {
            lines += &format!("{kind} `{name}` would be left out: {reason}\n");
            continue;
        }
        for capability in entry.passed_over() {
            lines +=
                &format!("{kind} `{name}` has `{capability}`, which this program does not know\n");
        }
    }
    lines
}

fn schemas(manifest: &Manifest) -> String {
    match &manifest.schemas {
        None => "after load".to_owned(),
        Some(schemas) => {
            let names: Vec<&str> = schemas.keys().map(String::as_str).collect();
            format!("in the file, of {}", names.join(", "))
        }
    }
}

fn entries(entries: &[EntryRecord]) -> String {
    let head = ["NAME", "KIND", "VERSION", "CRATE", "PANIC", "CAPABILITIES"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    rows.extend(entries.iter().map(|entry| {
        vec![
            entry.name.clone(),
            entry.kind.clone(),
            entry.version.clone(),
            entry.crate_name.clone(),
            entry.panic.clone(),
            entry.capabilities.join(", "),
        ]
    }));
    table(&rows, &[])
}
