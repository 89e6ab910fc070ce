//! The parser: tokens become a syntax tree.
//!
//! It is a recursive descent. What is wrong is reported where it is found; the statement is then skipped up to its
//! `;`, or to the `end` of what it stands in, and parsing goes on, so that one run reports all errors of a text.

mod block;
mod clause;
mod define;
mod expr;
mod flow;
mod former;
mod path;
mod pattern;
mod query;
mod script;
mod skip;
mod text;

use self::skip::Opened;
use crate::ast::{Deployment, Ident, Module, Query, Script};
use crate::code::Code;
use crate::finding::{Finding, MAX_FINDINGS};
use crate::keyword::Keyword;
use crate::lexer::{lex, lex_leniently};
use crate::limits::EXPRESSION_DEPTH as MAX_DEPTH;
use crate::source::Source;
use crate::span::Span;
use crate::token::{Token, TokenKind};

/// The lines that are shown around what could not be parsed.
const MARGIN: u32 = 2;

/// Says that an error was reported and the construct could not be parsed.
#[derive(Debug)]
struct Reported;

/// The result of parsing a construct.
type Parse<T> = Result<T, Reported>;

/// Parses a `.troy` text.
///
/// # Errors
/// Returns all lexical errors, or, if there are none, all syntax errors.
pub(crate) fn parse_deployment(source: &Source) -> Result<Deployment, Vec<Finding>> {
    parse(source, Parser::deployment)
}

/// Parses a `.trickle` text.
///
/// # Errors
/// Returns all lexical errors, or, if there are none, all syntax errors.
pub(crate) fn parse_query(source: &Source) -> Result<Query, Vec<Finding>> {
    parse(source, Parser::query)
}

/// Parses a `.tremor` text that is run.
///
/// # Errors
/// Returns all lexical errors, or, if there are none, all syntax errors.
pub(crate) fn parse_script(source: &Source) -> Result<Script, Vec<Finding>> {
    parse(source, Parser::script)
}

/// Parses the text of a module, in which tokens that are malformed are passed over.
///
/// # Errors
/// Returns all syntax errors.
pub(crate) fn parse_module(source: &Source) -> Result<Module, Vec<Finding>> {
    parse_tokens(source, lex_leniently(source)?, Parser::module)
}

fn parse<'s, T>(source: &'s Source, rule: fn(&mut Parser<'s>) -> T) -> Result<T, Vec<Finding>> {
    parse_tokens(source, lex(source)?, rule)
}

fn parse_tokens<'s, T>(
    source: &'s Source,
    tokens: Vec<Token>,
    rule: fn(&mut Parser<'s>) -> T,
) -> Result<T, Vec<Finding>> {
    let mut parser = Parser {
        source,
        tokens,
        at: 0,
        depth: 0,
        open: Vec::new(),
        findings: Vec::new(),
    };
    let tree = rule(&mut parser);
    if parser.findings.is_empty() {
        Ok(tree)
    } else {
        Err(parser.findings)
    }
}

struct Parser<'s> {
    source: &'s Source,
    /// Never empty: the last one is `End`.
    tokens: Vec<Token>,
    at: usize,
    /// How many expressions are being parsed inside of each other.
    depth: u32,
    /// The constructs that are being parsed and whose `end` is still to come, from the outermost.
    open: Vec<Opened>,
    findings: Vec<Finding>,
}

