//! The compiler: a checked syntax tree becomes something that runs.

mod body;
mod bytes;
mod call;
mod check;
mod edit;
mod emitted;
mod expr;
mod flow;
mod function;
mod graph;
mod instance;
mod locals;
mod looping;
mod matching;
mod node;
mod operator;
mod path;
mod pattern;
mod pool;
mod query;
mod root;
mod same;
mod script;
mod select;
mod sliding;
mod statement;
mod window;
mod wire;

pub(crate) use check::check_definition;
pub(crate) use emitted::{COMPUTED, emitted_ports};
pub(crate) use flow::compile_flows;
pub(crate) use function::compile_function;
pub(crate) use locals::Locals;
pub(crate) use pool::PoolBuilder;
pub(crate) use query::compile_top_level;
pub(crate) use script::{ScriptKind, script};

use temblor_pdk::value::{Arena, Value};

use crate::ast::{Expr, Ident};
use crate::code::Code as FindingCode;
use crate::eval::{Code, Eval, ROOTS};
use crate::finding::{Finding, Phase};
use crate::scope::{END, Scope};
use crate::span::Span;
use crate::suggest::did_you_mean;

/// Says that an error was reported and there is nothing to compile.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reported;

/// The result of compiling a construct.
pub(crate) type Compiled<T> = Result<T, Reported>;

/// An expression after folding.
pub(crate) enum Folded<'c> {
    /// Known now.
    Value(Value<'c>),
    /// Known at run time.
    Code(Code),
}

impl<'c> Folded<'c> {
    /// The value, if it is known now.
    pub(crate) fn value(&self) -> Option<Value<'c>> {
        match self {
            Folded::Value(value) => Some(*value),
            Folded::Code(_) => None,
        }
    }
}

/// Where an expression stands, which decides what it can refer to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Context {
    /// It must be known before anything runs.
    Constant,
    /// A clause of a select, which has no local variables.
    Select,
    /// The target of a select with windows: `event` and `$` belong into aggregates. Holds the select.
    Windowed(Span),
    /// A script, on its own or in a query.
    Script,
    /// The script of a window, which may not change the event. Holds the definition.
    WindowScript(Span),
    /// The script that a window runs from time to time, when there is no event. Holds the definition.
    TickScript(Span),
    /// The body of a function.
    Function,
}

/// Compiles the expressions and statements of one body.
pub(crate) struct Compiler<'c, 'f> {
    pub(crate) arena: &'c Arena,
    pub(crate) context: Context,
    /// What `args` is, if that is known now.
    pub(crate) args: Option<Value<'c>>,
    pub(crate) pool: &'f mut PoolBuilder<'c>,
    pub(crate) findings: &'f mut Vec<Finding>,
    pub(crate) locals: Locals,
    /// The expressions of the `group by` of a select with windows, in order: they may stand in its target.
    pub(crate) groups: &'f [&'f Expr],
    /// The aggregates that were met; none where there cannot be any.
    pub(crate) aggregates: Option<Vec<AggregateCall>>,
    /// Whether the arguments of an aggregate are being compiled.
    in_aggregate: bool,
    /// Whether `group` or `window` was met.
    pub(crate) group_use: bool,
    /// Whether `group` or `window` was met in the arguments of an aggregate.
    pub(crate) group_use_in_aggregate: bool,
    scope: &'f Scope,
    /// How much of the scope can be seen.
    before: usize,
    /// The first name that would be a local variable, in a clause of a select.
    free_local: Option<Ident>,
    /// The first use of the event in a statement of a script that has none.
    event_use: bool,
    /// Whether `args` was met where it is not known yet.
    pub(crate) args_use: bool,
    /// The number of parameters, in a function, and whether there may be more.
    params: Option<(usize, bool)>,
}

/// A call of an aggregate in a select.
#[derive(Debug)]
pub(crate) struct AggregateCall {
    pub(crate) function: &'static crate::aggregate::AggregateFunction,
    pub(crate) args: Box<[Code]>,
    /// The call.
    pub(crate) span: Span,
}

impl<'c, 'f> Compiler<'c, 'f> {
    pub(crate) fn new(
        context: Context,
        args: Option<Value<'c>>,
        scope: &'f Scope,
        pool: &'f mut PoolBuilder<'c>,
        findings: &'f mut Vec<Finding>,
    ) -> Self {
        Compiler {
            arena: pool.arena,
            context,
            args,
            pool,
            findings,
            locals: Locals::default(),
            groups: &[],
            aggregates: None,
            in_aggregate: false,
            group_use: false,
            group_use_in_aggregate: false,
            scope,
            before: END,
            free_local: None,
            event_use: false,
            args_use: false,
            params: None,
        }
    }

    pub(crate) fn report<T>(&mut self, finding: Finding) -> Compiled<T> {
        self.findings.push(finding);
        Err(Reported)
    }

