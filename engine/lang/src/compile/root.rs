//! Compiling the roots of paths.

use temblor_pdk::value::Value;

use super::{Compiled, Compiler, Context, Folded, Reported};
use crate::ast::{Ident, Root};
use crate::code::Code as FindingCode;
use crate::eval::Code;
use crate::eval::code::LocalCode;
use crate::eval::path::RootName;
use crate::finding::Finding;
use crate::scope::Lookup;
use crate::span::Span;
use crate::suggest::did_you_mean;

impl<'c> Compiler<'c, '_> {
    /// Compiles the root of a path; the span is that of the whole path.
    pub(super) fn root(&mut self, root: &Root, span: Span) -> Compiled<Folded<'c>> {
        let code = match root {
            Root::Expr(expr) => return self.fold(expr),
            Root::Local(name) => return self.local(name, span),
            Root::Constant { modules, name } => {
                return self.module_constant(modules, name, span).map(Folded::Value);
            }
            Root::Args => match self.args.filter(|args| !args.is_null()) {
                Some(args) => return Ok(Folded::Value(args)),
                None => {
                    self.args_use = true;
                    Code::Args
                }
            },
            Root::Event => {
                self.check_event(span)?;
                Code::Event
            }
            Root::Meta => {
                self.check_event(span)?;
                Code::Meta
            }
            Root::State => Code::State,
            Root::Group | Root::Window => {
                self.note_group();
                match root {
                    Root::Group => Code::Group,
                    _ => Code::Window,
                }
            }
        };
        Ok(Folded::Code(code))
    }

    /// Reports that the event is referred to where there is none, or not a single one.
    fn check_event(&mut self, span: Span) -> Compiled<()> {
        match self.context {
            Context::TickScript(_) => {
                self.event_use = true;
                Ok(())
            }
            Context::Windowed(select) if !self.in_aggregate => {
                let message = "references to `event` or `$` are not allowed here";
                let finding = Finding::error(FindingCode::Misplaced, span, message);
                self.report(finding.context(select).help(
                    "a window has many events: use an aggregate such as `aggr::win::last(event.x)`, \
                     or what the select is grouped by, written exactly as in its `group by`",
                ))
            }
            _ => Ok(()),
        }
    }

    /// A constant of the scope, or else a local variable.
    fn local(&mut self, name: &Ident, span: Span) -> Compiled<Folded<'c>> {
        match self.scope.constant(&[], &name.name, self.before) {
            Lookup::Found(constant) => return Ok(Folded::Value(self.pool.named(constant))),
            Lookup::Broken => return Err(Reported),
            Lookup::Missing => {}
        }
        let slot = match self.locals.bound_slot(&name.name) {
            Some(slot) => slot,
            None => {
                if matches!(self.context, Context::Select | Context::Windowed(_)) {
                    self.free_local.get_or_insert_with(|| name.clone());
                }
                self.locals.slot(&name.name)
            }
        };
        Ok(Folded::Code(Code::Local(LocalCode { slot, span })))
    }

    /// Whether a name means a constant of the scope.
    pub(super) fn is_constant(&self, name: &Ident) -> bool {
        !matches!(
            self.scope.constant(&[], &name.name, self.before),
            Lookup::Missing
        )
    }

    fn module_constant(
        &mut self,
        modules: &[Ident],
        name: &Ident,
        span: Span,
    ) -> Compiled<Value<'c>> {
        match self.scope.constant(modules, &name.name, self.before) {
            Lookup::Found(constant) => return Ok(self.pool.named(constant)),
            Lookup::Broken => return Err(Reported),
            Lookup::Missing => {}
        }
        let path = super::call::qualified(modules, &name.name);
        let message = format!("constant `{path}` (absolute path) is not defined");
        let help = match self.scope.unknown_module(modules) {
            Some((module, known)) => did_you_mean(&module.name, known)
                .or_else(|| Some(format!("there is no `use` of a module `{}`", module.name))),
            None => did_you_mean(&name.name, self.scope.constant_names(modules)),
        };
        let finding = Finding::error(FindingCode::UnknownName, span, message);
        self.report(finding.maybe_help(help))
    }
}

/// How a root is called where a key is missing.
pub(super) fn root_name(root: &Root) -> RootName {
    match root {
        Root::Event => RootName::Event,
        Root::Meta => RootName::Global,
        Root::State => RootName::State,
        _ => RootName::Local,
    }
}
