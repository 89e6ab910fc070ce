//! Loads checked bytes as a shared library, for good.
//!
//! This is the only part of the crate with `unsafe` code. A library is never unloaded: its
//! thread-local destructors and its statics may be in use until the process ends.

#![allow(unsafe_code, reason = "the system's loader is a C interface")]

mod root;
#[cfg(test)]
mod tests;

use std::ffi::{CStr, CString, OsStr, c_int, c_uint, c_void};
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsRawFd, FromRawFd, IntoRawFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::ptr::NonNull;

use crate::config::MapMode;
use crate::refusal::Refusal;

/// The kernel takes names of memory files up to this length.
const NAME_LIMIT: usize = 249;

/// A library that is loaded until the process ends.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Library {
    handle: NonNull<c_void>,
}

impl Library {
    /// Loads `bytes`, which were read from `path`.
    ///
    /// In mode `path` the file is mapped again, and whoever could replace it decides what runs.
    pub(crate) fn load(bytes: &[u8], path: &Path, mode: MapMode) -> Result<Library, Refusal> {
        match mode {
            MapMode::Memfd => {
                let file = sealed(bytes, path).map_err(Refusal::NotMapped)?;
                let name = descriptor_path(file.as_raw_fd());
                let library = open(&name, path)?;
                // The descriptor stays open. Backtraces read the symbols through it, and a second
                // library under the same number would be taken for this one by the loader.
                let _: RawFd = file.into_raw_fd();
                Ok(library)
            }
            MapMode::Path => {
                // A name without a slash would be searched for.
                let absolute = std::path::absolute(path).map_err(Refusal::Unreadable)?;
                open(&absolute, path)
            }
        }
    }

    /// Finds an exported symbol.
    pub(crate) fn symbol(&self, name: &CStr) -> Option<NonNull<c_void>> {
        // SAFETY: the handle is that of a library that is never closed, the name ends in zero.
        NonNull::new(unsafe { libc::dlsym(self.handle.as_ptr(), name.as_ptr()) })
    }
}

/// Makes a memory file with this content that nobody can change any more.
fn sealed(bytes: &[u8], path: &Path) -> io::Result<File> {
    let mut file = memory_file(&memory_name(path))?;
    file.write_all(bytes)?;
    let seals = libc::F_SEAL_WRITE | libc::F_SEAL_SHRINK | libc::F_SEAL_GROW | libc::F_SEAL_SEAL;
    // SAFETY: the descriptor is open, and the command takes an integer.
    match unsafe { libc::fcntl(file.as_raw_fd(), libc::F_ADD_SEALS, seals) } {
        0 => Ok(file),
        _ => Err(io::Error::last_os_error()),
    }
}

fn memory_file(name: &CStr) -> io::Result<File> {
    let flags = libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING;
    let file = create_memory_file(name, flags | libc::MFD_EXEC);
    match file {
        // Linux before 6.3 does not know the flag, and makes the file executable without it.
        Err(error) if error.raw_os_error() == Some(libc::EINVAL) => create_memory_file(name, flags),
        file => file,
    }
}

fn create_memory_file(name: &CStr, flags: c_uint) -> io::Result<File> {
    // SAFETY: the name ends in zero and is only read during the call.
    let descriptor: c_int = unsafe { libc::memfd_create(name.as_ptr(), flags) };
    if descriptor < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor was just made, and nobody else owns it.
    Ok(unsafe { File::from_raw_fd(descriptor) })
}

/// Names the memory file after the plugin; profilers and `/proc/PID/maps` show it.
fn memory_name(path: &Path) -> CString {
    let bytes = path.as_os_str().as_bytes();
    let tail = &bytes[bytes.len().saturating_sub(NAME_LIMIT)..];
    // A path that was opened holds no zero byte.
    CString::new(tail).unwrap_or_default()
}

/// The path by which this process, and a debugger outside of it, reach a descriptor.
fn descriptor_path(descriptor: RawFd) -> PathBuf {
    PathBuf::from(format!("/proc/{}/fd/{descriptor}", std::process::id()))
}

/// Loads the library called `name`; `path` is what messages call it.
fn open(name: &Path, path: &Path) -> Result<Library, Refusal> {
    let not_loaded = |reason| Refusal::NotLoaded { reason };
    let c_name = CString::new(name.as_os_str().as_bytes())
        .map_err(|_| not_loaded("its path holds a zero byte".to_owned()))?;
    // NOW: a missing symbol is an error here and not a crash later. LOCAL: plugins do not see
    // each other's symbols. NODELETE: it stays, whatever a library inside it closes.
    let flags = libc::RTLD_NOW | libc::RTLD_LOCAL | libc::RTLD_NODELETE;
    // SAFETY: the name ends in zero. Loading runs the initialisers of the library, which is the
    // trust that the configuration puts in it; its headers were checked before.
    let handle = unsafe { libc::dlopen(c_name.as_ptr(), flags) };
    match NonNull::new(handle) {
        Some(handle) => Ok(Library { handle }),
        None => Err(not_loaded(last_error(name, path))),
    }
}

/// Returns what the loader said last on this thread.
fn last_error(name: &Path, path: &Path) -> String {
    // SAFETY: the call has no condition; it returns null or a text that ends in zero.
    let message = unsafe { libc::dlerror() };
    if message.is_null() {
        return "no reason given".to_owned();
    }
    // SAFETY: it is not null, and valid until the next call of the loader on this thread.
    let message = unsafe { CStr::from_ptr(message) };
    let message = OsStr::from_bytes(message.to_bytes()).to_string_lossy();
    // Users know the plugin by its own path.
    message.replace(&*name.to_string_lossy(), &path.to_string_lossy())
}
