//! `temblor bench`: one flow with a connector on several sides, and what the difference costs.

mod child;
mod report;
mod stats;

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use temblor_lang::{ConnectorSpec, Deployment};
use temblor_pdk::Kind;
use temblor_registry::{LinkMode, Provider, Registry, RegistryError, Side as RegistrySide};

use super::catalogue::{self, CatalogueOptions};
use super::check::show;
use super::failure::{Exit, Failure, Outcome};
use super::log::Log;
use super::modules::ModuleOptions;
use super::output::{complain, print, print_json, quoted};
use super::overrides::{self, Override};
use super::program::Program;
use child::{Bench, Directory};
use report::{Results, Side};
use stats::order;

/// What to compare and how.
#[derive(Args, Debug)]
pub(crate) struct BenchOptions {
    /// The `.troy` file; its flow must end, in a connector of kind `blackhole`
    flow: PathBuf,
    /// The connector and its sides, as in `file=native,native,abi,dylib`
    #[arg(long, value_name = "CONNECTOR=SIDES", value_parser = parse_sides)]
    ab: Sides,
    #[command(flatten)]
    catalogue: CatalogueOptions,
    #[command(flatten)]
    modules: ModuleOptions,
    /// How often each side is measured
    #[arg(long, value_name = "COUNT", default_value = "5")]
    rounds: NonZeroUsize,
    /// Events per second that the `blaster` sends, or `half` of what the slowest side takes
    #[arg(long, value_name = "RATE", value_parser = parse_rate)]
    rate: Option<Rate>,
    /// Sets a key in the configuration of a created connector; can be repeated
    #[arg(long = "set", value_name = "CONNECTOR.KEY=VALUE", value_parser = overrides::parse)]
    sets: Vec<Override>,
    /// The number of worker threads; one for each core by default
    #[arg(long, value_name = "COUNT")]
    workers: Option<NonZeroUsize>,
    /// Writes JSON
    #[arg(long)]
    json: bool,
}

/// A connector and the link modes to compare.
#[derive(Clone, Debug)]
struct Sides {
    connector: String,
    modes: Vec<LinkMode>,
}

fn parse_sides(text: &str) -> Result<Sides, String> {
    let usage = "it reads CONNECTOR=SIDES, as in `file=native,native,abi,dylib`";
    let (connector, modes) = text.split_once('=').ok_or(usage)?;
    if connector.is_empty() {
        return Err(usage.to_owned());
    }
    let mode = |mode: &str| mode.trim().parse::<LinkMode>();
    let modes: Result<Vec<LinkMode>, _> = modes.split(',').map(mode).collect();
    Ok(Sides {
        connector: connector.to_owned(),
        modes: modes.map_err(|error| error.to_string())?,
    })
}

/// How fast events are sent.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Rate {
    PerSecond(f64),
    Half,
}

fn parse_rate(text: &str) -> Result<Rate, String> {
    if text == "half" {
        return Ok(Rate::Half);
    }
    match text.parse::<f64>() {
        Ok(rate) if rate > 0.0 && rate.is_finite() => Ok(Rate::PerSecond(rate)),
        _ => Err("it is a number of events per second above 0, or `half`".to_owned()),
    }
}

/// Runs the command.
pub(crate) fn run(options: &BenchOptions, log: Log) -> Outcome {
    let mut registry = catalogue::fill(&options.catalogue, log)?;
    catalogue::warn_of_refused(&registry, log);
    let sides = &options.ab;
    check_sides(&mut registry, sides)?;
    let registry = Arc::new(registry);
    let mut program = Program::read(&options.flow, &options.modules.options(&registry))?;
    if let Some(deployment) = &mut program.deployment {
        for set in &options.sets {
            set.apply(deployment)?;
        }
    }
    program.check(&registry, &options.sets);
    show(&program);
    let (None, Some(deployment)) = (program.verdict(), &program.deployment) else {
        return Ok(program.verdict().unwrap_or(Exit::Wrong));
    };
    check_use(options, deployment)?;
    let bench = bench(options, deployment)?;
    let results = measure(&bench, options)?;
    match options.json {
        true => print_json(&results.json())?,
        false => print(&results.text())?,
    }
    Ok(Exit::Done)
}

/// Checks that the connector can be had on every side.
fn check_sides(registry: &mut Registry, sides: &Sides) -> Result<(), Failure> {
    for mode in &sides.modes {
        registry.link(&sides.connector, *mode);
        let Err(error) = registry.find(Kind::Connector, &sides.connector) else {
            continue;
        };
        let failure = catalogue::of_registry(&error);
        return Err(match is_unbuilt_plugin(&error) {
            true => failure.help(how_to_build(registry, &sides.connector)),
            false => failure,
        });
    }
    Ok(())
}

fn is_unbuilt_plugin(error: &RegistryError) -> bool {
    matches!(
        error,
        RegistryError::NotOnSide { side: RegistrySide::Plugin, refused, .. } if refused.is_empty()
    )
}

/// Says how a connector that is built in becomes a plugin.
fn how_to_build(registry: &Registry, connector: &str) -> String {
    let entries = registry.listing().into_iter();
    let mut entries = entries.filter(|entry| entry.name.as_deref() == Some(connector));
    let package = entries.find_map(|entry| match entry.provider {
        Provider::Builtin { crate_name, .. } => Some(crate_name),
        Provider::Plugin { .. } => None,
    });
    let package = package.unwrap_or_else(|| "PACKAGE".to_owned());
    format!(
        "the side `dylib` needs a plugin: build it with `temblor plugin build {package}`, list it \
         as `[[plugin]]` in connectors.toml, and name that file with `--connectors`"
    )
}

