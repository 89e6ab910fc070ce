//! Writing values as JSON without recursion: compact, compact with sorted keys, and pretty.

use std::slice::Iter;

use temblor_pdk::value::{Field, Value, View};

use crate::library::order::by_key;

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
    Sorted(std::vec::IntoIter<Field<'a>>),
}

impl<'a> Level<'a> {
    /// The key, in a record, and the value that come next.
    fn next(&mut self) -> Option<(Option<&'a str>, Value<'a>)> {
        let field = match &mut self.items {
            Items::Array(items) => return items.next().map(|item| (None, *item)),
            Items::Record(fields) => *fields.next()?,
            Items::Sorted(fields) => fields.next()?,
        };
        Some((Some(field.key()), field.value()))
    }

    fn closing(&self) -> u8 {
        match self.items {
            Items::Array(_) => b']',
            Items::Record(_) | Items::Sorted(_) => b'}',
        }
    }
}

fn write(value: Value<'_>, style: Style, out: &mut Vec<u8>) {
    if is_flat(value, style) {
        return value.write_json(out);
    }
    let mut open = Vec::new();
    begin(value, style, &mut open, out);
    while let Some(level) = open.last_mut() {
        match level.next() {
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
                begin(value, style, &mut open, out);
            }
            None => {
                let (closing, is_empty) = (level.closing(), level.is_first);
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
fn begin<'a>(value: Value<'a>, style: Style, open: &mut Vec<Level<'a>>, out: &mut Vec<u8>) {
    let items = match value.view() {
        View::Array(items) => Items::Array(items.as_slice().iter()),
        View::Object(record) if style.is_sorted => Items::Sorted(by_key(record).into_iter()),
        View::Object(record) => Items::Record(record.fields().iter()),
        _ => return value.write_json(out),
    };
    out.push(match items {
        Items::Array(_) => b'[',
        Items::Record(_) | Items::Sorted(_) => b'{',
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
