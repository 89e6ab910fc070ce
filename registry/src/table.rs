//! The table from (kind, name) to the providers that have it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use temblor_pdk::Kind;

use crate::choice::{Choice, Claim, choose};
use crate::config::Prefer;
use crate::error::RegistryError;
use crate::listing::{Listing, Status};
use crate::manifest::{EntryRecord, Manifest};
use crate::provider::{LinkMode, Provider, Side};
use crate::refusal::Refused;
use crate::suggest::closest;

/// An entry of one provider.
#[derive(Debug)]
pub(crate) struct Row<T> {
    pub(crate) kind: Kind,
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) provider: Provider,
    /// What `connectors.toml` says, for plugins.
    pub(crate) prefer: Option<Prefer>,
    pub(crate) entry: T,
}

/// A plugin that is not used.
#[derive(Debug)]
pub(crate) struct RefusedPlugin {
    pub(crate) refused: Refused,
    pub(crate) provider: Provider,
    /// What it would have registered, if that could be read.
    pub(crate) manifest: Option<Manifest>,
}

/// An entry that is newer than this program, of a plugin whose other entries are used.
#[derive(Debug)]
pub(crate) struct LeftOut {
    pub(crate) record: EntryRecord,
    pub(crate) provider: Provider,
    pub(crate) reason: String,
}

/// Every provider of every name.
#[derive(Debug)]
pub(crate) struct Table<T> {
    rows: BTreeMap<(Kind, String), Vec<Row<T>>>,
    refused: Vec<RefusedPlugin>,
    left_out: Vec<LeftOut>,
    links: BTreeMap<String, LinkMode>,
}

impl<T> Table<T> {
    pub(crate) fn new() -> Table<T> {
        Table {
            rows: BTreeMap::new(),
            refused: Vec::new(),
            left_out: Vec::new(),
            links: BTreeMap::new(),
        }
    }

    pub(crate) fn add(&mut self, row: Row<T>) {
        self.rows
            .entry((row.kind, row.name.clone()))
            .or_default()
            .push(row);
    }

    pub(crate) fn add_refused(&mut self, plugin: RefusedPlugin) {
        self.refused.push(plugin);
    }

    pub(crate) fn add_left_out(&mut self, entry: LeftOut) {
        self.left_out.push(entry);
    }

    /// Sets the link mode of every entry of this name.
    pub(crate) fn link(&mut self, name: &str, mode: LinkMode) {
        self.links.insert(name.to_owned(), mode);
    }

    pub(crate) fn refused(&self) -> impl Iterator<Item = &Refused> {
        self.refused.iter().map(|plugin| &plugin.refused)
    }

    /// Finds what `selector`, a name or `name@side`, stands for.
    pub(crate) fn find(
        &self,
        kind: Kind,
        selector: &str,
    ) -> Result<(&Row<T>, LinkMode), RegistryError> {
        let (name, side) = parse_selector(selector)?;
        let Some(rows) = self.rows.get(&(kind, name.to_owned())) else {
            return Err(self.unknown(kind, name));
        };
        let link = self.links.get(name).copied();
        match choose(&claims(rows), side, link) {
            Choice::One(index) => Ok((&rows[index], link_mode(&rows[index], link))),
            Choice::Undecided => Err(duplicate(rows, side.or(link.map(LinkMode::side)))),
            Choice::NoneOnSide(side) => Err(RegistryError::NotOnSide {
                kind,
                name: name.to_owned(),
                side,
                refused: match side {
                    Side::Plugin => self.refused_with(kind, name),
                    Side::Builtin => Vec::new(),
                },
            }),
        }
    }

    /// Finds the first duplicate that nothing settles, and link modes that cannot be had.
    ///
    /// `selectors` are the names that flows use; one with a side settles its duplicate.
    pub(crate) fn check(&self, selectors: &[&str]) -> Result<(), RegistryError> {
        for name in self.links.keys() {
            if !self.rows.keys().any(|(_, known)| known == name) {
                let names = self.rows.keys().map(|(_, name)| name.as_str());
                return Err(RegistryError::UnknownLink {
                    name: name.clone(),
                    meant: closest(name, names).map(str::to_owned),
                });
            }
        }
        let settled = |name: &str| {
            let names = selectors
                .iter()
                .filter_map(|selector| selector.split_once('@'));
            names.into_iter().any(|(selected, _)| selected == name)
        };
        for (kind, name) in self.rows.keys().filter(|(_, name)| !settled(name)) {
            self.find(*kind, name)?;
        }
        Ok(())
    }

    /// Lists every entry, then those that are left out, then the refused plugins.
    pub(crate) fn listing(&self) -> Vec<Listing> {
        let entries = self.rows.values().flat_map(|rows| self.list_rows(rows));
        entries
            .chain(self.left_out.iter().map(list_left_out))
            .chain(self.refused.iter().flat_map(list_refused))
            .collect()
    }