    /// Turns what was folded into code.
    pub(crate) fn emit(&mut self, folded: Folded<'c>) -> Code {
        match folded {
            Folded::Code(code) => code,
            Folded::Value(value) => self.pool.constant(value),
        }
    }

    /// Compiles an expression to code.
    ///
    /// # Errors
    /// Reports what can be seen to fail.
    pub(crate) fn code(&mut self, expr: &Expr) -> Compiled<Code> {
        let folded = self.fold(expr)?;
        let code = self.emit(folded);
        if !self.pool.has_room() {
            return self.too_large(expr.span);
        }
        Ok(code)
    }

    /// Evaluates an expression that has to be constant.
    ///
    /// # Errors
    /// Reports it if it is not constant, or fails.
    pub(crate) fn constant(&mut self, expr: &Expr) -> Compiled<Value<'c>> {
        match self.fold(expr)? {
            Folded::Value(value) => Ok(value),
            Folded::Code(_) => {
                let message = "this is not constant: it cannot be evaluated at compile time";
                let finding = Finding::error(FindingCode::NotConstant, expr.span, message);
                let help = if !self.pool.may_fold() {
                    "it takes too long; compute less of it"
                } else {
                    "literals, operators, other constants and pure functions of them are \
                            constant; `event`, `match`, `for`, `merge`, `patch` and `present` are not"
                };
                self.report(finding.phase(Phase::Folding).swapped().help(help))
            }
        }
    }

    fn too_large<T>(&mut self, span: Span) -> Compiled<T> {
        // Everything behind the first one is too much as well.
        if std::mem::replace(&mut self.pool.is_overflow_reported, true) {
            return Err(Reported);
        }
        let message = "the constants take too much memory";
        let help = "compute what is this large from the event, or read it from there";
        let finding = Finding::error(FindingCode::TooLarge, span, message);
        self.report(finding.phase(Phase::Folding).help(help))
    }

    /// Evaluates a constant that is needed before what follows it is looked at.
    ///
    /// # Errors
    /// As [`Compiler::constant`].
    pub(crate) fn constant_now(&mut self, expr: &Expr) -> Compiled<Value<'c>> {
        let first = self.findings.len();
        let value = self.constant(expr).and_then(|value| {
            if self.pool.charge(value) {
                Ok(value)
            } else {
                self.too_large(expr.span)
            }
        });
        check_now(self.findings, first);
        value
    }

    /// Compiles a clause of a select. The name says what is reported around a local variable.
    ///
    /// # Errors
    /// Reports local variables, and what can be seen to fail.
    pub(crate) fn clause(&mut self, expr: &Expr, select: Span) -> Compiled<Code> {
        let code = self.code(expr);
        self.end_clause(expr.span, select)?;
        code
    }

    /// Reports the local variables that were met since the last clause.
    ///
    /// # Errors
    /// Fails if there were some.
    pub(crate) fn end_clause(&mut self, clause: Span, select: Span) -> Compiled<()> {
        let Some(Ident { name, .. }) = self.free_local.take() else {
            return Ok(());
        };
        let message = format!("local variables are not allowed here: `{name}`");
        let help = match &*name {
            "nil" | "none" | "None" | "NULL" | "Null" => "did you mean `null`?".to_owned(),
            "True" | "TRUE" => "did you mean `true`?".to_owned(),
            "False" | "FALSE" => "did you mean `false`?".to_owned(),
            name if self.has_arg(name) => format!("did you mean `args.{name}`?"),
            name => did_you_mean(name, ROOTS).unwrap_or_else(|| {
                format!("a field of the event is `event.{name}`, a string is \"{name}\"")
            }),
        };
        let finding = Finding::error(FindingCode::LocalVariable, clause, message);
        self.report(finding.context(select).help(help))
    }

    fn has_arg(&self, name: &str) -> bool {
        self.args.and_then(|args| args.get(name)).is_some()
    }

    /// Keeps a value that was computed while folding, or reports why there is none, with all lines of the
    /// expression that it is a part of.
    fn folded(&mut self, result: Eval<Value<'c>>, context: Span) -> Compiled<Folded<'c>> {
        match result {
            Ok(value) => {
                self.pool.note_folded(value);
                Ok(Folded::Value(value))
            }
            Err(finding) => {
                let finding = finding.phase(Phase::Folding).margin(0).context(context);
                self.report(finding)
            }
        }
    }
}

/// Makes what was found from `first` on count as found at once, names first: that is how constants and functions
/// are looked at, before anything behind them.
pub(crate) fn check_now(findings: &mut [Finding], first: usize) {
    let found = findings.get_mut(first..).unwrap_or_default();
    found.sort_by_key(|finding| finding.phase);
    for finding in found {
        finding.phase = Phase::Names;
    }
}
