//! Filling the registry: what is built in, and the plugins of `connectors.toml`.

use std::path::PathBuf;

use clap::Args;
use temblor_registry::{Config, ConfigError, LinkMode, Registry, RegistryError};

use super::failure::Failure;
use super::log::Log;
use super::output::secrets;

/// Where connectors come from.
#[derive(Args, Clone, Debug)]
pub(crate) struct CatalogueOptions {
    /// The file that lists plugins, usually `connectors.toml`; without it there are no plugins
    #[arg(long, value_name = "FILE")]
    pub(crate) connectors: Option<PathBuf>,
}

/// A link mode for the connectors of one kind, as in `--link file=abi`.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    /// The name of the connector.
    pub(crate) name: String,
    /// How it is called.
    pub(crate) mode: LinkMode,
}

/// Parses `NAME=MODE`.
pub(crate) fn parse_link(text: &str) -> Result<Link, String> {
    let (name, mode) = text
        .split_once('=')
        .filter(|(name, _)| !name.is_empty())
        .ok_or("it reads NAME=MODE, as in `file=abi`")?;
    let mode = mode
        .parse()
        .map_err(|error: temblor_registry::BadLinkMode| error.to_string())?;
    Ok(Link {
        name: name.to_owned(),
        mode,
    })
}

/// Reads the file and loads every plugin in it. Plugins that are refused are listed by the registry.
pub(crate) fn fill(options: &CatalogueOptions, log: Log) -> Result<Registry, Failure> {
    let mut registry = temblor::builtin_registry().map_err(|error| of_registry(&error))?;
    if let Some(path) = &options.connectors {
        let config = Config::read(path).map_err(|error| of_config(&error))?;
        add_plugins(&mut registry, &config, log);
    }
    Ok(registry)
}

/// Loads every plugin, each with a host that writes its name into its records.
pub(crate) fn add_plugins(registry: &mut Registry, config: &Config, log: Log) {
    for plugin in &config.plugins {
        let name = plugin.path.file_name().unwrap_or_default();
        let host = temblor::host_for_plugin(
            &name.to_string_lossy(),
            log.level(),
            secrets(),
            move |record: &temblor::LogRecord<'_>| log.take(record),
        );
        let mut one = config.clone();
        one.plugins = vec![plugin.clone()];
        registry.add_plugins(&one, &host);
    }
}

/// Warns of every plugin that is refused.
pub(crate) fn warn_of_refused(registry: &Registry, log: Log) {
    for refused in registry.refused() {
        log.warn(&format!("{refused}; {}", refused.help()));
    }
}

/// Turns an error in `connectors.toml` into a failure.
pub(crate) fn of_config(error: &ConfigError) -> Failure {
    let help = error.help().map(str::to_owned);
    Failure::wrong(error.to_string()).maybe_help(help)
}

/// Turns an error of the registry into a failure.
pub(crate) fn of_registry(error: &RegistryError) -> Failure {
    let failure = match names_refused_plugin(error) {
        true => Failure::not_started(error.to_string()),
        false => Failure::wrong(error.to_string()),
    };
    failure.help(error.help())
}

/// Whether something is missing because its plugin was refused.
pub(crate) fn names_refused_plugin(error: &RegistryError) -> bool {
    match error {
        RegistryError::Unknown { refused, .. } | RegistryError::NotOnSide { refused, .. } => {
            !refused.is_empty()
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_a_name_and_a_mode() {
        let link = parse_link("file=abi").unwrap();
        assert_eq!((link.name.as_str(), link.mode), ("file", LinkMode::Abi));
        assert_eq!(
            parse_link("file").unwrap_err(),
            "it reads NAME=MODE, as in `file=abi`"
        );
        assert_eq!(
            parse_link("file=fast").unwrap_err(),
            "a link mode is `native`, `abi` or `dylib`"
        );
        assert!(parse_link("=abi").is_err());
    }
}
