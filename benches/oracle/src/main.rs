//! Breaks a running engine from outside, and checks that every event has one fate: nothing acked is lost, nothing
//! arrives that was not sent, and not more twice than was in flight.

mod collect;
mod engine;
mod event;
mod feed;
mod full;
mod kill;
mod lab;
mod report;
mod term;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use lab::Settings;
use report::Report;

/// What can go wrong with an experiment itself.
pub(crate) type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Breaks a running engine, and checks that every event has one fate.
#[derive(Parser)]
struct Options {
    /// The program under test; by default the `temblor` beside this one
    #[arg(long, global = true, value_name = "PATH")]
    temblor: Option<PathBuf>,
    /// Chooses events and instants
    #[arg(long, global = true, default_value_t = 1)]
    seed: u64,
    /// Events a second
    #[arg(long, global = true, default_value_t = 20_000)]
    rate: u64,
    /// How often; by default few times, as in every change's checks
    #[arg(long, global = true)]
    count: Option<u64>,
    #[command(subcommand)]
    scenario: Scenario,
}

#[derive(Clone, Copy, PartialEq, Eq, Subcommand)]
enum Scenario {
    /// All of them
    All,
    /// All of them, as often as a release has to stand
    Long,
    /// Killed at random instants, from file to file
    Kill,
    /// Asked to end under load
    Term,
    /// The disk of the sink is full for a while
    Full,
}

/// A scenario, how often it runs when little time is there, and how often when much is.
type Plan = (Scenario, u64, u64, fn(&Settings, u64) -> Result<Report>);

const PLANS: [Plan; 3] = [
    (Scenario::Kill, 5, 100, kill::run),
    (Scenario::Term, 3, 20, term::run),
    (Scenario::Full, 1, 3, full::run),
];

fn main() -> ExitCode {
    let options = Options::parse();
    match run(&options) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<bool> {
    let temblor = match &options.temblor {
        Some(path) => path.clone(),
        None => std::env::current_exe()?.with_file_name("temblor"),
    };
    if !temblor.is_file() {
        let path = temblor.display();
        return Err(
            format!("`{path}` is not there\nhelp: build it, or name it with `--temblor`").into(),
        );
    }
    let settings = Settings {
        temblor,
        seed: options.seed,
        rate: options.rate,
    };
    let mut reports = Vec::new();
    for (scenario, few, many, run) in PLANS {
        let all = matches!(options.scenario, Scenario::All | Scenario::Long);
        if !all && options.scenario != scenario {
            continue;
        }
        let usual = if options.scenario == Scenario::Long {
            many
        } else {
            few
        };
        let report = run(&settings, options.count.unwrap_or(usual));
        reports.push(report.unwrap_or_else(|error| {
            let mut report = Report::new(name(scenario));
            report.findings.push(error.to_string());
            report
        }));
    }
    Ok(report::print(&reports))
}

fn name(scenario: Scenario) -> &'static str {
    match scenario {
        Scenario::All => "all",
        Scenario::Long => "long",
        Scenario::Kill => "kill",
        Scenario::Term => "term",
        Scenario::Full => "full",
    }
}
