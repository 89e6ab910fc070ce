//! What states are written as, to be read again by another process: MessagePack, one value after the other.
//!
//! A reader takes nothing for granted: what it makes room for is bounded by what is there, and damage is an error.

use rmp::Marker;
use rmp::{decode, encode};
use temblor_pdk::value::{Map, OwnedValue, Text};

use crate::limits::VALUE_DEPTH;

/// How deep a value of a state may nest. Chains of windows put what they collect into arrays of their own.
const MAX_DEPTH: usize = VALUE_DEPTH + 128;
/// No counter can have come so far; more would overflow.
pub(crate) const MAX_COUNT: u64 = 1 << 62;
/// Room that is made before anything was read.
const ROOM: usize = 64;

/// What is wrong with bytes that should be a state.
pub(crate) type Damage = &'static str;

/// The result of reading.
pub(crate) type Loaded<T> = Result<T, Damage>;

/// Writes values. Writing into memory cannot fail.
#[derive(Default)]
pub(crate) struct Writer(pub(crate) Vec<u8>);

impl Writer {
    pub(crate) fn uint(&mut self, number: u64) {
        let _ = encode::write_uint(&mut self.0, number);
    }

    pub(crate) fn float(&mut self, number: f64) {
        let _ = encode::write_f64(&mut self.0, number);
    }

    pub(crate) fn bool(&mut self, value: bool) {
        let _ = encode::write_bool(&mut self.0, value);
    }

    pub(crate) fn text(&mut self, text: &str) {
        let _ = encode::write_str(&mut self.0, text);
    }

    /// The start of a list of so many values.
    pub(crate) fn list(&mut self, length: usize) {
        // Nothing in memory has more items than that.
        let length = u32::try_from(length).unwrap_or(u32::MAX);
        let _ = encode::write_array_len(&mut self.0, length);
    }

    /// A value, or null.
    pub(crate) fn maybe<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) {
        match value {
            Some(value) => write(self, value),
            None => {
                let _ = encode::write_nil(&mut self.0);
            }
        }
    }

    /// # Errors
    /// Fails if it nests too deep.
    pub(crate) fn value(&mut self, value: &OwnedValue) -> Loaded<()> {
        self.nested(value, 0)
    }

    /// # Errors
    /// Fails if one of them nests too deep.
    pub(crate) fn values(&mut self, values: &[OwnedValue]) -> Loaded<()> {
        self.list(values.len());
        values.iter().try_for_each(|value| self.value(value))
    }

    fn nested(&mut self, value: &OwnedValue, depth: usize) -> Loaded<()> {
        if depth > MAX_DEPTH {
            return Err("a value is nested too deep to be kept");
        }
        match value {
            OwnedValue::Null => drop(encode::write_nil(&mut self.0)),
            OwnedValue::Bool(value) => self.bool(*value),
            OwnedValue::I64(number) => drop(encode::write_sint(&mut self.0, *number)),
            OwnedValue::U64(number) => self.uint(*number),
            OwnedValue::F64(number) => self.float(*number),
            OwnedValue::Str(text) => self.text(text),
            OwnedValue::Bytes(bytes) => drop(encode::write_bin(&mut self.0, bytes)),
            OwnedValue::Array(items) => {
                self.list(items.len());
                for item in items {
                    self.nested(item, depth + 1)?;
                }
            }
            OwnedValue::Object(fields) => {
                let length = u32::try_from(fields.len()).unwrap_or(u32::MAX);
                let _ = encode::write_map_len(&mut self.0, length);
                for (key, value) in fields.iter() {
                    self.text(key);
                    self.nested(value, depth + 1)?;
                }
            }
        }
        Ok(())
    }
}

/// Reads what a [`Writer`] has written.
pub(crate) struct Reader<'b>(pub(crate) &'b [u8]);

impl<'b> Reader<'b> {
    pub(crate) fn uint(&mut self) -> Loaded<u64> {
        decode::read_int(&mut self.0).map_err(|_| "a number is missing")
    }

    /// A number of things that were counted one by one.
    pub(crate) fn count(&mut self) -> Loaded<u64> {
        let count = self.uint()?;
        match count < MAX_COUNT {
            true => Ok(count),
            false => Err("a count is impossible"),
        }
    }

    /// A place in memory.
    pub(crate) fn place(&mut self) -> Loaded<usize> {
        usize::try_from(self.uint()?).map_err(|_| "a number is too large")
    }

    pub(crate) fn int(&mut self) -> Loaded<i64> {
        decode::read_int(&mut self.0).map_err(|_| "a number is missing")
    }

    pub(crate) fn float(&mut self) -> Loaded<f64> {
        decode::read_f64(&mut self.0).map_err(|_| "a float is missing")
    }

