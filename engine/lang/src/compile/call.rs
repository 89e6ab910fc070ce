//! Compiling calls and folding those of pure functions.

use std::sync::Arc;

use temblor_pdk::Function;

use super::{AggregateCall, Compiled, Compiler, Context, Folded, Reported};
use crate::aggregate;
use crate::ast::{self, Call, Expr, ExprKind, FunctionBody, Ident, Root, StatementKind};
use crate::code::Code as FindingCode;
use crate::eval::Code;
use crate::eval::code::{CallCode, Callee, ForeignCode, InvokeCode};
use crate::finding::Finding;
use crate::library;
use crate::scope::{FoundFunction, FunctionItem, Lookup};
use crate::span::Span;
use crate::suggest::did_you_mean;

/// Functions that are slow where there is a faster way, and that way.
const SLOW: [(&str, &str, &str); 5] = [
    ("array", "push", "`xs + [x]` does the same"),
    ("array", "concatenate", "`xs + ys` does the same"),
    ("record", "contains", "`present r[key]` does the same"),
    ("record", "combine", "`r + s` does the same"),
    (
        "system",
        "nanotime",
        "`system::ingest_ns()` costs nothing, if the time at which the event came in will do",
    ),
];

/// What a call leads to.
enum Target<'s> {
    Written(&'s Arc<ast::Function>, FoundFunction<'s>),
    Native(&'s str, &'static Function),
    Foreign(Arc<ForeignCode>, bool),
}

