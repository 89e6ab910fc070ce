//! Looking names up.

use std::sync::Arc;

use temblor_pdk::value::OwnedValue;

use super::table::Table;
use super::{END, FunctionItem, Scope};
use crate::ast::{
    ConnectorDefinition, FlowDefinition, Ident, Modular, NodeKind, OperatorDefinition,
    PipelineDefinition, ScriptDefinition, WindowDefinition,
};

/// What a name leads to.
pub(crate) enum Lookup<T> {
    Found(T),
    /// Something that was reported and cannot be used.
    Broken,
    Missing,
}

impl<T> Lookup<T> {
    /// Changes what was found.
    pub(crate) fn map<U>(self, change: impl FnOnce(T) -> U) -> Lookup<U> {
        match self {
            Lookup::Found(found) => Lookup::Found(change(found)),
            Lookup::Broken => Lookup::Broken,
            Lookup::Missing => Lookup::Missing,
        }
    }
}

/// A function, and where it is defined.
#[derive(Clone, Copy)]
pub(crate) struct FoundFunction<'s> {
    pub(crate) item: &'s FunctionItem,
    pub(crate) scope: &'s Scope,
    /// Its position in that scope: its body sees what stands before.
    pub(crate) at: usize,
}

impl Scope {
    /// Finds the constant that an expression at the position `before` means.
    pub(crate) fn constant(
        &self,
        modules: &[Ident],
        name: &str,
        before: usize,
    ) -> Lookup<&Arc<OwnedValue>> {
        let (scope, before) = match self.walk(modules, before) {
            Lookup::Found(found) => found,
            Lookup::Broken => return Lookup::Broken,
            Lookup::Missing => return Lookup::Missing,
        };
        match scope.constants.get(name, before) {
            Some((Some(value), _)) => Lookup::Found(value),
            Some((None, _)) => Lookup::Broken,
            None => Lookup::Missing,
        }
    }

