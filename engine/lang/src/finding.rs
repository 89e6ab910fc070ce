//! What the compiler has to say about a text, and how it is shown.

use std::fmt::Write;

use serde::Serialize;

use crate::code::Code;
use crate::source::{Source, Sources};
use crate::span::Span;

/// How many findings are reported for one text.
pub(crate) const MAX_FINDINGS: usize = 100;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The text cannot be run.
    Error,
    /// The text can be run, but probably does not do what it should.
    Warning,
}

impl Severity {
    /// The word for it, as it is printed.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
        }
    }
}

/// When something is looked for. What is wrong is reported in this order, whatever the order of the text is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// Names and definitions, and with them the folding of constants and of the bodies of functions.
    #[default]
    Names,
    /// The folding of statements and clauses.
    Folding,
    /// The construction of the graph.
    Graph,
}

/// Something that is wrong, or looks wrong, at a place in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// What kind of finding it is.
    pub code: Code,
    /// What is wrong: lower case, no full stop.
    pub message: String,
    /// Where.
    pub span: Span,
    /// What is shown around that place in a report; covers [`Finding::span`].
    pub context: Span,
    /// What stands behind the carets; may be empty.
    pub label: String,
    /// The way out, if there is one to name.
    pub help: Option<String>,
    /// How many lines are shown above and below the context.
    pub(crate) margin: u32,
    /// When it was looked for.
    pub(crate) phase: Phase,
    /// Whether the callout starts in the first column: the language swaps the two spans of some errors.
    pub(crate) is_swapped: bool,
    /// Whether reports leave the place out, if there is one: it may be outside of the text.
    pub(crate) is_outside: bool,
}

/// How much is left of each end of a text that is too long, in bytes.
const LONG_END: usize = 1_000;

/// Leaves out the middle of what nobody would read to the end: names can be as long as the text that they stand in.
fn shortened(text: String) -> String {
    if text.len() <= 2 * LONG_END + '…'.len_utf8() {
        return text;
    }
    let (head, tail) = (
        text.floor_char_boundary(LONG_END),
        text.ceil_char_boundary(text.len() - LONG_END),
    );
    format!(
        "{}…{}",
        text.get(..head).unwrap_or_default(),
        text.get(tail..).unwrap_or_default()
    )
}

impl Finding {
    /// Makes an error without label and help. Of a very long message the middle is left out.
    #[must_use]
    pub fn error(code: Code, span: Span, message: impl Into<String>) -> Self {
        Finding {
            severity: Severity::Error,
            code,
            message: shortened(message.into()),
            span,
            context: span,
            label: String::new(),
            help: None,
            margin: 0,
            phase: Phase::Names,
            is_swapped: false,
            is_outside: false,
        }
    }

    /// Makes a warning without label and help.
    #[must_use]
    pub fn warning(code: Code, span: Span, message: impl Into<String>) -> Self {
        Finding {
            severity: Severity::Warning,
            ..Finding::error(code, span, message)
        }
    }

    /// Adds what stands behind the carets.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// Sets what is shown around the place.
    #[must_use]
    pub(crate) fn context(mut self, context: Span) -> Self {
        self.context = context;
        self
    }

    /// Sets how many lines are shown above and below the context.
    #[must_use]
    pub(crate) fn margin(mut self, lines: u32) -> Self {
        self.margin = lines;
        self
    }

    /// Sets when it was looked for.
    #[must_use]
    pub(crate) fn phase(mut self, phase: Phase) -> Self {
        self.phase = phase;
        self
    }

    /// Says that the spans are swapped.
    #[must_use]
    pub(crate) fn swapped(mut self) -> Self {
        self.is_swapped = true;
        self
    }

    /// Says that reports leave the place out, as for what the host asks for, where there is none.
    #[must_use]
    pub(crate) fn outside(mut self) -> Self {
        self.is_outside = true;
        self
    }

    /// Adds the way out.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(shortened(help.into()));
        self
    }

    /// Adds the way out, if there is one.
    #[must_use]
    pub(crate) fn maybe_help(mut self, help: Option<String>) -> Self {
        self.help = help.map(shortened).or(self.help);
        self
    }

    /// Resolves the finding to lines and columns, for machines to read.
    #[must_use]
    pub fn locate(&self, sources: &Sources) -> LocatedFinding {
        let source = sources.of(self.span);
        let start = source.position(self.span.start);
        let end = source.position(self.span.end);
        LocatedFinding {
            file: source.name().to_owned(),
            line: start.line,
            column: start.column,
            end_line: end.line,
            end_column: end.column,
            severity: self.severity,
            code: self.code.as_str(),
            class: (self.severity == Severity::Warning).then(|| self.code.class().as_str()),
            message: self.message.clone(),
            label: self.label.clone(),
            help: self.help.clone(),
        }
    }
}

