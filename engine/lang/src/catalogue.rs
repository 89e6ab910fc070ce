//! Where operators come from.

use std::fmt;
use std::sync::Arc;

use temblor_pdk::{DynFunctions, DynOperator, Error, Result};

use crate::operators::{OPERATORS, builtin_operator};
use crate::suggest::did_you_mean;

/// Makes operators by their names, those that come along and those of plugins.
pub trait Catalogue: fmt::Debug + Send + Sync {
    /// Makes the operator of that name, such as `generic::batch`; none if there is none. The configuration is a JSON
    /// object, or `null` where a user wrote nothing.
    fn operator(&self, name: &str, config: &str) -> Option<Result<Box<dyn DynOperator>>>;

    /// The functions of a module that was registered; none if there is no such module.
    fn functions(&self, module: &str) -> Option<Arc<dyn DynFunctions>> {
        let _ = module;
        None
    }
}

/// The operators that come along, for programs without a registry.
#[derive(Clone, Copy, Debug, Default)]
pub struct Builtin;

impl Catalogue for Builtin {
    fn operator(&self, name: &str, config: &str) -> Option<Result<Box<dyn DynOperator>>> {
        let entry = builtin_operator(name)?;
        Some(entry.make_operator(config))
    }
}

/// Makes an operator.
///
/// # Errors
/// Fails if there is none of that name, or the configuration is wrong.
pub(crate) fn make(
    catalogue: &dyn Catalogue,
    name: &str,
    config: &str,
) -> Result<Box<dyn DynOperator>> {
    let made = catalogue.operator(name, config);
    made.unwrap_or_else(|| {
        let help = did_you_mean(name, OPERATORS).map(|help| format!("; {help}"));
        let help = help.unwrap_or_default();
        Err(Error::config(format!("unknown operator: {name}{help}")))
    })
}
