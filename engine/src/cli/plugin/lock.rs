//! `temblor plugin lock`: what was written into `connectors.toml`.

use std::path::PathBuf;

use clap::Args;
use temblor_registry::{LockError, LockReport, Locked, lock};

use crate::cli::failure::{Exit, Failure, Outcome};
use crate::cli::output::{print, print_json};

/// Which file to lock.
#[derive(Args, Debug)]
pub(crate) struct LockOptions {
    /// The file that lists the plugins
    #[arg(long, value_name = "FILE", default_value = "connectors.toml")]
    connectors: PathBuf,
    /// Writes JSON
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(crate) fn run(options: &LockOptions) -> Outcome {
    let report = lock(&options.connectors).map_err(|error| failure(&error))?;
    match options.json {
        true => print_json(&report)?,
        false => print(&text(&report))?,
    }
    Ok(Exit::Done)
}

fn failure(error: &LockError) -> Failure {
    let failure = match error {
        LockError::Refused(_) => Failure::not_started(error.to_string()),
        LockError::NotWritten { .. } => Failure::failed(error.to_string()),
        _ => Failure::wrong(error.to_string()),
    };
    failure.maybe_help(error.help())
}

fn text(report: &LockReport) -> String {
    let mut text: String = report.locked.iter().map(line).collect();
    for path in &report.unlisted {
        let path = path.display();
        text += &format!("not locked: {path} (found in a directory, not listed as `[[plugin]]`)\n");
    }
    match text.is_empty() {
        true => "there are no plugins to lock\n".to_owned(),
        false => text,
    }
}

fn line(plugin: &Locked) -> String {
    let change = match plugin.before {
        Some(before) if before == plugin.sha256 => " (as before)".to_owned(),
        Some(before) => format!(" (was {before})"),
        None => " (new)".to_owned(),
    };
    format!("{}: {}{change}\n", plugin.path.display(), plugin.sha256)
}
