//! `temblor version`: which program this is and what is in it.

use clap::Args;
use serde_json::json;
use temblor_pdk::COLLECTOR;
use temblor_registry::{Contract, Listing, Provider};

use super::catalogue;
use super::failure::{Exit, Outcome};
use super::output::{print, print_json, table};

/// How much to say.
#[derive(Args, Debug)]
pub(crate) struct VersionOptions {
    /// Shows how it was built, and everything that is built in
    #[arg(long, short)]
    verbose: bool,
    /// Writes JSON
    #[arg(long)]
    json: bool,
}

/// Returns the profile of cargo that the program was built with, as in `release, opt-level 3`.
pub(crate) fn profile() -> String {
    let assertions = match cfg!(debug_assertions) {
        true => ", debug assertions",
        false => "",
    };
    let (profile, level) = (env!("TEMBLOR_PROFILE"), env!("TEMBLOR_OPT_LEVEL"));
    format!("{profile}, opt-level {level}{assertions}")
}

/// Runs the command.
pub(crate) fn run(options: &VersionOptions) -> Outcome {
    let version = env!("CARGO_PKG_VERSION");
    if !options.verbose && !options.json {
        print(&format!("temblor {version}\n"))?;
        return Ok(Exit::Done);
    }
    let registry = temblor::builtin_registry().map_err(|error| catalogue::of_registry(&error))?;
    let entries = registry.listing();
    let contract = Contract::of_this_program();
    let features = features(&entries);
    if options.json {
        print_json(&json!({
            "version": version,
            "features": features,
            "entries": entries,
            "pdk": contract.pdk,
            "epoch": contract.epoch,
            "layout": contract.layout,
            "target": contract.target,
            "profile": profile(),
            "collector": COLLECTOR,
        }))?;
        return Ok(Exit::Done);
    }
    let rows = [
        ("features:", features.join(", ")),
        ("entries:", names(&entries)),
        ("temblor-pdk:", contract.pdk),
        ("epoch:", contract.epoch.to_string()),
        ("layout:", contract.layout),
        ("target:", contract.target),
        ("profile:", profile()),
        ("collector:", COLLECTOR.to_owned()),
    ];
    let rows = rows.map(|(key, value)| vec![key.to_owned(), value]);
    print(&format!("temblor {version}\n{}", table(&rows, &[])))?;
    Ok(Exit::Done)
}

fn features(entries: &[Listing]) -> Vec<String> {
    let of_entry = |entry: &Listing| match &entry.provider {
        Provider::Builtin { feature, .. } => feature.clone(),
        Provider::Plugin { .. } => None,
    };
    let mut features: Vec<String> = entries.iter().filter_map(of_entry).collect();
    if cfg!(feature = "inventory") {
        features.push("inventory".to_owned());
    }
    features.sort();
    features.dedup();
    features
}

fn names(entries: &[Listing]) -> String {
    let name = |entry: &Listing| {
        let (kind, name) = (entry.kind.as_deref()?, entry.name.as_deref()?);
        Some(format!("{kind} {name}"))
    };
    let names: Vec<String> = entries.iter().filter_map(name).collect();
    names.join(", ")
}
