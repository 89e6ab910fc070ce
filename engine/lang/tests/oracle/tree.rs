//! The trees that scripts are generated as.

/// An expression.
#[derive(Clone, Debug)]
pub(crate) enum Expr {
    Null,
    Bool(bool),
    Int(u64),
    Float(f64),
    Text(Text),
    List(Vec<Expr>),
    Record(Vec<(Text, Expr)>),
    Path(Path),
    Present { path: Path, is_negated: bool },
    Unary(Unary, Box<Expr>),
    Binary(Binary, Box<Expr>, Box<Expr>),
    Call(&'static str, Vec<Expr>),
    Recur(Vec<Expr>),
    Match(Box<Match>),
    For(Box<For>),
    Merge(Box<Expr>, Box<Expr>),
    Patch(Box<Expr>, Vec<Edit>),
}

/// A string: pieces of text and what is computed between them.
pub(crate) type Text = Vec<Piece>;

#[derive(Clone, Debug)]
pub(crate) enum Piece {
    Fixed(&'static str),
    Value(Expr),
}

#[derive(Clone, Debug)]
pub(crate) struct Path {
    pub(crate) root: Root,
    pub(crate) segments: Vec<Segment>,
}

#[derive(Clone, Debug)]
pub(crate) enum Root {
    Event,
    Meta,
    State,
    /// A local, or a constant of that name.
    Name(&'static str),
    Expr(Box<Expr>),
}

#[derive(Clone, Debug)]
pub(crate) enum Segment {
    Field(&'static str),
    Index(Expr),
    Range(Expr, Expr),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unary {
    Plus,
    Minus,
    Complement,
    Not,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Binary {
    Or,
    Xor,
    And,
    BitXor,
    BitAnd,
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    ShiftLeft,
    ShiftRight,
    ShiftRightUnsigned,
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

#[derive(Clone, Debug)]
pub(crate) struct Match {
    pub(crate) target: Expr,
    pub(crate) clauses: Vec<Clause>,
}

#[derive(Clone, Debug)]
pub(crate) struct Clause {
    pub(crate) pattern: Pattern,
    pub(crate) guard: Option<Expr>,
    pub(crate) body: Vec<Statement>,
}

#[derive(Clone, Debug)]
pub(crate) struct For {
    pub(crate) target: Expr,
    pub(crate) cases: Vec<Case>,
    pub(crate) into: Option<Expr>,
    pub(crate) fold: Option<Binary>,
}

#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) names: [&'static str; 2],
    pub(crate) guard: Option<Expr>,
    pub(crate) body: Vec<Statement>,
}

#[derive(Clone, Debug)]
pub(crate) enum Pattern {
    Ignore,
    Expr(Expr),
    Record(Vec<(&'static str, Test)>),
    Array(Vec<Pattern>),
    Tuple {
        elements: Vec<Pattern>,
        is_open: bool,
    },
    Bind(&'static str, Box<Pattern>),
}

#[derive(Clone, Debug)]
pub(crate) enum Test {
    Present,
    Absent,
    Compare(Binary, Expr),
    Matches(Pattern),
}

/// An operation of a `patch`.
#[derive(Clone, Debug)]
pub(crate) enum Edit {
    Insert(Text, Expr),
    Update(Text, Expr),
    Upsert(Text, Expr),
    Erase(Text),
    Move(Text, Text),
    Copy(Text, Text),
    Merge(Text, Expr),
    MergeAll(Expr),
    Default(Text, Expr),
    DefaultAll(Expr),
}

#[derive(Clone, Debug)]
pub(crate) enum Statement {
    Expr(Expr),
    Let(Path, Box<Statement>),
    Emit {
        value: Option<Expr>,
        port: Option<Text>,
    },
    Drop,
}

#[derive(Clone, Debug)]
pub(crate) struct Function {
    pub(crate) name: &'static str,
    pub(crate) params: Vec<&'static str>,
    pub(crate) body: Body,
}

#[derive(Clone, Debug)]
pub(crate) enum Body {
    With(Vec<Statement>),
    /// Cases with a pattern for each parameter.
    Of {
        cases: Vec<(Vec<Pattern>, Option<Expr>, Vec<Statement>)>,
        default: Vec<Statement>,
    },
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Script {
    pub(crate) constants: Vec<(&'static str, Expr)>,
    pub(crate) functions: Vec<Function>,
    pub(crate) statements: Vec<Statement>,
}

impl Binary {
    pub(crate) const ALL: [Binary; 19] = [
        Binary::Add,
        Binary::Subtract,
        Binary::Multiply,
        Binary::Divide,
        Binary::Remainder,
        Binary::Equal,
        Binary::NotEqual,
        Binary::Less,
        Binary::LessEqual,
        Binary::Greater,
        Binary::GreaterEqual,
        Binary::And,
        Binary::Or,
        Binary::Xor,
        Binary::BitAnd,
        Binary::BitXor,
        Binary::ShiftLeft,
        Binary::ShiftRight,
        Binary::ShiftRightUnsigned,
    ];

    /// As it is written, and how tightly it binds; 1 is loosest.
    pub(crate) fn written(self) -> (&'static str, u8) {
        match self {
            Binary::Or => ("or", 1),
            Binary::Xor => ("xor", 2),
            Binary::And => ("and", 3),
            Binary::BitXor => ("^", 4),
            Binary::BitAnd => ("&", 5),
            Binary::Equal => ("==", 6),
            Binary::NotEqual => ("!=", 6),
            Binary::Less => ("<", 7),
            Binary::LessEqual => ("<=", 7),
            Binary::Greater => (">", 7),
            Binary::GreaterEqual => (">=", 7),
            Binary::ShiftLeft => ("<<", 8),
            Binary::ShiftRight => (">>", 8),
            Binary::ShiftRightUnsigned => (">>>", 8),
            Binary::Add => ("+", 9),
            Binary::Subtract => ("-", 9),
            Binary::Multiply => ("*", 10),
            Binary::Divide => ("/", 10),
            Binary::Remainder => ("%", 10),
        }
    }
}
