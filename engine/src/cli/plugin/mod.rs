//! `temblor plugin`: building, looking at, and locking plugin files.

mod build;
mod inspect;
mod lock;
mod schema;
mod section;

use clap::Subcommand;

use super::failure::{Failure, Outcome};
use super::log::Log;
use temblor_registry::Refused;

/// The commands about plugin files.
#[derive(Subcommand, Debug)]
pub(crate) enum PluginCommand {
    /// Builds a crate as a plugin, and writes its schemas into the file
    Build(build::BuildOptions),
    /// Shows what a plugin file says about itself, without loading it
    Inspect(inspect::InspectOptions),
    /// Writes the sha256 of every listed plugin into connectors.toml
    Lock(lock::LockOptions),
    /// Loads a plugin and prints its schemas
    #[command(hide = true)]
    Schema(schema::SchemaOptions),
}

/// Runs the command.
pub(crate) fn run(command: &PluginCommand, log: Log) -> Outcome {
    match command {
        PluginCommand::Build(options) => build::run(options, log),
        PluginCommand::Inspect(options) => inspect::run(options),
        PluginCommand::Lock(options) => lock::run(options),
        PluginCommand::Schema(options) => schema::run(options, log),
    }
}

/// Turns a refusal into a failure.
fn of_refused(refused: &Refused) -> Failure {
    Failure::not_started(refused.to_string()).help(refused.help())
}
