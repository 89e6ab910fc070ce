//! How deep a line stands: the constructs that are open where it starts.

use super::piece::{Piece, PieceKind};
use crate::keyword::Keyword;
use crate::token::TokenKind;

/// Brackets that items stand in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bracket {
    Paren,
    Square,
    Brace,
    Bytes,
}

/// What is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Open {
    Bracket(Bracket),
    /// `match`, `for`, or a function of cases: `case` stands one deeper, what follows it two.
    Cases {
        in_case: bool,
    },
    /// `patch`, `merge`, a function with statements.
    Block,
    /// A definition with a body: its sections stand where it starts.
    Definition,
    /// A definition, `create` or `deploy` that ends in `;`, or in `end` if it has a `with`.
    Instance {
        has_with: bool,
    },
    /// A `select`: its clauses stand where it starts.
    Select,
    /// Any other statement: what follows on further lines stands deeper.
    Statement,
}

/// Something open and the depth of the line that it was opened on.
#[derive(Clone, Copy, Debug)]
struct Frame {
    open: Open,
    depth: usize,
}

/// The constructs that are open.
pub(super) struct Indent {
    frames: Vec<Frame>,
    /// The depth of the line that is being printed.
    depth: usize,
    /// Whether a statement starts here.
    at_start: bool,
    /// Whether an operand is wanted here, so that `+`, `-` and `<<` are no operators.
    wants_operand: bool,
    /// Whether the last sign is one of an operand.
    is_sign: bool,
    has_just_opened: bool,
    /// The words and names that were passed since the last `from` or `into`; a slash behind one name is that of a port.
    behind_node: usize,
    in_connect: bool,
    in_directive: bool,
    last_word: Option<Keyword>,
    /// Whether the last piece was `use`, behind which the operator of a `for` may stand.
    behind_use: bool,
}

impl Indent {
    pub(super) fn new() -> Self {
        Indent {
            frames: Vec::new(),
            depth: 0,
            at_start: true,
            wants_operand: true,
            is_sign: false,
            has_just_opened: false,
            behind_node: usize::MAX,
            in_connect: false,
            in_directive: false,
            last_word: None,
            behind_use: false,
        }
    }

    fn top(&self) -> Option<Open> {
        self.frames.last().map(|frame| frame.open)
    }

    /// The innermost bracket, if nothing else is open inside of it.
    pub(super) fn bracket(&self) -> Option<Bracket> {
        match self.top() {
            Some(Open::Bracket(bracket)) => Some(bracket),
            _ => None,
        }
    }

    /// Whether a slash here stands between a node and its port, or in the path of a `connect`.
    pub(super) fn is_port_slash(&self) -> bool {
        self.in_connect || self.behind_node == 1
    }

    /// Whether the `+` or `-` that was printed last belongs to its operand.
    pub(super) fn is_sign(&self) -> bool {
        self.is_sign
    }

    /// Whether the last piece opened a bracket.
    pub(super) fn has_just_opened(&self) -> bool {
        self.has_just_opened
    }

    /// Whether a piece has to start a line of its own.
    pub(super) fn starts_line(piece: &Piece<'_>) -> bool {
        piece.kind == PieceKind::Doc || piece.is(&TokenKind::Config)
    }

    // --- before a piece is printed ---

    /// Closes what ends in front of a piece.
    pub(super) fn before(&mut self, piece: &Piece<'_>) {
        let is_directive = piece.is(&TokenKind::Config);
        let ends_directive = self.in_directive && piece.breaks > 0 && piece.is_token();
        if is_directive || ends_directive {
            self.in_directive = is_directive;
            self.at_start = true;
            while self.top() == Some(Open::Statement) {
                self.frames.pop();
            }
        }
        match piece.word() {
            Some(Keyword::End) => {
                while self.is_loose() {
                    self.frames.pop();
                }
            }
            Some(Keyword::Case) => self.close_to(|open| matches!(open, Open::Cases { .. })),
            Some(Keyword::Into | Keyword::Use) if !self.at_start => {
                let is_for = |open| matches!(open, Open::Cases { .. } | Open::Select);
                self.close_to(is_for);
            }
            // Behind `define` it is a definition of its own, and no section of the one around it.
            Some(Keyword::Script)
                if self.has(Open::Definition) && self.last_word != Some(Keyword::Define) =>
            {
                self.close_to(|open| open == Open::Definition);
            }
            _ => {}
        }
    }

