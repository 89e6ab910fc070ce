//! From the text of `connectors.toml` to [`Config`].

use std::ops::Range;
use std::path::{Path, PathBuf};

use minisign_verify::PublicKey;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::directory;
use super::error::{ConfigError, Source};
use super::table::Table;
use super::{Config, MapMode, PluginConfig, Prefer, Verify};
use crate::digest::Digest;

const DEFAULTS: &[&str] = &["verify", "directories", "minisign_key", "map"];
const PLUGIN: &[&str] = &["path", "sha256", "minisign", "provides", "prefer"];

type Span = Range<usize>;

/// What `[defaults]` says.
#[derive(Default)]
struct Defaults {
    verify: Option<Verify>,
    map: MapMode,
    minisign_key: Option<PublicKey>,
    directories: Vec<(PathBuf, Span)>,
}

pub(super) fn config(source: Source<'_>) -> Result<Config, ConfigError> {
    let document = DeTable::parse(source.text).map_err(|error| {
        source.error(error.span().unwrap_or_default(), error.message().to_owned())
    })?;
    let top = Table::new(
        source,
        "the file",
        document.get_ref(),
        &["defaults", "plugin"],
    )?;
    let defaults = match top.get("defaults") {
        Some(value) => parse_defaults(source, value)?,
        None => Defaults::default(),
    };
    let mut plugins = Vec::new();
    if let Some(value) = top.get("plugin") {
        for item in tables(source, value)? {
            let plugin = parse_plugin(source, item, &defaults)?;
            check_new(source, &plugins, &plugin, item.span())?;
            plugins.push(plugin);
        }
    }
    let verify = defaults.verify.unwrap_or_else(|| default_verify(&plugins));
    if verify == Verify::Minisign && defaults.minisign_key.is_none() {
        let span = top.get("defaults").map(Spanned::span).unwrap_or_default();
        return Err(source
            .error(span, "`verify = \"minisign\"` needs a key")
            .with_help("set `minisign_key` in `[defaults]` to the second line of `minisign.pub`"));
    }
    for (path, span) in &defaults.directories {
        add_directory(source, path, span.clone(), &mut plugins)?;
    }
    Ok(Config {
        path: source.path.to_owned(),
        verify,
        map: defaults.map,
        minisign_key: defaults.minisign_key,
        plugins,
    })
}

/// A file in which plugins are locked is one in which all have to be.
fn default_verify(plugins: &[PluginConfig]) -> Verify {
    match plugins.iter().any(|plugin| plugin.sha256.is_some()) {
        true => Verify::Sha256,
        false => Verify::None,
    }
}

fn parse_defaults<'t>(
    source: Source<'t>,
    value: &'t Spanned<DeValue<'t>>,
) -> Result<Defaults, ConfigError> {
    let DeValue::Table(keys) = value.get_ref() else {
        return Err(source.error(value.span(), "`defaults` is a table, as in `[defaults]`"));
    };
    let table = Table::new(source, "`[defaults]`", keys, DEFAULTS)?;
    let verify = [
        ("none", Verify::None),
        ("sha256", Verify::Sha256),
        ("minisign", Verify::Minisign),
    ];
    let map = [("memfd", MapMode::Memfd), ("path", MapMode::Path)];
    let directories = table.texts("directories")?.unwrap_or_default();
    Ok(Defaults {
        verify: table.choice("verify", &verify)?,
        map: table.choice("map", &map)?.unwrap_or_default(),
        minisign_key: table
            .text("minisign_key")?
            .map(|key| parse_key(source, key))
            .transpose()?,
        directories: directories
            .into_iter()
            .map(|(text, span)| (resolve(source.path, text), span))
            .collect(),
    })
}

fn parse_key(source: Source<'_>, (text, span): (&str, Span)) -> Result<PublicKey, ConfigError> {
    PublicKey::from_base64(text.trim()).map_err(|_| {
        source
            .error(span, "`minisign_key` is not a minisign public key")
            .with_help("it is the second line of `minisign.pub`, 56 characters")
    })
}

