//! One plugin, from its path to its entries.

use std::collections::BTreeSet;

use temblor_pdk::{Descriptor, Host, Kind, abi, log};

use crate::config::{Config, PluginConfig};
use crate::contract::Contract;
use crate::file::PluginFile;
use crate::loader::Library;
use crate::manifest::{EntryRecord, Manifest};
use crate::provider::Provider;
use crate::refusal::{Refusal, Refused};

/// What became of one plugin.
pub(crate) struct Attempt {
    /// The file, if it could be read.
    pub(crate) file: Option<PluginFile>,
    /// The entries in it.
    pub(crate) outcome: Result<Loaded, Refused>,
}

/// What a plugin brings.
pub(crate) struct Loaded {
    pub(crate) entries: Vec<&'static Descriptor>,
    /// What in it is newer than this program, each with the reason.
    pub(crate) left_out: Vec<(EntryRecord, String)>,
    /// What tells how much memory of the plugin is in use.
    pub(crate) pinned_bytes: Option<abi::PinnedBytes>,
}

/// Reads, checks, verifies and loads one plugin.
pub(crate) fn load(config: &Config, plugin: &PluginConfig, host: &Host) -> Attempt {
    match PluginFile::read(&plugin.path) {
        Ok(file) => Attempt {
            outcome: load_file(config, plugin, &file, host),
            file: Some(file),
        },
        Err(refused) => Attempt {
            file: None,
            outcome: Err(refused),
        },
    }
}

/// Everything that can be found out without running its code comes before any of it runs.
fn load_file(
    config: &Config,
    plugin: &PluginConfig,
    file: &PluginFile,
    host: &Host,
) -> Result<Loaded, Refused> {
    config.verify(plugin, file)?;
    if !config.vouches(plugin) {
        file.check_permissions()?;
    }
    file.check_contract(&Contract::of_this_program())?;
    check_provides(plugin, file.manifest())
        .and_then(|()| Library::load(file.bytes(), file.path(), config.map))
        .and_then(|library| entries(library, file, host))
        .map_err(|why| file.refused(why))
}

fn entries(library: Library, file: &PluginFile, host: &Host) -> Result<Loaded, Refusal> {
    let root = library.root()?;
    // Before anything else of it runs, so that its log records and panics have somewhere to go.
    abi::initialise(root, host.clone());
    let entries = abi::descriptors(root);
    compare(file.manifest(), &entries)?;
    match entries.iter().find(|entry| entry.aborts_on_panic()) {
        Some(entry) => Err(Refusal::PanicStrategy {
            crate_name: entry.crate_name().to_owned(),
            panic: "abort".to_owned(),
        }),
        None => Ok(Loaded {
            left_out: left_out(file.manifest(), host),
            entries: usable(file.manifest(), entries),
            pinned_bytes: abi::pinned_bytes_of(root),
        }),
    }
}

/// Those of the entries that this program can use.
fn usable(manifest: &Manifest, mut entries: Vec<&'static Descriptor>) -> Vec<&'static Descriptor> {
    entries.retain(|entry| {
        let is =
            |kind: &str, record: &EntryRecord| record.kind == kind && record.name == entry.name();
        entry.kind().is_some_and(|kind| {
            let mut records = manifest.entries.iter();
            records.any(|record| is(kind.name(), record) && record.left_out().is_none())
        })
    });
    entries
}

/// What in a plugin is newer than this program. It keeps nothing else from being used, and the plugin's log names it.
fn left_out(manifest: &Manifest, host: &Host) -> Vec<(EntryRecord, String)> {
    let mut found = Vec::new();
    for record in &manifest.entries {
        let (kind, name) = (&record.kind, &record.name);
        if let Some(reason) = record.left_out() {
            let message = format!("{kind} `{name}` is left out: {reason}");
            host.log(log::Level::Warn, &message);
            found.push((record.clone(), reason));
            continue;
        }
        for capability in record.passed_over() {
            let message =
                format!("{kind} `{name}` has `{capability}`, which this program does not know");
            host.log(log::Level::Info, &message);
        }
    }
    found
}

/// Checks that `provides` lists the names in the manifest, no more and no fewer.
fn check_provides(plugin: &PluginConfig, manifest: &Manifest) -> Result<(), Refusal> {
    let Some(provides) = &plugin.provides else {
        return Ok(());
    };
    let listed: BTreeSet<&str> = provides.iter().map(String::as_str).collect();
    let found: BTreeSet<&str> = manifest
        .entries
        .iter()
        .map(|entry| entry.name.as_str())
        .collect();
    if let Some(name) = found.difference(&listed).next() {
        return Err(Refusal::Unexpected {
            name: (*name).to_owned(),
        });
    }
    match listed.difference(&found).next() {
        Some(name) => Err(Refusal::Missing {
            name: (*name).to_owned(),
        }),
        None => Ok(()),
    }
}

/// What stands for all kinds that this program does not know: the code has a number for them and the record a name.
const LATER: &str = "thing of a later kind";

/// Checks that the library holds what its manifest says, no more and no less.
fn compare(manifest: &Manifest, entries: &[&'static Descriptor]) -> Result<(), Refusal> {
    let mut found = BTreeSet::new();
    for entry in entries {
        let kind = entry.kind().map_or(LATER, Kind::name);
        if !found.insert((kind, entry.name())) && kind != LATER {
            let reason = format!("it registers {kind} `{}` twice", entry.name());
            return Err(Refusal::OtherEntries { reason });
        }
    }
    let recorded: BTreeSet<(&str, &str)> = manifest
        .entries
        .iter()
        .map(|entry| {
            let kind = Kind::from_name(&entry.kind).map_or(LATER, Kind::name);
            (kind, entry.name.as_str())
        })
        .collect();
    if let Some((kind, name)) = found.difference(&recorded).next() {
        let reason = format!("it registers {kind} `{name}`, which its record does not list");
        return Err(Refusal::OtherEntries { reason });
    }
    match recorded.difference(&found).next() {
        Some((kind, name)) => {
            let reason = format!("its record lists {kind} `{name}`, which it does not register");
            Err(Refusal::OtherEntries { reason })
        }
        None => Ok(()),
    }
}

impl Provider {
    /// Describes a plugin of which at least the path is known.
    pub(crate) fn of_plugin(plugin: &PluginConfig, file: Option<&PluginFile>) -> Provider {
        Provider::Plugin {
            path: plugin.path.clone(),
            sha256: file.map(PluginFile::sha256),
            pdk: file.map(|file| file.manifest().pdk.pdk.clone()),
            version: file.and_then(|file| Some(file.manifest().entries.first()?.version.clone())),
        }
    }
}