    fn has(&self, open: Open) -> bool {
        self.frames.iter().any(|frame| frame.open == open)
    }

    /// Whether the innermost construct ends without an `end` of its own.
    fn is_loose(&self) -> bool {
        matches!(
            self.top(),
            Some(Open::Statement | Open::Select | Open::Instance { has_with: false })
        )
    }

    /// Closes loose constructs, if what is wanted is found below them.
    fn close_to(&mut self, wanted: impl Fn(Open) -> bool) {
        let loose = |open| matches!(open, Open::Statement | Open::Instance { has_with: false });
        let at = self.frames.iter().rposition(|frame| !loose(frame.open));
        if let Some(at) = at
            && wanted(self.frames[at].open)
        {
            self.frames.truncate(at + 1);
        }
    }

    /// The depth of a line that starts with a piece; it is that of the line from now on.
    pub(super) fn of_line(&mut self, piece: &Piece<'_>, next: Option<&Piece<'_>>) -> usize {
        // A comment stands where the next token will.
        let is_comment = !piece.is_token();
        let first = if is_comment { next } else { Some(piece) };
        self.depth = match (self.frames.last(), first) {
            (None, _) => 0,
            (Some(frame), None) => frame.depth,
            (Some(frame), Some(first)) => frame.depth + steps(frame.open, first, is_comment),
        };
        self.depth
    }

    // --- after a piece was printed ---

    /// Opens and closes what a piece opens and closes.
    pub(super) fn after(&mut self, piece: &Piece<'_>) {
        self.has_just_opened = false;
        if !piece.is_token() {
            return;
        }
        let may_be_sign = self.wants_operand && !self.behind_use;
        self.is_sign = may_be_sign && (piece.is(&TokenKind::Plus) || piece.is(&TokenKind::Minus));
        self.behind_use = piece.word() == Some(Keyword::Use);
        let started = self.at_start;
        self.at_start = false;
        match &piece.kind {
            PieceKind::Token(TokenKind::Keyword(word)) => self.word(*word, started),
            PieceKind::Token(kind) => self.token(&kind.clone(), started),
            _ => self.statement(started),
        }
        self.behind_node = match piece.word() {
            Some(Keyword::From | Keyword::Into) => 0,
            _ if piece.is(&TokenKind::Slash) && self.behind_node == 1 => 1,
            _ => self.behind_node.saturating_add(1),
        };
        self.wants_operand = match &piece.kind {
            PieceKind::String => false,
            PieceKind::Token(kind) => !ends_operand(kind),
            _ => self.wants_operand,
        };
        if let Some(word) = piece.word() {
            self.last_word = Some(word);
        }
    }

    fn push(&mut self, open: Open) {
        let depth = self.depth;
        self.frames.push(Frame { open, depth });
    }

    /// Notes that a statement goes on, if it is not one that was opened as something else.
    fn statement(&mut self, started: bool) {
        if started {
            self.push(Open::Statement);
        }
    }

    fn token(&mut self, kind: &TokenKind, started: bool) {
        self.statement(started);
        let bracket = match kind {
            TokenKind::ParenOpen | TokenKind::PercentParen => Bracket::Paren,
            TokenKind::BracketOpen | TokenKind::PercentBracket => Bracket::Square,
            TokenKind::BraceOpen | TokenKind::PercentBrace => Bracket::Brace,
            TokenKind::ShiftLeft if self.wants_operand => Bracket::Bytes,
            TokenKind::ParenClose | TokenKind::BracketClose | TokenKind::BraceClose => {
                return self.close_bracket();
            }
            TokenKind::ShiftRight if self.bracket() == Some(Bracket::Bytes) => {
                return self.close_bracket();
            }
            TokenKind::Semicolon => return self.semicolon(),
            TokenKind::Arrow => {
                self.at_start = matches!(self.top(), Some(Open::Cases { in_case: true }));
                return;
            }
            _ => return,
        };
        self.push(Open::Bracket(bracket));
        self.has_just_opened = true;
    }

    fn close_bracket(&mut self) {
        let at = self
            .frames
            .iter()
            .rposition(|frame| matches!(frame.open, Open::Bracket(_)));
        if let Some(at) = at {
            self.frames.truncate(at);
        }
    }

