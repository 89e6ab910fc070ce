//! The registry: built-in entries and plugins in one table.

use temblor_pdk::abi::PinnedBytes;
use temblor_pdk::{COLLECTOR, Descriptor, Entry, Host, Kind, entries};

use crate::config::{Config, PluginConfig};
use crate::entry::{Code, Registered};
use crate::error::RegistryError;
use crate::file::PluginFile;
use crate::listing::Listing;
use crate::load::{self, Attempt};
use crate::provider::{LinkMode, Provider};
use crate::refusal::Refused;
use crate::table::{LeftOut, RefusedPlugin, Row, Table};

/// An entry that a program compiles in, always or as its features say.
///
/// The linker drops crates that nobody names; comparing with what is really there finds that out
/// at the start and not when a flow needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expected {
    /// What it is.
    pub kind: Kind,
    /// Its name.
    pub name: &'static str,
    /// The crate that registers it.
    pub crate_name: &'static str,
    /// The cargo feature that compiles it in; none if it always is.
    pub feature: Option<&'static str>,
}

impl Expected {
    fn is(&self, entry: &Entry) -> bool {
        self.kind == entry.kind() && self.name == entry.name()
    }

    fn describe(&self) -> String {
        let (kind, name, crate_name) = (self.kind.name(), self.name, self.crate_name);
        let feature = self
            .feature
            .map(|feature| format!(" (feature `{feature}`)"));
        let feature = feature.unwrap_or_default();
        format!("{kind} `{name}` of crate `{crate_name}`{feature}")
    }
}

/// Everything that this program can run.
///
/// Fill it with [`Registry::add_builtins`] and [`Registry::add_plugins`], settle link modes with
/// [`Registry::link`], and call [`Registry::check`] before a flow starts.
pub struct Registry {
    table: Table<Code>,
    /// What tells how much memory a plugin uses, by the plugin's file.
    pinned: Vec<(String, PinnedBytes)>,
}

impl Default for Registry {
    fn default() -> Registry {
        Registry::new()
    }
}

impl Registry {
    /// Makes an empty registry.
    pub fn new() -> Registry {
        Registry {
            table: Table::new(),
            pinned: Vec::new(),
        }
    }

    /// Adds everything that is built into this program.
    ///
    /// # Errors
    ///
    /// Names whatever is `expected` and not there. Other entries are taken too.
    pub fn add_builtins(&mut self, expected: &[Expected]) -> Result<(), RegistryError> {
        for entry in entries() {
            let expected = expected.iter().find(|expected| expected.is(entry));
            self.table.add(Row {
                kind: entry.kind(),
                name: entry.name().to_owned(),
                version: entry.version().to_owned(),
                provider: Provider::Builtin {
                    crate_name: entry.crate_name().to_owned(),
                    feature: expected.and_then(|e| e.feature).map(str::to_owned),
                    collector: COLLECTOR.to_owned(),
                },
                prefer: None,
                entry: Code::Builtin(entry),
            });
        }
        let found = |expected: &&Expected| entries().any(|entry| expected.is(entry));
        let missing: Vec<&Expected> = expected.iter().filter(|e| !found(e)).collect();
        match missing.is_empty() {
            true => Ok(()),
            false => Err(RegistryError::NotLinked {
                missing: missing.into_iter().map(Expected::describe).collect(),
            }),
        }
    }

    /// Loads every plugin of the configuration, one after the other.
    ///
    /// `host` gets the log records and panic messages of the plugins. A plugin that is refused
    /// keeps no other from being loaded; see [`Registry::refused`]. What is loaded stays in memory
    /// until the process ends, so load each configuration once and share the registry.
    pub fn add_plugins(&mut self, config: &Config, host: &Host) {
        for plugin in &config.plugins {
            let Attempt { file, outcome } = load::load(config, plugin, host);
            let provider = Provider::of_plugin(plugin, file.as_ref());
            match outcome {
                Ok(loaded) => {
                    let name = plugin.path.file_name().unwrap_or_default();
                    let name = name.to_string_lossy().into_owned();
                    self.pinned.extend(loaded.pinned_bytes.map(|f| (name, f)));
                    self.add_loaded(plugin, &provider, &loaded.entries);
                    let left_out = loaded.left_out.into_iter();
                    left_out.for_each(|(record, reason)| {
                        let provider = provider.clone();
                        self.table.add_left_out(LeftOut {
                            record,
                            provider,
                            reason,
                        });
                    });
                }
                Err(refused) => self.table.add_refused(RefusedPlugin {
                    refused,
                    provider,
                    manifest: file.map(PluginFile::into_manifest),
                }),
            }
        }
    }

    fn add_loaded(
        &mut self,
        plugin: &PluginConfig,
        provider: &Provider,
        entries: &[&'static Descriptor],
    ) {
        for entry in entries {
            // An entry of a kind that this host does not know cannot be asked for.
            let Some(kind) = entry.kind() else { continue };
            self.table.add(Row {
                kind,
                name: entry.name().to_owned(),
                version: entry.version().to_owned(),
                provider: provider.clone(),
                prefer: plugin.prefer,
                entry: Code::Plugin(entry),
            });
        }
    }

    /// Returns the memory of arenas and buffers in use that each plugin has made, by the name of its file.
    pub fn pinned_bytes(&self) -> impl Iterator<Item = (&str, usize)> {
        self.pinned
            .iter()
            .map(|(name, read)| (name.as_str(), read()))
    }

    /// Returns the plugins that are refused.
    pub fn refused(&self) -> impl Iterator<Item = &Refused> {
        self.table.refused()
    }

    /// Sets the link mode of the entries of this name, for `--link NAME=MODE`.
    ///
    /// It settles a duplicate. Whether the mode can be had is found out by [`Registry::check`].
    pub fn link(&mut self, name: &str, mode: LinkMode) {
        self.table.link(name, mode);
    }

    /// Checks that nothing is left open: duplicates, and link modes that cannot be had.
    ///
    /// `selectors` are the names that the flows use; `name@plugin` and `name@builtin` settle a
    /// duplicate of theirs.
    ///
    /// # Errors
    ///
    /// Names the first that is open, with all its providers.
    pub fn check(&self, selectors: &[&str]) -> Result<(), RegistryError> {
        self.table.check(selectors)
    }

    /// Finds the entry that `selector` stands for: a name, `name@plugin` or `name@builtin`.
    ///
    /// # Errors
    ///
    /// Says what there is if the name is unknown, and names all providers if it has several.
    pub fn find(&self, kind: Kind, selector: &str) -> Result<Registered, RegistryError> {
        let (row, link_mode) = self.table.find(kind, selector)?;
        Ok(Registered {
            code: row.entry,
            kind,
            link_mode,
            provider: row.provider.clone(),
        })
    }

    /// Lists every entry of every provider, then the plugins that are refused.
    pub fn listing(&self) -> Vec<Listing> {
        self.table.listing()
    }
}
