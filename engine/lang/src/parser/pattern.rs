//! Patterns.

use super::{Parse, Parser};
use crate::ast::{
    BinaryOp, ExtractorLiteral, FieldTest, FieldTestKind, Ident, Pattern, PatternKind,
};
use crate::keyword::Keyword;
use crate::token::TokenKind;

impl Parser<'_> {
    /// Parses the pattern of a clause.
    pub(super) fn pattern(&mut self) -> Parse<Pattern> {
        self.nested(Parser::pattern_here)
    }

    fn pattern_here(&mut self) -> Parse<Pattern> {
        let start = self.span();
        let kind = match self.peek() {
            TokenKind::PercentBracket => self.array_pattern()?,
            TokenKind::PercentParen => self.tuple_pattern()?,
            TokenKind::Ident(_) if *self.peek_at(1) == TokenKind::Assign => {
                let name = self.ident("a name")?;
                self.bump();
                let pattern = Box::new(self.pattern()?);
                PatternKind::Bind { name, pattern }
            }
            _ => return self.element(),
        };
        let span = self.span_from(start);
        Ok(Pattern { kind, span })
    }

    /// Parses an element of an array or tuple pattern, or of a case of a function.
    pub(super) fn element(&mut self) -> Parse<Pattern> {
        let start = self.span();
        let kind = match self.peek() {
            TokenKind::Underscore => {
                self.bump();
                PatternKind::Ignore
            }
            TokenKind::Tilde => {
                self.bump();
                PatternKind::Extract(self.extractor()?)
            }
            TokenKind::PercentBrace => self.record_pattern()?,
            TokenKind::PercentBracket | TokenKind::PercentParen => {
                let finding = self.syntax_error("an element");
                return self.report(finding.help(
                    "array and tuple patterns do not nest; match the element in the clause's body",
                ));
            }
            _ => {
                let expr = self.expression()?;
                let span = self.last_outer(&expr);
                let kind = PatternKind::Expr(expr);
                return Ok(Pattern { kind, span });
            }
        };
        let span = self.span_from(start);
        Ok(Pattern { kind, span })
    }

    fn extractor(&mut self) -> Parse<ExtractorLiteral> {
        let name = self.ident("the name of an extractor")?;
        let TokenKind::Extractor(text) = self.peek() else {
            return self.unexpected("`|` and the text of the extractor");
        };
        let text = text.clone();
        self.bump();
        let span = self.span_from(name.span);
        Ok(ExtractorLiteral { name, text, span })
    }

    fn array_pattern(&mut self) -> Parse<PatternKind> {
        self.bump();
        let mut elements = Vec::new();
        if !self.eat(&TokenKind::BracketClose) {
            elements.push(self.element()?);
            while self.eat(&TokenKind::Comma) {
                elements.push(self.element()?);
            }
            self.expect(&TokenKind::BracketClose, "`,` or `]`")?;
        }
        Ok(PatternKind::Array(elements))
    }

    fn tuple_pattern(&mut self) -> Parse<PatternKind> {
        self.bump();
        let mut elements = Vec::new();
        let mut is_open = false;
        if !self.eat(&TokenKind::ParenClose) {
            loop {
                if self.eat_dots()? {
                    is_open = true;
                    break;
                }
                elements.push(self.element()?);
                if !self.eat(&TokenKind::Comma) {
                    break;
                }
            }
            let wanted = if is_open { "`)`" } else { "`,` or `)`" };
            self.expect(&TokenKind::ParenClose, wanted)?;
        }
        Ok(PatternKind::Tuple { elements, is_open })
    }

    /// Takes `...`, if it stands here.
    pub(super) fn eat_dots(&mut self) -> Parse<bool> {
        if !self.eat(&TokenKind::Dot) {
            return Ok(false);
        }
        for _ in 0..2 {
            self.expect(&TokenKind::Dot, "`...`")?;
        }
        Ok(true)
    }

    fn record_pattern(&mut self) -> Parse<PatternKind> {
        self.bump();
        let tests = self.list_of(&TokenKind::BraceClose, "`}`", Parser::field_test)?;
        Ok(PatternKind::Record(tests))
    }

    fn field_test(&mut self) -> Parse<FieldTest> {
        let (field, kind) = if self.eat_word(Keyword::Present) {
            (self.ident("the name of a field")?, FieldTestKind::Present)
        } else if self.eat_word(Keyword::Absent) {
            (self.ident("the name of a field")?, FieldTestKind::Absent)
        } else {
            let first = self.ident("`present`, `absent` or the name of a field")?;
            // The name in `name = field ~= …` means nothing.
            if self.eat(&TokenKind::Assign) {
                let field = self.aliased_field()?;
                self.expect(&TokenKind::TildeEqual, "`~=` and an extractor")?;
                let pattern = self.field_extractor()?;
                (field, FieldTestKind::Matches(pattern))
            } else {
                let kind = self.field_test_kind()?;
                (first, kind)
            }
        };
        Ok(FieldTest { field, kind })
    }

    fn aliased_field(&mut self) -> Parse<Ident> {
        if matches!(self.peek(), TokenKind::Ident(_)) {
            return self.ident("the name of a field");
        }
        let finding = self.syntax_error("the name of a field");
        self.report(finding.help("`==` compares with a value"))
    }

    fn field_extractor(&mut self) -> Parse<Pattern> {
        let start = self.span();
        let kind = PatternKind::Extract(self.extractor()?);
        let span = self.span_from(start);
        Ok(Pattern { kind, span })
    }

    fn field_test_kind(&mut self) -> Parse<FieldTestKind> {
        let op = match self.peek() {
            TokenKind::Equal => BinaryOp::Equal,
            TokenKind::NotEqual => BinaryOp::NotEqual,
            TokenKind::Less => BinaryOp::Less,
            TokenKind::LessEqual => BinaryOp::LessEqual,
            TokenKind::Greater => BinaryOp::Greater,
            TokenKind::GreaterEqual => BinaryOp::GreaterEqual,
            TokenKind::TildeEqual => {
                self.bump();
                return self.field_pattern().map(FieldTestKind::Matches);
            }
            _ => return self.unexpected("a comparison or `~=`"),
        };
        self.bump();
        Ok(FieldTestKind::Compare(op, self.expression()?))
    }

    fn field_pattern(&mut self) -> Parse<Pattern> {
        match self.peek() {
            TokenKind::PercentBrace | TokenKind::PercentBracket | TokenKind::PercentParen => {
                self.pattern()
            }
            TokenKind::Ident(_) => self.field_extractor(),
            _ => {
                let finding =
                    self.syntax_error("an extractor, or a record, array or tuple pattern");
                let help =
                    "`==` compares with a value; `%{ … }`, `%[ … ]` and `%( … )` are patterns";
                self.report(finding.help(help))
            }
        }
    }
}
