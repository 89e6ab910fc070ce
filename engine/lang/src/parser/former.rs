//! Help with syntax errors, above all with what was written in another way before Tremor 0.12.

use super::Parser;
use crate::keyword::Keyword;
use crate::suggest::did_you_mean;
use crate::token::TokenKind;

/// The words that statements and expressions start with and that go on with an expression or a name.
const STARTS: [&str; 14] = [
    "absent", "connect", "const", "create", "define", "emit", "for", "let", "match", "merge",
    "not", "patch", "present", "select",
];

impl Parser<'_> {
    /// What helps where something else than the token under the cursor is wanted.
    pub(super) fn syntax_help(&self, wanted: &str) -> Option<&'static str> {
        let help = match self.peek() {
            TokenKind::DocComment => {
                "`##` documents the definition behind it; other comments start with one `#`"
            }
            TokenKind::ModuleComment => {
                "`###` stands at the start of a file only; other comments start with one `#`"
            }
            TokenKind::Keyword(Keyword::Case | Keyword::Default | Keyword::End)
                if matches!(self.peek_before(), Some(TokenKind::Semicolon)) =>
            {
                "remove the `;` in front of it"
            }
            TokenKind::Keyword(Keyword::Default) if *self.peek_at(1) == TokenKind::Arrow => {
                "the clause for everything else is `case _ => …`"
            }
            TokenKind::Keyword(Keyword::With) if wanted.ends_with("and its body") => {
                "arguments are declared with `args`; `with` gives them their values where it is created"
            }
            TokenKind::Keyword(Keyword::From | Keyword::Into)
                if wanted.starts_with("`pipeline`") =>
            {
                "the order is `define pipeline … from … into … args … pipeline … end`"
            }
            TokenKind::Comma if wanted.starts_with("`;`") => "a `;` separates here, not a `,`",
            _ => return None,
        };
        Some(help)
    }

    /// The word that was probably meant, where a name stands in its place.
    pub(super) fn meant(&self, wanted: &str) -> Option<String> {
        let TokenKind::Ident(name) = self.peek() else {
            return None;
        };
        // What is wanted is told in words, with what is written as it is in back quotes.
        let quoted = wanted.split('`').skip(1).step_by(2);
        let words = quoted.flat_map(|text| text.split([' ', '/']));
        did_you_mean(name, words.filter(|word| !word.is_empty()))
    }

    /// The word that was probably meant, where a name ended what could have been a statement.
    pub(super) fn meant_before(&self) -> Option<String> {
        let Some(TokenKind::Ident(name)) = self.peek_before() else {
            return None;
        };
        let before = self.at.checked_sub(2).and_then(|at| self.tokens.get(at));
        let starts = match before.map(|token| &token.kind) {
            None | Some(TokenKind::Semicolon | TokenKind::Assign | TokenKind::Arrow) => true,
            Some(TokenKind::Keyword(word)) => matches!(
                word,
                Keyword::Flow | Keyword::Pipeline | Keyword::Script | Keyword::With
            ),
            _ => false,
        };
        did_you_mean(name, STARTS).filter(|_| starts)
    }

    /// What helps where no kind of definition stands behind `define`.
    pub(super) fn definition_help(&self) -> Option<&'static str> {
        match (self.peek(), self.peek_at(1)) {
            (TokenKind::Ident(_), TokenKind::ColonColon) => Some(
                "the kind stands behind the name, as in `define operator batch from generic::batch`",
            ),
            (TokenKind::Keyword(Keyword::Tumbling | Keyword::Sliding), _) => {
                Some("the kind stands behind the name, as in `define window minute from tumbling`")
            }
            _ => None,
        }
    }
}
