//! A named text, and the lines and columns in it.

use crate::span::Span;

/// A text to compile, with the name it is reported under.
#[derive(Debug)]
pub struct Source {
    name: Box<str>,
    text: Box<str>,
    /// Where each line starts.
    lines: Box<[u32]>,
}

/// A line and a column, both counted from 1; columns count characters, not bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line.
    pub line: u32,
    /// The column.
    pub column: u32,
}

impl Source {
    /// The longest text that can be compiled, in bytes.
    pub const MAX_BYTES: usize = u32::MAX as usize - 1;

    /// Takes a text and the name, usually a path, under which findings report it.
    #[must_use]
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        let text = text.into().into_boxed_str();
        let after_newline = |(at, byte): (usize, u8)| (byte == b'\n').then_some(at as u32 + 1);
        let starts = text.bytes().take(Self::MAX_BYTES).enumerate();
        let lines = std::iter::once(0).chain(starts.filter_map(after_newline));
        Source {
            name: name.into().into_boxed_str(),
            lines: lines.collect(),
            text,
        }
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text of a span; empty if the span does not lie in the text.
    #[must_use]
    pub fn slice(&self, span: Span) -> &str {
        let range = span.start as usize..span.end as usize;
        self.text.get(range).unwrap_or_default()
    }

    /// The line and column of a byte offset.
    #[must_use]
    pub fn position(&self, offset: u32) -> Position {
        let line = self.lines.partition_point(|start| *start <= offset).max(1);
        let start = self.lines.get(line - 1).copied().unwrap_or_default();
        let before = self.slice(Span::new(start, offset));
        Position {
            line: line as u32,
            column: before.chars().count() as u32 + 1,
        }
    }

    /// A line counted from 1, without its line end.
    #[must_use]
    pub fn line(&self, line: u32) -> &str {
        let index = line.saturating_sub(1) as usize;
        let Some(start) = self.lines.get(index) else {
            return "";
        };
        let end = self
            .lines
            .get(index + 1)
            .map_or(self.text.len(), |end| *end as usize);
        let text = self.text.get(*start as usize..end).unwrap_or_default();
        text.trim_end_matches(['\n', '\r'])
    }
}
