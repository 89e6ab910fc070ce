//! `temblor check`: what is wrong with files, without starting anything.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use serde_json::{Value, json};
use temblor_lang::render;

use super::catalogue::{self, CatalogueOptions};
use super::failure::{Exit, Failure, Outcome};
use super::log::Log;
use super::modules::ModuleOptions;
use super::output::{complain, masked, print, print_json, secrets};
use super::program::Program;

/// Which files to check.
#[derive(Args, Debug)]
pub(crate) struct CheckOptions {
    /// The files: `.troy`, `.trickle` for a query, `.tremor` for a script
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    catalogue: CatalogueOptions,
    #[command(flatten)]
    modules: ModuleOptions,
    /// Writes JSON
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(crate) fn run(options: &CheckOptions, log: Log) -> Outcome {
    let registry = Arc::new(catalogue::fill(&options.catalogue, log)?);
    catalogue::warn_of_refused(&registry, log);
    let mut exit = Exit::Done;
    let mut findings = Vec::new();
    let modules = options.modules.options(&registry);
    for file in &options.files {
        let program = Program::read(file, &modules).map(|mut program| {
            program.check(&registry, &[]);
            program
        });
        match program {
            Ok(program) => {
                if program.verdict().is_some() {
                    exit = Exit::Wrong;
                }
                match options.json {
                    true => findings.extend(as_json(&program)),
                    false => report(&program)?,
                }
            }
            Err(failure) => {
                exit = Exit::Wrong;
                match options.json {
                    true => findings.push(failure_as_json(file, &failure)),
                    false => complain(failure),
                }
            }
        }
    }
    if options.json {
        print_json(&masked(findings.into(), secrets()))?;
    }
    Ok(exit)
}

/// Shows what is wrong with a file, or says that nothing is.
fn report(program: &Program) -> Result<(), Failure> {
    show(program);
    match program.verdict() {
        None => print(&format!("{}: ok\n", program.sources.main().name())),
        Some(_) => Ok(()),
    }
}

/// Writes every finding to the standard error stream.
pub(crate) fn show(program: &Program) {
    for finding in &program.findings {
        complain(render(finding, &program.sources));
    }
    for failure in &program.failures {
        complain(failure);
    }
}

fn as_json(program: &Program) -> Vec<Value> {
    let located = program.findings.iter().map(|f| f.locate(&program.sources));
    located.map(|finding| json!(finding)).collect()
}

/// Puts a file that cannot be read into the same form as a finding; it has no place.
fn failure_as_json(file: &std::path::Path, failure: &Failure) -> Value {
    json!({
        "file": file,
        "severity": "error",
        "code": "unreadable",
        "message": failure.message(),
        "help": failure.help_text(),
    })
}
