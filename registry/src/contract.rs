//! What this program was built with, as far as a plugin has to match it.

use temblor_pdk::abi;

/// The side of the contract that this program was built with.
///
/// A plugin is used only if its own record says the same of epoch, layout and target. Versions and compilers are not
/// compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contract {
    /// The epoch of the plugin contract.
    pub epoch: u32,
    /// The version of `temblor-pdk`, for information.
    pub pdk: String,
    /// The fingerprint of the layouts that cross the boundary, 16 hexadecimal digits.
    pub layout: String,
    /// The target triple that the program was built for.
    pub target: String,
}

impl Contract {
    /// Returns the contract of this program.
    pub fn of_this_program() -> Contract {
        Contract {
            epoch: abi::EPOCH,
            pdk: abi::VERSION.to_owned(),
            layout: layout(abi::LAYOUT),
            target: env!("TEMBLOR_TARGET").to_owned(),
        }
    }
}

/// Writes a fingerprint as records do.
pub(crate) fn layout(fingerprint: u64) -> String {
    format!("{fingerprint:016x}")
}