    /// Finds the function that a call at the position `before` means.
    pub(crate) fn function(
        &self,
        modules: &[Ident],
        name: &str,
        before: usize,
    ) -> Lookup<FoundFunction<'_>> {
        let (scope, before) = match self.walk(modules, before) {
            Lookup::Found(found) => found,
            Lookup::Broken => return Lookup::Broken,
            Lookup::Missing => return Lookup::Missing,
        };
        match scope.functions.get(name, before) {
            Some((FunctionItem::Broken, _)) => Lookup::Broken,
            Some((item, at)) => Lookup::Found(FoundFunction { item, scope, at }),
            None => Lookup::Missing,
        }
    }

    /// Goes through modules to the scope that holds a name, and the position up to which it counts.
    fn walk(&self, modules: &[Ident], before: usize) -> Lookup<(&Scope, usize)> {
        let mut found = (self, before);
        for module in modules {
            let (scope, before) = found;
            match scope.alias(&module.name, before) {
                Lookup::Found(module) => found = (module, END),
                Lookup::Broken => return Lookup::Broken,
                Lookup::Missing => return Lookup::Missing,
            }
        }
        Lookup::Found(found)
    }

    fn alias(&self, name: &str, before: usize) -> Lookup<&Arc<Scope>> {
        let mut aliases = self.modules.iter().rev();
        match aliases.find(|alias| *alias.name == *name && alias.at < before) {
            Some(alias) => match &alias.module {
                Some(module) => Lookup::Found(module),
                None => Lookup::Broken,
            },
            None => Lookup::Missing,
        }
    }

    /// Whether the name goes through a module that was reported and cannot be used.
    pub(crate) fn is_broken(&self, modules: &[Ident]) -> bool {
        matches!(self.walk(modules, END), Lookup::Broken)
    }

    // --- definitions, each with the scope that it stands in ---

    /// Finds the window of that name.
    pub(crate) fn window(
        self: &Arc<Self>,
        path: &Modular,
    ) -> Option<(Arc<WindowDefinition>, Arc<Scope>)> {
        self.definition(path, |scope| &scope.windows)
    }

    /// Finds the operator of that name.
    pub(crate) fn operator(
        self: &Arc<Self>,
        path: &Modular,
    ) -> Option<(Arc<OperatorDefinition>, Arc<Scope>)> {
        self.definition(path, |scope| &scope.operators)
    }

    /// Finds the script of that name.
    pub(crate) fn script(
        self: &Arc<Self>,
        path: &Modular,
    ) -> Option<(Arc<ScriptDefinition>, Arc<Scope>)> {
        self.definition(path, |scope| &scope.scripts)
    }

    /// Finds the pipeline of that name.
    pub(crate) fn pipeline(
        self: &Arc<Self>,
        path: &Modular,
    ) -> Option<(Arc<PipelineDefinition>, Arc<Scope>)> {
        self.definition(path, |scope| &scope.pipelines)
    }

    /// Finds the connector of that name.
    pub(crate) fn connector(
        self: &Arc<Self>,
        path: &Modular,
    ) -> Option<(Arc<ConnectorDefinition>, Arc<Scope>)> {
        self.definition(path, |scope| &scope.connectors)
    }

    /// Finds the flow of that name.
    pub(crate) fn flow(
        self: &Arc<Self>,
        path: &Modular,
    ) -> Option<(Arc<FlowDefinition>, Arc<Scope>)> {
        self.definition(path, |scope| &scope.flows)
    }

    /// Whether a script, an operator or a pipeline of that name is defined by now.
    pub(crate) fn has_template(&self, kind: NodeKind, path: &Modular) -> bool {
        let Lookup::Found((scope, _)) = self.walk(&path.modules, END) else {
            return false;
        };
        let name = &path.name.name;
        match kind {
            NodeKind::Operator => scope.operators.get(name, END).is_some(),
            NodeKind::Script => scope.scripts.get(name, END).is_some(),
            NodeKind::Pipeline => scope.pipelines.get(name, END).is_some(),
        }
    }

    /// The names of the scripts, operators or pipelines of a module, or of this scope.
    pub(crate) fn template_names(&self, kind: NodeKind, modules: &[Ident]) -> Vec<&str> {
        match kind {
            NodeKind::Operator => self.names(modules, |scope| &scope.operators),
            NodeKind::Script => self.names(modules, |scope| &scope.scripts),
            NodeKind::Pipeline => self.pipeline_names(modules),
        }
    }

    /// The names of the windows of a module, or of this scope.
    pub(crate) fn window_names(&self, modules: &[Ident]) -> Vec<&str> {
        self.names(modules, |scope| &scope.windows)
    }

    fn definition<T>(
        self: &Arc<Self>,
        path: &Modular,
        table: fn(&Scope) -> &Table<Arc<T>>,
    ) -> Option<(Arc<T>, Arc<Scope>)> {
        let mut scope = self;
        for module in &path.modules {
            let Lookup::Found(module) = scope.alias(&module.name, END) else {
                return None;
            };
            scope = module;
        }
        let (item, _) = table(scope).get(&path.name.name, END)?;
        Some((Arc::clone(item), Arc::clone(scope)))
    }

    // --- names, for suggestions ---

    /// The names of the functions that can be called under these modules.
    pub(crate) fn function_names(&self, modules: &[Ident]) -> Vec<&str> {
        match self.walk(modules, END) {
            Lookup::Found((scope, _)) => scope.functions.names().collect(),
            _ => Vec::new(),
        }
    }

    /// The names of the constants of a module.
    pub(crate) fn constant_names(&self, modules: &[Ident]) -> Vec<&str> {
        match self.walk(modules, END) {
            Lookup::Found((scope, _)) => scope.constants.names().collect(),
            _ => Vec::new(),
        }
    }

    /// Of the modules that a name goes through, the first that is not known, and the names that it could have.
    pub(crate) fn unknown_module<'i>(
        &self,
        modules: &'i [Ident],
    ) -> Option<(&'i Ident, Vec<&str>)> {
        let mut scope = self;
        for module in modules {
            match scope.alias(&module.name, END) {
                Lookup::Found(found) => scope = found,
                Lookup::Broken => return None,
                Lookup::Missing => {
                    let names = scope.modules.iter().map(|alias| &*alias.name);
                    return Some((module, names.collect()));
                }
            }
        }
        None
    }

    /// The names of the flows of a module, or of this scope.
    pub(crate) fn flow_names(&self, modules: &[Ident]) -> Vec<&str> {
        self.names(modules, |scope| &scope.flows)
    }

    /// The names of the connectors of a module, or of this scope.
    pub(crate) fn connector_names(&self, modules: &[Ident]) -> Vec<&str> {
        self.names(modules, |scope| &scope.connectors)
    }

    /// The names of the pipelines of a module, or of this scope.
    pub(crate) fn pipeline_names(&self, modules: &[Ident]) -> Vec<&str> {
        self.names(modules, |scope| &scope.pipelines)
    }

    fn names<T: 'static>(&self, modules: &[Ident], table: fn(&Scope) -> &Table<T>) -> Vec<&str> {
        match self.walk(modules, END) {
            Lookup::Found((scope, _)) => table(scope).names().collect(),
            _ => Vec::new(),
        }
    }

    // --- definitions, in a scope that is not complete yet ---

    /// Finds the flow of that name among what is defined by now.
    pub(crate) fn flow_here(&self, path: &Modular) -> Lookup<&FlowDefinition> {
        self.here(path, |scope| &scope.flows)
    }

    /// Finds the connector of that name among what is defined by now.
    pub(crate) fn connector_here(&self, path: &Modular) -> Lookup<&ConnectorDefinition> {
        self.here(path, |scope| &scope.connectors)
    }

    /// Finds the pipeline of that name among what is defined by now.
    pub(crate) fn pipeline_here(&self, path: &Modular) -> Lookup<&PipelineDefinition> {
        self.here(path, |scope| &scope.pipelines)
    }

    fn here<T>(&self, path: &Modular, table: fn(&Scope) -> &Table<Arc<T>>) -> Lookup<&T> {
        let (scope, before) = match self.walk(&path.modules, END) {
            Lookup::Found(found) => found,
            Lookup::Broken => return Lookup::Broken,
            Lookup::Missing => return Lookup::Missing,
        };
        match table(scope).get(&path.name.name, before) {
            Some((item, _)) => Lookup::Found(item),
            None => Lookup::Missing,
        }
    }
}