/// Returns the items of `[[plugin]]`.
fn tables<'t>(
    source: Source<'t>,
    value: &'t Spanned<DeValue<'t>>,
) -> Result<&'t [Spanned<DeValue<'t>>], ConfigError> {
    match value.get_ref() {
        DeValue::Array(items) => Ok(items),
        _ => Err(source
            .error(value.span(), "`plugin` is a list of tables")
            .with_help("write `[[plugin]]` with two brackets, once per plugin")),
    }
}

fn parse_plugin<'t>(
    source: Source<'t>,
    item: &'t Spanned<DeValue<'t>>,
    defaults: &Defaults,
) -> Result<PluginConfig, ConfigError> {
    let DeValue::Table(keys) = item.get_ref() else {
        return Err(source.error(item.span(), "a plugin is a table, as in `[[plugin]]`"));
    };
    let table = Table::new(source, "`[[plugin]]`", keys, PLUGIN)?;
    let Some((path, span)) = table.text("path")? else {
        return Err(source
            .error(item.span(), "a plugin without `path`")
            .with_help("add `path = \"…/libNAME.so\"`"));
    };
    if path.is_empty() {
        return Err(source.error(span, "`path` is empty"));
    }
    let sha256 = table
        .text("sha256")?
        .map(|text| parse_digest(source, text))
        .transpose()?;
    let prefer = [("plugin", Prefer::Plugin), ("builtin", Prefer::Builtin)];
    Ok(PluginConfig {
        path: resolve(source.path, path),
        place: source.place(span),
        listed: true,
        sha256,
        minisign: parse_signature(source, &table, defaults)?,
        provides: table
            .texts("provides")?
            .map(|names| names.into_iter().map(|(name, _)| name.to_owned()).collect()),
        prefer: table.choice("prefer", &prefer)?,
    })
}

fn parse_digest(source: Source<'_>, (text, span): (&str, Span)) -> Result<Digest, ConfigError> {
    text.parse().map_err(|_| {
        source
            .error(span, "`sha256` is not 64 hexadecimal digits")
            .with_help("run `temblor plugin lock`, which writes it")
    })
}

fn parse_signature(
    source: Source<'_>,
    table: &Table<'_>,
    defaults: &Defaults,
) -> Result<Option<PathBuf>, ConfigError> {
    match table.text("minisign")? {
        Some((_, span)) if defaults.minisign_key.is_none() => Err(source
            .error(span, "a signature, and no key to check it with")
            .with_help("set `minisign_key` in `[defaults]`")),
        Some((text, _)) => Ok(Some(resolve(source.path, text))),
        None => Ok(None),
    }
}

fn check_new(
    source: Source<'_>,
    plugins: &[PluginConfig],
    new: &PluginConfig,
    span: Span,
) -> Result<(), ConfigError> {
    match plugins
        .iter()
        .find(|plugin| same_file(&plugin.path, &new.path))
    {
        Some(first) => Err(source
            .error(span, format!("`{}` is listed twice", new.path.display()))
            .with_help(format!("remove it here or in line {}", first.place.line))),
        None => Ok(()),
    }
}

fn add_directory(
    source: Source<'_>,
    path: &Path,
    span: Span,
    plugins: &mut Vec<PluginConfig>,
) -> Result<(), ConfigError> {
    let libraries = directory::libraries(path).map_err(|error| {
        let message = format!("directory `{}` cannot be read: {error}", path.display());
        source.error(span.clone(), message)
    })?;
    for library in libraries {
        if plugins
            .iter()
            .any(|plugin| same_file(&plugin.path, &library))
        {
            continue;
        }
        plugins.push(PluginConfig {
            path: library,
            place: source.place(span.clone()),
            listed: false,
            sha256: None,
            minisign: None,
            provides: None,
            prefer: None,
        });
    }
    Ok(())
}

/// Paths in the file are relative to it, not to the directory that temblor was started in.
fn resolve(file: &Path, path: &str) -> PathBuf {
    match file.parent() {
        Some(parent) => parent.join(path),
        None => PathBuf::from(path),
    }
}

fn same_file(a: &Path, b: &Path) -> bool {
    let real = |path: &Path| path.canonicalize();
    a == b || matches!((real(a), real(b)), (Ok(a), Ok(b)) if a == b)
}
