//! The lexer: a text becomes tokens with their places.

mod number;
mod string;

use crate::code::Code;
use crate::finding::{Finding, MAX_FINDINGS};
use crate::keyword::Keyword;
use crate::source::Source;
use crate::span::Span;
use crate::token::{Token, TokenKind};

/// The lines that are shown above a token that is malformed.
const MARGIN: u32 = 2;

/// Splits a text into tokens, of which the last is [`TokenKind::End`].
///
/// # Errors
/// Returns a finding for every token that is malformed.
pub(crate) fn lex(source: &Source) -> Result<Vec<Token>, Vec<Finding>> {
    let (tokens, findings) = run(source)?;
    if findings.is_empty() {
        Ok(tokens)
    } else {
        Err(findings)
    }
}

/// Splits a text into tokens and leaves out those that are malformed.
///
/// # Errors
/// Returns a finding if the text is too long.
pub(crate) fn lex_leniently(source: &Source) -> Result<Vec<Token>, Vec<Finding>> {
    run(source).map(|(tokens, _)| tokens)
}

fn run(source: &Source) -> Result<(Vec<Token>, Vec<Finding>), Vec<Finding>> {
    if source.text().len() > Source::MAX_BYTES {
        let message = "the text is longer than 4 GiB";
        return Err(vec![Finding::error(
            Code::TooLarge,
            Span::default(),
            message,
        )]);
    }
    let mut lexer = Lexer::new(source);
    lexer.run();
    // The lexer counts from the start of its text.
    let base = source.base();
    for token in &mut lexer.tokens {
        token.span = token.span.shifted(base);
    }
    for finding in &mut lexer.findings {
        finding.span = finding.span.shifted(base);
        finding.context = finding.context.shifted(base);
    }
    Ok((lexer.tokens, lexer.findings))
}

/// What the lexer is in the middle of.
#[derive(Clone, Copy, Debug)]
enum Mode {
    /// The text of a string whose opening quotes start at `start`.
    Text { start: usize, heredoc: bool },
    /// The expression of an interpolation whose `#{` starts at `start`, with so many braces still open.
    Interpolation { start: usize, braces: usize },
}

struct Lexer<'s> {
    text: &'s str,
    at: usize,
    modes: Vec<Mode>,
    tokens: Vec<Token>,
    findings: Vec<Finding>,
}

impl<'s> Lexer<'s> {
    fn new(source: &'s Source) -> Self {
        Lexer {
            text: source.text(),
            at: 0,
            modes: Vec::new(),
            tokens: Vec::new(),
            findings: Vec::new(),
        }
    }

    fn run(&mut self) {
        while self.findings.len() < MAX_FINDINGS {
            match self.modes.last().copied() {
                Some(Mode::Text { start, heredoc }) => self.string_text(start, heredoc),
                _ if self.at == self.text.len() => break,
                _ => self.code_token(),
            }
        }
        self.unclosed_interpolation_at_end();
        self.push(TokenKind::End, self.at);
    }

    // --- the text under the cursor ---

    fn rest(&self) -> &'s str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn bump(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }

    /// Takes `text` if it stands at the cursor.
    fn eat(&mut self, text: &str) -> bool {
        let found = self.rest().starts_with(text);
        if found {
            self.at += text.len();
        }
        found
    }

    fn eat_while(&mut self, accept: impl Fn(char) -> bool) {
        let rest = self.rest();
        self.at += rest.find(|c| !accept(c)).unwrap_or(rest.len());
    }

    /// The offset of the end of the line that `from` is on, in front of its line end.
    fn line_end(&self, from: usize) -> usize {
        let line = &self.text[from..];
        from + line.find('\n').unwrap_or(line.len())
    }

    // --- results ---

    fn push(&mut self, kind: TokenKind, start: usize) {
        let span = span(start, self.at);
        self.tokens.push(Token { kind, span });
    }

    fn error(&mut self, start: usize, end: usize, message: impl Into<String>) -> &mut Finding {
        let finding = Finding::error(Code::Token, span(start, end), message).margin(MARGIN);
        self.findings.push(finding);
        let last = self.findings.len() - 1;
        &mut self.findings[last]
    }

    // --- tokens outside of strings ---

    fn code_token(&mut self) {
        let start = self.at;
        let Some(c) = self.bump() else { return };
        match c {
            c if c.is_whitespace() => {}
            '#' => self.comment(start),
            '"' => self.string_start(start),
            '`' => self.quoted_ident(start),
            '|' => self.extractor(start),
            '0'..='9' => self.number(start),
            '{' => self.brace_open(start),
            '}' => self.brace_close(start),
            c if unicode_ident::is_xid_start(c) => self.word(start),
            _ => self.punctuation(start, c),
        }
    }

    fn comment(&mut self, start: usize) {
        if self.eat("!config ") {
            self.push(TokenKind::Config, start);
        } else if self.eat("!") {
            self.error(start, self.at, "unexpected `#!`").help =
                Some("a directive is written `#!config name = value`".into());
        } else {
            self.at = self.line_end(start);
            let text = &self.text[start..self.at];
            match text.len() - text.trim_start_matches('#').len() {
                1 => {}
                2 => self.push(TokenKind::DocComment, start),
                _ => self.push(TokenKind::ModuleComment, start),
            }
        }
    }

