//! `Value`: sixteen bytes of plain data, and the typed view of it.

use std::marker::PhantomData;
use std::mem::{MaybeUninit, offset_of};

use super::container::{Array, ArrayHeader, Object, ObjectHeader};

/// What a value is; stored in the low byte of its head.
#[repr(u8)]
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Tag {
    Null = 0,
    Bool = 1,
    I64 = 2,
    U64 = 3,
    F64 = 4,
    Str = 5,
    Bytes = 6,
    Array = 7,
    Object = 8,
    /// Not a value: marks a field of a [`super::Draft`] that was removed. Never leaves it.
    Gone = 255,
}

/// Number bits or a pointer, as the tag says.
#[repr(C)]
#[derive(Clone, Copy)]
pub(super) union Payload {
    raw: MaybeUninit<u64>,
    pub(super) bits: u64,
    pub(super) text: *const u8,
    pub(super) array: *const ArrayHeader,
    pub(super) object: *const ObjectHeader,
}

/// A value of any type: null, boolean, integer, float, string, bytes, array or record.
///
/// Plain data of sixteen bytes with a C layout, the same in the engine and in every plugin. It borrows the arena
/// or the buffer that it lives in; [`super::OwnedValue`] is for what must outlive that.
///
/// Two words and not finer fields, so that the compiler keeps a value in two registers: built in memory out of small
/// fields and read back at once as a whole, it would stall the processor at every copy.
///
/// Invariant: the pointer that the tag calls for is valid for `'a` and what it points at is never written again.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Value<'a> {
    /// Bits 0 to 7: the tag. Bits 8 to 15: zero, for flags. Bits 16 to 63: the length of a string or of bytes, the
    /// [`Extent`] of an array or a record.
    head: u64,
    /// A [`Payload`].
    payload: MaybeUninit<u64>,
    borrow: PhantomData<&'a [u8]>,
}

// SAFETY: whatever a value points at is immutable for 'a (invariant of the type).
unsafe impl Send for Value<'_> {}
// SAFETY: see `Send`.
unsafe impl Sync for Value<'_> {}

/// Depth and size of a value, or of all that are put into an array or a record.
///
/// Stored in the upper bits of the head: bits 16 to 31 are the depth, bits 32 to 63 the size.
#[derive(Clone, Copy, Default)]
pub(super) struct Extent {
    depth: u64,
    size: u64,
}

impl Extent {
    #[inline]
    pub(super) fn add(&mut self, value: Value<'_>) {
        let extent = value.extent();
        self.depth = self.depth.max(extent.depth);
        self.size += extent.size;
    }

    /// The bits for the array or record itself.
    fn around(self) -> usize {
        let depth = (self.depth + 1).min(u64::from(u16::MAX));
        let size = self.size.saturating_add(1).min(u64::from(u32::MAX));
        (depth | size << 16) as usize
    }
}

