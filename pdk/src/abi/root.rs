//! The root module of a plugin: what `abi_stable` finds and checks, filled in.

use std::mem::offset_of;
use std::sync::OnceLock;

use abi_stable::export_root_module;
use abi_stable::prefix_type::PrefixTypeTrait;
use abi_stable::std_types::RStr;
pub use temblor_root::{Root, RootRef};

use super::entry::{Descriptor, describe};
use super::{EPOCH, Host, LAYOUT, Place, VERSION, fence};
use crate::register::entries;

/// Makes the root module.
#[allow(unreachable_pub, reason = "the macro exports it")]
#[export_root_module]
pub fn root() -> RootRef {
    Root {
        epoch: EPOCH,
        layout: LAYOUT,
        version: RStr::from_str(VERSION),
        initialise: initialise_plugin,
        entry_count,
        entry,
        get_extension,
    }
    .leak_into_prefix()
}

fn all() -> &'static [Descriptor] {
    static ALL: OnceLock<Vec<Descriptor>> = OnceLock::new();
    ALL.get_or_init(|| entries().map(describe).collect())
}

extern "C" fn entry_count() -> usize {
    fence::catch(|| all().len()).unwrap_or_default()
}

extern "C" fn entry(index: usize) -> *const u8 {
    let entry = fence::catch(|| all().get(index));
    match entry {
        Ok(Some(descriptor)) => std::ptr::from_ref(descriptor).cast(),
        _ => std::ptr::null(),
    }
}

extern "C" fn get_extension(id: RStr<'_>, version: u32) -> *const u8 {
    match (id.as_str(), version) {
        (PINNED_BYTES, 1) => pinned_bytes as PinnedBytes as *const u8,
        _ => std::ptr::null(),
    }
}

/// The extension that tells how much memory of this copy's arenas and buffers is in use.
const PINNED_BYTES: &str = "temblor.pinned_bytes";

/// Returns the bytes of a library's arenas and buffers that are in use.
pub type PinnedBytes = extern "C" fn() -> usize;

extern "C" fn pinned_bytes() -> usize {
    crate::value::pinned_bytes()
}

/// What tells how much memory of a plugin's arenas and buffers is in use, if the plugin can tell.
#[must_use]
pub fn pinned_bytes_of(root: RootRef) -> Option<PinnedBytes> {
    let found = root.get_extension()(RStr::from_str(PINNED_BYTES), 1);
    // SAFETY: null, or a function of this type: that is what the extension of this id and version is.
    unsafe { std::mem::transmute::<*const u8, Option<PinnedBytes>>(found) }
}

/// The host of this copy of the crate, once it is a plugin.
static HOST: OnceLock<Host> = OnceLock::new();

struct HostLog;

impl log::Log for HostLog {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        HOST.get()
            .is_some_and(|host| host.is_logged(metadata.level()))
    }

    fn log(&self, record: &log::Record<'_>) {
        if let Some(host) = HOST.get().filter(|h| h.is_logged(record.level())) {
            let message = record.args().to_string();
            let place = Place {
                file: record.file().unwrap_or_default(),
                line: record.line().unwrap_or_default(),
            };
            host.log_from(record.level(), record.target(), place, &message);
        }
    }

    fn flush(&self) {}
}

/// Sends this copy's log records (and, through the `log` feature of `tracing`, its trace events) and panic messages
/// to the host. Called once a plugin; later calls change nothing.
extern "C" fn initialise_plugin(host: *const u8) {
    fence::silence(|| {
        // SAFETY: the caller gives a host away (see `Root::initialise`).
        let host = unsafe { host.cast::<Host>().read() };
        if HOST.set(host).is_err() {
            return;
        }
        if log::set_logger(&HostLog).is_ok() {
            log::set_max_level(log::LevelFilter::Trace);
        }
        std::panic::set_hook(Box::new(|panic| {
            if let Some(host) = HOST.get() {
                let place = panic.location().map(|at| Place {
                    file: at.file(),
                    line: at.line(),
                });
                let message = panic.to_string();
                host.log_from(log::Level::Error, "", place.unwrap_or_default(), &message);
            }
        }));
    });
}

/// Gives a plugin the host for its own records; see [`Root::initialise`].
pub fn initialise(root: RootRef, host: Host) {
    let host = std::mem::ManuallyDrop::new(host);
    root.initialise()((&raw const host).cast());
}

/// The descriptions of a plugin's entries.
#[must_use]
pub fn descriptors(root: RootRef) -> Vec<&'static Descriptor> {
    let count = root.entry_count()();
    let all = (0..count).filter_map(|index| {
        let descriptor = root.entry()(index).cast::<Descriptor>();
        // SAFETY: null, or a description that lives for ever (see `Root::entry`); the fingerprint of the layouts was
        // compared before the root was made.
        unsafe { descriptor.as_ref() }
    });
    all.collect()
}

/// Sizes, alignments and offsets of what crosses; see `layout`.
pub(super) const FIELDS: &[usize] = &[
    size_of::<Root>(),
    align_of::<Root>(),
    offset_of!(Root, epoch),
    offset_of!(Root, layout),
    offset_of!(Root, version),
    offset_of!(Root, initialise),
    offset_of!(Root, entry_count),
    offset_of!(Root, entry),
    offset_of!(Root, get_extension),
];
