//! `temblor plugin schema`: loads one plugin in a process of its own and prints the schemas of its entries.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};
use temblor_pdk::Kind;
use temblor_registry::{Config, Registered, Registry};

use super::of_refused;
use crate::cli::catalogue::{add_plugins, of_config, of_registry};
use crate::cli::failure::{Exit, Failure, Outcome};
use crate::cli::log::Log;
use crate::cli::output::print;

/// Which plugin to load.
#[derive(Args, Debug)]
pub(crate) struct SchemaOptions {
    /// The library
    file: PathBuf,
}

/// Runs the command.
pub(crate) fn run(options: &SchemaOptions, log: Log) -> Outcome {
    let config = only(&options.file)?;
    let mut registry = Registry::new();
    add_plugins(&mut registry, &config, log);
    if let Some(refused) = registry.refused().next() {
        return Err(of_refused(refused));
    }
    let mut schemas = BTreeMap::new();
    for listed in registry.listing() {
        let (Some(kind), Some(name)) = (listed.kind, listed.name) else {
            continue;
        };
        if let Some(kind) = Kind::from_name(&kind) {
            let entry = registry
                .find(kind, &name)
                .map_err(|error| of_registry(&error))?;
            schemas.insert(name, describe(&entry)?);
        }
    }
    print(&(json!(schemas).to_string() + "\n"))?;
    Ok(Exit::Done)
}

/// Makes the configuration that lists one plugin and demands nothing of it.
fn only(file: &Path) -> Result<Config, Failure> {
    let path = std::path::absolute(file).map_err(|error| {
        Failure::failed(format!(
            "`{}` cannot be made absolute: {error}",
            file.display()
        ))
    })?;
    let Some(name) = path.to_str() else {
        return Err(Failure::wrong(format!(
            "the path `{}` is not UTF-8",
            path.display()
        )));
    };
    // A JSON string is a TOML string too.
    let text = format!("[[plugin]]\npath = {}\n", json!(name));
    Config::parse(&text, Path::new("connectors.toml")).map_err(|error| of_config(&error))
}

fn describe(entry: &Registered) -> Result<Value, Failure> {
    let parse = |what: &str, text: &str| {
        serde_json::from_str::<Value>(text).map_err(|error| {
            let (kind, name) = (entry.kind().name(), entry.name());
            Failure::failed(format!("the {what} of {kind} `{name}` is no JSON: {error}")).help(
                format!("correct the {what} in the crate and build it again"),
            )
        })
    };
    Ok(json!({
        "kind": entry.kind().name(),
        "schema": parse("schema", &entry.schema())?,
        "example": parse("example", entry.example())?,
        "summary": entry.summary(),
    }))
}
