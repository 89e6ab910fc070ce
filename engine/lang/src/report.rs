//! The text of a report as Tremor's users know it, which a failing script sends to its port `err`.
//!
//! The lines are printed from tokens, so comments and literals come out in one form, whatever form they are written in.

use std::fmt::Write;

use crate::code::Code;
use crate::finding::{Finding, Severity};
use crate::lexer::lex_leniently;
use crate::source::{Source, Sources};
use crate::span::Span;
use crate::token::{Token, TokenKind};

/// Writes a finding with the lines around it; ends in two line ends. The head line names the file if that is wanted.
#[must_use]
pub fn report(finding: &Finding, sources: &Sources, with_file: bool) -> String {
    let source = sources.of(finding.span);
    if finding.is_outside {
        return format!("{}: {}\n\n", head(finding), finding.message);
    }
    let (start, end) = (
        source.position(finding.span.start),
        source.position(finding.span.end),
    );
    let lines = match finding.code {
        Code::Token => Lines::up_to(source, finding.span),
        _ => Lines::of(source),
    };
    let mut out = head(finding);
    // Writing to a string cannot fail.
    let _ = match with_file {
        true => writeln!(
            out,
            " in {}:{}:{} ",
            source.name(),
            start.line,
            start.column
        ),
        false => writeln!(out, ": "),
    };
    let first = source.position(finding.context.start).line;
    let first = first.min(start.line).saturating_sub(finding.margin).max(1);
    let last = source.position(finding.context.end).line;
    let last = last.max(end.line).saturating_add(finding.margin);
    let column = match end.line == start.line && !finding.is_swapped {
        true => start.column,
        false => 1,
    };
    let callout = Callout {
        indent: column as usize - 1,
        carets: (end.column.saturating_sub(column) as usize).max(1),
    };
    for number in first..=last.min(lines.count()).max(end.line) {
        if number <= lines.count() {
            let _ = writeln!(out, "{number:>5} | {}", lines.line(number));
        }
        if number == end.line {
            callout.write(finding, &mut out);
        }
    }
    out.push('\n');
    out
}

fn head(finding: &Finding) -> String {
    match finding.severity {
        Severity::Error => "Error".to_owned(),
        Severity::Warning => format!("Warning({})", finding.code.class().as_str()),
    }
}

/// Where the carets stand.
struct Callout {
    indent: usize,
    carets: usize,
}

impl Callout {
    fn write(&self, finding: &Finding, out: &mut String) {
        let (indent, carets) = (" ".repeat(self.indent), "^".repeat(self.carets));
        let _ = writeln!(out, "      | {indent}{carets} {}", finding.message);
        if let Some(help) = &finding.help {
            let indent = " ".repeat(self.indent + self.carets);
            let _ = writeln!(out, "      | {indent}NOTE: {help}");
        }
    }
}

/// The lines of a text, printed from its tokens.
struct Lines {
    text: String,
    /// Where each line starts; only lines that have something on them, if only their end.
    starts: Vec<usize>,
}

impl Lines {
    fn of(source: &Source) -> Lines {
        let text = match lex_leniently(source) {
            Ok(tokens) => printed(source, &tokens),
            Err(_) => source.text().to_owned(),
        };
        Lines::split(text)
    }

    /// The lines up to a token that is malformed: there are none behind it, and it is shown as it is written.
    fn up_to(source: &Source, token: Span) -> Lines {
        let mut tokens = lex_leniently(source).unwrap_or_default();
        tokens.retain(|before| before.span.end <= token.start);
        let at = tokens.last().map_or(source.base(), |last| last.span.end);
        let mut text = printed(source, &tokens);
        between(source.slice(Span::new(at, token.start)), &mut text);
        text.push_str(source.slice(token));
        Lines::split(text)
    }

    fn split(text: String) -> Lines {
        let mut starts = vec![0];
        starts.extend(text.match_indices('\n').map(|(at, _)| at + 1));
        if starts.last().is_some_and(|start| *start == text.len()) {
            starts.pop();
        }
        Lines { text, starts }
    }

    fn count(&self) -> u32 {
        self.starts.len() as u32
    }

    fn line(&self, number: u32) -> &str {
        let at = number.saturating_sub(1) as usize;
        let start = self.starts.get(at).copied().unwrap_or(self.text.len());
        let end = self.starts.get(at + 1).copied();
        let line = &self.text[start..end.unwrap_or(self.text.len())];
        line.trim_end_matches(['\n', '\r'])
    }
}

