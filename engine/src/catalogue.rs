//! What programs find in a registry: operators and modules of functions.

use std::sync::Arc;

use temblor_lang::Catalogue;
use temblor_pdk::{DynFunctions, DynOperator, Error, Kind, Result};
use temblor_registry::{Registry, RegistryError};

/// The operators and function modules of a registry, for [`temblor_lang::Options`].
#[derive(Clone)]
pub struct RegistryCatalogue(Arc<Registry>);

impl RegistryCatalogue {
    /// Makes the catalogue of what is in `registry`.
    #[must_use]
    pub fn new(registry: Arc<Registry>) -> Self {
        RegistryCatalogue(registry)
    }
}

impl std::fmt::Debug for RegistryCatalogue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RegistryCatalogue")
    }
}

impl Catalogue for RegistryCatalogue {
    fn operator(&self, name: &str, config: &str) -> Option<Result<Box<dyn DynOperator>>> {
        Some(match self.0.find(Kind::Operator, name) {
            Ok(entry) => entry.make_operator(config),
            Err(error) => Err(not_found(&error)),
        })
    }

    fn functions(&self, module: &str) -> Option<Arc<dyn DynFunctions>> {
        let entry = self.0.find(Kind::FunctionModule, module).ok()?;
        entry.make_functions().ok()
    }
}

/// Says why there is no such entry, and the way out, in one text.
fn not_found(error: &RegistryError) -> Error {
    Error::config(format!("{error}; {}", error.help()))
}
