//! What names mean in one body: a script, a query, the body of a pipeline or flow, a module.
//!
//! A scope is always fresh: nothing of the outside can be seen in it. It is filled in the order of the text and then
//! shared; modules that it uses are scopes of their own.

mod define;
mod import;
mod loader;
mod module;
mod resolve;
mod table;

use std::sync::Arc;

use temblor_pdk::value::OwnedValue;
use temblor_pdk::{DynFunctions, Function};

pub(crate) use loader::Loader;
pub(crate) use resolve::{FoundFunction, Lookup};

use crate::ast::{
    self, ConnectorDefinition, FlowDefinition, OperatorDefinition, PipelineDefinition,
    ScriptDefinition, WindowDefinition,
};
use crate::catalogue::Catalogue;
use table::Table;

/// Stands for the end of a scope where a position in it is asked for: everything is defined before it.
pub(crate) const END: usize = usize::MAX;

/// The names of one body.
#[derive(Debug, Default)]
pub(crate) struct Scope {
    /// None if it has an error.
    constants: Table<Option<Arc<OwnedValue>>>,
    functions: Table<FunctionItem>,
    /// In the order of the text; of two with one name the later one counts.
    modules: Vec<Alias>,
    windows: Table<Arc<WindowDefinition>>,
    operators: Table<Arc<OperatorDefinition>>,
    scripts: Table<Arc<ScriptDefinition>>,
    pipelines: Table<Arc<PipelineDefinition>>,
    connectors: Table<Arc<ConnectorDefinition>>,
    flows: Table<Arc<FlowDefinition>>,
    /// The functions that are written in the language, in the order of the text, each with its position.
    written: Vec<(Arc<ast::Function>, usize)>,
    /// The number of definitions so far.
    count: usize,
    /// Whether this is a module that comes along: those are tested and not checked again whenever they are used.
    is_library: bool,
    /// Where registered modules of functions come from.
    catalogue: Option<Arc<dyn Catalogue>>,
}

/// A module under the name that it has in a scope.
#[derive(Debug)]
struct Alias {
    name: Box<str>,
    /// How many definitions stand before it.
    at: usize,
    /// None if it has errors, or is not there.
    module: Option<Arc<Scope>>,
}

/// What the name of a function stands for.
#[derive(Debug)]
pub(crate) enum FunctionItem {
    /// A function that is written in the language.
    Written(Arc<ast::Function>),
    /// An `intrinsic fn`.
    Native {
        module: Box<str>,
        function: &'static Function,
    },
    /// It has an error, which is reported already.
    Broken,
}

impl Scope {
    /// A scope without names of its own.
    pub(crate) fn new(loader: &Loader) -> Self {
        Scope {
            catalogue: Some(Arc::clone(loader.catalogue())),
            ..Scope::default()
        }
    }

    /// The functions of a module that was registered, possibly by a plugin.
    pub(crate) fn registered(&self, module: &str) -> Option<Arc<dyn DynFunctions>> {
        self.catalogue.as_ref()?.functions(module)
    }

    /// Counts a definition and returns its number.
    fn next(&mut self) -> usize {
        self.count += 1;
        self.count - 1
    }

    /// The functions that are written in the language, in the order of the text, each with its position.
    pub(crate) fn written(&self) -> &[(Arc<ast::Function>, usize)] {
        &self.written
    }

    /// Whether this is a module that comes along.
    pub(crate) fn is_library(&self) -> bool {
        self.is_library
    }
}
