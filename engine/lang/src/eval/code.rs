//! The compiled form of expressions and statements.
//!
//! Names are resolved and constants folded. What can be reported keeps its span, and the span of what is shown around
//! it where that differs.

use std::sync::Arc;

use halfbrown::HashMap;
use temblor_pdk::value::{OwnedValue, Value};
use temblor_pdk::{DynFunctions, Function};

use super::path::RootName;
use crate::ast::{BinaryOp, UnaryOp};
use crate::extract::Extractor;
use crate::span::Span;

/// What all compiled expressions of one pipeline share and refer to by number.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    pub(crate) constants: Vec<Constant>,
    /// Functions written in the language.
    pub(crate) functions: Vec<FunctionCode>,
    /// The number of steps into fields; see [`super::Machine::guesses`].
    pub(crate) guesses: usize,
}

/// A constant of a pipeline.
#[derive(Debug)]
pub(crate) enum Constant {
    /// A string, which comparisons use where it is.
    Text(Box<str>),
    /// Anything else; copied into the arena once a batch, if it is used.
    Other(OwnedValue),
}

/// A compiled expression or statement.
#[derive(Debug)]
pub(crate) enum Code {
    /// A constant without memory of its own.
    Scalar(Value<'static>),
    /// Any other constant, by its place in the pool.
    Constant(usize),
    Event,
    Meta,
    State,
    /// The surplus arguments of a function. Elsewhere `args` is a constant.
    Args,
    /// All values of the group, and their JSON.
    Group,
    /// The value at this place of the group: what stands for an expression of the `group by`.
    GroupItem(usize),
    /// The name of the window.
    Window,
    Local(LocalCode),
    Path(Box<PathCode>),
    Present {
        path: Box<PathCode>,
        negated: bool,
    },
    Unary {
        op: UnaryOp,
        operand: Box<Code>,
        /// The operand.
        span: Span,
    },
    Chain {
        first: Box<Code>,
        rest: Box<[Operation]>,
    },
    /// `and`, `or` or `xor`.
    Logic {
        op: BinaryOp,
        operands: Box<[(Code, Span)]>,
    },
    List(Box<[Code]>),
    Record(Box<RecordCode>),
    Text(Box<[TextCode]>),
    Bytes(Box<[BytesCode]>),
    Call(Box<CallCode>),
    Invoke(Box<InvokeCode>),
    /// The result of an aggregate of the select.
    Aggregate(usize),
    Match(Box<MatchCode>),
    For(Box<ForCode>),
    Merge(Box<MergeCode>),
    Patch(Box<PatchCode>),

    // Statements.
    /// Statements of which the last gives the value. Those before it that are pure were left out.
    Block(Box<[Code]>),
    Let(Box<LetCode>),
    Emit(Box<EmitCode>),
    Drop,
    /// Starts the function anew with these arguments.
    Recur(Box<[Code]>),
    /// An assignment to what cannot be assigned to, which is known but fails only when it runs, after its value.
    Unassignable(Box<UnassignableCode>),
}

/// A local variable.
#[derive(Clone, Debug)]
pub(crate) struct LocalCode {
    pub(crate) slot: usize,
    /// The whole path, which is reported if the variable is not set.
    pub(crate) span: Span,
}

/// An operator and its right operand. The span covers the left operand too.
#[derive(Debug)]
pub(crate) struct Operation {
    pub(crate) op: BinaryOp,
    pub(crate) right: Code,
    pub(crate) span: Span,
    /// Whether the right side is written as a list.
    pub(crate) is_list: bool,
}

/// A root and the steps from it.
#[derive(Debug)]
pub(crate) struct PathCode {
    pub(crate) root: Code,
    pub(crate) name: RootName,
    pub(crate) steps: Box<[StepCode]>,
    /// The whole path.
    pub(crate) span: Span,
}

/// A step of a path and where it stands.
#[derive(Debug)]
pub(crate) struct StepCode {
    pub(crate) kind: StepKind,
    pub(crate) span: Span,
}

/// What a step does.
#[derive(Debug)]
pub(crate) enum StepKind {
    Field(FieldCode),
    Position(u64),
    Index(Code),
    Range {
        from: (Code, Span),
        to: (Code, Span),
    },
}

/// A field that is stepped into.
#[derive(Debug)]
pub(crate) struct FieldCode {
    pub(crate) key: Box<str>,
    /// Which of the guesses is for this step; see [`super::Machine::guesses`].
    pub(crate) guess: usize,
}

/// A record: constant fields, and computed ones on top of them.
#[derive(Debug)]
pub(crate) struct RecordCode {
    /// The constant fields, by their record's place in the pool.
    pub(crate) base: Option<usize>,
    pub(crate) fields: Box<[(Code, Code)]>,
}

/// A part of a string.
#[derive(Debug)]
pub(crate) enum TextCode {
    Text(Box<str>),
    Value(Code),
}

/// A part of a binary literal.
#[derive(Debug)]
pub(crate) struct BytesCode {
    pub(crate) value: Code,
    pub(crate) kind: BytesKind,
    /// The value with size and kind.
    pub(crate) span: Span,
    /// The literal.
    pub(crate) context: Span,
}

/// How a part of a binary literal is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BytesKind {
    Integer {
        is_signed: bool,
        is_little: bool,
        /// 1 to 64.
        bits: u8,
    },
    /// All bytes, or the first so many.
    Binary { bytes: Option<u8> },
}

