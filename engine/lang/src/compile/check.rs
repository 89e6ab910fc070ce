//! Checking the names in definitions, whether anything is made of them or not.

use temblor_pdk::value::Arena;

use super::flow::{check_declared, check_flow, check_keys};
use super::script::{ScriptKind, script};
use super::{Compiler, Context, Folded, PoolBuilder};
use crate::ast::{
    Args, Definition, Expr, GroupBy, Ident, PipelineDefinition, Query, QueryStatement,
    ScriptDefinition, Select, WindowDefinition, With,
};
use crate::code::Code;
use crate::finding::{Finding, Phase, Severity};
use crate::scope::{Loader, Scope};
use crate::span::Span;

/// Checks a definition that stands in a scope. What depends on arguments is checked when they are known.
pub(crate) fn check_definition(
    definition: &Definition,
    scope: &Scope,
    loader: &mut Loader,
    findings: &mut Vec<Finding>,
) {
    let mut check = Check { loader, findings };
    match definition {
        Definition::Window(window) => check.window(window, scope),
        Definition::Operator(operator) => {
            check.with(&operator.with, scope);
            check.args(&operator.args, scope);
        }
        Definition::Script(script) => check.script(script, scope),
        Definition::Pipeline(pipeline) => check.pipeline(pipeline, scope),
        Definition::Connector(connector) => {
            check_keys(connector, check.findings);
            check.with(&connector.with, scope);
            check_declared(&connector.args.params, check.findings);
            check.args(&connector.args, scope);
        }
        Definition::Flow(flow) => check_flow(flow, scope, loader, findings),
    }
}

/// Checks the names in the values of a `with`.
pub(crate) fn check_values(with: &With, scope: &Scope, findings: &mut Vec<Finding>) {
    for assign in &with.assigns {
        check_expr(&assign.value, scope, findings);
    }
}

/// Checks the names in the defaults of arguments.
pub(crate) fn check_defaults(args: &Args, scope: &Scope, findings: &mut Vec<Finding>) {
    let defaults = args.params.iter();
    for default in defaults.filter_map(|param| param.default.as_ref()) {
        check_expr(default, scope, findings);
    }
}

fn check_expr(expr: &Expr, scope: &Scope, findings: &mut Vec<Finding>) {
    let (arena, mut found) = (Arena::new(), Vec::new());
    let mut pool = PoolBuilder::new(&arena);
    // Whatever was reported is in what was found.
    let _ = Compiler::new(Context::Constant, None, scope, &mut pool, &mut found).fold(expr);
    keep(found, Phase::Names, findings);
}

/// Keeps of what was found what concerns names.
fn keep(found: Vec<Finding>, last: Phase, findings: &mut Vec<Finding>) {
    let is_kept =
        |finding: &Finding| finding.severity == Severity::Warning || finding.phase <= last;
    findings.extend(found.into_iter().filter(is_kept));
}

/// Describes a state to start with that depends on what is not known then.
pub(super) fn state_not_constant(state: Span, definition: Span) -> Finding {
    let help = "a state starts with literals, constants, `args`, operators and pure functions of them; \
                what depends on the event is put into it by the script";
    let finding = Finding::error(Code::NotConstant, state, "state not constant");
    finding.context(definition).help(help)
}

struct Check<'s> {
    loader: &'s mut Loader,
    findings: &'s mut Vec<Finding>,
}

