//! Places in a source text.

/// A half-open range of bytes in a [`crate::Source`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// The first byte.
    pub start: u32,
    /// The byte behind the last one.
    pub end: u32,
}

impl Span {
    /// Makes a span of two byte offsets.
    #[must_use]
    pub fn new(start: u32, end: u32) -> Self {
        Span { start, end }
    }

    /// Returns the smallest span that covers both.
    #[must_use]
    pub fn to(self, other: Span) -> Self {
        Span {
            start: self.start.min(other.start),
            end: self.end.max(other.end),
        }
    }

    /// Returns the same span so many bytes further on.
    pub(crate) fn shifted(self, by: u32) -> Self {
        Span::new(self.start + by, self.end + by)
    }

    /// Returns the empty span at the start of this one.
    #[must_use]
    pub fn at_start(self) -> Self {
        Span::new(self.start, self.start)
    }
}
