//! Named texts, and the lines and columns in them.

use std::sync::Arc;

use crate::span::Span;

/// A text to compile, with the name it is reported under.
#[derive(Debug)]
pub struct Source {
    /// The offset of its first byte: the texts of one program lie behind each other, so that a span tells its text.
    base: u32,
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
    pub const MAX_BYTES: usize = crate::limits::TEXT_BYTES;

    /// Takes a text and the name, usually a path, under which findings report it.
    #[must_use]
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        let text = text.into().into_boxed_str();
        let after_newline = |(at, byte): (usize, u8)| (byte == b'\n').then_some(at as u32 + 1);
        let starts = text.bytes().take(Self::MAX_BYTES).enumerate();
        let lines = std::iter::once(0).chain(starts.filter_map(after_newline));
        Source {
            base: 0,
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

    /// The offset of its first byte.
    pub(crate) fn base(&self) -> u32 {
        self.base
    }

    /// The offset behind its last byte.
    fn end(&self) -> u32 {
        self.base.saturating_add(self.text.len() as u32)
    }

    /// The text of a span; empty if the span does not lie in the text.
    #[must_use]
    pub fn slice(&self, span: Span) -> &str {
        let Some(start) = span.start.checked_sub(self.base) else {
            return "";
        };
        let range = start as usize..span.end.saturating_sub(self.base) as usize;
        self.text.get(range).unwrap_or_default()
    }

    /// The line and column of a byte offset.
    #[must_use]
    pub fn position(&self, offset: u32) -> Position {
        let offset = offset.saturating_sub(self.base);
        let line = self.lines.partition_point(|start| *start <= offset).max(1);
        let start = self.lines.get(line - 1).copied().unwrap_or_default();
        let before = self.text.get(start as usize..offset as usize);
        let before = before.unwrap_or_default();
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

/// The texts of a program: the one that was handed over, then the modules that it uses.
#[derive(Clone, Debug)]
pub struct Sources {
    /// In the order of their offsets; never empty.
    texts: Vec<Arc<Source>>,
}

impl Sources {
    /// Starts with the text that was handed over.
    #[must_use]
    pub fn new(main: Arc<Source>) -> Self {
        Sources { texts: vec![main] }
    }

    /// Adds the text of a module behind all others; none if there is no room for it.
    pub(crate) fn add(&mut self, name: &str, text: &str) -> Option<Arc<Source>> {
        let base = self
            .texts
            .last()
            .map_or(0, |last| last.end())
            .checked_add(1)?;
        let room = u32::MAX.checked_sub(base)? as usize;
        if text.len() >= room {
            return None;
        }
        let mut source = Source::new(name, text);
        source.base = base;
        let source = Arc::new(source);
        self.texts.push(Arc::clone(&source));
        Some(source)
    }

    /// The text that was handed over.
    #[must_use]
    pub fn main(&self) -> &Arc<Source> {
        &self.texts[0]
    }

    /// The text that a span lies in.
    #[must_use]
    pub fn of(&self, span: Span) -> &Arc<Source> {
        let behind = self
            .texts
            .partition_point(|source| source.base <= span.start);
        &self.texts[behind.saturating_sub(1)]
    }

    /// All texts.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Arc<Source>> {
        self.texts.iter()
    }
}

impl From<Arc<Source>> for Sources {
    fn from(main: Arc<Source>) -> Self {
        Sources::new(main)
    }
}
