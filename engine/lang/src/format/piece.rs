//! What a formatted text is put together from: tokens, strings as a whole, and comments.

use crate::finding::Finding;
use crate::keyword::Keyword;
use crate::lexer::lex;
use crate::source::Source;
use crate::span::Span;
use crate::token::{Token, TokenKind};

/// A part of a text that is printed as it is.
#[derive(Debug)]
pub(super) struct Piece<'s> {
    pub(super) text: &'s str,
    pub(super) kind: PieceKind,
    /// The line ends in front of it.
    pub(super) breaks: usize,
    /// Whether white space stands in front of it.
    pub(super) is_apart: bool,
}

/// What a piece is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum PieceKind {
    Token(TokenKind),
    /// A string or heredoc with all that is in it.
    String,
    /// From `#` to the end of the line.
    Comment,
    /// `##` or `###`
    Doc,
}

impl Piece<'_> {
    pub(super) fn is(&self, kind: &TokenKind) -> bool {
        matches!(&self.kind, PieceKind::Token(found) if found == kind)
    }

    pub(super) fn word(&self) -> Option<Keyword> {
        match &self.kind {
            PieceKind::Token(TokenKind::Keyword(word)) => Some(*word),
            _ => None,
        }
    }

    pub(super) fn is_ident(&self) -> bool {
        matches!(&self.kind, PieceKind::Token(TokenKind::Ident(_)))
    }

    pub(super) fn is_semicolon(&self) -> bool {
        self.is(&TokenKind::Semicolon)
    }

    /// Whether it is more than a comment.
    pub(super) fn is_token(&self) -> bool {
        matches!(self.kind, PieceKind::Token(_) | PieceKind::String)
    }
}

/// Takes a text apart.
///
/// # Errors
/// Returns what is wrong with its tokens.
pub(super) fn pieces(source: &Source) -> Result<Vec<Piece<'_>>, Vec<Finding>> {
    let tokens = lex(source)?;
    let mut pieces = Vec::new();
    let mut at = source.base();
    let mut rest = tokens.as_slice();
    while let [first, ..] = rest {
        let length = match first.kind {
            TokenKind::StringStart | TokenKind::HeredocStart => string_length(rest),
            _ => 1,
        };
        let (taken, left) = rest.split_at(length.min(rest.len()));
        rest = left;
        let gap = source.slice(Span::new(at, first.span.start));
        let (breaks, is_apart) = comments(gap, &mut pieces);
        let end = taken.last().map_or(first.span.end, |last| last.span.end);
        at = end;
        if first.kind == TokenKind::End {
            break;
        }
        pieces.push(Piece {
            text: source.slice(Span::new(first.span.start, end)).trim_end(),
            kind: kind_of(first),
            breaks,
            is_apart,
        });
    }
    Ok(pieces)
}

fn kind_of(token: &Token) -> PieceKind {
    match &token.kind {
        TokenKind::StringStart | TokenKind::HeredocStart => PieceKind::String,
        TokenKind::DocComment | TokenKind::ModuleComment => PieceKind::Doc,
        kind => PieceKind::Token(kind.clone()),
    }
}

/// The number of tokens of a string, with the strings inside of it.
fn string_length(tokens: &[Token]) -> usize {
    let mut open = 0;
    for (at, token) in tokens.iter().enumerate() {
        match token.kind {
            TokenKind::StringStart | TokenKind::HeredocStart => open += 1,
            TokenKind::StringEnd => open -= 1,
            _ => {}
        }
        if open == 0 {
            return at + 1;
        }
    }
    tokens.len()
}

/// Takes the comments between two tokens; returns the line ends behind the last of them, and whether there is anything.
fn comments<'s>(gap: &'s str, pieces: &mut Vec<Piece<'s>>) -> (usize, bool) {
    let mut breaks = 0;
    for line in gap.split_inclusive('\n') {
        if let Some(start) = line.find('#') {
            pieces.push(Piece {
                text: line[start..].trim_end(),
                kind: PieceKind::Comment,
                breaks,
                is_apart: true,
            });
            breaks = 0;
        }
        breaks += usize::from(line.ends_with('\n'));
    }
    (breaks, !gap.is_empty())
}
