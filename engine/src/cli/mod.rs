//! The command line: commands, options common to all of them, and exit codes.

mod alone;
mod bench;
mod catalogue;
mod check;
mod config;
mod connectors;
mod dlq;
mod failure;
mod fmt;
mod limits;
mod log;
mod metrics;
mod modules;
mod output;
mod overrides;
mod plugin;
mod program;
mod run;
mod schema;
mod signals;
mod test;
mod version;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use failure::Outcome;
use log::{Log, LogOptions};
use output::{complain, mask_panics};

/// An event-processing engine: sources, pipelines, sinks.
#[derive(Parser, Debug)]
#[command(name = "temblor", version, arg_required_else_help = true)]
#[command(
    after_help = "Exit codes: 0 done, 1 failed at run time, 2 wrong usage, configuration or \
    program, 3 a connector or plugin could not start."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    log: LogOptions,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Runs the flows of a file until they end or a signal drains them, or a script or query over its input
    Run(run::RunOptions),
    /// Checks files without starting anything
    Check(check::CheckOptions),
    /// Formats files
    Fmt(fmt::FmtOptions),
    /// Runs the tests of pipelines: events in, events expected
    Test(test::TestOptions),
    /// Lists connectors, codecs and processors, or shows one of them
    Connectors(connectors::ConnectorsOptions),
    /// Shows events that failed, and sends them again
    #[command(subcommand)]
    Dlq(dlq::DlqCommand),
    /// Builds, shows and locks plugin files
    #[command(subcommand)]
    Plugin(plugin::PluginCommand),
    /// Measures a flow with a connector built in and loaded, side by side
    Bench(bench::BenchOptions),
    /// Lists every bound that is on by default, and what happens beyond it
    Limits(limits::LimitsOptions),
    /// Shows the version, and how the program was built
    Version(version::VersionOptions),
}

/// Runs the command that the arguments name.
pub(crate) fn main() -> ExitCode {
    let cli = Cli::parse();
    let log = Log::new(cli.log);
    log.install();
    mask_panics();
    match run(&cli.command, log) {
        Ok(exit) => exit.into(),
        Err(failure) => {
            complain(&failure);
            failure.exit().into()
        }
    }
}

fn run(command: &Command, log: Log) -> Outcome {
    match command {
        Command::Run(options) => run::run(options, log),
        Command::Check(options) => check::run(options, log),
        Command::Fmt(options) => fmt::run(options),
        Command::Test(options) => test::run(options, log),
        Command::Connectors(options) => connectors::run(options, log),
        Command::Dlq(command) => dlq::run(command, log),
        Command::Plugin(command) => plugin::run(command, log),
        Command::Bench(options) => bench::run(options, log),
        Command::Limits(options) => limits::run(options, log),
        Command::Version(options) => version::run(options),
    }
}