/// A call of a function that is not written in the language.
#[derive(Debug)]
pub(crate) struct CallCode {
    pub(crate) callee: Callee,
    /// The native module and the name in it, as messages say them.
    pub(crate) module: Box<str>,
    pub(crate) name: Box<str>,
    pub(crate) args: Box<[Code]>,
    /// The call.
    pub(crate) span: Span,
}

/// A function that is not written in the language.
#[derive(Clone, Debug)]
pub(crate) enum Callee {
    /// Built in.
    Native(&'static Function),
    /// Of a module that was registered, possibly by a plugin.
    Foreign(Arc<ForeignCode>),
}

/// A function of a module that was registered.
pub(crate) struct ForeignCode {
    pub(crate) module: Arc<dyn DynFunctions>,
    /// Its place in the module.
    pub(crate) place: usize,
    pub(crate) min_args: u8,
    /// See [`Function::max_args`].
    pub(crate) max_args: u8,
}

impl std::fmt::Debug for ForeignCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ForeignCode")
            .field("place", &self.place)
            .finish_non_exhaustive()
    }
}

/// A call of a function of the language.
#[derive(Debug)]
pub(crate) struct InvokeCode {
    /// Its place in the pool.
    pub(crate) function: usize,
    pub(crate) args: Box<[Code]>,
    /// The call.
    pub(crate) span: Span,
}

/// A function of the language.
#[derive(Debug)]
pub(crate) struct FunctionCode {
    pub(crate) name: Box<str>,
    /// The number of parameters; their slots are the first ones.
    pub(crate) params: usize,
    /// The names of all slots.
    pub(crate) locals: Box<[Box<str>]>,
    pub(crate) body: Code,
}

/// `match`
#[derive(Debug)]
pub(crate) struct MatchCode {
    pub(crate) target: Code,
    pub(crate) groups: Box<[ClauseGroup]>,
    /// The body of a last, unguarded `case _`.
    pub(crate) default: Option<Code>,
    pub(crate) span: Span,
}

/// Clauses that are tried together.
#[derive(Debug)]
pub(crate) enum ClauseGroup {
    /// One clause.
    One(ClauseCode),
    /// Clauses in a row that each compare with a constant string and have no guard, found by hashing.
    Strings {
        bodies: Box<[Code]>,
        places: HashMap<Box<str>, usize>,
    },
}

/// `case` of a `match`, and a case of a function.
#[derive(Debug)]
pub(crate) struct ClauseCode {
    pub(crate) pattern: PatternCode,
    /// The slot that the pattern's value goes to.
    pub(crate) binding: Option<usize>,
    pub(crate) guard: Option<(Code, Span)>,
    pub(crate) body: Code,
    pub(crate) span: Span,
}

/// A pattern.
#[derive(Debug)]
pub(crate) enum PatternCode {
    Ignore,
    Equal(Code),
    Extract(Box<Extractor>),
    Record(Box<[FieldTestCode]>),
    Array(Box<[PatternCode]>),
    Tuple {
        elements: Box<[PatternCode]>,
        is_open: bool,
    },
    /// The arguments of a function, each with the slot of its parameter, which gets what its element matched.
    Params(Box<[(usize, PatternCode)]>),
    /// A binding inside of a binding, which fails when it is tried.
    Nested(Span),
}

