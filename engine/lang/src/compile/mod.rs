//! The compiler: a checked syntax tree becomes something that runs.

mod args;
mod config;
mod connector;
mod expr;
mod flow;
mod graph;
mod path;
mod query;

pub(crate) use connector::KEYS as CONNECTOR_KEYS;
pub(crate) use flow::compile_flows;
pub(crate) use query::compile_top_level;

use temblor_pdk::value::{Arena, Value, View};

use crate::code::Code as FindingCode;
use crate::eval::{Code, Constant, Stacks};
use crate::finding::Finding;
use crate::span::Span;

/// Says that an error was reported and there is nothing to compile.
#[derive(Debug)]
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

/// Where an expression stands, which decides what it can refer to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Context {
    /// It must be known before anything runs.
    Constant,
    /// A clause of a select.
    Select,
}

/// Compiles expressions of one scope: one pipeline, or one `with` clause.
pub(crate) struct Compiler<'c, 'f> {
    pub(crate) arena: &'c Arena,
    pub(crate) context: Context,
    /// What `args` is; none where it cannot be used.
    pub(crate) args: Option<Value<'c>>,
    pub(crate) findings: &'f mut Vec<Finding>,
    stacks: Stacks<'c>,
    /// What the compiled expressions refer to by number.
    constants: Vec<Constant>,
    /// The number of steps into fields.
    guesses: usize,
}

impl<'c, 'f> Compiler<'c, 'f> {
    pub(crate) fn new(
        context: Context,
        args: Option<Value<'c>>,
        arena: &'c Arena,
        findings: &'f mut Vec<Finding>,
    ) -> Self {
        Compiler {
            arena,
            context,
            args,
            findings,
            stacks: Stacks::default(),
            constants: Vec::new(),
            guesses: 0,
        }
    }

    pub(crate) fn report<T>(&mut self, finding: Finding) -> Compiled<T> {
        self.findings.push(finding);
        Err(Reported)
    }

    fn not_constant<T>(&mut self, what: &str, span: Span) -> Compiled<T> {
        let message = format!("{what} is not known before the flow runs");
        let finding = Finding::error(FindingCode::NotConstant, span, message);
        self.report(finding.help("only literals, operators and `args` can be used here"))
    }

    /// Turns what was folded into code.
    pub(crate) fn emit(&mut self, folded: Folded<'c>) -> Code {
        let value = match folded {
            Folded::Code(code) => return code,
            Folded::Value(value) => value,
        };
        match value.view() {
            View::Null => Code::Scalar(Value::NULL),
            View::Bool(value) => Code::Scalar(Value::from(value)),
            View::I64(value) => Code::Scalar(Value::from(value)),
            View::U64(value) => Code::Scalar(Value::from(value)),
            View::F64(value) => Code::Scalar(Value::from(value)),
            View::Str(text) => self.add_constant(Constant::Text(text.into())),
            View::Bytes(_) | View::Array(_) | View::Object(_) => {
                self.add_constant(Constant::Other(value.to_owned_value()))
            }
        }
    }

    fn add_constant(&mut self, constant: Constant) -> Code {
        self.constants.push(constant);
        Code::Constant(self.constants.len() - 1)
    }
}
