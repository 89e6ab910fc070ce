//! What can be wrong when something is looked up or put together.

use crate::provider::Side;
use temblor_pdk::Kind;

/// Why the registry has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// Nothing has this name.
    #[error("there is no {} `{name}`", kind.name())]
    Unknown {
        /// What was looked for.
        kind: Kind,
        /// The name.
        name: String,
        /// The name that was probably meant.
        meant: Option<String>,
        /// All names of the kind.
        known: Vec<String>,
        /// Plugins that would have the name, each with the reason why it is refused.
        refused: Vec<String>,
    },
    /// Several providers have this name, and nothing says which is meant.
    #[error("{} `{name}` comes from {}", kind.name(), providers.join(" and from "))]
    Duplicate {
        /// What was looked for.
        kind: Kind,
        /// The name.
        name: String,
        /// The providers, as users know them.
        providers: Vec<String>,
        /// Whether they are all on one side, so that naming a side does not help.
        same_side: bool,
    },
    /// The name exists, but not on the side that was asked for.
    #[error("{} `{name}` is not available as {}", kind.name(), side.as_str())]
    NotOnSide {
        /// What was looked for.
        kind: Kind,
        /// The name.
        name: String,
        /// The side.
        side: Side,
        /// Plugins that would have the name, each with the reason why it is refused.
        refused: Vec<String>,
    },
    /// What stands behind the `@` of a name is no side.
    #[error("`{side}` in `{name}@{side}` is neither `plugin` nor `builtin`")]
    BadSide {
        /// What stands before the `@`.
        name: String,
        /// What stands behind it.
        side: String,
    },
    /// A link mode was set for a name that nothing has.
    #[error("a link mode is set for `{name}`, and there is no such entry")]
    UnknownLink {
        /// The name.
        name: String,
        /// The name that was probably meant.
        meant: Option<String>,
    },
    /// Something that was compiled in did not arrive in the program.
    #[error("not in this program, although its features say so: {}", missing.join(", "))]
    NotLinked {
        /// What is missing, with its kind, crate and feature.
        missing: Vec<String>,
    },
}

impl RegistryError {
    /// Says what to do about it, in one line.
    pub fn help(&self) -> String {
        match self {
            RegistryError::Unknown { refused, .. } if !refused.is_empty() => refused.join("; "),
            RegistryError::Unknown {
                meant: Some(meant), ..
            }
            | RegistryError::UnknownLink {
                meant: Some(meant), ..
            } => {
                format!("did you mean `{meant}`?")
            }
            RegistryError::Unknown { kind, known, .. } if known.is_empty() => format!(
                "this program has no {} at all; build it with one, or list a plugin in \
                 connectors.toml",
                kind.name()
            ),
            RegistryError::Unknown { known, .. } => format!("there are {}", list(known)),
            RegistryError::Duplicate {
                same_side: true, ..
            } => "remove one of them; two plugins are settled by `prefer = \"plugin\"` at one \
                 `[[plugin]]`"
                .to_owned(),
            RegistryError::Duplicate { name, .. } => format!(
                "set `prefer = \"plugin\"` or `\"builtin\"` in connectors.toml, or write \
                 `{name}@plugin` or `{name}@builtin`"
            ),
            RegistryError::NotOnSide { refused, .. } if !refused.is_empty() => refused.join("; "),
            RegistryError::NotOnSide {
                side: Side::Plugin, ..
            } => "list a plugin that has it in connectors.toml".to_owned(),
            RegistryError::NotOnSide { name, .. } => {
                format!("build the program with a feature like `static-{name}`")
            }
            RegistryError::BadSide { name, .. } => {
                format!("write `{name}@plugin` or `{name}@builtin`")
            }
            RegistryError::UnknownLink { meant: None, .. } => {
                "`temblor connectors` lists what there is".to_owned()
            }
            RegistryError::NotLinked { .. } => {
                "the linker drops a crate that nobody names: add `use CRATE as _;` to the program"
                    .to_owned()
            }
        }
    }
}

fn list(words: &[String]) -> String {
    let words: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    words.join(", ")
}
