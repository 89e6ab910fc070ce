//! Help with syntax errors, above all with what was written in another way before Tremor 0.12.

use super::Parser;
use crate::keyword::Keyword;
use crate::token::TokenKind;

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
            TokenKind::Keyword(Keyword::Case | Keyword::Default)
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
