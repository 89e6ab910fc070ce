//! Tokens, the words of all three languages.

use crate::keyword::Keyword;
use crate::span::Span;

/// A token and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Token {
    pub(crate) kind: TokenKind,
    pub(crate) span: Span,
}

/// What a token is. White space and line comments leave no token.
///
/// A string is several tokens: its start, texts and interpolations (a start, the tokens of an expression, an end)
/// in any number and order, and its end.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum TokenKind {
    Ident(Box<str>),
    Keyword(Keyword),
    Int(u64),
    Float(f64),
    /// `"`
    StringStart,
    /// `"""`
    HeredocStart,
    /// Text of a string, escapes resolved.
    Text(Box<str>),
    /// `#{` in a string.
    InterpolationStart,
    /// The `}` that ends an interpolation.
    InterpolationEnd,
    StringEnd,
    /// `|…|`, escapes resolved and lines joined. Patterns will want the text.
    Extractor(Box<str>),
    /// `## …`
    DocComment,
    /// `### …`
    ModuleComment,
    /// `#!config `
    Config,
    Comma,
    Semicolon,
    Dot,
    Colon,
    ColonColon,
    Dollar,
    Underscore,
    Backslash,
    ParenOpen,
    ParenClose,
    BracketOpen,
    BracketClose,
    BraceOpen,
    BraceClose,
    /// `%(`
    PercentParen,
    /// `%[`
    PercentBracket,
    /// `%{`
    PercentBrace,
    /// `=>`
    Arrow,
    Assign,
    Equal,
    NotEqual,
    /// `~=`
    TildeEqual,
    Tilde,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Plus,
    Minus,
    Star,
    Slash,
    Percent,
    Ampersand,
    Caret,
    Bang,
    ShiftLeft,
    ShiftRight,
    /// `>>>`
    ShiftRightUnsigned,
    /// The end of the text.
    End,
}