impl<'c> Compiler<'c, '_> {
    pub(super) fn call(&mut self, call: &Call, span: Span) -> Compiled<Folded<'c>> {
        if let Some(function) = self.aggregate(call) {
            return self.aggregate_call(function, call, span);
        }
        let scope = self.scope;
        let module = path(&call.modules);
        let target = if let Some(module) = module.strip_prefix("core::") {
            library::native(module, &call.name.name).map(|f| Target::Native(module, f))
        } else {
            match scope.function(&call.modules, &call.name.name, self.before) {
                Lookup::Found(found) => transparent(found, call.args.len()),
                Lookup::Broken => {
                    self.fold_all(&call.args)?;
                    return Err(Reported);
                }
                Lookup::Missing => self.foreign(call),
            }
        };
        let target = match target {
            Some(target) => Ok(target),
            None => self.unknown_function(call, span),
        };
        // Also of an aggregate that there is not, the arguments may refer to the events of a window.
        let in_aggregate = self.in_aggregate;
        self.in_aggregate |= target.is_err() && is_aggregate(&call.modules);
        let args = self.fold_all(&call.args);
        self.in_aggregate = in_aggregate;
        match target? {
            Target::Native(module, function) => {
                self.warn_of_slow(module, function.name, span);
                self.native_call(module, function, args?, span)
            }
            Target::Foreign(function, is_pure) => {
                let args = args?;
                let is_constant = is_pure && args.iter().all(|arg| arg.value().is_some());
                let call = CallCode {
                    callee: Callee::Foreign(function),
                    module: module.into(),
                    name: call.name.name.clone(),
                    args: args.into_iter().map(|arg| self.emit(arg)).collect(),
                    span,
                };
                self.folded_call(Code::Call(Box::new(call)), is_constant, span)
            }
            Target::Written(function, found) => {
                let place = self.function_place(function, found)?;
                self.invoke(place, args?, span)
            }
        }
    }

    /// A function of a module that was registered, possibly by a plugin.
    fn foreign<'s>(&self, call: &Call) -> Option<Target<'s>> {
        let [module] = call.modules.as_slice() else {
            return None;
        };
        let module = self.scope.registered(&module.name)?;
        let found = module.describe().iter().enumerate();
        let mut found = found.filter(|(_, function)| *function.name == *call.name.name);
        let (place, function) = found.next()?;
        let (min_args, max_args) = (function.min_args, function.max_args);
        let is_pure = function.is_pure;
        let code = ForeignCode {
            module,
            place,
            min_args,
            max_args,
        };
        Some(Target::Foreign(Arc::new(code), is_pure))
    }

    fn native_call(
        &mut self,
        module: &str,
        function: &'static Function,
        args: Vec<Folded<'c>>,
        span: Span,
    ) -> Compiled<Folded<'c>> {
        let is_constant = function.is_pure && args.iter().all(|arg| arg.value().is_some());
        let call = CallCode {
            callee: Callee::Native(function),
            module: module.into(),
            name: function.name.into(),
            args: args.into_iter().map(|arg| self.emit(arg)).collect(),
            span,
        };
        self.folded_call(Code::Call(Box::new(call)), is_constant, span)
    }

    fn invoke(
        &mut self,
        function: usize,
        args: Vec<Folded<'c>>,
        span: Span,
    ) -> Compiled<Folded<'c>> {
        let is_constant = args.iter().all(|arg| arg.value().is_some());
        let invoke = InvokeCode {
            function,
            args: args.into_iter().map(|arg| self.emit(arg)).collect(),
            span,
        };
        self.folded_call(Code::Invoke(Box::new(invoke)), is_constant, span)
    }

    /// Makes a call of constants now, unless that takes too long.
    fn folded_call(&mut self, code: Code, is_constant: bool, span: Span) -> Compiled<Folded<'c>> {
        if is_constant {
            self.evaluate(code, span)
        } else {
            Ok(Folded::Code(code))
        }
    }

    fn unknown_function<T>(&mut self, call: &Call, span: Span) -> Compiled<T> {
        let Call { modules, name, .. } = call;
        let path = path(modules);
        let message = format!("call to undefined function `{path}::{}`", name.name);
        let help = self.function_help(modules, &name.name, &path);
        let finding = Finding::error(FindingCode::UnknownName, span, message);
        self.report(finding.margin(3).maybe_help(help))
    }

    fn function_help(&self, modules: &[Ident], name: &str, path: &str) -> Option<String> {
        if let Some(module) = path.strip_prefix("core::") {
            let native = library::native_modules();
            return match native.iter().find(|known| known.name == module) {
                Some(known) => did_you_mean(name, known.functions.iter().map(|f| f.name)),
                None => did_you_mean(module, native.iter().map(|known| known.name)),
            };
        }
        if let [module] = modules
            && let Some(registered) = self.scope.registered(&module.name)
        {
            return did_you_mean(name, registered.describe().iter().map(|f| f.name));
        }
        if is_aggregate(modules) && self.scope.unknown_module(modules).is_some() {
            return Some(match (&self.aggregates, modules) {
                (Some(_), [_, module]) => aggregate::help(&module.name, name),
                (Some(_), _) => {
                    "aggregates are called by their full names, such as `aggr::stats::count()`"
                        .to_owned()
                }
                (None, _) => {
                    "aggregates stand in the target or the `having` of a select".to_owned()
                }
            });
        }
        if let Some((module, known)) = self.scope.unknown_module(modules) {
            return did_you_mean(&module.name, known).or_else(|| {
                let roots = ["std", "tremor", "cncf"].iter();
                let mut of_library = roots.map(|root| format!("{root}::{path}"));
                let known = of_library.find(|module| library::module_text(module).is_some());
                Some(match known {
                    Some(known) => {
                        format!(
                            "add `use {known};`, or is `{}` another module?",
                            module.name
                        )
                    }
                    None => format!("there is no `use` of a module `{}`", module.name),
                })
            });
        }
        let known = self.scope.function_names(modules);
        did_you_mean(name, known).or_else(|| {
            modules
                .is_empty()
                .then(|| "a function must be defined before it is called".to_owned())
        })
    }

    fn warn_of_slow(&mut self, module: &str, name: &str, span: Span) {
        let slow = SLOW.iter().find(|(m, n, _)| *m == module && *n == name);
        if let Some((_, _, help)) = slow {
            let message = format!("`{module}::{name}` is slow");
            let finding = Finding::warning(FindingCode::Slow, span, message);
            self.findings.push(finding.margin(3).help(*help));
        }
    }

    // --- aggregates ---

    fn aggregate(&self, call: &Call) -> Option<&'static aggregate::AggregateFunction> {
        let [aggr, module] = call.modules.as_slice() else {
            return None;
        };
        let is_place = self.aggregates.is_some() && &*aggr.name == "aggr";
        is_place.then(|| aggregate::find(&module.name, &call.name.name))?
    }

    fn aggregate_call(
        &mut self,
        function: &'static aggregate::AggregateFunction,
        call: &Call,
        span: Span,
    ) -> Compiled<Folded<'c>> {
        let (module, name) = (path(&call.modules), &call.name.name);
        if self.in_aggregate {
            let message = "aggregates cannot be called inside of aggregates";
            let finding = Finding::error(FindingCode::Misplaced, span, message);
            return self.report(finding.swapped());
        }
        if name.starts_with("collect_") {
            let message = format!("`{module}::{name}` keeps all values of the window");
            let finding = Finding::warning(FindingCode::Slow, span, message);
            self.findings.push(finding);
        }
        self.in_aggregate = true;
        let args = self.fold_all(&call.args);
        self.in_aggregate = false;
        let count = call.args.len();
        let (min, max) = (function.min_args, function.max_args);
        if count < usize::from(min) || count > usize::from(max) {
            let message =
                format!("bad arity: `{module}::{name}/{min}..={max}` is called with {count}");
            let finding = Finding::error(FindingCode::Arity, span, message);
            return self.report(finding.swapped());
        }
        let args = args?.into_iter().map(|arg| self.emit(arg)).collect();
        let aggregates = self.aggregates.get_or_insert_default();
        aggregates.push(AggregateCall {
            function,
            args,
            span,
        });
        Ok(Folded::Code(Code::Aggregate(aggregates.len() - 1)))
    }

    pub(super) fn note_group(&mut self) {
        self.group_use = true;
        self.group_use_in_aggregate |= self.in_aggregate;
    }

    // --- recursion ---

    pub(super) fn recur(&mut self, args: &[Expr], span: Span, is_tail: bool) -> Compiled<Code> {
        let args_found = self.fold_all(args);
        let Some((params, is_variadic)) = self.params.filter(|_| is_tail) else {
            let help = if self.context == Context::Function {
                "it must be the last thing that a function does"
            } else {
                "only functions can be started anew"
            };
            return self.misplaced(span, "cannot recur from this location", help);
        };
        let count = args.len();
        if count > params || (count < params && !is_variadic) {
            let message = format!("wrong number of arguments: expected {params}, found {count}");
            return self.report(Finding::error(FindingCode::Arity, span, message));
        }
        let args = args_found?.into_iter().map(|arg| self.emit(arg)).collect();
        Ok(Code::Recur(args))
    }
}