    pub(crate) fn bool(&mut self) -> Loaded<bool> {
        decode::read_bool(&mut self.0).map_err(|_| "a boolean is missing")
    }

    pub(crate) fn text(&mut self) -> Loaded<&'b str> {
        let length = decode::read_str_len(&mut self.0).map_err(|_| "a text is missing")?;
        let bytes = self.take(length)?;
        std::str::from_utf8(bytes).map_err(|_| "a text is no UTF-8")
    }

    /// The length of a list. Each of its values takes a byte at least, so it is no longer than what is there.
    pub(crate) fn list(&mut self) -> Loaded<usize> {
        let length = decode::read_array_len(&mut self.0).map_err(|_| "a list is missing")?;
        self.fits(length)
    }

    /// The length of a list that has to have so many values.
    pub(crate) fn list_of(&mut self, length: usize) -> Loaded<()> {
        match self.list()? == length {
            true => Ok(()),
            false => Err("a list has another length"),
        }
    }

    /// A value, unless there is null.
    pub(crate) fn maybe<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Loaded<T>,
    ) -> Loaded<Option<T>> {
        match self.marker()? {
            Marker::Null => {
                self.take(1)?;
                Ok(None)
            }
            _ => read(self).map(Some),
        }
    }

    /// A list of what `read` reads.
    pub(crate) fn all<T>(
        &mut self,
        mut read: impl FnMut(&mut Self) -> Loaded<T>,
    ) -> Loaded<Vec<T>> {
        let length = self.list()?;
        let mut all = Vec::with_capacity(length.min(ROOM));
        for _ in 0..length {
            all.push(read(self)?);
        }
        Ok(all)
    }

    pub(crate) fn value(&mut self) -> Loaded<OwnedValue> {
        self.nested(0)
    }

    /// Whether everything was read.
    pub(crate) fn end(&self) -> Loaded<()> {
        match self.0.is_empty() {
            true => Ok(()),
            false => Err("something follows that is no part of it"),
        }
    }

    fn marker(&self) -> Loaded<Marker> {
        let first = self.0.first().ok_or("it ends too early")?;
        Ok(Marker::from_u8(*first))
    }

    fn take(&mut self, length: u32) -> Loaded<&'b [u8]> {
        let parts = self.0.split_at_checked(length as usize);
        let (taken, rest) = parts.ok_or("it ends too early")?;
        self.0 = rest;
        Ok(taken)
    }

    fn fits(&self, length: u32) -> Loaded<usize> {
        match length as usize <= self.0.len() {
            true => Ok(length as usize),
            false => Err("it ends too early"),
        }
    }

    fn nested(&mut self, depth: usize) -> Loaded<OwnedValue> {
        if depth > MAX_DEPTH {
            return Err("a value is nested too deep");
        }
        Ok(match self.marker()? {
            Marker::Null => {
                self.take(1)?;
                OwnedValue::Null
            }
            Marker::True | Marker::False => OwnedValue::Bool(self.bool()?),
            Marker::FixPos(_) | Marker::U8 | Marker::U16 | Marker::U32 | Marker::U64 => {
                OwnedValue::from(self.uint()?)
            }
            Marker::FixNeg(_) | Marker::I8 | Marker::I16 | Marker::I32 | Marker::I64 => {
                OwnedValue::I64(self.int()?)
            }
            Marker::F64 => OwnedValue::F64(self.float()?),
            Marker::FixStr(_) | Marker::Str8 | Marker::Str16 | Marker::Str32 => {
                OwnedValue::Str(Text::owned(self.text()?.to_owned()))
            }
            Marker::Bin8 | Marker::Bin16 | Marker::Bin32 => {
                let length = decode::read_bin_len(&mut self.0).map_err(|_| "bytes are missing")?;
                OwnedValue::Bytes(self.take(length)?.into())
            }
            Marker::FixArray(_) | Marker::Array16 | Marker::Array32 => {
                OwnedValue::Array(self.all(|reader| reader.nested(depth + 1))?)
            }
            Marker::FixMap(_) | Marker::Map16 | Marker::Map32 => self.fields(depth + 1)?,
            _ => return Err("there is no such value"),
        })
    }

    fn fields(&mut self, depth: usize) -> Loaded<OwnedValue> {
        let length = decode::read_map_len(&mut self.0).map_err(|_| "a record is missing")?;
        let length = self.fits(length)?;
        let mut fields = Map::with_capacity(length.min(ROOM));
        for _ in 0..length {
            let key = Text::owned(self.text()?.to_owned());
            fields.insert(key, self.nested(depth)?);
        }
        Ok(OwnedValue::Object(Box::new(fields)))
    }
}
