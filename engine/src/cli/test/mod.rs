//! `temblor test`: pipelines against lines of input and the lines that are expected.

mod case;
mod compare;
mod find;
mod report;
mod settings;

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use temblor_registry::Registry;

use super::catalogue::{self, CatalogueOptions};
use super::failure::{Exit, Failure, Outcome};
use super::log::Log;
use super::modules::ModuleOptions;
use super::output::{complain, print, print_json, quoted};
use find::{Case, Scope};
use report::{Report, Verdict};

/// Which cases to run.
#[derive(Args, Debug)]
pub(crate) struct TestOptions {
    /// Directories in which cases are looked for, at any depth; then parts of the names of those to run
    #[arg(required = true, value_name = "DIR|NAME")]
    places: Vec<PathBuf>,
    /// Writes what comes out into the files of what is expected
    #[arg(long)]
    update: bool,
    #[command(flatten)]
    catalogue: CatalogueOptions,
    #[command(flatten)]
    modules: ModuleOptions,
    /// Writes JSON
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(crate) fn run(options: &TestOptions, log: Log) -> Outcome {
    let registry = Arc::new(catalogue::fill(&options.catalogue, log)?);
    catalogue::warn_of_refused(&registry, log);
    let scope = Scope::new(&options.places, codecs(&registry))?;
    let cases = chosen(&scope)?;
    let mut reports = Vec::new();
    for case in cases {
        let report = one(case, &scope, &registry, options);
        if !options.json {
            for message in report.reports() {
                complain(message);
            }
            print(&report.to_string())?;
        }
        reports.push(report);
    }
    match options.json {
        true => print_json(&report::as_json(&reports))?,
        false => print(&report::summary(&reports))?,
    }
    let worst = reports.iter().map(|report| report.verdict).max();
    Ok(match worst {
        Some(Verdict::Wrong) => Exit::Wrong,
        Some(Verdict::Failed) => Exit::Failed,
        _ => Exit::Done,
    })
}

/// Runs a case, compares, and updates what is expected if that is asked for.
fn one(case: Case, scope: &Scope, registry: &Arc<Registry>, options: &TestOptions) -> Report {
    let ran = case::run(&case, scope, registry, &options.modules).and_then(|ran| {
        let expected = compare::expected(&case, &ran, scope, registry)?;
        match options.update {
            true => compare::update(&case, ran, expected),
            false => compare::compare(&case, ran, expected),
        }
    });
    match ran {
        Ok(result) => Report::of(case, result),
        Err(wrong) => Report::wrong(case, wrong),
    }
}

/// Finds the cases that are meant; none is a mistake of whoever asks.
fn chosen(scope: &Scope) -> Result<Vec<Case>, Failure> {
    let all = scope.cases()?;
    if all.is_empty() {
        let directories: Vec<String> = scope.directories().collect();
        let message = format!(
            "there is no case in {}",
            quoted(directories.iter().map(String::as_str))
        );
        return Err(Failure::wrong(message).help(
            "a case is a directory with a program (`.trickle`, `.tremor` or `.troy`) and its input, `in.json`",
        ));
    }
    let count = all.len();
    let chosen: Vec<Case> = all.into_iter().filter(|case| scope.names(case)).collect();
    if chosen.is_empty() {
        let names = quoted(scope.filters());
        let message = format!("none of the {count} cases is called {names}");
        return Err(Failure::wrong(message).help(
            "a name is a part of the path below the directory; or there is no such directory",
        ));
    }
    Ok(chosen)
}

/// Returns the names of all codecs, which are the endings of files with events.
fn codecs(registry: &Registry) -> Vec<String> {
    let listing = registry.listing().into_iter();
    let codecs = listing.filter(|entry| entry.kind.as_deref() == Some("codec"));
    codecs.filter_map(|entry| entry.name).collect()
}
