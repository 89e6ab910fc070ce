//! Handing arguments to an instance.

use std::collections::HashSet;

use temblor_pdk::value::{Arena, Field, OwnedValue, Value};

use super::super::{Compiled, Compiler, Context, PoolBuilder, Reported};
use crate::ast::{Assign, Ident, Param};
use crate::code::Code;
use crate::finding::{Finding, Phase};
use crate::scope::Scope;
use crate::span::Span;
use crate::suggest::did_you_mean;

/// Reports arguments that are declared twice.
pub(crate) fn check_declared(params: &[Param], findings: &mut Vec<Finding>) {
    let names = params.iter().map(|param| &param.name);
    check_unique("argument", names, findings);
}

/// Reports what is handed over and not declared, or handed over twice. `around` is what is shown around the place, and
/// how many lines around that.
pub(crate) fn check_given(
    with: &[Assign],
    params: &[Param],
    what: &str,
    (context, margin): (Span, u32),
    findings: &mut Vec<Finding>,
) {
    let declared: Vec<&str> = params.iter().map(|param| &*param.name.name).collect();
    for Assign { key, .. } in with {
        if !declared.contains(&&*key.name) {
            let message = format!("unknown argument: {what} has no argument `{}`", key.name);
            let mut finding = Finding::error(Code::UnknownArgument, key.span, message);
            if margin > 0 {
                finding = finding.margin(margin);
            } else {
                finding = finding.context(context);
            }
            findings.push(finding.help(available(&key.name, &declared)));
        }
    }
    check_unique("value of", with.iter().map(|assign| &assign.key), findings);
}

/// Says which arguments there are, and which one was probably meant.
fn available(name: &str, declared: &[&str]) -> String {
    if declared.is_empty() {
        return "it has no arguments".to_owned();
    }
    let names: Vec<String> = declared.iter().map(|name| format!("`{name}`")).collect();
    let all = format!("its arguments are {}", names.join(", "));
    match did_you_mean(name, declared.iter().copied()) {
        Some(meant) => format!("{meant} {all}"),
        None => all,
    }
}

/// Reports names that come twice.
pub(super) fn check_unique<'t>(
    kind: &str,
    names: impl Iterator<Item = &'t Ident>,
    findings: &mut Vec<Finding>,
) {
    let mut seen = HashSet::new();
    for name in names {
        if !seen.insert(&*name.name) {
            let message = format!("cannot define the {kind} `{}` twice", name.name);
            findings.push(Finding::error(Code::DuplicateName, name.span, message));
        }
    }
}

/// What is handed to whom.
pub(super) struct Handing<'t, 'c> {
    /// The declared arguments.
    pub(super) params: &'t [Param],
    /// What names mean in their defaults: the scope that the definition stands in.
    pub(super) around: &'t Scope,
    /// The values in the `with` of the instance.
    pub(super) with: &'t [Assign],
    /// What names mean in those.
    pub(super) here: &'t Scope,
    /// What `args` is in that `with`; none where it cannot be used.
    pub(super) outer: Option<Value<'c>>,
    /// Values that come from the host and win over all others.
    pub(super) host: &'t [(String, OwnedValue)],
    /// The instance, such as ``the connector `inbox` ``.
    pub(super) what: String,
}

impl<'c> Handing<'_, 'c> {
    /// Returns the record of all arguments.
    ///
    /// # Errors
    /// Reports arguments that are missing or whose values are not constant.
    pub(super) fn record(
        &self,
        arena: &'c Arena,
        findings: &mut Vec<Finding>,
    ) -> Compiled<Value<'c>> {
        let mut fields = Vec::new();
        let mut failed = false;
        for param in self.params {
            match self.value(param, arena, findings) {
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
        arena: &'c Arena,
        findings: &mut Vec<Finding>,
    ) -> Compiled<Value<'c>> {
        let name = &param.name.name;
        if let Some((_, value)) = self.host.iter().find(|(key, _)| **key == **name) {
            return Ok(arena.value(value));
        }
        let given = self.with.iter().find(|assign| assign.key.name == *name);
        let (expr, scope, args) = match (given, &param.default) {
            (Some(given), _) => (&given.value, self.here, self.outer),
            // A default cannot refer to arguments of whatever is around the definition.
            (None, Some(default)) => (default, self.around, None),
            (None, None) => {
                findings.push(self.missing(&param.name));
                return Err(Reported);
            }
        };
        let mut pool = PoolBuilder::new(arena);
        Compiler::new(Context::Constant, args, scope, &mut pool, findings).constant(expr)
    }

    fn missing(&self, name: &Ident) -> Finding {
        let Ident { name, span } = name;
        let message = format!(
            "missing required argument: `{name}` is not given to {}",
            self.what
        );
        let help = format!("create it `with {name} = … end`, or give the argument a default");
        let finding = Finding::error(Code::MissingArgument, *span, message);
        finding.phase(Phase::Graph).help(help)
    }
}