/// A finding in terms of lines and columns, both counted from 1; the end is exclusive. What is
/// about nothing in the text is said to be at its start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LocatedFinding {
    /// The name of the source.
    pub file: String,
    /// The line of the first character.
    pub line: u32,
    /// The column of the first character.
    pub column: u32,
    /// The line of the place behind the last character.
    pub end_line: u32,
    /// The column of the place behind the last character.
    pub end_column: u32,
    /// How bad it is.
    pub severity: Severity,
    /// What kind of finding it is.
    pub code: &'static str,
    /// What a warning is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<&'static str>,
    /// What is wrong.
    pub message: String,
    /// What stands behind the carets; may be empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub label: String,
    /// The way out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

/// Shows a finding with the line it is about, for people to read. The text ends in a line end.
///
/// ```
/// # use std::sync::Arc;
/// # use temblor_lang::{Code, Finding, Source, Sources, Span, render};
/// let sources = Sources::new(Arc::new(Source::new("flow.troy", "define flow 7")));
/// let finding = Finding::error(Code::Syntax, Span::new(12, 13), "found `7`, expected a name").label("here");
/// assert_eq!(
///     render(&finding, &sources),
///     "error[syntax]: found `7`, expected a name\n --> flow.troy:1:13\n  |\n1 | define flow 7\n  |             ^ here\n"
/// );
/// ```
#[must_use]
pub fn render(finding: &Finding, sources: &Sources) -> String {
    let source = sources.of(finding.span);
    let at = source.position(finding.span.start);
    let number = at.line.to_string();
    let margin = " ".repeat(number.len());
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(
        out,
        "{}[{}]: {}",
        finding.severity.as_str(),
        finding.code.as_str(),
        finding.message
    );
    let name = source.name();
    if finding.is_outside && finding.span == Span::default() {
        let _ = writeln!(out, "{margin}--> {name}");
    } else {
        let excerpt = Excerpt::of(source, finding.span);
        let _ = writeln!(out, "{margin}--> {name}:{}:{}", at.line, at.column);
        let _ = writeln!(out, "{margin} |");
        let _ = writeln!(out, "{}", format!("{number} | {}", excerpt.line).trim_end());
        let under = format!("{}{} {}", excerpt.indent, excerpt.carets, finding.label);
        let _ = writeln!(out, "{margin} | {}", under.trim_end());
    }
    if let Some(help) = &finding.help {
        let _ = writeln!(out, "help: {help}");
    }
    out
}

/// The characters of a line that are shown; longer ones are cut around the place.
const WIDTH: usize = 160;
/// The characters that are shown before the place in a line that is cut.
const BEFORE: usize = 40;

/// The part of a line that is shown, and what is written below it.
struct Excerpt {
    line: String,
    indent: String,
    carets: String,
}

impl Excerpt {
    /// Takes the first line of the span. A span that goes on below it is underlined to the line's end.
    fn of(source: &Source, span: Span) -> Excerpt {
        let (start, end) = (source.position(span.start), source.position(span.end));
        let text = source.line(start.line);
        let length = text.chars().count();
        let first = start.column as usize - 1;
        let last = if end.line == start.line {
            end.column as usize - 1
        } else {
            length
        };
        let skipped = if length > WIDTH {
            first.saturating_sub(BEFORE)
        } else {
            0
        };
        let mut line: String = text
            .chars()
            .skip(skipped)
            .take(WIDTH)
            .map(printable)
            .collect();
        let mut indent: String = line
            .chars()
            .take(first - skipped.min(first))
            .map(blank)
            .collect();
        let carets = last
            .saturating_sub(first)
            .clamp(1, (skipped + WIDTH).saturating_sub(first).max(1));
        if skipped > 0 {
            line.insert(0, '…');
            indent.insert(0, ' ');
        }
        if length > skipped + WIDTH {
            line.push('…');
        }
        Excerpt {
            line,
            indent,
            carets: "^".repeat(carets),
        }
    }
}

/// Keeps control characters of a text from reaching a terminal.
fn printable(c: char) -> char {
    if c.is_control() && c != '\t' {
        char::REPLACEMENT_CHARACTER
    } else {
        c
    }
}

/// What stands below a character, so that carets line up also behind tabs.
fn blank(c: char) -> char {
    if c == '\t' { '\t' } else { ' ' }
}
