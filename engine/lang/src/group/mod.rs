//! Groups: what a `group by` makes of an event, and what is kept for each group.

mod table;

use temblor_pdk::value::{Arena, Value, View};

pub(crate) use table::Table;

use crate::code::Code as FindingCode;
use crate::eval::{Code, Eval, Machine};
use crate::finding::Finding;
use crate::library::write_sorted_json;
use crate::limits::GROUPS_OF_EVENT as MAX_PER_EVENT;
use crate::span::Span;

/// A compiled `group by`.
#[derive(Debug)]
pub(crate) enum GroupCode {
    Expr(Code),
    Set(Box<[GroupCode]>),
    /// The whole `each(…)` is underlined if it is no array.
    Each(Code, Span),
}

/// The groups of an event: each has as many values as the others.
#[derive(Default)]
pub(crate) struct Groups<'a> {
    values: Vec<Value<'a>>,
    /// The number of values of each.
    width: usize,
    /// Values under construction.
    spare: Vec<Value<'a>>,
}

impl<'a> Groups<'a> {
    /// Forgets the values and keeps the memory for values that live elsewhere.
    pub(crate) fn recycle<'b>(self) -> Groups<'b> {
        use crate::eval::stacks::recycle;
        Groups {
            values: recycle(self.values),
            width: 0,
            spare: recycle(self.spare),
        }
    }

    /// The number of groups.
    pub(crate) fn count(&self) -> usize {
        self.values.len().checked_div(self.width).unwrap_or(0)
    }

    /// The values of a group.
    pub(crate) fn get(&self, at: usize) -> &[Value<'a>] {
        let start = at * self.width;
        self.values
            .get(start..start + self.width)
            .unwrap_or_default()
    }

    /// Becomes the single group of a select without `group by`.
    pub(crate) fn none(&mut self) {
        self.values.clear();
        self.values.push(Value::NULL);
        self.width = 1;
    }

    /// Computes the groups of the machine's event.
    ///
    /// # Errors
    /// Fails if an expression fails, or what stands in an `each` is no array.
    pub(crate) fn compute(&mut self, code: &GroupCode, machine: &mut Machine<'_, 'a>) -> Eval<()> {
        self.values.clear();
        self.width = 0;
        self.extend(code, machine)
    }

    fn extend(&mut self, code: &GroupCode, machine: &mut Machine<'_, 'a>) -> Eval<()> {
        match code {
            GroupCode::Expr(code) => {
                let value = machine.value(code)?;
                self.append(value);
                Ok(())
            }
            GroupCode::Set(items) => items.iter().try_for_each(|item| self.extend(item, machine)),
            GroupCode::Each(code, span) => {
                let value = machine.value(code)?;
                match value.as_array() {
                    Some(items) => self.multiply(items.as_slice(), *span),
                    None => Err(not_an_array(value, *span)),
                }
            }
        }
    }

    /// Adds a value to every group, or makes the first one.
    fn append(&mut self, value: Value<'a>) {
        if self.count() <= 1 {
            if self.values.is_empty() {
                self.width = 0;
            }
            self.values.push(value);
            self.width += 1;
            return;
        }
        self.spare.clear();
        for group in self.values.chunks_exact(self.width) {
            self.spare.extend_from_slice(group);
            self.spare.push(value);
        }
        std::mem::swap(&mut self.values, &mut self.spare);
        self.width += 1;
    }

    /// Combines every group with every item.
    fn multiply(&mut self, items: &[Value<'a>], span: Span) -> Eval<()> {
        let is_first = self.values.is_empty();
        let count = match is_first {
            true => items.len(),
            false => self.count().saturating_mul(items.len()),
        };
        if count > MAX_PER_EVENT {
            let message =
                format!("this makes {count} groups of one event, more than {MAX_PER_EVENT}");
            return Err(Box::new(Finding::error(
                FindingCode::TooLarge,
                span,
                message,
            )));
        }
        if is_first {
            self.values.extend_from_slice(items);
            self.width = 1;
            return Ok(());
        }
        self.spare.clear();
        for group in self.values.chunks_exact(self.width) {
            for item in items {
                self.spare.extend_from_slice(group);
                self.spare.push(*item);
            }
        }
        std::mem::swap(&mut self.values, &mut self.spare);
        self.width += 1;
        Ok(())
    }
}

#[cold]
fn not_an_array(value: Value<'_>, span: Span) -> Box<Finding> {
    let message = format!("found `{}`, expected `array`", value.type_name());
    Box::new(Finding::error(FindingCode::Type, span, message))
}

/// The value of `group`: the values of the group, and the JSON of their array, by which the language tells groups
/// apart.
pub(crate) fn group_value<'a>(
    values: &[Value<'a>],
    bytes: &mut Vec<u8>,
    arena: &'a Arena,
) -> Value<'a> {
    let base = bytes.len();
    bytes.push(b'[');
    for (at, value) in values.iter().enumerate() {
        if at > 0 {
            bytes.push(b',');
        }
        write_sorted_json(*value, bytes);
    }
    bytes.push(b']');
    let text = arena.str(&String::from_utf8_lossy(
        bytes.get(base..).unwrap_or_default(),
    ));
    bytes.truncate(base);
    let mut at = 0;
    let next = |at: &mut usize| {
        *at += 1;
        values.get(*at - 1).copied().unwrap_or(Value::from(text))
    };
    arena.array_of(values.len() + 1, &mut at, next, |_| None)
}

/// Writes what tells a group apart from all others, as its JSON does: strings as they are, because that is most of
/// them and takes the least time, anything else as JSON.
pub(crate) fn write_key(values: &[Value<'_>], key: &mut Vec<u8>) {
    key.clear();
    for value in values {
        if let View::Str(text) = value.view() {
            key.push(b's');
            key.extend_from_slice(&(text.len() as u64).to_le_bytes());
            key.extend_from_slice(text.as_bytes());
        } else {
            key.push(b'j');
            write_sorted_json(*value, key);
        }
    }
}
