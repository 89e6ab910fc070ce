//! Making arrays and records in an arena: header and items in one piece, keys unique, large records indexed.

use std::ptr::NonNull;

use super::container::{ArrayHeader, Field, INDEXED_ABOVE, ObjectHeader, enter, find};
use super::hash::seed;
use super::view::Extent;
use super::{Arena, Value};

impl Arena {
    /// Makes an array of `items`.
    #[must_use]
    pub fn array<'a>(&'a self, items: &[Value<'a>]) -> Value<'a> {
        self.make_array(items, None)
    }

    /// Makes an array that remembers the input text it was decoded from, which must be JSON.
    #[must_use]
    pub fn array_with_source<'a>(&'a self, items: &[Value<'a>], source: &'a [u8]) -> Value<'a> {
        self.make_array(items, Some(source))
    }

    fn make_array<'a>(&'a self, items: &[Value<'a>], source: Option<&'a [u8]>) -> Value<'a> {
        let mut rest = items.iter();
        let next = |_: &mut ()| rest.next().copied().unwrap_or_default();
        self.array_of(items.len(), &mut (), next, |()| source)
    }

    /// Makes an array of the `len` items that `next` returns, written where they stay. `source` is asked last; what
    /// it returns is the JSON text that says the same, see [`Arena::array_with_source`].
    pub fn array_of<'a, S>(
        &'a self,
        len: usize,
        state: &mut S,
        mut next: impl FnMut(&mut S) -> Value<'a>,
        source: impl FnOnce(&mut S) -> Option<&'a [u8]>,
    ) -> Value<'a> {
        let (piece, items) = self.with_room::<ArrayHeader, Value<'a>>(len);
        let mut extent = Extent::default();
        for at in 0..len {
            let item = next(state);
            extent.add(item);
            // SAFETY: there is room for `len` items.
            unsafe { items.add(at).write(item) }
        }
        let source = source(state);
        let header = ArrayHeader {
            len: len as u64,
            source: source.map_or(std::ptr::null(), <[u8]>::as_ptr),
            source_len: source.map_or(0, |s| s.len() as u64),
        };
        // SAFETY: the piece is new; header and items are now written and live as long as the arena.
        unsafe {
            piece.write(header);
            Value::from_array(piece.as_ptr(), extent)
        }
    }

    /// Returns uninitialised room for a header and, right behind it, `len` items whose alignment is not above the
    /// header's.
    fn with_room<H, T: Copy>(&self, len: usize) -> (NonNull<H>, NonNull<T>) {
        const {
            assert!(
                align_of::<T>() <= align_of::<H>()
                    && size_of::<H>().is_multiple_of(align_of::<T>())
            )
        };
        let size = len
            .saturating_mul(size_of::<T>())
            .saturating_add(size_of::<H>());
        let piece: NonNull<H> = self.allocate(size, align_of::<H>()).cast();
        // SAFETY: the piece is at least as large as the header.
        (piece, unsafe { piece.add(1) }.cast())
    }

    /// Makes a record of `fields`. Order is kept; of fields with one key the last value wins, at the first's place.
    #[must_use]
    pub fn object<'a>(&'a self, fields: &[Field<'a>]) -> Value<'a> {
        self.make_object(fields, None)
    }

    /// Makes a record that remembers the input text it was decoded from. The text must be JSON, because the JSON codec
    /// writes it in place of an untouched record. With duplicate keys the text is forgotten, because it no longer says
    /// the same.
    #[must_use]
    pub fn object_with_source<'a>(&'a self, fields: &[Field<'a>], source: &'a [u8]) -> Value<'a> {
        self.make_object(fields, Some(source))
    }

    fn make_object<'a>(&'a self, fields: &[Field<'a>], source: Option<&'a [u8]>) -> Value<'a> {
        let mut rest = fields.iter();
        let next = |_: &mut ()| match rest.next() {
            Some(field) => *field,
            None => Field::new("", Value::NULL),
        };
        self.object_of(fields.len(), &mut (), next, |()| source)
    }

    /// Makes a record of the `len` fields that `next` returns, written where they stay. `source` is asked last; what
    /// it returns is the JSON text that says the same, see [`Arena::object_with_source`].
    pub fn object_of<'a, S>(
        &'a self,
        len: usize,
        state: &mut S,
        mut next: impl FnMut(&mut S) -> Field<'a>,
        source: impl FnOnce(&mut S) -> Option<&'a [u8]>,
    ) -> Value<'a> {
        let (piece, first) = self.with_room::<ObjectHeader, Field<'a>>(len);
        let mut extent = Extent::default();
        for at in 0..len {
            let field = next(state);
            extent.add(field.value());
            // SAFETY: there is room for `len` fields.
            unsafe { first.add(at).write(field) }
        }
        let source = source(state);
        // SAFETY: `len` fields were just written, and nobody else has seen them yet.
        let fields = unsafe { std::slice::from_raw_parts_mut(first.as_ptr(), len) };
        let mut header = ObjectHeader {
            len: len as u64,
            source: source.map_or(std::ptr::null(), <[u8]>::as_ptr),
            source_len: source.map_or(0, |s| s.len() as u64),
            index: std::ptr::null(),
            index_mask: 0,
            seed: 0,
        };
        if len > INDEXED_ABOVE || repeats(fields) {
            self.index(&mut header, fields);
        }
        // SAFETY: the piece is new; header, fields and index are now written and live as long as the arena.
        unsafe {
            piece.write(header);
            Value::from_object(piece.as_ptr(), extent)
        }
    }

    /// Makes a record of fields whose keys are known to be unique, with the index over them if there are many.
    pub(super) fn object_of_unique<'a>(
        &'a self,
        fields: &[Field<'a>],
        (index, seed): (&[u32], u64),
    ) -> Value<'a> {
        let (piece, first) = self.with_room::<ObjectHeader, Field<'a>>(fields.len());
        // SAFETY: there is room for the fields, in a new piece.
        unsafe { std::ptr::copy_nonoverlapping(fields.as_ptr(), first.as_ptr(), fields.len()) }
        let mut extent = Extent::default();
        for field in fields {
            extent.add(field.value());
        }
        let mut header = ObjectHeader {
            len: fields.len() as u64,
            source: std::ptr::null(),
            source_len: 0,
            index: std::ptr::null(),
            index_mask: 0,
            seed: 0,
        };
        if !index.is_empty() {
            header.index = self.copy_slice(index).as_ptr();
            header.index_mask = index.len() as u64 - 1;
            header.seed = seed;
        }
        // SAFETY: as in `object_of`.
        unsafe {
            piece.write(header);
            Value::from_object(piece.as_ptr(), extent)
        }
    }

    /// Moves the last value of each key to the key's first place, forgets the other places, and makes an index if many
    /// fields are left.
    #[cold]
    fn index(&self, header: &mut ObjectHeader, fields: &mut [Field<'_>]) {
        let (slots, seed) = (slots_for(fields.len()), seed());
        let piece = self.allocate(slots * size_of::<u32>(), align_of::<u32>());
        // SAFETY: the piece is new, has room for so many slots, and zeros are slots.
        let index = unsafe {
            piece.write_bytes(0, slots * size_of::<u32>());
            std::slice::from_raw_parts_mut(piece.cast::<u32>().as_ptr(), slots)
        };
        let mut kept = 0;
        for at in 0..fields.len() {
            let field = fields[at];
            match find(index, seed, &fields[..kept], field.key()) {
                Some(first) => fields[first].set_value(field.value()),
                None => {
                    fields[kept] = field;
                    enter(index, seed, field.key(), kept);
                    kept += 1;
                }
            }
        }
        if kept < fields.len() {
            header.len = kept as u64;
            header.source = std::ptr::null();
            header.source_len = 0;
        }
        if kept > INDEXED_ABOVE {
            header.index = index.as_ptr();
            header.index_mask = slots as u64 - 1;
            header.seed = seed;
        }
    }
}

/// The slots of an index over so many fields: at least twice as many, and a power of two.
pub(super) fn slots_for(fields: usize) -> usize {
    (fields * 2).next_power_of_two()
}

/// Whether a key occurs twice among a few fields. A filter of 64 bits sends most keys past the comparison.
#[inline]
fn repeats(fields: &[Field<'_>]) -> bool {
    let mut seen = 0u64;
    for (at, field) in fields.iter().enumerate() {
        let bit = 1u64 << (mix(field.key().as_bytes()) & 63);
        if seen & bit != 0 && fields[..at].iter().any(|f| f.key() == field.key()) {
            return true;
        }
        seen |= bit;
    }
    false
}

/// Six bits of a key's length and of its first and last bytes.
#[inline]
fn mix(key: &[u8]) -> u32 {
    let ends = match (key.first_chunk(), key.last_chunk()) {
        (Some(first), Some(last)) => {
            u32::from_le_bytes(*first) ^ u32::from_le_bytes(*last).rotate_left(13)
        }
        _ => key
            .iter()
            .fold(0, |ends, byte| (ends << 8) | u32::from(*byte)),
    };
    (ends ^ key.len() as u32).wrapping_mul(0x9e37_79b1) >> 26
}
