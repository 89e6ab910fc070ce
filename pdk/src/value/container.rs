//! Arrays and records: headers in an arena, with their items right behind them.

use std::marker::PhantomData;
use std::mem::offset_of;

use super::Value;
use super::hash::hash;

/// Above this many keys a record carries a hash index.
pub(super) const INDEXED_ABOVE: usize = 32;

/// The head of an array; `len` values follow it in memory.
#[repr(C)]
pub(super) struct ArrayHeader {
    pub(super) len: u64,
    pub(super) source: *const u8,
    pub(super) source_len: u64,
}

/// The head of a record; `len` fields follow it in memory.
///
/// `index` is null, or an open-addressing table of `index_mask + 1` slots that hold a field's place plus one.
#[repr(C)]
pub(super) struct ObjectHeader {
    pub(super) len: u64,
    pub(super) source: *const u8,
    pub(super) source_len: u64,
    pub(super) index: *const u32,
    pub(super) index_mask: u64,
    pub(super) seed: u64,
}

impl ArrayHeader {
    pub(super) fn len(&self) -> usize {
        self.len as usize
    }
}

impl ObjectHeader {
    pub(super) fn len(&self) -> usize {
        self.len as usize
    }
}

/// Returns the input text behind a header.
///
/// # Safety
/// `source` is null or points at `len` bytes that live and stay unwritten for `'a`.
unsafe fn source_text<'a>(source: *const u8, len: u64) -> Option<&'a [u8]> {
    if source.is_null() {
        return None;
    }
    // SAFETY: the caller's contract.
    Some(unsafe { std::slice::from_raw_parts(source, len as usize) })
}

/// An array of values.
#[derive(Clone, Copy)]
pub struct Array<'a> {
    /// A raw pointer, because the items behind the header are reached through it.
    header: *const ArrayHeader,
    borrow: PhantomData<&'a Value<'a>>,
}

// SAFETY: like `Value`, whose invariant makes what it reaches immutable.
unsafe impl Send for Array<'_> {}
// SAFETY: see `Send`.
unsafe impl Sync for Array<'_> {}

impl<'a> Array<'a> {
    /// # Safety
    /// `header` was made by an arena and lives, with its items, for `'a`.
    pub(super) unsafe fn new(header: *const ArrayHeader) -> Self {
        Array {
            header,
            borrow: PhantomData,
        }
    }

    fn header(self) -> &'a ArrayHeader {
        // SAFETY: the contract of `new`.
        unsafe { &*self.header }
    }

    pub(super) fn is_same(self, other: Array<'_>) -> bool {
        std::ptr::eq(self.header, other.header)
    }

    /// The number of items.
    #[must_use]
    pub fn len(self) -> usize {
        self.header().len()
    }

    /// Whether there is no item.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// All items in order.
    #[must_use]
    pub fn as_slice(self) -> &'a [Value<'a>] {
        // SAFETY: an arena writes `len` values right behind the header, in the same allocation.
        unsafe { std::slice::from_raw_parts(self.header.add(1).cast(), self.len()) }
    }

    /// The item at `index`, counted from 0.
    #[must_use]
    pub fn get(self, index: usize) -> Option<Value<'a>> {
        self.as_slice().get(index).copied()
    }

    /// Goes through the items in order.
    pub fn iter(self) -> impl ExactSizeIterator<Item = Value<'a>> {
        self.as_slice().iter().copied()
    }

    pub(super) fn source_text(self) -> Option<&'a [u8]> {
        let header = self.header();
        // SAFETY: `Arena::array_with_source` takes a slice that lives for 'a.
        unsafe { source_text(header.source, header.source_len) }
    }
}

/// A field of a record.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Field<'a> {
    /// Always a string.
    key: Value<'a>,
    value: Value<'a>,
}

impl<'a> Field<'a> {
    /// Makes a field.
    #[must_use]
    pub fn new(key: &'a str, value: Value<'a>) -> Self {
        Field {
            key: Value::string(key),
            value,
        }
    }

    /// The name.
    #[must_use]
    pub fn key(&self) -> &'a str {
        self.key.raw_str()
    }

    /// The value.
    #[must_use]
    pub fn value(&self) -> Value<'a> {
        self.value
    }

    pub(super) fn set_value(&mut self, value: Value<'a>) {
        self.value = value;
    }
}

impl std::fmt::Debug for Array<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl std::fmt::Debug for Object<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl std::fmt::Debug for Field<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}: {:?}", self.key(), self.value)
    }
}

