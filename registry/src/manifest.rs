//! What a plugin file says about itself, readable without running any of its code.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use temblor_pdk::Kind;
use temblor_pdk::manifest::CAPABILITIES;

/// The metadata in a plugin file: who built it against what, and what it registers.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Manifest {
    /// The copy of `temblor-pdk` that is linked into the plugin.
    pub pdk: PdkRecord,
    /// Everything that the plugin registers, sorted by kind and name.
    pub entries: Vec<EntryRecord>,
    /// Schemas by entry name; `None` if they are known only after the plugin was loaded.
    pub schemas: Option<BTreeMap<String, SchemaRecord>>,
    /// The shared libraries that the plugin asks the system's loader for.
    pub needed: Vec<String>,
}

/// The record that `temblor-pdk` leaves in every plugin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PdkRecord {
    /// The epoch of the plugin contract.
    pub epoch: u32,
    /// The version of `temblor-pdk`.
    pub pdk: String,
    /// The fingerprint of the layouts that cross the boundary.
    pub layout: String,
    /// The target triple that the plugin was built for.
    pub target: String,
    /// The compiler, for information only.
    #[serde(default)]
    pub rustc: String,
    /// What collects the entries of the plugin, for information only.
    #[serde(default)]
    pub collector: String,
}

/// The record that every `register!` leaves in a plugin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct EntryRecord {
    /// The kind of thing that is registered, as in `connector` or `codec`.
    pub kind: String,
    /// The name that a flow uses.
    pub name: String,
    /// The version of the crate.
    pub version: String,
    /// The crate that registers it.
    #[serde(rename = "crate")]
    pub crate_name: String,
    /// The panic strategy that the crate was built with.
    pub panic: String,
    /// Capabilities, each with its own version, as in `source/1`.
    #[serde(default)]
    pub capabilities: Vec<String>,
}

impl EntryRecord {
    /// Says why this program cannot use the entry, if it is newer than the program: it is of a kind that it does not
    /// know, or has a capability that it knows with another number.
    pub fn left_out(&self) -> Option<String> {
        if Kind::from_name(&self.kind).is_none() {
            return Some(format!(
                "this program knows no {}: use a newer temblor",
                self.kind
            ));
        }
        let mut all = self.capabilities.iter();
        let (other, known) = all.find_map(|capability| {
            let (id, _) = capability.rsplit_once('/')?;
            let known = CAPABILITIES
                .iter()
                .find(|known| known.rsplit_once('/').is_some_and(|(k, _)| k == id))?;
            (known != capability).then_some((capability, known))
        })?;
        Some(format!(
            "it has `{other}`, this program knows `{known}`: use a newer temblor"
        ))
    }

    /// Returns the capabilities that this program does not know, and passes over.
    pub fn passed_over(&self) -> impl Iterator<Item = &str> {
        let id = |capability: &str| capability.rsplit_once('/').map(|(id, _)| id.to_owned());
        self.capabilities
            .iter()
            .map(String::as_str)
            .filter(move |capability| {
                let known = CAPABILITIES.iter().any(|known| id(known) == id(capability));
                !known
            })
    }
}

/// What section `.temblor.schema` says about one entry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SchemaRecord {
    /// The JSON Schema of the configuration.
    #[serde(default)]
    pub schema: serde_json::Value,
    /// A configuration that works.
    #[serde(default)]
    pub example: serde_json::Value,
    /// One line about the entry.
    #[serde(default)]
    pub summary: String,
}