impl Parser<'_> {
    // --- the token under the cursor ---

    fn peek(&self) -> &TokenKind {
        &self.tokens[self.at].kind
    }

    /// The kind of the token so many places ahead; the end of the text goes on forever.
    fn peek_at(&self, ahead: usize) -> &TokenKind {
        let at = (self.at + ahead).min(self.tokens.len() - 1);
        &self.tokens[at].kind
    }

    fn span(&self) -> Span {
        self.tokens[self.at].span
    }

    /// The span of the token before the cursor.
    fn last_span(&self) -> Span {
        self.tokens[self.at.saturating_sub(1)].span
    }

    /// The span from `start` to the token before the cursor.
    fn span_from(&self, start: Span) -> Span {
        start.to(self.last_span())
    }

    fn is(&self, kind: &TokenKind) -> bool {
        self.peek() == kind
    }

    fn is_word(&self, keyword: Keyword) -> bool {
        matches!(self.peek(), TokenKind::Keyword(found) if *found == keyword)
    }

    fn is_word_at(&self, ahead: usize, keyword: Keyword) -> bool {
        matches!(self.peek_at(ahead), TokenKind::Keyword(found) if *found == keyword)
    }

    fn bump(&mut self) {
        if self.at + 1 < self.tokens.len() {
            self.at += 1;
        }
    }

    fn eat(&mut self, kind: &TokenKind) -> bool {
        let found = self.is(kind);
        if found {
            self.bump();
        }
        found
    }

    fn eat_word(&mut self, keyword: Keyword) -> bool {
        let found = self.is_word(keyword);
        if found {
            self.bump();
        }
        found
    }

    // --- what must come next ---

    fn expect(&mut self, kind: &TokenKind, wanted: &str) -> Parse<()> {
        if self.eat(kind) {
            Ok(())
        } else {
            self.unexpected(wanted)
        }
    }

    fn expect_word(&mut self, keyword: Keyword, wanted: &str) -> Parse<()> {
        if self.eat_word(keyword) {
            Ok(())
        } else {
            self.unexpected(wanted)
        }
    }

    /// Takes the `end` of a construct that was opened with [`Parser::open`].
    fn expect_end(&mut self, wanted: &str) -> Parse<()> {
        self.expect_word(Keyword::End, wanted)?;
        self.open.pop();
        Ok(())
    }

    /// Notes that a construct has begun that ends in `end`.
    fn open(&mut self, opened: Opened) {
        self.open.push(opened);
    }

    fn ident(&mut self, wanted: &str) -> Parse<Ident> {
        let span = self.span();
        if let TokenKind::Ident(name) = self.peek() {
            let name = name.clone();
            self.bump();
            return Ok(Ident { name, span });
        }
        let text = self.source.slice(span);
        let help = match self.peek() {
            TokenKind::Keyword(_) => Some(format!(
                "`{text}` is a keyword; as a name it is written in back quotes: `` `{text}` ``"
            )),
            TokenKind::StringStart => Some("a name is written bare or in back quotes".to_owned()),
            TokenKind::Underscore => Some("a name cannot start with an underscore".to_owned()),
            _ => None,
        };
        let finding = self.syntax_error(wanted).maybe_help(help);
        self.report(finding)
    }

    // --- errors ---

    fn report<T>(&mut self, finding: Finding) -> Parse<T> {
        self.push(finding);
        Err(Reported)
    }

    /// Adds a finding. After the last that there is room for, the rest of the text is not looked at.
    fn push(&mut self, finding: Finding) {
        // Several constructs can end before their time at one place; the innermost one says enough.
        let is_known = self
            .findings
            .last()
            .is_some_and(|last| last.span == finding.span);
        if self.findings.len() < MAX_FINDINGS && !is_known {
            self.findings.push(finding);
        }
        if self.findings.len() == MAX_FINDINGS {
            self.at = self.tokens.len() - 1;
        }
    }

    /// Reports that something else than the token under the cursor was wanted.
    fn unexpected<T>(&mut self, wanted: &str) -> Parse<T> {
        let finding = self.syntax_error(wanted);
        self.report(finding)
    }

    fn syntax_error(&self, wanted: &str) -> Finding {
        let message = format!("found {}, expected {wanted}", self.found());
        let help = self.syntax_help(wanted).map(str::to_owned);
        let finding = Finding::error(Code::Syntax, self.span(), message).margin(MARGIN);
        finding.maybe_help(help.or_else(|| self.meant(wanted)))
    }

    /// Names the token under the cursor.
    fn found(&self) -> String {
        match self.peek() {
            TokenKind::End => "the end of the text".to_owned(),
            TokenKind::StringStart | TokenKind::HeredocStart => "a string".to_owned(),
            TokenKind::InterpolationEnd => "the end of the interpolation".to_owned(),
            TokenKind::DocComment => "a documentation comment".to_owned(),
            TokenKind::ModuleComment => "a module comment".to_owned(),
            TokenKind::Extractor(_) => "an extractor".to_owned(),
            _ => format!("`{}`", shorten(self.source.slice(self.span()))),
        }
    }

    /// Runs a rule one level deeper.
    fn nested<T>(&mut self, rule: impl FnOnce(&mut Self) -> Parse<T>) -> Parse<T> {
        if self.depth == MAX_DEPTH {
            let message = format!("this is nested more than {MAX_DEPTH} levels deep");
            return self.report(Finding::error(Code::TooLarge, self.span(), message));
        }
        let before = self.depth;
        self.depth += 1;
        let result = rule(self);
        self.depth = before;
        result
    }
}

/// The first characters of a long token.
fn shorten(text: &str) -> String {
    const SHOWN: usize = 40;
    match text.char_indices().nth(SHOWN) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}
