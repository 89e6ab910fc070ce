//! What programs find in a registry: operators and modules of functions, built in or of plugins.

use std::fmt;
use std::sync::Arc;

use temblor_lang::Catalogue;
use temblor_pdk::{DynFunctions, DynOperator, Error, Kind, Result};
use temblor_registry::{Registered, Registry, RegistryError};

/// Gives programs the operators and functions of a registry, as `catalogue` of [`temblor_lang::Options`].
#[must_use]
pub fn catalogue(registry: impl Into<Arc<Registry>>) -> Arc<dyn Catalogue> {
    Arc::new(OfRegistry(registry.into()))
}

struct OfRegistry(Arc<Registry>);

impl OfRegistry {
    /// What is registered by that name; nothing if nobody knows it.
    fn find(&self, kind: Kind, name: &str) -> Option<Result<Registered>> {
        match self.0.find(kind, name) {
            Ok(entry) => Some(Ok(entry)),
            Err(RegistryError::Unknown { refused, .. }) if refused.is_empty() => None,
            Err(error) => {
                let help = error.help();
                Some(Err(Error::config(format!("{error}; {help}"))))
            }
        }
    }
}

impl Catalogue for OfRegistry {
    fn operator(&self, name: &str, config: &str) -> Option<Result<Box<dyn DynOperator>>> {
        let found = self.find(Kind::Operator, name)?;
        Some(found.and_then(|entry| entry.make_operator(config)))
    }

    fn functions(&self, module: &str) -> Option<Arc<dyn DynFunctions>> {
        let found = self.find(Kind::FunctionModule, module)?;
        found.and_then(|entry| entry.make_functions()).ok()
    }
}

impl fmt::Debug for OfRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the operators and functions of a registry")
    }
}
