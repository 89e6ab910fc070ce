//! Breaks a running engine from outside, and checks that every event has one fate: nothing acked is lost, nothing
//! arrives that was not sent, and not more twice than was in flight.

mod collect;
mod crowd;
mod emfile;
mod engine;
mod event;
mod feed;
mod full;
mod group;
mod kill;
mod lab;
mod letters;
mod lines;
mod metrics;
mod outage;
mod plugin;
mod post;
mod posts;
mod report;
mod server;
mod step;
mod tcp;
mod term;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use lab::Settings;
use outage::Outage;
use report::Report;
use server::Mode;

/// What can go wrong with an experiment itself.
pub(crate) type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Breaks a running engine, and checks that every event has one fate.
#[derive(Parser)]
struct Options {
    /// The program under test; by default the `temblor` beside this one
    #[arg(long, global = true, value_name = "PATH")]
    temblor: Option<PathBuf>,
    /// The library of the connector `faulty`; by default `libtemblor_connector_faulty.so` beside this one
    #[arg(long, global = true, value_name = "PATH")]
    plugin: Option<PathBuf>,
    /// The library of the connectors of Kafka; by default `libtemblor_connector_kafka.so` beside this one
    #[arg(long, global = true, value_name = "PATH")]
    kafka: Option<PathBuf>,
    /// Chooses events and instants
    #[arg(long, global = true, default_value_t = 1)]
    seed: u64,
    /// Events a second
    #[arg(long, global = true, default_value_t = 20_000)]
    rate: u64,
    /// Things may take so many times as long as they should, for a machine that does other work too
    #[arg(long, global = true, value_name = "TIMES", default_value_t = 1)]
    slack: u32,
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
    /// Killed at every call to the system of several kinds, from file to file
    Step,
    /// Killed at random instants while clients post events with HTTP
    Post,
    /// Asked to end under load
    Term,
    /// The disk of the sink is full for a while
    Full,
    /// Asked to end while the disk of the sink is full
    Stuck,
    /// The sink's server is not there for a while
    Refuse,
    /// The sink's server does not answer for a while
    Hang,
    /// The sink's server takes events and resets the connection, for a while
    Reset,
    /// The sink's server goes and comes every 200 ms
    Flap,
    /// The sink's server refuses one of three events for good
    Deny,
    /// Asked to end while the sink's server is not there
    Down,
    /// The peer of a TCP connection resets it, closes it, half or as a whole, or goes away
    Tcp,
    /// Few descriptors, and more peers than those
    Emfile,
    /// A plugin panics, blocks and hands over garbage
    Plugin,
    /// Processes that share a topic come late, are killed, frozen and restarted
    Group,
    /// The same with windows, whose states move with the partitions
    Windows,
    /// The brokers that a group produces to do not answer for a while
    Blocked,
    /// The broker of a group is killed, and started again with its disk
    Restart,
}

/// A scenario, how often it runs when little time is there, and how often when much is.
type Plan = (Scenario, u64, u64, fn(&Settings, u64) -> Result<Report>);

const PLANS: [Plan; 19] = [
    (Scenario::Kill, 5, 100, kill::run),
    (Scenario::Step, 8, 300, step::run),
    (Scenario::Term, 3, 20, term::run),
    (Scenario::Full, 1, 3, full::run),
    (Scenario::Stuck, 1, 3, full::stuck),
    (Scenario::Refuse, 1, 5, |settings, count| {
        outage::run(settings, Outage::Steady(Mode::Refuse), count)
    }),
    (Scenario::Hang, 1, 5, |settings, count| {
        outage::run(settings, Outage::Steady(Mode::Hang), count)
    }),
    (Scenario::Reset, 1, 5, |settings, count| {
        outage::run(settings, Outage::Steady(Mode::Reset), count)
    }),
    (Scenario::Flap, 1, 5, |settings, count| {
        outage::run(settings, Outage::Flaps, count)
    }),
    (Scenario::Deny, 1, 5, |settings, count| {
        outage::run(settings, Outage::Steady(Mode::Deny), count)
    }),
    (Scenario::Post, 4, 50, post::run),
    (Scenario::Down, 1, 3, outage::down),
    (Scenario::Tcp, 1, 10, tcp::run),
    (Scenario::Emfile, 1, 3, emfile::run),
    (Scenario::Plugin, 1, 3, plugin::run),
    (Scenario::Group, 0, 20, group::run),
    (Scenario::Windows, 1, 20, group::windows::run),
    (Scenario::Blocked, 0, 3, group::blocked::run),
    (Scenario::Restart, 0, 5, group::restart::run),
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
    let plugin = match &options.plugin {
        Some(path) => path.clone(),
        None => std::env::current_exe()?.with_file_name("libtemblor_connector_faulty.so"),
    };
    let kafka = match &options.kafka {
        Some(path) => path.clone(),
        None => std::env::current_exe()?.with_file_name("libtemblor_connector_kafka.so"),
    };
    let settings = Settings {
        temblor,
        plugin,
        kafka,
        seed: options.seed,
        rate: options.rate,
        slack: options.slack,
        is_brief: options.scenario == Scenario::All,
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
        // What takes long is no part of every change's checks.
        if options.scenario == Scenario::All && usual == 0 {
            continue;
        }
        let report = run(&settings, options.count.unwrap_or(usual.max(1)));
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
        Scenario::Step => "step",
        Scenario::Post => "post",
        Scenario::Term => "term",
        Scenario::Full => "full",
        Scenario::Stuck => "stuck",
        Scenario::Refuse => "refuse",
        Scenario::Hang => "hang",
        Scenario::Reset => "reset",
        Scenario::Flap => "flap",
        Scenario::Deny => "deny",
        Scenario::Down => "down",
        Scenario::Tcp => "tcp",
        Scenario::Emfile => "emfile",
        Scenario::Plugin => "plugin",
        Scenario::Group => "group",
        Scenario::Windows => "windows",
        Scenario::Blocked => "blocked",
        Scenario::Restart => "restart",
    }
}