    fn semicolon(&mut self) {
        while matches!(
            self.top(),
            Some(Open::Statement | Open::Select | Open::Instance { .. })
        ) {
            self.frames.pop();
        }
        self.in_connect = false;
        self.at_start = true;
    }

    fn word(&mut self, word: Keyword, started: bool) {
        use Keyword as K;
        match word {
            K::Match | K::For => {
                self.statement(started);
                self.push(Open::Cases { in_case: false });
            }
            K::Patch => {
                self.statement(started);
                self.push(Open::Block);
            }
            // An operation of a `patch` starts where a statement could.
            K::Merge if started && self.top() == Some(Open::Block) => self.statement(started),
            K::Merge => {
                self.statement(started);
                self.push(Open::Block);
            }
            K::Fn if self.last_word != Some(K::Intrinsic) || started => self.push(Open::Block),
            K::Define => self.push(Open::Instance { has_with: false }),
            K::Window | K::Script | K::Pipeline | K::Flow if self.last_word == Some(K::Define) => {
                if let Some(frame) = self.frames.last_mut() {
                    frame.open = Open::Definition;
                }
            }
            K::Script | K::Pipeline | K::Flow if self.top() == Some(Open::Definition) => {
                self.at_start = true;
            }
            K::Create | K::Deploy => self.push(Open::Instance { has_with: false }),
            K::Connect => {
                self.in_connect = true;
                self.push(Open::Statement);
            }
            K::Select => self.push(Open::Select),
            K::With => self.with(),
            // The operations of a `patch` follow.
            K::Of => self.at_start = self.top() == Some(Open::Block),
            K::Case => {
                if let Some(Frame {
                    open: Open::Cases { in_case },
                    ..
                }) = self.frames.last_mut()
                {
                    *in_case = true;
                }
            }
            K::End => {
                self.frames.pop();
            }
            _ => self.statement(started),
        }
    }

    fn with(&mut self) {
        match self.frames.last_mut().map(|frame| &mut frame.open) {
            Some(Open::Instance { has_with }) => *has_with = true,
            Some(Open::Block) => self.at_start = true,
            _ => {}
        }
    }
}

/// How much deeper than its construct a line stands that starts with a piece.
fn steps(open: Open, first: &Piece<'_>, is_comment: bool) -> usize {
    use Keyword as K;
    let word = first.word();
    let is_end = word == Some(K::End) && !is_comment;
    match open {
        _ if is_end => 0,
        Open::Bracket(_) => usize::from(is_comment || !closes(first)),
        Open::Cases { .. } if word == Some(K::Case) => 1,
        Open::Cases { .. } if word == Some(K::Into) => 0,
        Open::Cases { in_case } => 1 + usize::from(in_case),
        Open::Block if word == Some(K::Case) => 1,
        Open::Block => 1,
        Open::Definition | Open::Instance { .. } => match word {
            Some(
                K::With
                | K::Args
                | K::State
                | K::Script
                | K::Pipeline
                | K::Flow
                | K::From
                | K::Into,
            ) => 0,
            _ => 1,
        },
        Open::Select => match word {
            Some(K::From | K::Where | K::Group | K::Into | K::Having) => 0,
            _ => 1,
        },
        Open::Statement => 1,
    }
}

fn closes(piece: &Piece<'_>) -> bool {
    piece.is(&TokenKind::ParenClose)
        || piece.is(&TokenKind::BracketClose)
        || piece.is(&TokenKind::BraceClose)
        || piece.is(&TokenKind::ShiftRight)
}

/// Whether an operator, not an operand, can follow a token.
fn ends_operand(kind: &TokenKind) -> bool {
    use Keyword as K;
    match kind {
        TokenKind::Ident(_)
        | TokenKind::Int(_)
        | TokenKind::Float(_)
        | TokenKind::ParenClose
        | TokenKind::BracketClose
        | TokenKind::BraceClose
        | TokenKind::ShiftRight
        | TokenKind::Dollar
        | TokenKind::Underscore
        | TokenKind::Extractor(_) => true,
        TokenKind::Keyword(word) => matches!(
            word,
            K::Null
                | K::True
                | K::False
                | K::Event
                | K::State
                | K::Args
                | K::Group
                | K::Window
                | K::End
        ),
        _ => false,
    }
}
