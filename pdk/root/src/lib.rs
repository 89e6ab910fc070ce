//! The root module of a plugin, the only type that `abi_stable` checks.
//!
//! It lies in a crate of its own because of that check: it compares the version of the crate in which a type lies, so
//! within `temblor-pdk` it would refuse every plugin that was built with another version of it. The version of this
//! crate is that of the contract, 1.0.0 for epoch 1, and it does not change while the epoch lasts.
//!
//! The root never gains a field: abi_stable lets an old host read a longer prefix, but makes a new host refuse a shorter
//! one, and what is wanted is the opposite. What comes later is found through `get_extension`.

use abi_stable::StableAbi;
use abi_stable::library::RootModule;
use abi_stable::package_version_strings;
use abi_stable::sabi_types::VersionStrings;
use abi_stable::std_types::RStr;

/// What a plugin exports.
#[repr(C)]
#[derive(StableAbi)]
#[sabi(kind(Prefix(prefix_ref = RootRef)))]
pub struct Root {
    /// The epoch of the ABI.
    pub epoch: u32,
    /// The fingerprint of the layouts.
    pub layout: u64,
    /// The version of `temblor-pdk`, for information.
    pub version: RStr<'static>,
    /// Gives the plugin a host for its own log records and panic messages; the argument is a `*const Host`, owned.
    pub initialise: extern "C" fn(*const u8),
    /// The number of entries.
    pub entry_count: extern "C" fn() -> usize,
    /// A description by number, as a `*const Descriptor` that lives for ever; null past the end.
    pub entry: extern "C" fn(usize) -> *const u8,
    /// A later extension by id and version; null if the plugin does not have it.
    #[sabi(last_prefix_field)]
    pub get_extension: extern "C" fn(RStr<'_>, u32) -> *const u8,
}

impl RootModule for RootRef {
    abi_stable::declare_root_module_statics! {RootRef}

    const BASE_NAME: &'static str = "temblor_plugin";
    const NAME: &'static str = "temblor_plugin";
    const VERSION_STRINGS: VersionStrings = package_version_strings!();
}
