//! Conditions on what stands before or behind a place.

use regex_syntax::hir::{Class, Hir, HirKind};

/// A condition: alternatives of fixed length.
#[derive(Debug)]
pub(super) struct Guard {
    pub(super) is_behind: bool,
    pub(super) is_negative: bool,
    pub(super) alternatives: Vec<Vec<Item>>,
}

/// One item of an alternative.
#[derive(Debug)]
pub(super) enum Item {
    /// One character of these ranges.
    Char(Box<[(char, char)]>),
    LineStart,
    LineEnd,
}

impl Guard {
    /// Whether the condition holds at a place.
    pub(super) fn holds(&self, input: &str, at: usize) -> bool {
        let Some((before, behind)) = input.split_at_checked(at) else {
            return false;
        };
        let matches = |items: &Vec<Item>| {
            if self.is_behind {
                is_before(items, before, behind)
            } else {
                is_behind(items, before, behind)
            }
        };
        self.alternatives.iter().any(matches) != self.is_negative
    }
}

/// Whether the items match what begins at a place.
fn is_behind(items: &[Item], before: &str, behind: &str) -> bool {
    let mut last = before.chars().next_back();
    let mut rest = behind.chars();
    items.iter().all(|item| match item {
        Item::Char(ranges) => {
            last = rest.next();
            last.is_some_and(|c| contains(ranges, c))
        }
        Item::LineStart => is_line_edge(last),
        Item::LineEnd => is_line_edge(rest.clone().next()),
    })
}

/// Whether the items match what ends at a place.
fn is_before(items: &[Item], before: &str, behind: &str) -> bool {
    let mut next = behind.chars().next();
    let mut rest = before.chars();
    items.iter().rev().all(|item| match item {
        Item::Char(ranges) => {
            next = rest.next_back();
            next.is_some_and(|c| contains(ranges, c))
        }
        Item::LineStart => is_line_edge(rest.clone().next_back()),
        Item::LineEnd => is_line_edge(next),
    })
}

fn is_line_edge(neighbour: Option<char>) -> bool {
    neighbour.is_none_or(|c| c == '\n')
}

fn contains(ranges: &[(char, char)], c: char) -> bool {
    let at = ranges.partition_point(|(_, last)| *last < c);
    ranges.get(at).is_some_and(|(first, _)| *first <= c)
}

/// The characters that a regular expression matches, if what it matches is always one character.
pub(super) fn characters(text: &str) -> Option<Item> {
    let parsed: Hir = regex_syntax::parse(text).ok()?;
    let ranges = match parsed.kind() {
        HirKind::Class(Class::Unicode(class)) => class
            .iter()
            .map(|range| (range.start(), range.end()))
            .collect(),
        HirKind::Class(Class::Bytes(class)) => {
            let ranges = class.iter();
            ranges
                .map(|range| (char::from(range.start()), char::from(range.end())))
                .collect()
        }
        HirKind::Literal(literal) => {
            let mut chars = std::str::from_utf8(&literal.0).ok()?.chars();
            let only = chars.next().filter(|_| chars.next().is_none())?;
            [(only, only)].into()
        }
        _ => return None,
    };
    Some(Item::Char(ranges))
}
