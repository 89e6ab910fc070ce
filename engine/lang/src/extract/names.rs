//! The keys of the records that an extractor makes.

use temblor_pdk::value::Arena;

/// Keys that are copied into an arena as one piece, because a record outlives the program that made it.
#[derive(Debug, Default)]
pub(super) struct Names {
    text: Box<str>,
    ends: Box<[usize]>,
}

impl Names {
    pub(super) fn new<T: AsRef<str>>(names: impl IntoIterator<Item = T>) -> Names {
        let mut text = String::new();
        let mut ends = Vec::new();
        for name in names {
            text.push_str(name.as_ref());
            ends.push(text.len());
        }
        Names {
            text: text.into(),
            ends: ends.into(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Copies all names into the arena.
    pub(super) fn copy<'a>(&self, arena: &'a Arena) -> &'a str {
        arena.str(&self.text)
    }

    /// The name at a place among what [`Names::copy`] returned.
    pub(super) fn get<'a>(&self, copied: &'a str, at: usize) -> &'a str {
        let start = at.checked_sub(1).map_or(0, |before| self.end(before));
        copied.get(start..self.end(at)).unwrap_or_default()
    }

    fn end(&self, at: usize) -> usize {
        self.ends.get(at).copied().unwrap_or_default()
    }
}
