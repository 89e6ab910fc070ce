//! The syntax tree of scripts and modules: definitions of constants and functions, imports, statements.

use std::sync::Arc;

use super::{Definition, Expr, Ident, Path, Pattern, Text};
use crate::span::Span;

/// A `.tremor` file that is run, or the body of a script in a query.
#[derive(Debug, Default)]
pub(crate) struct Script {
    pub(crate) items: Vec<Item>,
    /// From the first item to the end of the last.
    pub(crate) span: Span,
}

/// A file that others `use`.
#[derive(Debug, Default)]
pub(crate) struct Module {
    pub(crate) items: Vec<Item>,
}

/// What stands at the top level of a script or module. Definitions of windows, pipelines and so on stand in modules
/// only, statements in scripts only.
#[derive(Debug)]
pub(crate) enum Item {
    Use(Use),
    Const(Const),
    Function(Arc<Function>),
    Intrinsic(Arc<Intrinsic>),
    Define(Definition),
    Statement(Statement),
}

/// `use …`
#[derive(Debug)]
pub(crate) struct Use {
    /// The modules, in the order of the text; braces are resolved.
    pub(crate) imports: Vec<Import>,
    /// From `use` to the end of the target.
    pub(crate) span: Span,
}

/// A module that a `use` names.
#[derive(Debug)]
pub(crate) struct Import {
    /// The whole way to the module; never empty.
    pub(crate) path: Vec<Ident>,
    pub(crate) alias: Option<Ident>,
    /// What is underlined if the module is not found: the whole target after `use`, but of a single name the name
    /// only.
    pub(crate) target: Span,
}

/// `const NAME = …`
#[derive(Debug)]
pub(crate) struct Const {
    pub(crate) name: Ident,
    pub(crate) value: Expr,
    /// From `const`.
    pub(crate) span: Span,
}

/// `fn`
#[derive(Debug)]
pub(crate) struct Function {
    pub(crate) name: Ident,
    pub(crate) params: Vec<Ident>,
    /// Whether the parameters end in `...`.
    pub(crate) is_variadic: bool,
    pub(crate) body: FunctionBody,
    /// From `fn` to `end`.
    pub(crate) span: Span,
}

/// What a function does.
#[derive(Debug)]
pub(crate) enum FunctionBody {
    /// `with … end`
    With(Vec<Statement>),
    /// `of case … end`
    Of {
        cases: Vec<FunctionCase>,
        default: Vec<Statement>,
    },
}

/// `case (…) when … => …` of a function
#[derive(Debug)]
pub(crate) struct FunctionCase {
    /// What the arguments have to match, in order. Neither array nor tuple patterns, nor bindings.
    pub(crate) elements: Vec<Pattern>,
    pub(crate) guard: Option<Expr>,
    pub(crate) body: Vec<Statement>,
    pub(crate) span: Span,
}

/// `intrinsic fn name(…) as module::function`
#[derive(Debug)]
pub(crate) struct Intrinsic {
    pub(crate) name: Ident,
    pub(crate) target: Vec<Ident>,
    pub(crate) span: Span,
}

/// A statement of a script or function.
#[derive(Debug)]
pub(crate) struct Statement {
    pub(crate) kind: StatementKind,
    pub(crate) span: Span,
}

/// What a statement is.
#[derive(Debug)]
pub(crate) enum StatementKind {
    /// An expression. A `match` or `for` here may hold statements.
    Expr(Expr),
    Let {
        path: Path,
        value: Box<Statement>,
        /// From the path to the end of the value, without `let`.
        assignment: Span,
    },
    Emit {
        value: Option<Expr>,
        port: Option<Text>,
    },
    Drop,
}
