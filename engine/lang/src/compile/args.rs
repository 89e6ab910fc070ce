//! Handing arguments to an instance.

use temblor_pdk::value::{Arena, Field, OwnedValue, Value};

use super::{Compiled, Compiler, Context, PoolBuilder, Reported};
use crate::ast::{Assign, Param};
use crate::code::Code;
use crate::finding::Finding;
use crate::scope::Scope;
use crate::source::Source;
use crate::span::Span;

/// What is handed to whom.
pub(super) struct Handing<'t, 'c> {
    /// The declared arguments.
    pub(super) params: &'t [Param],
    /// The values in the `with` of the instance.
    pub(super) with: &'t [Assign],
    /// What `args` is in that `with`; none where it cannot be used.
    pub(super) outer: Option<Value<'c>>,
    /// Values that come from the host and win over all others.
    pub(super) host: &'t [(String, OwnedValue)],
    /// The instance, such as ``the connector `inbox` ``.
    pub(super) what: String,
    /// Where the instance is made.
    pub(super) at: Span,
}

impl<'c> Handing<'_, 'c> {
    /// Returns the record of all arguments.
    ///
    /// # Errors
    /// Reports arguments that are missing or whose values are not constant.
    pub(super) fn record(
        &self,
        source: &Source,
        arena: &'c Arena,
        findings: &mut Vec<Finding>,
    ) -> Compiled<Value<'c>> {
        let mut fields = Vec::new();
        let mut failed = false;
        for param in self.params {
            match self.value(param, source, arena, findings) {
                Ok(value) => fields.push(Field::new(arena.str(&param.name.name), value)),
                Err(Reported) => failed = true,
            }
        }
        if failed {
            Err(Reported)
        } else {
            Ok(arena.object(&fields))
        }
    }

    fn value(
        &self,
        param: &Param,
        source: &Source,
        arena: &'c Arena,
        findings: &mut Vec<Finding>,
    ) -> Compiled<Value<'c>> {
        let name = &param.name.name;
        if let Some((_, value)) = self.host.iter().find(|(key, _)| **key == **name) {
            return Ok(arena.value(value));
        }
        let (scope, mut pool) = (Scope::default(), PoolBuilder::new(arena));
        let mut compiler =
            Compiler::new(Context::Constant, self.outer, &scope, &mut pool, findings);
        if let Some(given) = self.with.iter().find(|assign| assign.key.name == *name) {
            return compiler.constant(&given.value);
        }
        if let Some(default) = &param.default {
            // A default cannot refer to arguments of whatever is around the definition.
            compiler.args = None;
            return compiler.constant(default);
        }
        let line = source.position(self.at.start).line;
        let message = format!("required argument `{name}` is not given to {}", self.what);
        let help = format!(
            "add `{name} = …` to its `with` in line {line}, or give the argument a default"
        );
        compiler.report(Finding::error(Code::MissingArgument, param.name.span, message).help(help))
    }
}