/// A value taken apart.
#[derive(Clone, Copy, Debug)]
pub enum View<'a> {
    /// Null.
    Null,
    /// A boolean.
    Bool(bool),
    /// An integer that fits 64 signed bits.
    I64(i64),
    /// An integer above [`i64::MAX`].
    U64(u64),
    /// A float.
    F64(f64),
    /// A string.
    Str(&'a str),
    /// A sequence of bytes.
    Bytes(&'a [u8]),
    /// An array.
    Array(Array<'a>),
    /// A record.
    Object(Object<'a>),
}

impl<'a> Value<'a> {
    /// Null.
    pub const NULL: Value<'static> = Value::scalar(Tag::Null, 0);
    /// True.
    pub const TRUE: Value<'static> = Value::scalar(Tag::Bool, 1);
    /// False.
    pub const FALSE: Value<'static> = Value::scalar(Tag::Bool, 0);

    /// See [`Tag::Gone`].
    pub(super) const GONE: Value<'static> = Value::scalar(Tag::Gone, 0);

    pub(super) const fn scalar(tag: Tag, bits: u64) -> Value<'static> {
        Value {
            head: tag as u64,
            payload: MaybeUninit::new(bits),
            borrow: PhantomData,
        }
    }

    const fn with_payload(tag: Tag, len: usize, payload: Payload) -> Value<'a> {
        Value {
            head: tag as u64 | (len as u64) << 16,
            // SAFETY: any bits are fine for `MaybeUninit`.
            payload: unsafe { payload.raw },
            borrow: PhantomData,
        }
    }

    fn payload(self) -> Payload {
        Payload { raw: self.payload }
    }

    fn tag(self) -> u8 {
        self.head as u8
    }

    /// Makes a value of bytes that stay where they are.
    #[must_use]
    pub const fn bytes(bytes: &'a [u8]) -> Self {
        let payload = Payload {
            text: bytes.as_ptr(),
        };
        Value::with_payload(Tag::Bytes, bytes.len(), payload)
    }

    /// Makes a value of a string that stays where it is.
    #[must_use]
    pub const fn string(text: &'a str) -> Self {
        let payload = Payload {
            text: text.as_ptr(),
        };
        Value::with_payload(Tag::Str, text.len(), payload)
    }

    /// # Safety
    /// `header` was made by an arena and lives, with its items, for `'a`. The extent is that of the items.
    pub(super) unsafe fn from_array(array: *const ArrayHeader, items: Extent) -> Self {
        Value::with_payload(Tag::Array, items.around(), Payload { array })
    }

    /// # Safety
    /// `header` was made by an arena and lives, with its fields and its index, for `'a`. The extent is that of the
    /// fields.
    pub(super) unsafe fn from_object(object: *const ObjectHeader, fields: Extent) -> Self {
        Value::with_payload(Tag::Object, fields.around(), Payload { object })
    }

    fn len(self) -> usize {
        (self.head >> 16) as usize
    }

    fn is(self, tag: Tag) -> bool {
        self.tag() == tag as u8
    }

    fn bits(self) -> u64 {
        // SAFETY: only called for tags of numbers, whose payload is 64 initialised bits.
        unsafe { self.payload().bits }
    }

    /// The bytes of a string or a byte sequence.
    fn raw_bytes(self) -> &'a [u8] {
        // SAFETY: only called for tags `Str` and `Bytes`, whose payload is a pointer to `len` bytes valid for 'a.
        unsafe { std::slice::from_raw_parts(self.payload().text, self.len()) }
    }

    /// The text of what is known to be a string.
    pub(super) fn raw_str(self) -> &'a str {
        // SAFETY: a `Str` is made from a `&str` only.
        unsafe { std::str::from_utf8_unchecked(self.raw_bytes()) }
    }

    fn raw_array(self) -> Array<'a> {
        // SAFETY: only called for tag `Array`, whose payload points at a header valid for 'a.
        unsafe { Array::new(self.payload().array) }
    }

    fn raw_object(self) -> Object<'a> {
        // SAFETY: only called for tag `Object`, whose payload points at a header valid for 'a.
        unsafe { Object::new(self.payload().object) }
    }

    /// Takes the value apart. A tag of a later version of the layout reads as null.
    #[must_use]
    pub fn view(self) -> View<'a> {
        match self.tag() {
            t if t == Tag::Bool as u8 => View::Bool(self.bits() != 0),
            t if t == Tag::I64 as u8 => View::I64(self.bits() as i64),
            t if t == Tag::U64 as u8 => View::U64(self.bits()),
            t if t == Tag::F64 as u8 => View::F64(f64::from_bits(self.bits())),
            t if t == Tag::Str as u8 => View::Str(self.raw_str()),
            t if t == Tag::Bytes as u8 => View::Bytes(self.raw_bytes()),
            t if t == Tag::Array as u8 => View::Array(self.raw_array()),
            t if t == Tag::Object as u8 => View::Object(self.raw_object()),
            _ => View::Null,
        }
    }

    /// How deep arrays and records are nested: 0 for everything else, 1 for an array or record of such, and so on, up
    /// to 65,535. It is known without looking, so that whoever builds values can bound what others will walk through.
    #[must_use]
    #[inline]
    pub fn depth(self) -> usize {
        self.extent().depth as usize
    }

    /// How large the value is with everything in it, up to 2³² − 1: each value counts one, and one more for every 16
    /// bytes of a string. What occurs in two places counts twice: this is what somebody has to walk through, and what a
    /// copy consists of. It is known without looking.
    #[must_use]
    #[inline]
    pub fn size(self) -> usize {
        self.extent().size as usize
    }

    #[inline]
    fn extent(self) -> Extent {
        let text = self.is(Tag::Str) || self.is(Tag::Bytes);
        if self.is(Tag::Array) || self.is(Tag::Object) {
            Extent {
                depth: self.head >> 16 & 0xffff,
                size: self.head >> 32,
            }
        } else {
            Extent {
                depth: 0,
                size: 1 + if text { self.head >> 20 } else { 0 },
            }
        }
    }

    pub(super) fn is_gone(self) -> bool {
        self.is(Tag::Gone)
    }

    /// Whether this is null.
    #[must_use]
    pub fn is_null(self) -> bool {
        self.is(Tag::Null)
    }

    /// The boolean, if it is one.
    #[must_use]
    pub fn as_bool(self) -> Option<bool> {
        self.is(Tag::Bool).then(|| self.bits() != 0)
    }

    /// The integer, if it is one that fits.
    #[must_use]
    pub fn as_i64(self) -> Option<i64> {
        self.is(Tag::I64).then(|| self.bits() as i64)
    }

    /// The integer, if it is one that is not negative.
    #[must_use]
    pub fn as_u64(self) -> Option<u64> {
        match self.view() {
            View::I64(n) => u64::try_from(n).ok(),
            View::U64(n) => Some(n),
            _ => None,
        }
    }

    /// The float, if it is one. Integers are not converted.
    #[must_use]
    pub fn as_f64(self) -> Option<f64> {
        self.is(Tag::F64).then(|| f64::from_bits(self.bits()))
    }

    /// The string, if it is one.
    #[must_use]
    pub fn as_str(self) -> Option<&'a str> {
        self.is(Tag::Str).then(|| self.raw_str())
    }

    /// The bytes, if it is a byte sequence (not a string).
    #[must_use]
    pub fn as_bytes(self) -> Option<&'a [u8]> {
        self.is(Tag::Bytes).then(|| self.raw_bytes())
    }

    /// The array, if it is one.
    #[must_use]
    pub fn as_array(self) -> Option<Array<'a>> {
        self.is(Tag::Array).then(|| self.raw_array())
    }

    /// The record, if it is one.
    #[must_use]
    pub fn as_object(self) -> Option<Object<'a>> {
        self.is(Tag::Object).then(|| self.raw_object())
    }

    /// The field `key` of a record; none for anything else.
    #[must_use]
    pub fn get(self, key: &str) -> Option<Value<'a>> {
        self.as_object()?.get(key)
    }

    /// The bytes of the input that this array or record was decoded from, if nobody has touched it.
    #[must_use]
    pub fn source_text(self) -> Option<&'a [u8]> {
        match self.view() {
            View::Array(array) => array.source_text(),
            View::Object(object) => object.source_text(),
            _ => None,
        }
    }

    /// The name of the type as the language's messages write it.
    #[must_use]
    pub fn type_name(self) -> &'static str {
        match self.view() {
            View::Null => "null",
            View::Bool(_) => "bool",
            View::I64(_) | View::U64(_) => "integer",
            View::F64(_) => "float",
            View::Str(_) => "string",
            View::Bytes(_) => "bytes",
            View::Array(_) => "array",
            View::Object(_) => "record",
        }
    }

    /// Whether the two are the same array or record in memory, or both null. Cheap; equal values may differ.
    pub(super) fn is_same(self, other: Value<'_>) -> bool {
        match (self.view(), other.view()) {
            (View::Null, View::Null) => true,
            (View::Array(a), View::Array(b)) => a.is_same(b),
            (View::Object(a), View::Object(b)) => a.is_same(b),
            _ => false,
        }
    }

    /// Forgets the borrow.
    ///
    /// # Safety
    /// The caller keeps everything that the value reaches alive for as long as the result is used.
    pub(super) unsafe fn detach(self) -> Value<'static> {
        // SAFETY: only the lifetime changes; the caller keeps the memory alive.
        unsafe { std::mem::transmute::<Value<'a>, Value<'static>>(self) }
    }
}

