//! Handing arguments to what a query creates.

use temblor_pdk::value::{Field, Value};

use super::{Compiled, Compiler, Context, PoolBuilder, Reported};
use crate::ast::{Args, Assign, NodeKind, With};
use crate::code::Code;
use crate::finding::{Finding, Phase};
use crate::scope::Scope;

/// The values of the `with` of a `create`, in its order.
pub(super) type Given<'c> = Vec<Compiled<Value<'c>>>;

/// Evaluates the `with` of a `create`.
pub(super) fn given<'c>(
    with: &With,
    args: Value<'c>,
    scope: &Scope,
    pool: &mut PoolBuilder<'c>,
    findings: &mut Vec<Finding>,
) -> Given<'c> {
    let mut values = Vec::new();
    for Assign { value, .. } in &with.assigns {
        let mut compiler = Compiler::new(Context::Constant, Some(args), scope, pool, findings);
        values.push(compiler.constant(value));
    }
    values
}

/// What is handed to an instance.
pub(super) struct Handover<'t, 'c> {
    pub(super) kind: NodeKind,
    pub(super) params: &'t Args,
    pub(super) with: &'t With,
    pub(super) given: &'t [Compiled<Value<'c>>],
    /// The scope that the definition stands in, for defaults.
    pub(super) scope: &'t Scope,
}

impl<'c> Handover<'_, 'c> {
    /// Returns the record of all arguments.
    ///
    /// # Errors
    /// Reports arguments that are unknown, then those that are missing.
    pub(super) fn record(
        &self,
        pool: &mut PoolBuilder<'c>,
        findings: &mut Vec<Finding>,
    ) -> Compiled<Value<'c>> {
        self.check_names(findings)?;
        let mut fields = Vec::new();
        let mut failed = false;
        for param in &self.params.params {
            let name = &param.name;
            let assigns = self.with.assigns.iter();
            let place = assigns
                .rev()
                .position(|assign| assign.key.name == name.name);
            let place = place.map(|from_end| self.with.assigns.len() - 1 - from_end);
            let value = match (place, &param.default) {
                (Some(place), _) => self.given.get(place).copied().unwrap_or(Err(Reported)),
                (None, Some(default)) => {
                    Compiler::new(Context::Constant, None, self.scope, pool, findings)
                        .constant(default)
                }
                (None, None) => {
                    findings.push(self.missing(name));
                    Err(Reported)
                }
            };
            match value {
                Ok(value) => fields.push(Field::new(pool.arena.str(&name.name), value)),
                Err(Reported) => failed = true,
            }
        }
        if failed {
            return Err(Reported);
        }
        Ok(pool.arena.object(&fields))
    }

    /// Of several unknown names the last one is reported.
    fn check_names(&self, findings: &mut Vec<Finding>) -> Compiled<()> {
        let params = &self.params.params;
        let is_known = |assign: &&Assign| params.iter().any(|p| p.name.name == assign.key.name);
        let unknown = self.with.assigns.iter().rev().find(|one| !is_known(one));
        let Some(Assign { key, .. }) = unknown else {
            return Ok(());
        };
        let (span, what) = match self.kind {
            NodeKind::Script => (key.span, "unknown argument"),
            NodeKind::Operator => (key.span, "unknown key"),
            NodeKind::Pipeline => (self.with.span, "unknown parameter"),
        };
        let message = format!("{what} `{}`", key.name);
        let declared: Vec<&str> = params.iter().map(|param| &*param.name.name).collect();
        let help = crate::suggest::one_of(&key.name, "arguments", &declared);
        let finding = Finding::error(Code::UnknownArgument, span, message);
        findings.push(
            finding
                .context(self.with.span)
                .phase(Phase::Graph)
                .help(help),
        );
        Err(Reported)
    }

    fn missing(&self, name: &crate::ast::Ident) -> Finding {
        let what = match self.kind {
            NodeKind::Script => "missing required argument",
            NodeKind::Operator => "missing key",
            NodeKind::Pipeline => "required key not provided:",
        };
        let message = format!("{what} `{}`", name.name);
        let finding = Finding::error(Code::MissingArgument, name.span, message);
        let finding = match self.kind {
            NodeKind::Pipeline => finding,
            _ => finding.context(self.params.span),
        };
        let help = format!(
            "write `with {} = … end` behind its `create`, or give the argument a default",
            name.name
        );
        finding.phase(Phase::Graph).help(help)
    }
}
