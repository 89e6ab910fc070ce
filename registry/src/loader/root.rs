//! From a loaded library to the root module of the pdk in it.

use std::ffi::{CStr, c_void};
use std::ptr::NonNull;

use abi_stable::library::{AbiHeaderRef, LibraryError, ROOT_MODULE_LOADER_NAME_WITH_NUL};
use temblor_pdk::abi::{EPOCH, LAYOUT, RootRef};

use super::Library;
use crate::contract::layout;
use crate::refusal::Refusal;

impl Library {
    /// Makes the root module, after comparing everything that it depends on.
    ///
    /// `RootModule::load_from_file` is not used: it returns the first module of a type for every
    /// library after it.
    pub(crate) fn root(&self) -> Result<RootRef, Refusal> {
        let header = self.header()?.upgrade().map_err(|error| no_root(&error))?;
        let root: RootRef = header.init_root_module().map_err(|error| no_root(&error))?;
        check(root)?;
        Ok(root)
    }

    fn header(&self) -> Result<AbiHeaderRef, Refusal> {
        let name = CStr::from_bytes_with_nul(ROOT_MODULE_LOADER_NAME_WITH_NUL.as_bytes());
        let symbol = name
            .ok()
            .and_then(|name| self.symbol(name))
            .ok_or(Refusal::NoRoot {
                reason: "it exports no root module".to_owned(),
            })?;
        // SAFETY: a symbol of this name is made by abi_stable only: a static that starts with an
        // `AbiHeader`, whose magic text `upgrade` compares before it reads on. `AbiHeaderRef` is a
        // transparent reference to it, and the library is never unloaded.
        Ok(unsafe { std::mem::transmute::<NonNull<c_void>, AbiHeaderRef>(symbol) })
    }
}

/// Compares what the code says, since the record is only a text in the same file.
fn check(root: RootRef) -> Result<(), Refusal> {
    if root.epoch() != EPOCH {
        return Err(Refusal::OtherEpoch {
            plugin: root.epoch(),
            host: EPOCH,
            pdk: root.version().to_string(),
        });
    }
    if root.layout() != LAYOUT {
        return Err(Refusal::OtherLayout {
            epoch: EPOCH,
            pdk: root.version().to_string(),
            plugin: layout(root.layout()),
            host: layout(LAYOUT),
        });
    }
    Ok(())
}

/// Says in one line what abi_stable says with a whole tree of types.
fn no_root(error: &LibraryError) -> Refusal {
    let reason = match error {
        LibraryError::AbiInstability(_) => "its root module has another layout",
        LibraryError::RootModule { .. } => "its root module failed or panicked",
        LibraryError::InvalidAbiHeader(_) => "it was built with another abi_stable",
        LibraryError::IncompatibleVersionNumber { .. } => "its root module is of another epoch",
        LibraryError::InvalidCAbi { .. } => "it passes arguments in another way",
        _ => "its root module cannot be read",
    };
    Refusal::NoRoot {
        reason: reason.to_owned(),
    }
}