impl Default for Value<'_> {
    fn default() -> Self {
        Value::NULL
    }
}

impl std::fmt::Debug for Value<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.view() {
            View::Null => f.write_str("null"),
            View::Bool(value) => value.fmt(f),
            View::I64(value) => value.fmt(f),
            View::U64(value) => value.fmt(f),
            View::F64(value) => value.fmt(f),
            View::Str(value) => value.fmt(f),
            View::Bytes(value) => write!(f, "bytes({value:02x?})"),
            View::Array(value) => f.debug_list().entries(value.iter()).finish(),
            View::Object(value) => f.debug_map().entries(value.iter()).finish(),
        }
    }
}

impl PartialEq for Value<'_> {
    /// Equal type and content. Records are equal whatever the order of their keys. The language has its own, wider
    /// equality.
    fn eq(&self, other: &Self) -> bool {
        match (self.view(), other.view()) {
            (View::Null, View::Null) => true,
            (View::Bool(a), View::Bool(b)) => a == b,
            (View::I64(a), View::I64(b)) => a == b,
            (View::U64(a), View::U64(b)) => a == b,
            (View::F64(a), View::F64(b)) => a == b,
            (View::Str(a), View::Str(b)) => a == b,
            (View::Bytes(a), View::Bytes(b)) => a == b,
            (View::Array(a), View::Array(b)) => a.as_slice() == b.as_slice(),
            (View::Object(a), View::Object(b)) => {
                a.len() == b.len() && a.iter().all(|(key, value)| b.get(key) == Some(value))
            }
            _ => false,
        }
    }
}

/// Sizes, alignments and offsets of what crosses; see `layout`.
pub(super) const LAYOUT: &[usize] = &[
    size_of::<Value<'_>>(),
    align_of::<Value<'_>>(),
    offset_of!(Value<'_>, head),
    offset_of!(Value<'_>, payload),
    Tag::Null as usize,
    Tag::Bool as usize,
    Tag::I64 as usize,
    Tag::U64 as usize,
    Tag::F64 as usize,
    Tag::Str as usize,
    Tag::Bytes as usize,
    Tag::Array as usize,
    Tag::Object as usize,
    EXTENT,
];

/// The bits of the head from which on the depth and the size of an array or a record stand.
const EXTENT: usize = 16 << 8 | 32;
