//! Where a blank stands between two pieces of a line.

use super::indent::{Bracket, Indent};
use super::piece::{Piece, PieceKind};
use crate::keyword::Keyword;
use crate::token::TokenKind;

/// Whether a blank stands between two pieces of one line.
pub(super) fn is_spaced(before: &Piece<'_>, piece: &Piece<'_>, indent: &Indent) -> bool {
    use TokenKind::{
        Arrow, Assign, Bang, BraceClose, BraceOpen, BracketClose, BracketOpen, Colon, ColonColon,
        Comma, Dollar, Dot, ParenClose, ParenOpen, PercentBrace, PercentBracket, PercentParen,
        Semicolon,
    };
    if piece.kind == PieceKind::Comment {
        return true;
    }
    let bracket = indent.bracket();
    if let PieceKind::Token(kind) = &piece.kind {
        match kind {
            Comma | Semicolon | ParenClose | BracketClose | ColonColon | Colon => return false,
            BraceClose => {
                return piece.is_apart && !before.is(&BraceOpen) && !before.is(&PercentBrace);
            }
            Dot => return before.is(&Comma),
            TokenKind::Slash if indent.is_port_slash() => {
                return matches!(before.word(), Some(Keyword::Connect | Keyword::To));
            }
            TokenKind::Slash if bracket == Some(Bracket::Bytes) => return false,
            TokenKind::ShiftRight if bracket == Some(Bracket::Bytes) => return false,
            ParenOpen if is_called(before) => return false,
            BracketOpen if is_indexed(before) => return false,
            TokenKind::Extractor(_) => return false,
            _ => {}
        }
    }
    let PieceKind::Token(kind) = &before.kind else {
        return true;
    };
    match kind {
        ParenOpen | BracketOpen | PercentParen | PercentBracket | ColonColon | Dot | Bang => false,
        BraceOpen | PercentBrace => piece.is_apart,
        Dollar => !piece.is_ident(),
        Colon => bracket == Some(Bracket::Brace),
        TokenKind::Slash => !indent.is_port_slash() && bracket != Some(Bracket::Bytes),
        TokenKind::ShiftLeft => bracket != Some(Bracket::Bytes) || !indent.has_just_opened(),
        TokenKind::Plus | TokenKind::Minus => !indent.is_sign(),
        Arrow | Assign => true,
        _ => true,
    }
}

/// Whether what stands in front of `(` is called.
fn is_called(before: &Piece<'_>) -> bool {
    before.is_ident()
        || matches!(
            before.word(),
            Some(Keyword::Recur | Keyword::Set | Keyword::Each)
        )
}

/// Whether what stands in front of `[` is indexed, or is a node whose windows follow.
fn is_indexed(before: &Piece<'_>) -> bool {
    use Keyword::{Args, Event, Group, State, Window};
    before.is_ident()
        || before.kind == PieceKind::String
        || matches!(before.word(), Some(Args | Event | Group | State | Window))
        || before.is(&TokenKind::ParenClose)
        || before.is(&TokenKind::BracketClose)
        || before.is(&TokenKind::BraceClose)
        || before.is(&TokenKind::Dollar)
}
