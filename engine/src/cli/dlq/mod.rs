//! `temblor dlq`: what is in a file of dead letters, and sending it again.

mod record;
mod replay;
mod show;

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::catalogue::CatalogueOptions;
use super::failure::Outcome;
use super::log::Log;
use super::modules::ModuleOptions;
use super::overrides::{self, Override};

/// What to do with dead letters.
#[derive(Subcommand, Debug)]
pub(crate) enum DlqCommand {
    /// Lists why the events of a file failed, and how many for each reason
    Show(ShowOptions),
    /// Sends the events of a file through a flow again, in the place of its sources
    Replay(ReplayOptions),
}

/// Which file to show.
#[derive(Args, Debug)]
pub(crate) struct ShowOptions {
    /// The file: records of failed events, one a line
    file: PathBuf,
    /// Writes JSON
    #[arg(long)]
    json: bool,
}

/// What to send again and where.
#[derive(Args, Debug)]
pub(crate) struct ReplayOptions {
    /// The file: records of failed events, one a line
    file: PathBuf,
    /// The `.troy` file of the flow
    flow: PathBuf,
    /// The connector whose place all events take; without it each event goes where it came from
    #[arg(long, value_name = "NAME")]
    connector: Option<String>,
    /// Sets a key in the configuration of a created connector; can be repeated
    #[arg(long = "set", value_name = "CONNECTOR.KEY=VALUE", value_parser = overrides::parse)]
    sets: Vec<Override>,
    #[command(flatten)]
    catalogue: CatalogueOptions,
    #[command(flatten)]
    modules: ModuleOptions,
}

/// Runs the command.
pub(crate) fn run(command: &DlqCommand, log: Log) -> Outcome {
    match command {
        DlqCommand::Show(options) => show::run(options),
        DlqCommand::Replay(options) => replay::run(options, log),
    }
}