/// Prints a text from its tokens and what stands between them.
fn printed(source: &Source, tokens: &[Token]) -> String {
    let mut out = String::with_capacity(source.text().len());
    let mut at = source.base();
    let mut in_heredoc = Vec::new();
    for token in tokens {
        between(source.slice(Span::new(at, token.span.start)), &mut out);
        let text = source.slice(token.span);
        match &token.kind {
            TokenKind::Int(value) => {
                let _ = write!(out, "{value}");
            }
            TokenKind::Float(_) => out.push_str(&text.replace('_', "")),
            TokenKind::StringStart | TokenKind::HeredocStart => {
                in_heredoc.push(token.kind == TokenKind::HeredocStart);
                out.push_str(text);
            }
            TokenKind::StringEnd => {
                in_heredoc.pop();
                out.push_str(text);
            }
            TokenKind::Text(text) => {
                escape(text, in_heredoc.last() == Some(&true), &mut out);
            }
            _ => out.push_str(text),
        }
        at = token.span.end;
    }
    out
}

/// Prints white space as it is, and comments with one blank behind the sign.
fn between(text: &str, out: &mut String) {
    for line in text.split_inclusive('\n') {
        match line.split_once('#') {
            Some((blank, comment)) => {
                let _ = write!(out, "{blank}# {}", comment.trim_start_matches('#'));
            }
            None => out.push_str(line),
        }
    }
}

/// Prints the text of a string with its escapes.
fn escape(text: &str, is_heredoc: bool, out: &mut String) {
    for c in text.chars() {
        match c {
            '\n' if is_heredoc => out.push('\n'),
            '"' if is_heredoc => out.push('"'),
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04x}", c as u32);
            }
            c => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    /// Reports the place of `part` in `text`, with so many lines around it.
    fn shown(text: &str, part: &str, margin: u32, help: Option<&str>) -> String {
        let start = text.find(part).expect("the part is there") as u32;
        let span = Span::new(start, start + part.len() as u32);
        let finding = Finding::error(Code::Type, span, "it is wrong")
            .margin(margin)
            .maybe_help(help.map(str::to_owned));
        let sources = Sources::new(Arc::new(Source::new("a.tremor", text)));
        report(&finding, &sources, false)
    }

    #[test]
    fn reports_have_their_layout() {
        let text = "let a = 1;\nlet total = order.sum + tax;\nemit total\n";
        assert_eq!(
            shown(text, "order.sum", 0, Some("so there")),
            "Error: \n    2 | let total = order.sum + tax;\n      |             ^^^^^^^^^ it is wrong\n      |                      NOTE: so there\n\n"
        );
        assert_eq!(
            shown(text, "order.sum", 2, None),
            "Error: \n    1 | let a = 1;\n    2 | let total = order.sum + tax;\n      |             ^^^^^^^^^ it is wrong\n    3 | emit total\n\n"
        );
    }

    #[test]
    fn of_several_lines_the_last_is_underlined_from_its_start() {
        assert_eq!(
            shown(
                "match event of\n  case 1 => 2\nend;\nevent",
                "match event of\n  case 1 => 2\nend",
                0,
                None
            ),
            "Error: \n    1 | match event of\n    2 |   case 1 => 2\n    3 | end;\n      | ^^^ it is wrong\n\n"
        );
    }

    #[test]
    fn lines_are_printed_from_tokens() {
        assert_eq!(
            shown("let a = 0xff; #x\nlet b = \"\\u0009\\/\"", "a", 0, None),
            "Error: \n    1 | let a = 255; # x\n      |     ^ it is wrong\n\n"
        );
        assert_eq!(
            shown("1_000; # a\n\"\\u0009\"", "1_000", 1, None),
            "Error: \n    1 | 1000; #  a\n      | ^^^^^ it is wrong\n    2 | \"\\t\"\n\n"
        );
    }

    #[test]
    fn the_head_names_the_file_if_it_is_known() {
        let sources = Sources::new(Arc::new(Source::new("a.tremor", "event.x")));
        let finding = Finding::error(Code::MissingKey, Span::new(6, 7), "no key");
        assert_eq!(
            report(&finding, &sources, true),
            "Error in a.tremor:1:7 \n    1 | event.x\n      |       ^ no key\n\n"
        );
    }
}
