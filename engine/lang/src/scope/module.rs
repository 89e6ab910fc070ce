//! Modules: files of definitions.

use temblor_pdk::value::Arena;

use super::{Loader, Scope};
use crate::ast::{Item, Module};
use crate::compile::PoolBuilder;
use crate::finding::Finding;

/// Makes the scope of a module of its definitions, in the order of the text.
pub(super) fn build(
    module: &Module,
    is_library: bool,
    loader: &mut Loader,
    findings: &mut Vec<Finding>,
) -> Scope {
    let mut scope = Scope {
        is_library,
        ..Scope::new(loader)
    };
    // Here functions are compiled to see what is wrong with them, and to compute constants.
    let arena = Arena::new();
    let mut pool = PoolBuilder::new(&arena);
    for item in &module.items {
        match item {
            Item::Use(using) => scope.import(using, loader, findings),
            Item::Const(constant) => scope.define_constant(constant, &mut pool, findings),
            Item::Function(function) => scope.define_function(function, &mut pool, findings),
            Item::Intrinsic(intrinsic) => scope.define_intrinsic(intrinsic, findings),
            Item::Define(definition) => scope.define(definition, loader, findings),
            // The parser lets statements into scripts only.
            Item::Statement(_) => {}
        }
    }
    scope
}