impl Check<'_> {
    fn keep(&mut self, found: Vec<Finding>, last: Phase) {
        keep(found, last, self.findings);
    }

    /// Checks the state that something starts with. What refers to arguments may turn out to be constant.
    fn state(&mut self, state: &Expr, definition: Span, scope: &Scope) {
        let (arena, mut found) = (Arena::new(), Vec::new());
        let mut pool = PoolBuilder::new(&arena);
        let mut compiler = Compiler::new(Context::Constant, None, scope, &mut pool, &mut found);
        let folded = compiler.fold(state);
        if matches!(folded, Ok(Folded::Code(_))) && !compiler.args_use {
            found.push(state_not_constant(state.span, definition));
        }
        self.keep(found, Phase::Names);
    }

    fn with(&mut self, with: &With, scope: &Scope) {
        check_values(with, scope, self.findings);
    }

    fn args(&mut self, args: &Args, scope: &Scope) {
        check_defaults(args, scope, self.findings);
    }

    fn body(&mut self, body: &crate::ast::Script, kind: ScriptKind) {
        let (arena, mut found) = (Arena::new(), Vec::new());
        let mut pool = PoolBuilder::new(&arena);
        let _ = script(body, kind, None, self.loader, &mut pool, &mut found);
        self.keep(found, Phase::Folding);
    }

    fn script(&mut self, definition: &ScriptDefinition, scope: &Scope) {
        if let Some(state) = &definition.state {
            self.state(state, definition.span, scope);
        }
        self.body(&definition.script, ScriptKind::Event);
        self.args(&definition.args, scope);
        let mut seen: Vec<&str> = Vec::new();
        for named in &definition.ports {
            self.body(&named.script, ScriptKind::Event);
            let Ident { name, span } = &named.port;
            let message = if **name == *"in" {
                "`in` is reserved for the main script".to_owned()
            } else if seen.contains(&&**name) {
                format!("port `{name}` is already defined")
            } else {
                seen.push(name);
                continue;
            };
            let finding = Finding::error(Code::DuplicateName, *span, message);
            self.findings.push(finding.context(definition.span));
        }
    }

    fn window(&mut self, definition: &WindowDefinition, scope: &Scope) {
        if let Some(body) = &definition.script {
            self.body(body, ScriptKind::Window(definition.span));
        }
        if let Some(tick) = &definition.tick {
            self.body(&tick.script, ScriptKind::Tick(definition.span));
            let Ident { name, span } = &tick.port;
            if **name != *"tick" {
                let message = format!("a window has no script `{name}`, only `tick` is supported");
                let finding = Finding::error(Code::UnknownName, *span, message);
                self.findings.push(finding.context(definition.span));
            }
        }
        if let Some(state) = &definition.state {
            self.state(state, definition.span, scope);
        }
        self.with(&definition.with, scope);
    }

    /// The body of a pipeline sees nothing of what is around it.
    fn pipeline(&mut self, definition: &PipelineDefinition, around: &Scope) {
        let mut scope = Scope::new(self.loader);
        let query = &definition.query;
        for statement in &query.statements {
            match statement {
                QueryStatement::Use(using) => scope.import(using, self.loader, self.findings),
                QueryStatement::Define(definition) => {
                    scope.define(definition, self.loader, self.findings);
                }
                QueryStatement::CreateStream { name, span } => {
                    if is_port(query, &name.name) {
                        let message =
                            format!("streams cannot share names with ports: `{}`", name.name);
                        let finding = Finding::error(Code::DuplicateName, *span, message);
                        self.findings.push(finding.help("give it another name"));
                    }
                }
                QueryStatement::Create { instance, .. } => self.with(&instance.with, &scope),
                QueryStatement::Select(select) => self.select(select, &scope),
            }
        }
        self.args(&definition.args, around);
    }

    fn select(&mut self, select: &Select, scope: &Scope) {
        let (arena, mut found) = (Arena::new(), Vec::new());
        let mut pool = PoolBuilder::new(&arena);
        let mut groups = Vec::new();
        if let Some(group) = &select.group {
            group_exprs(group, &mut groups);
        }
        let mut compiler = Compiler::new(Context::Select, None, scope, &mut pool, &mut found);
        compiler.groups = &groups;
        compiler.aggregates = Some(Vec::new());
        if !select.windows.is_empty() {
            compiler.context = Context::Windowed(select.span);
        }
        let _ = compiler.clause(&select.target, select.span);
        compiler.context = Context::Select;
        if let Some(having) = &select.having {
            let _ = compiler.clause(having, select.span);
        }
        compiler.aggregates = None;
        if let Some(filter) = &select.filter {
            let _ = compiler.clause(filter, select.span);
        }
        if let Some(group) = &select.group {
            for expr in &groups {
                let _ = compiler.code(expr);
            }
            let _ = compiler.end_clause(group.span(), select.span);
        }
        self.keep(found, Phase::Names);
    }
}

/// Whether a pipeline has a port of that name.
fn is_port(query: &Query, name: &str) -> bool {
    let declared = |ports: &Option<Vec<Ident>>, defaults: &[&str]| match ports {
        Some(ports) => ports.iter().any(|port| *port.name == *name),
        None => defaults.contains(&name),
    };
    declared(&query.inputs, &["in"]) || declared(&query.outputs, &["out", "err"])
}

/// The expressions of a `group by`, in the order of the values of a group.
pub(crate) fn group_exprs<'t>(group: &'t GroupBy, into: &mut Vec<&'t Expr>) {
    match group {
        GroupBy::Expr(expr) | GroupBy::Each { expr, .. } => into.push(expr),
        GroupBy::Set { items, .. } => {
            for item in items {
                group_exprs(item, into);
            }
        }
    }
}

impl GroupBy {
    /// From `set`, `each` or the start of the expression.
    pub(crate) fn span(&self) -> Span {
        match self {
            GroupBy::Expr(expr) => expr.span,
            GroupBy::Set { span, .. } | GroupBy::Each { span, .. } => *span,
        }
    }
}