fn connectors(deployment: &Deployment) -> impl Iterator<Item = &ConnectorSpec> {
    let flows = deployment.flows.iter();
    flows.flat_map(|flow| &flow.connectors)
}

/// Checks that the flow uses the connector, and leaves its side open.
fn check_use(options: &BenchOptions, deployment: &Deployment) -> Result<(), Failure> {
    let name = &options.ab.connector;
    let flow = options.flow.display();
    let kinds: Vec<&str> = connectors(deployment)
        .map(|spec| spec.kind.as_str())
        .collect();
    if let Some(fixed) = kinds
        .iter()
        .find(|kind| kind.split_once('@').is_some_and(|(kind, _)| kind == name))
    {
        return Err(Failure::wrong(format!(
            "`{flow}` asks for `{fixed}`, so its side cannot change"
        ))
        .help(format!("write `{name}` in the flow")));
    }
    match kinds.contains(&name.as_str()) {
        true => Ok(()),
        false => Err(
            Failure::wrong(format!("`{flow}` does not use connector `{name}`"))
                .help(format!("it uses {}", quoted(kinds))),
        ),
    }
}

fn bench<'b>(options: &'b BenchOptions, deployment: &'b Deployment) -> Result<Bench<'b>, Failure> {
    let measures = only(options, deployment, "blackhole", "so nothing measures")?;
    let blasts = match options.rate {
        None => None,
        Some(_) => Some(only(
            options,
            deployment,
            "blaster",
            "so no rate can be set",
        )?),
    };
    Ok(Bench {
        flow: &options.flow,
        connectors: options.catalogue.connectors.as_deref(),
        module_path: options.modules.path(),
        connector: &options.ab.connector,
        measures,
        blasts,
        sets: options.sets.iter().map(ToString::to_string).collect(),
        workers: options.workers.map(NonZeroUsize::get),
        directory: Directory::new()?,
    })
}

/// Returns the name of the only connector of a kind.
fn only<'d>(
    options: &BenchOptions,
    deployment: &'d Deployment,
    kind: &str,
    so: &str,
) -> Result<&'d str, Failure> {
    let is_kind = |spec: &&ConnectorSpec| spec.kind.split('@').next() == Some(kind);
    let mut found = connectors(deployment).filter(is_kind);
    let flow = options.flow.display();
    match (found.next(), found.next()) {
        (Some(spec), None) => Ok(&spec.name),
        (None, _) => Err(Failure::wrong(format!(
            "`{flow}` has no connector of kind `{kind}`, {so}"
        ))
        .help("create one, as in `engine/examples/passthrough.troy`")),
        (Some(first), Some(second)) => Err(Failure::wrong(format!(
            "`{flow}` has several connectors of kind `{kind}`: `{}` and `{}`",
            first.name, second.name
        ))
        .help("measure a flow that has one")),
    }
}

fn measure<'b>(bench: &Bench<'b>, options: &'b BenchOptions) -> Result<Results<'b>, Failure> {
    let modes = &options.ab.modes;
    let (rate, saturation) = match options.rate {
        None => (None, None),
        Some(Rate::PerSecond(rate)) => (Some(rate), None),
        Some(Rate::Half) => {
            let most = saturation(bench, modes)?;
            (Some(most / 2.0), Some(most))
        }
    };
    let mut sides: Vec<Side> = modes
        .iter()
        .map(|mode| Side {
            mode: *mode,
            rounds: Vec::new(),
        })
        .collect();
    let rounds = options.rounds.get();
    for round in 0..rounds {
        for at in order(modes.len(), round) {
            let side = &mut sides[at];
            complain(format!("round {} of {rounds}: {}", round + 1, side.mode));
            side.rounds.push(bench.measure(side.mode, rate)?);
        }
    }
    Ok(Results {
        flow: options.flow.display().to_string(),
        connector: &options.ab.connector,
        rate,
        saturation,
        sides,
    })
}

/// Measures what each side takes at most, and returns the least of it.
fn saturation(bench: &Bench<'_>, modes: &[LinkMode]) -> Result<f64, Failure> {
    let mut least = f64::INFINITY;
    let mut seen = Vec::new();
    for mode in modes {
        if seen.contains(mode) {
            continue;
        }
        seen.push(*mode);
        complain(format!("as fast as it goes: {mode}"));
        least = least.min(bench.measure(*mode, None)?.events_per_second);
    }
    match least.is_finite() && least > 0.0 {
        true => Ok(least),
        false => Err(
            Failure::failed("no throughput was measured, so there is no half of it")
                .help("let the flow run longer, or give a number with `--rate`"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sides_are_a_connector_and_link_modes() {
        let sides = parse_sides("file=native,native,dylib").unwrap();
        assert_eq!(sides.connector, "file");
        let modes = [LinkMode::Native, LinkMode::Native, LinkMode::Dylib];
        assert_eq!(sides.modes, modes);
        for wrong in ["file", "=abi", "file=", "file=abi,", "file=static"] {
            assert!(parse_sides(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn rates_are_numbers_or_half() {
        assert_eq!(parse_rate("half"), Ok(Rate::Half));
        assert_eq!(parse_rate("2e5"), Ok(Rate::PerSecond(2e5)));
        for wrong in ["0", "-1", "inf", "fast"] {
            assert!(parse_rate(wrong).is_err(), "{wrong}");
        }
    }
}