    fn word(&mut self, start: usize) {
        self.eat_while(unicode_ident::is_xid_continue);
        let word = &self.text[start..self.at];
        let kind = match Keyword::of(word) {
            Some(keyword) => TokenKind::Keyword(keyword),
            None => TokenKind::Ident(word.into()),
        };
        self.push(kind, start);
    }

    fn quoted_ident(&mut self, start: usize) {
        let line_end = self.line_end(start);
        match self.text[self.at..line_end].find('`') {
            Some(length) => {
                let name = &self.text[self.at..self.at + length];
                self.at += length + 1;
                self.push(TokenKind::Ident(name.into()), start);
            }
            None => {
                self.at = line_end;
                self.error(start, line_end, "quoted name is not closed")
                    .help = Some("end it with a back quote on the same line".into());
            }
        }
    }

    fn brace_open(&mut self, start: usize) {
        if let Some(Mode::Interpolation { braces, .. }) = self.modes.last_mut() {
            *braces += 1;
        }
        self.push(TokenKind::BraceOpen, start);
    }

    fn brace_close(&mut self, start: usize) {
        match self.modes.last_mut() {
            Some(Mode::Interpolation { braces: 0, .. }) => {
                self.modes.pop();
                self.push(TokenKind::InterpolationEnd, start);
            }
            Some(Mode::Interpolation { braces, .. }) => {
                *braces -= 1;
                self.push(TokenKind::BraceClose, start);
            }
            _ => self.push(TokenKind::BraceClose, start),
        }
    }

    fn punctuation(&mut self, start: usize, c: char) {
        let kind = match c {
            ',' => TokenKind::Comma,
            ';' => TokenKind::Semicolon,
            '.' => TokenKind::Dot,
            '$' => TokenKind::Dollar,
            '_' => TokenKind::Underscore,
            '\\' => TokenKind::Backslash,
            '(' => TokenKind::ParenOpen,
            ')' => TokenKind::ParenClose,
            '[' => TokenKind::BracketOpen,
            ']' => TokenKind::BracketClose,
            '+' => TokenKind::Plus,
            '-' => TokenKind::Minus,
            '*' => TokenKind::Star,
            '/' => TokenKind::Slash,
            '&' => TokenKind::Ampersand,
            '^' => TokenKind::Caret,
            ':' => return self.colons(start),
            '=' if self.eat(">") => TokenKind::Arrow,
            '=' if self.eat("=") => TokenKind::Equal,
            '=' => TokenKind::Assign,
            '<' | '>' | '%' | '!' | '~' => return self.long_operator(start, c),
            _ => return self.bad_character(start, c),
        };
        self.push(kind, start);
    }

    fn colons(&mut self, start: usize) {
        self.eat_while(|c| c == ':');
        match self.at - start {
            1 => self.push(TokenKind::Colon, start),
            2 => self.push(TokenKind::ColonColon, start),
            _ => {
                self.error(start, self.at, "too many colons").help =
                    Some("the parts of a module path are joined with `::`".into());
            }
        }
    }

    /// Operators that need to see what follows them; none of them can end a text.
    fn long_operator(&mut self, start: usize, c: char) {
        if self.at == self.text.len() {
            self.error(
                self.at,
                self.at,
                format!("unexpected end of the text after `{c}`"),
            );
            return;
        }
        let kind = match c {
            '<' if self.eat("<") => TokenKind::ShiftLeft,
            '<' if self.eat("=") => TokenKind::LessEqual,
            '<' => TokenKind::Less,
            '>' if self.eat(">>") => TokenKind::ShiftRightUnsigned,
            '>' if self.eat(">") => TokenKind::ShiftRight,
            '>' if self.eat("=") => TokenKind::GreaterEqual,
            '>' => TokenKind::Greater,
            '%' if self.eat("(") => TokenKind::PercentParen,
            '%' if self.eat("[") => TokenKind::PercentBracket,
            '%' if self.eat("{") => TokenKind::PercentBrace,
            '%' => TokenKind::Percent,
            '!' if self.eat("=") => TokenKind::NotEqual,
            '!' => TokenKind::Bang,
            _ if self.eat("=") => TokenKind::TildeEqual,
            _ => TokenKind::Tilde,
        };
        self.push(kind, start);
    }

    fn bad_character(&mut self, start: usize, c: char) {
        let shown = if c.is_control() || c == '\u{feff}' {
            format!("U+{:04X}", c as u32)
        } else {
            c.to_string()
        };
        let help = match c {
            '\'' => Some("strings are written in double quotes".into()),
            '@' | '-' | '?' => {
                Some("a name with special characters is written in back quotes".into())
            }
            _ => None,
        };
        self.error(start, self.at, format!("unexpected character `{shown}`"))
            .help = help;
    }
}

/// A span of two offsets, which fit since the length of the text was checked.
fn span(start: usize, end: usize) -> Span {
    Span::new(start as u32, end as u32)
}
