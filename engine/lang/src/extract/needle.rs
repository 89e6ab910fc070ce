//! Finding a fixed piece of text.

use memchr::memchr;
use memchr::memmem::Finder;

/// A piece of text to look for, not empty.
#[derive(Debug)]
pub(super) enum Needle {
    Byte(u8),
    Text(Finder<'static>),
}

impl Needle {
    pub(super) fn new(text: &str) -> Needle {
        match text.as_bytes() {
            [byte] => Needle::Byte(*byte),
            bytes => Needle::Text(Finder::new(bytes).into_owned()),
        }
    }

    /// Where it is found first.
    pub(super) fn find(&self, input: &str) -> Option<usize> {
        match self {
            Needle::Byte(byte) => memchr(*byte, input.as_bytes()),
            Needle::Text(finder) => finder.find(input.as_bytes()),
        }
    }

    /// What is left of an input that begins with it.
    pub(super) fn strip<'a>(&self, input: &'a str) -> Option<&'a str> {
        let starts = match self {
            Needle::Byte(byte) => input.as_bytes().first() == Some(byte),
            Needle::Text(finder) => input.as_bytes().starts_with(finder.needle()),
        };
        if starts {
            input.get(self.len()..)
        } else {
            None
        }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Needle::Byte(_) => 1,
            Needle::Text(finder) => finder.needle().len(),
        }
    }
}
