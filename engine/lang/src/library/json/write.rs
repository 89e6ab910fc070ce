//! Writing values as JSON without recursion: compact, compact with sorted keys, and pretty.

use std::cell::Cell;
use std::slice::Iter;

use temblor_pdk::value::{Field, Value, View};

use crate::eval::stacks::recycle;
use crate::library::scratch;

thread_local! {
    /// Memory for containers that are being written; deep values are rare, so it stays small.
    static OPEN: Cell<Vec<Level<'static>>> = const { Cell::new(Vec::new()) };
}

/// How JSON is laid out.
#[derive(Clone, Copy)]
struct Style {
    is_sorted: bool,
    is_pretty: bool,
}

/// Appends the value as compact JSON, keys in their order.
pub(crate) fn write_json(value: Value<'_>, out: &mut Vec<u8>) {
    let style = Style {
        is_sorted: false,
        is_pretty: false,
    };
    write(value, style, out);
}

/// Appends the value as compact JSON with sorted keys, so that equal values give equal bytes.
pub(crate) fn write_sorted_json(value: Value<'_>, out: &mut Vec<u8>) {
    let style = Style {
        is_sorted: true,
        is_pretty: false,
    };
    write(value, style, out);
}

/// Appends the value as JSON over several lines, indented with two blanks.
pub(super) fn write_pretty_json(value: Value<'_>, out: &mut Vec<u8>) {
    let style = Style {
        is_sorted: false,
        is_pretty: true,
    };
    write(value, style, out);
}

/// A container that is being written.
struct Level<'a> {
    items: Items<'a>,
    is_first: bool,
}

enum Items<'a> {
    Array(Iter<'a, Value<'a>>),
    Record(Iter<'a, Field<'a>>),
    /// The next of the sorted fields, and where those of the record start and end.
    Sorted {
        next: usize,
        start: usize,
        end: usize,
    },
}

impl<'a> Level<'a> {
    /// The key, in a record, and the value that come next.
    fn next(&mut self, sorted: &[Field<'a>]) -> Option<(Option<&'a str>, Value<'a>)> {
        let field = match &mut self.items {
            Items::Array(items) => return items.next().map(|item| (None, *item)),
            Items::Record(fields) => *fields.next()?,
            Items::Sorted { next, end, .. } => {
                *next += 1;
                *sorted.get(*next - 1..*end)?.first()?
            }
        };
        Some((Some(field.key()), field.value()))
    }

    fn closing(&self) -> u8 {
        match self.items {
            Items::Array(_) => b']',
            Items::Record(_) | Items::Sorted { .. } => b'}',
        }
    }
}

fn write(value: Value<'_>, style: Style, out: &mut Vec<u8>) {
    if is_flat(value, style) {
        return value.write_json(out);
    }
    let mut open = recycle(OPEN.take());
    scratch::with_fields(|sorted| write_nested(value, style, &mut open, sorted, out));
    OPEN.set(recycle(open));
}

fn write_nested<'a>(
    value: Value<'a>,
    style: Style,
    open: &mut Vec<Level<'a>>,
    sorted: &mut Vec<Field<'a>>,
    out: &mut Vec<u8>,
) {
    begin(value, style, open, sorted, out);
    while let Some(level) = open.last_mut() {
        match level.next(sorted) {
            Some((key, value)) => {
                if !level.is_first {
                    out.push(b',');
                }
                level.is_first = false;
                new_line(open.len(), style, out);
                if let Some(key) = key {
                    Value::from(key).write_json(out);
                    out.extend_from_slice(if style.is_pretty { b": " } else { b":" });
                }
                begin(value, style, open, sorted, out);
            }
            None => {
                let (closing, is_empty) = (level.closing(), level.is_first);
                if let Items::Sorted { start, .. } = level.items {
                    sorted.truncate(start);
                }
                open.pop();
                if !is_empty {
                    new_line(open.len(), style, out);
                }
                out.push(closing);
            }
        }
    }
}

/// Whether a value is scalar, or an array of scalars that is written in one line. Keys of groups mostly are.
fn is_flat(value: Value<'_>, style: Style) -> bool {
    match value.view() {
        View::Object(_) => false,
        View::Array(items) => !style.is_pretty && items.iter().all(is_scalar),
        _ => true,
    }
}

fn is_scalar(value: Value<'_>) -> bool {
    !matches!(value.view(), View::Array(_) | View::Object(_))
}

/// Writes a scalar, or the opening bracket of a container that is left open.
fn begin<'a>(
    value: Value<'a>,
    style: Style,
    open: &mut Vec<Level<'a>>,
    sorted: &mut Vec<Field<'a>>,
    out: &mut Vec<u8>,
) {
    let items = match value.view() {
        View::Array(items) => Items::Array(items.as_slice().iter()),
        View::Object(record) if style.is_sorted => {
            let start = sorted.len();
            sorted.extend_from_slice(record.fields());
            if let Some(fields) = sorted.get_mut(start..) {
                fields.sort_unstable_by(|a, b| a.key().cmp(b.key()));
            }
            let (next, end) = (start, sorted.len());
            Items::Sorted { next, start, end }
        }
        View::Object(record) => Items::Record(record.fields().iter()),
        _ => return value.write_json(out),
    };
    out.push(match items {
        Items::Array(_) => b'[',
        Items::Record(_) | Items::Sorted { .. } => b'{',
    });
    open.push(Level {
        items,
        is_first: true,
    });
}

fn new_line(depth: usize, style: Style, out: &mut Vec<u8>) {
    if style.is_pretty {
        out.push(b'\n');
        out.extend(std::iter::repeat_n(b' ', depth * 2));
    }
}
