//! The kinds of findings.

/// The kind of a finding: stable, short, and printed in brackets behind the severity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Code {
    /// A token is malformed: an unclosed string, an unknown escape, a number out of range.
    Token,
    /// The tokens do not form a statement or an expression.
    Syntax,
    /// Expressions or statements are nested too deeply, or the text is too long.
    TooLarge,
    /// The language has this construct, this implementation does not have it yet.
    Unsupported,
    /// A name is not defined, or not here.
    UnknownName,
    /// A name is defined twice.
    DuplicateName,
    /// An argument is not declared by what it is handed to.
    UnknownArgument,
    /// A required argument is not given.
    MissingArgument,
    /// A node has no such port.
    UnknownPort,
    /// A key of a `with` clause is not one of those that are allowed.
    UnknownKey,
    /// A value must be known before anything runs, but depends on the event.
    NotConstant,
    /// A local variable stands where there can be none.
    LocalVariable,
    /// A value has the wrong type.
    Type,
    /// An operator is not defined for the types of its operands.
    Operation,
    /// An arithmetic result or a shift is out of range, or a division by zero.
    Arithmetic,
    /// A key of a record does not exist.
    MissingKey,
    /// An index or a range is outside of an array.
    OutOfBounds,
    /// Selects form a cycle.
    Cycle,
    /// Something is created but connected to nothing, or never fed.
    Unconnected,
    /// Something takes the place of something of the same name.
    Replaced,
    /// A configuration value is not what it must be.
    Config,
    /// A module is not found, cannot be read, or uses itself.
    Module,
    /// The text of an extractor means nothing.
    Extractor,
    /// A part of a binary literal has no such type or size.
    BinaryPart,
    /// `emit`, `drop`, `recur`, an assignment or an aggregate stands where it must not.
    Misplaced,
    /// A function is called with the wrong number of arguments.
    Arity,
    /// A construct may still change.
    Experimental,
    /// A call is slow where a faster way is at hand.
    Slow,
    /// A name breaks a convention.
    Naming,
    /// A `match` may find no clause.
    NoDefault,
    /// A clause can never be reached.
    Unreachable,
    /// A pattern tests a field for its presence and for something else.
    FieldTestedTwice,
    /// A match has no clause for its target.
    NoClause,
    /// Something is assigned to what cannot be assigned to.
    Assignment,
    /// A key exists that is to be new.
    KeyExists,
    /// A function does not take its arguments, or failed.
    Call,
    /// Functions call themselves or each other too often.
    Recursion,
    /// The program or this implementation does what cannot work.
    Internal,
}

/// What a warning is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// Anything else.
    General,
    /// It costs more than it must.
    Performance,
    /// It breaks a convention.
    Consistency,
    /// It may do something else than what it seems to do.
    Behaviour,
}

impl Class {
    /// The class as it is printed.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Class::General => "general",
            Class::Performance => "performance",
            Class::Consistency => "consistency",
            Class::Behaviour => "behaviour",
        }
    }
}

impl Code {
    /// The code as it is printed.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Code::Token => "token",
            Code::Syntax => "syntax",
            Code::TooLarge => "too-large",
            Code::Unsupported => "unsupported",
            Code::UnknownName => "unknown-name",
            Code::DuplicateName => "duplicate-name",
            Code::UnknownArgument => "unknown-argument",
            Code::MissingArgument => "missing-argument",
            Code::UnknownPort => "unknown-port",
            Code::UnknownKey => "unknown-key",
            Code::NotConstant => "not-constant",
            Code::LocalVariable => "local-variable",
            Code::Type => "type",
            Code::Operation => "operation",
            Code::Arithmetic => "arithmetic",
            Code::MissingKey => "missing-key",
            Code::OutOfBounds => "out-of-bounds",
            Code::Cycle => "cycle",
            Code::Unconnected => "unconnected",
            Code::Replaced => "replaced",
            Code::Config => "config",
            Code::Module => "module",
            Code::Extractor => "extractor",
            Code::BinaryPart => "binary-part",
            Code::Misplaced => "misplaced",
            Code::Arity => "arity",
            Code::Experimental => "experimental",
            Code::Slow => "slow",
            Code::Naming => "naming",
            Code::NoDefault => "no-default",
            Code::Unreachable => "unreachable",
            Code::FieldTestedTwice => "field-tested-twice",
            Code::NoClause => "no-clause",
            Code::Assignment => "assignment",
            Code::KeyExists => "key-exists",
            Code::Call => "call",
            Code::Recursion => "recursion",
            Code::Internal => "internal",
        }
    }

    /// What a warning of this kind is about.
    #[must_use]
    pub fn class(self) -> Class {
        match self {
            Code::Slow => Class::Performance,
            Code::Naming => Class::Consistency,
            Code::NoDefault
            | Code::Unreachable
            | Code::FieldTestedTwice
            | Code::Unconnected
            | Code::Replaced => Class::Behaviour,
            _ => Class::General,
        }
    }
}