/// Follows functions that only pass their parameters on to the one that does something.
fn transparent(mut found: FoundFunction<'_>, args: usize) -> Option<Target<'_>> {
    loop {
        let function = match found.item {
            FunctionItem::Native { module, function } => {
                return Some(Target::Native(module, function));
            }
            FunctionItem::Written(function) => function,
            FunctionItem::Broken => return None,
        };
        let inner = passed_on(function).filter(|_| args == function.params.len());
        let is_hidden = |name: &Ident| {
            let constant = found.scope.constant(&[], &name.name, found.at);
            !matches!(constant, Lookup::Missing)
        };
        let inner = inner.filter(|_| !function.params.iter().any(is_hidden));
        let Some(call) = inner else {
            return Some(Target::Written(function, found));
        };
        if let Some(module) = path(&call.modules).strip_prefix("core::") {
            let native = library::native_modules();
            let module = native.iter().find(|known| known.name == module)?;
            let function = library::native(module.name, &call.name.name)?;
            return Some(Target::Native(module.name, function));
        }
        match found
            .scope
            .function(&call.modules, &call.name.name, found.at)
        {
            Lookup::Found(next) => found = next,
            _ => return Some(Target::Written(function, found)),
        }
    }
}

/// The call that is all that a function does, if that passes on the parameters as they are.
fn passed_on(function: &ast::Function) -> Option<&Call> {
    let FunctionBody::With(statements) = &function.body else {
        return None;
    };
    let [statement] = statements.as_slice() else {
        return None;
    };
    let StatementKind::Expr(expr) = &statement.kind else {
        return None;
    };
    let ExprKind::Call(call) = &expr.kind else {
        return None;
    };
    let is_param = |(arg, param): (&Expr, &Ident)| match &arg.kind {
        ExprKind::Path(path) => {
            path.segments.is_empty()
                && matches!(&path.root, Root::Local(name) if name.name == param.name)
        }
        _ => false,
    };
    let is_same = !function.is_variadic
        && call.args.len() == function.params.len()
        && call.args.iter().zip(&function.params).all(is_param);
    is_same.then_some(call)
}

/// Whether a function is called as aggregates are.
fn is_aggregate(modules: &[Ident]) -> bool {
    modules
        .first()
        .is_some_and(|module| *module.name == *"aggr")
}

/// The names of modules as they are written.
fn path(modules: &[Ident]) -> String {
    let names: Vec<&str> = modules.iter().map(|module| &*module.name).collect();
    names.join("::")
}

/// A name with its modules.
pub(super) fn qualified(modules: &[Ident], name: &str) -> String {
    format!("{}::{name}", path(modules))
}
