//! Definitions: putting constants, functions and templates into a scope.

use std::sync::Arc;

use super::{FunctionItem, Loader, Scope, Table};
use crate::ast::{self, Const, Definition, Ident, Intrinsic};
use crate::code::Code;
use crate::compile::{Compiler, Context, PoolBuilder, check_definition, compile_function};
use crate::finding::Finding;
use crate::library;
use crate::span::Span;
use crate::suggest::did_you_mean;

impl Scope {
    /// Computes a constant and takes it in.
    pub(crate) fn define_constant(
        &mut self,
        constant: &Const,
        pool: &mut PoolBuilder<'_>,
        findings: &mut Vec<Finding>,
    ) {
        let Const { name, value, span } = constant;
        let mut compiler = Compiler::new(Context::Constant, None, self, pool, findings);
        let value = compiler.constant_now(value).ok();
        let value = value.map(|value| Arc::new(value.to_owned_value()));
        if name.name.to_uppercase() != *name.name {
            let message = format!("the constant `{}` is not in upper case", name.name);
            let finding = Finding::warning(Code::Naming, *span, message);
            findings.push(finding.help(format!("call it `{}`", name.name.to_uppercase())));
        }
        let at = self.next();
        let is_new = self.constants.add(&name.name, at, value);
        check_new(is_new, "constant", name, *span, findings);
    }

    /// Checks a function and takes it in.
    pub(crate) fn define_function(
        &mut self,
        function: &Arc<ast::Function>,
        pool: &mut PoolBuilder<'_>,
        findings: &mut Vec<Finding>,
    ) {
        let at = self.next();
        let is_right =
            self.is_library || compile_function(function, self, at, pool, findings).is_ok();
        let item = if is_right {
            self.written.push((Arc::clone(function), at));
            FunctionItem::Written(Arc::clone(function))
        } else {
            FunctionItem::Broken
        };
        let is_new = self.functions.add(&function.name.name, at, item);
        check_new(is_new, "function", &function.name, function.span, findings);
    }

    /// Takes in the name of a native function.
    pub(crate) fn define_intrinsic(&mut self, intrinsic: &Intrinsic, findings: &mut Vec<Finding>) {
        let Intrinsic { name, target, span } = intrinsic;
        let item = match native(target) {
            Ok(item) => item,
            Err(finding) => {
                findings.push(finding(*span));
                FunctionItem::Broken
            }
        };
        let at = self.next();
        let is_new = self.functions.add(&name.name, at, item);
        check_new(is_new, "function", name, *span, findings);
    }

    /// Checks the names in a definition and takes it in.
    pub(crate) fn define(
        &mut self,
        definition: &Definition,
        loader: &mut Loader,
        findings: &mut Vec<Finding>,
    ) {
        if !self.is_library {
            check_definition(definition, self, loader, findings);
        }
        let at = self.next();
        match definition {
            Definition::Window(d) => {
                add(
                    &mut self.windows,
                    at,
                    "window",
                    &d.name,
                    d,
                    d.span,
                    findings,
                );
            }
            Definition::Operator(d) => {
                add(
                    &mut self.operators,
                    at,
                    "operator",
                    &d.name,
                    d,
                    d.span,
                    findings,
                );
            }
            Definition::Script(d) => {
                add(
                    &mut self.scripts,
                    at,
                    "script",
                    &d.name,
                    d,
                    d.span,
                    findings,
                );
            }
            Definition::Pipeline(d) => {
                add(
                    &mut self.pipelines,
                    at,
                    "pipeline",
                    &d.name,
                    d,
                    d.span,
                    findings,
                );
            }
            Definition::Connector(d) => {
                add(
                    &mut self.connectors,
                    at,
                    "connector",
                    &d.name,
                    d,
                    d.span,
                    findings,
                );
            }
            Definition::Flow(d) => add(&mut self.flows, at, "flow", &d.name, d, d.span, findings),
        }
    }
}

/// Takes a definition into the table of its kind.
fn add<T>(
    table: &mut Table<Arc<T>>,
    at: usize,
    kind: &str,
    name: &Ident,
    definition: &Arc<T>,
    span: Span,
    findings: &mut Vec<Finding>,
) {
    let is_new = table.add(&name.name, at, Arc::clone(definition));
    check_new(is_new, kind, name, span, findings);
}

fn check_new(is_new: bool, kind: &str, name: &Ident, span: Span, findings: &mut Vec<Finding>) {
    if !is_new {
        let message = format!("cannot define the {kind} `{}` twice", name.name);
        findings.push(Finding::error(Code::DuplicateName, span, message));
    }
}

/// Finds the native function that an `intrinsic` names, or what to report where it stands.
fn native(target: &[Ident]) -> Result<FunctionItem, impl FnOnce(Span) -> Finding> {
    let names: Vec<&str> = target.iter().map(|ident| &*ident.name).collect();
    let (name, modules) = names.split_last().map_or(("", &[][..]), |(n, m)| (*n, m));
    let module = modules.join("::");
    if let Some(function) = library::native(&module, name) {
        let module = module.into();
        return Ok(FunctionItem::Native { module, function });
    }
    let all = library::native_modules();
    let (message, help) = match all.iter().find(|known| known.name == module) {
        Some(known) => (
            format!("undefined function `{module}::{name}`"),
            did_you_mean(name, known.functions.iter().map(|function| function.name)),
        ),
        None => (
            format!("undefined module `{module}`"),
            did_you_mean(&module, all.iter().map(|known| known.name)),
        ),
    };
    Err(move |span| {
        Finding::error(Code::UnknownName, span, message)
            .margin(3)
            .maybe_help(help)
    })
}
