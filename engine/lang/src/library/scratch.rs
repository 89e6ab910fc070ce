//! Working memory of functions, kept by each thread so that a call in steady state allocates in the arena only.

use std::cell::Cell;

use temblor_pdk::value::{Arena, Field, Value};

use crate::eval::stacks::recycle;

/// Working memory of more items than this is given back.
const KEPT_ITEMS: usize = 4096;
/// Working memory of more bytes than this is given back.
const KEPT_BYTES: usize = 64 * 1024;

thread_local! {
    static VALUES: Cell<Vec<Value<'static>>> = const { Cell::new(Vec::new()) };
    static FIELDS: Cell<Vec<Field<'static>>> = const { Cell::new(Vec::new()) };
    static BYTES: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Lends an empty list of values. A call within a call gets a list of its own.
pub(super) fn with_values<'a, T>(work: impl FnOnce(&mut Vec<Value<'a>>) -> T) -> T {
    let mut items = recycle(VALUES.take());
    let result = work(&mut items);
    if items.capacity() <= KEPT_ITEMS {
        VALUES.set(recycle(items));
    }
    result
}

/// Lends an empty list of fields. A call within a call gets a list of its own.
pub(super) fn with_fields<'a, T>(work: impl FnOnce(&mut Vec<Field<'a>>) -> T) -> T {
    let mut items = recycle(FIELDS.take());
    let result = work(&mut items);
    if items.capacity() <= KEPT_ITEMS {
        FIELDS.set(recycle(items));
    }
    result
}

/// Lends an empty list of bytes. A call within a call gets a list of its own.
pub(super) fn with_bytes<T>(work: impl FnOnce(&mut Vec<u8>) -> T) -> T {
    let mut bytes = BYTES.take();
    bytes.clear();
    let result = work(&mut bytes);
    if bytes.capacity() <= KEPT_BYTES {
        BYTES.set(bytes);
    }
    result
}

/// Makes an array of the values that `fill` collects.
pub(super) fn array<'a>(arena: &'a Arena, fill: impl FnOnce(&mut Vec<Value<'a>>)) -> Value<'a> {
    with_values(|values| {
        fill(values);
        arena.array(values)
    })
}

/// Makes a record of the fields that `fill` collects; of fields with one key the last wins.
pub(super) fn record<'a>(arena: &'a Arena, fill: impl FnOnce(&mut Vec<Field<'a>>)) -> Value<'a> {
    with_fields(|fields| {
        fill(fields);
        arena.object(fields)
    })
}

/// Makes a string of the bytes that `write` writes, which are UTF-8.
pub(super) fn string<'a>(arena: &'a Arena, write: impl FnOnce(&mut Vec<u8>)) -> Value<'a> {
    with_bytes(|bytes| {
        write(bytes);
        text(arena, bytes)
    })
}

/// Copies bytes that are UTF-8 into a string. Should they ever not be, what is wrong is replaced.
pub(super) fn text<'a>(arena: &'a Arena, bytes: &[u8]) -> Value<'a> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Value::from(arena.str(text)),
        Err(_) => Value::from(arena.str(&String::from_utf8_lossy(bytes))),
    }
}

/// Makes an array of a known number of values, written where they stay.
pub(super) fn array_of<'a>(
    arena: &'a Arena,
    mut items: impl ExactSizeIterator<Item = Value<'a>>,
) -> Value<'a> {
    let len = items.len();
    let next = |_: &mut ()| items.next().unwrap_or_default();
    arena.array_of(len, &mut (), next, |()| None)
}
