//! What this program was built with, as far as a plugin has to match it.

/// The side of the contract that this program was built with.
///
/// A plugin is used only if its own record says the same of every field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contract {
    /// The epoch of the plugin contract.
    pub epoch: u32,
    /// The version of `temblor-pdk`.
    pub pdk: String,
    /// The fingerprint of the layouts that cross the boundary, 16 hexadecimal digits.
    pub layout: String,
    /// The target triple that the program was built for.
    pub target: String,
}