    fn list_rows(&self, rows: &[Row<T>]) -> Vec<Listing> {
        let claims = claims(rows);
        let link = rows
            .first()
            .and_then(|row| self.links.get(&row.name).copied());
        let choice = match choose(&claims, None, link) {
            // The mistake is in the link mode; the list shows what would be used without it.
            Choice::NoneOnSide(_) => choose(&claims, None, None),
            choice => choice,
        };
        let status = |index: usize| match choice {
            Choice::One(used) if used == index => (Status::Ok, None),
            Choice::One(used) => (
                Status::Shadowed,
                Some(format!("by {}", rows[used].provider)),
            ),
            _ => (
                Status::Duplicate,
                Some(format!("also from {}", others(rows, index))),
            ),
        };
        rows.iter()
            .enumerate()
            .map(|(index, row)| {
                let (status, reason) = status(index);
                Listing {
                    name: Some(row.name.clone()),
                    kind: Some(row.kind.name().to_owned()),
                    version: Some(row.version.clone()),
                    path: path(&row.provider),
                    provider: row.provider.clone(),
                    status,
                    reason,
                }
            })
            .collect()
    }

    fn unknown(&self, kind: Kind, name: &str) -> RegistryError {
        let known: Vec<String> = self
            .rows
            .keys()
            .filter(|(k, _)| *k == kind)
            .map(|(_, name)| name.clone())
            .collect();
        RegistryError::Unknown {
            kind,
            name: name.to_owned(),
            meant: closest(name, known.iter().map(String::as_str)).map(str::to_owned),
            known,
            refused: self.refused_with(kind, name),
        }
    }

    /// Returns why plugins are refused, or entries of theirs left out, that have this name.
    fn refused_with(&self, kind: Kind, name: &str) -> Vec<String> {
        let has_it = |plugin: &&RefusedPlugin| {
            let entries = plugin
                .manifest
                .iter()
                .flat_map(|manifest| &manifest.entries);
            entries
                .into_iter()
                .any(|entry| entry.kind == kind.name() && entry.name == name)
        };
        let refused = self.refused.iter().filter(has_it);
        let refused = refused.map(|plugin| plugin.refused.to_string());
        let is_it =
            |entry: &&LeftOut| entry.record.kind == kind.name() && entry.record.name == name;
        let left_out = self.left_out.iter().filter(is_it);
        let left_out =
            left_out.map(|entry| format!("{} leaves it out: {}", entry.provider, entry.reason));
        refused.chain(left_out).collect()
    }
}

/// Takes `name@side` apart.
fn parse_selector(selector: &str) -> Result<(&str, Option<Side>), RegistryError> {
    match selector.split_once('@') {
        None => Ok((selector, None)),
        Some((name, "plugin")) => Ok((name, Some(Side::Plugin))),
        Some((name, "builtin")) => Ok((name, Some(Side::Builtin))),
        Some((name, side)) => Err(RegistryError::BadSide {
            name: name.to_owned(),
            side: side.to_owned(),
        }),
    }
}

/// A link mode that was set counts where it fits the side; a flow can have asked for the other.
fn link_mode<T>(row: &Row<T>, link: Option<LinkMode>) -> LinkMode {
    let side = row.provider.side();
    link.filter(|mode| mode.side() == side)
        .unwrap_or(match side {
            Side::Builtin => LinkMode::Native,
            Side::Plugin => LinkMode::Dylib,
        })
}

fn claims<T>(rows: &[Row<T>]) -> Vec<Claim> {
    rows.iter()
        .map(|row| Claim {
            side: row.provider.side(),
            prefer: row.prefer,
        })
        .collect()
}

fn duplicate<T>(rows: &[Row<T>], side: Option<Side>) -> RegistryError {
    let meant: Vec<&Row<T>> = rows
        .iter()
        .filter(|row| side.is_none_or(|side| row.provider.side() == side))
        .collect();
    RegistryError::Duplicate {
        kind: meant[0].kind,
        name: meant[0].name.clone(),
        same_side: meant
            .iter()
            .all(|row| row.provider.side() == meant[0].provider.side()),
        providers: meant.iter().map(|row| row.provider.to_string()).collect(),
    }
}

fn others<T>(rows: &[Row<T>], index: usize) -> String {
    let others = rows.iter().enumerate().filter(|(other, _)| *other != index);
    let names: Vec<String> = others.map(|(_, row)| row.provider.to_string()).collect();
    names.join(" and ")
}

fn path(provider: &Provider) -> Option<PathBuf> {
    match provider {
        Provider::Plugin { path, .. } => Some(path.clone()),
        Provider::Builtin { .. } => None,
    }
}

fn list_left_out(entry: &LeftOut) -> Listing {
    Listing {
        name: Some(entry.record.name.clone()),
        kind: Some(entry.record.kind.clone()),
        version: Some(entry.record.version.clone()),
        path: path(&entry.provider),
        provider: entry.provider.clone(),
        status: Status::Newer,
        reason: Some(entry.reason.clone()),
    }
}

/// One row per entry that the plugin would have, or one for the plugin as a whole.
fn list_refused(plugin: &RefusedPlugin) -> Vec<Listing> {
    let listing = |name: Option<String>, kind: Option<String>, version: Option<String>| Listing {
        name,
        kind,
        version,
        path: path(&plugin.provider),
        provider: plugin.provider.clone(),
        status: Status::Refused,
        reason: Some(plugin.refused.why.to_string()),
    };
    match &plugin.manifest {
        None => vec![listing(None, None, None)],
        Some(manifest) => manifest
            .entries
            .iter()
            .map(|entry| {
                let (name, kind) = (entry.name.clone(), entry.kind.clone());
                listing(Some(name), Some(kind), Some(entry.version.clone()))
            })
            .collect(),
    }
}

#[cfg(test)]
mod tests;