/// A record: fields with unique keys in the order in which they were inserted.
#[derive(Clone, Copy)]
pub struct Object<'a> {
    /// A raw pointer, because the fields behind the header are reached through it.
    header: *const ObjectHeader,
    borrow: PhantomData<&'a Field<'a>>,
}

// SAFETY: like `Value`, whose invariant makes what it reaches immutable.
unsafe impl Send for Object<'_> {}
// SAFETY: see `Send`.
unsafe impl Sync for Object<'_> {}

impl<'a> Object<'a> {
    /// # Safety
    /// `header` was made by an arena and lives, with its fields and its index, for `'a`.
    pub(super) unsafe fn new(header: *const ObjectHeader) -> Self {
        Object {
            header,
            borrow: PhantomData,
        }
    }

    fn header(self) -> &'a ObjectHeader {
        // SAFETY: the contract of `new`.
        unsafe { &*self.header }
    }

    pub(super) fn is_same(self, other: Object<'_>) -> bool {
        std::ptr::eq(self.header, other.header)
    }

    /// The number of fields.
    #[must_use]
    pub fn len(self) -> usize {
        self.header().len()
    }

    /// Whether there is no field.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// All fields in the order of their insertion.
    #[must_use]
    pub fn fields(self) -> &'a [Field<'a>] {
        // SAFETY: an arena writes `len` fields right behind the header, in the same allocation.
        unsafe { std::slice::from_raw_parts(self.header.add(1).cast(), self.len()) }
    }

    /// The value of field `key`.
    #[must_use]
    pub fn get(self, key: &str) -> Option<Value<'a>> {
        self.position(key).map(|at| self.fields()[at].value())
    }

    /// The place of field `key` among the fields.
    #[must_use]
    pub fn position(self, key: &str) -> Option<usize> {
        match self.index() {
            Some((index, seed)) => find(index, seed, self.fields(), key),
            None => self.fields().iter().position(|field| field.key() == key),
        }
    }

    /// Goes through keys and values in order.
    pub fn iter(self) -> impl ExactSizeIterator<Item = (&'a str, Value<'a>)> {
        self.fields().iter().map(|f| (f.key(), f.value()))
    }

    /// The index and what it hashes with, if there is one.
    pub(super) fn index(self) -> Option<(&'a [u32], u64)> {
        let header = self.header();
        if header.index.is_null() {
            return None;
        }
        let slots = header.index_mask as usize + 1;
        // SAFETY: an arena allocates `index_mask + 1` slots for a record that has an index.
        let index = unsafe { std::slice::from_raw_parts(header.index, slots) };
        Some((index, header.seed))
    }

    pub(super) fn source_text(self) -> Option<&'a [u8]> {
        let header = self.header();
        // SAFETY: `Arena::object_with_source` takes a slice that lives for 'a.
        unsafe { source_text(header.source, header.source_len) }
    }
}

/// Looks `key` up in an open-addressing table over `fields`.
pub(super) fn find(index: &[u32], seed: u64, fields: &[Field<'_>], key: &str) -> Option<usize> {
    let mask = index.len() - 1;
    let mut slot = hash(seed, key.as_bytes()) as usize & mask;
    loop {
        match index[slot] {
            0 => return None,
            place if fields[place as usize - 1].key() == key => return Some(place as usize - 1),
            _ => slot = (slot + 1) & mask,
        }
    }
}

/// Enters the field at `place`, whose key is not in the table yet.
pub(super) fn enter(index: &mut [u32], seed: u64, key: &str, place: usize) {
    let mask = index.len() - 1;
    let mut slot = hash(seed, key.as_bytes()) as usize & mask;
    while index[slot] != 0 {
        slot = (slot + 1) & mask;
    }
    index[slot] = place as u32 + 1;
}

/// Sizes, alignments and offsets of what crosses; see `layout`.
pub(super) const LAYOUT: &[usize] = &[
    size_of::<ArrayHeader>(),
    align_of::<ArrayHeader>(),
    offset_of!(ArrayHeader, len),
    offset_of!(ArrayHeader, source),
    offset_of!(ArrayHeader, source_len),
    size_of::<ObjectHeader>(),
    align_of::<ObjectHeader>(),
    offset_of!(ObjectHeader, len),
    offset_of!(ObjectHeader, source),
    offset_of!(ObjectHeader, source_len),
    offset_of!(ObjectHeader, index),
    offset_of!(ObjectHeader, index_mask),
    offset_of!(ObjectHeader, seed),
    size_of::<Field<'_>>(),
    align_of::<Field<'_>>(),
    offset_of!(Field<'_>, key),
    offset_of!(Field<'_>, value),
];
