//! `use`: taking modules into a scope.

use super::{Alias, Loader, Scope};
use crate::ast::Use;
use crate::finding::Finding;

impl Scope {
    /// Takes in the modules that a `use` names. Those that have errors keep their name, so that what refers to them
    /// is not reported too.
    pub(crate) fn import(&mut self, using: &Use, loader: &mut Loader, findings: &mut Vec<Finding>) {
        // The language goes through braces from the last module to the first.
        for import in using.imports.iter().rev() {
            let Some(name) = import.alias.as_ref().or(import.path.last()) else {
                continue;
            };
            let module = loader.load(import, using.span, findings);
            let at = self.next();
            self.modules.push(Alias {
                name: name.name.clone(),
                at,
                module: module.ok(),
            });
        }
    }
}