/// A test of a record pattern.
#[derive(Debug)]
pub(crate) struct FieldTestCode {
    pub(crate) field: FieldCode,
    pub(crate) kind: FieldTestCodeKind,
}

/// What a field is tested for.
#[derive(Debug)]
pub(crate) enum FieldTestCodeKind {
    Present,
    Absent,
    Compare(BinaryOp, Code),
    Matches(PatternCode),
}

/// `for`
#[derive(Debug)]
pub(crate) struct ForCode {
    pub(crate) target: Code,
    pub(crate) cases: Box<[ForCaseCode]>,
    /// What it starts with; none if the value of the whole is not needed.
    pub(crate) into: Option<Code>,
    pub(crate) fold: BinaryOp,
    pub(crate) span: Span,
}

/// A case of a `for`.
#[derive(Debug)]
pub(crate) struct ForCaseCode {
    pub(crate) key: usize,
    pub(crate) value: usize,
    /// The pair of names.
    pub(crate) head: Span,
    pub(crate) guard: Option<(Code, Span)>,
    pub(crate) body: Code,
    /// The last expression of the body.
    pub(crate) last: Span,
}

/// `merge`
#[derive(Debug)]
pub(crate) struct MergeCode {
    pub(crate) target: (Code, Span),
    pub(crate) changes: (Code, Span),
    pub(crate) span: Span,
}

/// `patch`
#[derive(Debug)]
pub(crate) struct PatchCode {
    pub(crate) target: (Code, Span),
    pub(crate) operations: Box<[PatchOperationCode]>,
    pub(crate) span: Span,
}

/// An operation of a `patch`.
#[derive(Debug)]
pub(crate) struct PatchOperationCode {
    pub(crate) kind: PatchCodeKind,
    pub(crate) span: Span,
}

/// What an operation does; keys are strings.
#[derive(Debug)]
pub(crate) enum PatchCodeKind {
    Insert { key: Code, value: Code },
    Update { key: Code, value: Code },
    Upsert { key: Code, value: Code },
    Erase { key: Code },
    Move { from: Code, to: Code },
    Copy { from: Code, to: Code },
    Merge { key: Code, value: Code },
    MergeAll { value: Code },
    Default { key: Code, value: Code },
    DefaultAll { value: Code },
}

/// `let`
#[derive(Debug)]
pub(crate) struct LetCode {
    pub(crate) target: LetTarget,
    pub(crate) steps: Box<[LetStep]>,
    pub(crate) value: Code,
    /// From the path to the end of the value, without `let`.
    pub(crate) span: Span,
    /// The path.
    pub(crate) path: Span,
    /// Whether nobody looks at the value of the assignment.
    pub(crate) is_statement: bool,
}

/// What is assigned to.
#[derive(Debug)]
pub(crate) enum LetTarget {
    Event,
    /// Metadata, with at least one step.
    Meta,
    State,
    Local(usize),
}

/// A step of the path that is assigned to.
#[derive(Debug)]
pub(crate) struct LetStep {
    pub(crate) kind: LetStepKind,
    pub(crate) span: Span,
}

/// What a step leads to.
#[derive(Debug)]
pub(crate) enum LetStepKind {
    Field(FieldCode),
    /// A computed key.
    Key(Code),
    /// An index or a range, which cannot be assigned to.
    Element,
}

/// `emit`
#[derive(Debug)]
pub(crate) struct EmitCode {
    /// None is the event.
    pub(crate) value: Option<Code>,
    /// None is `out`.
    pub(crate) port: Option<Code>,
}

/// An assignment that fails.
#[derive(Debug)]
pub(crate) struct UnassignableCode {
    pub(crate) value: Code,
    /// Whether it is `let $ = …`.
    pub(crate) is_meta: bool,
    pub(crate) span: Span,
}

/// A script: main or named, of a query, a window or on its own.
#[derive(Debug)]
pub(crate) struct ScriptCode {
    /// The names of all slots.
    pub(crate) locals: Box<[Box<str>]>,
    /// A block; its value is emitted.
    pub(crate) body: Code,
}
