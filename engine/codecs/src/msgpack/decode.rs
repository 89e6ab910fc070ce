//! From MessagePack to a value.

use crate::limits::MSGPACK_DEPTH as MAX_DEPTH;
use rmp::Marker;
use temblor_pdk::{Arena, Field, Value};

/// What is wrong with a frame, and where.
pub(super) struct Fault {
    pub(super) at: usize,
    pub(super) what: &'static str,
}

type Decoded<T> = Result<T, Fault>;

pub(super) struct Decoder<'a> {
    pub(super) frame: &'a [u8],
    pub(super) at: usize,
    pub(super) arena: &'a Arena,
    /// Items of arrays that are not complete. Nothing is made room for before it was read: a length may lie.
    pub(super) items: Vec<Value<'a>>,
    /// The same of records.
    pub(super) fields: Vec<Field<'a>>,
}

impl<'a> Decoder<'a> {
    pub(super) fn frame(&mut self) -> Decoded<Value<'a>> {
        let value = self.value(0)?;
        if self.at < self.frame.len() {
            return self.fault("the value has ended; separate values before they are decoded");
        }
        Ok(value)
    }

    fn fault<T>(&self, what: &'static str) -> Decoded<T> {
        Err(Fault { at: self.at, what })
    }

    /// Calls itself for what is nested, so it has as little on the stack as it can.
    fn value(&mut self, depth: usize) -> Decoded<Value<'a>> {
        let [marker] = self.take()?;
        let marker = Marker::from_u8(marker);
        if let Some(length) = self.length_of_array(marker)? {
            return self.array(length, depth);
        }
        match self.length_of_map(marker)? {
            Some(length) => self.map(length, depth),
            None => self.scalar(marker),
        }
    }

    fn length_of_array(&mut self, marker: Marker) -> Decoded<Option<u64>> {
        Ok(match marker {
            Marker::FixArray(length) => Some(u64::from(length)),
            Marker::Array16 => Some(self.unsigned(2)?),
            Marker::Array32 => Some(self.unsigned(4)?),
            _ => None,
        })
    }

    fn length_of_map(&mut self, marker: Marker) -> Decoded<Option<u64>> {
        Ok(match marker {
            Marker::FixMap(length) => Some(u64::from(length)),
            Marker::Map16 => Some(self.unsigned(2)?),
            Marker::Map32 => Some(self.unsigned(4)?),
            _ => None,
        })
    }

    #[inline(never)]
    fn scalar(&mut self, marker: Marker) -> Decoded<Value<'a>> {
        Ok(match marker {
            Marker::Null => Value::NULL,
            Marker::True => Value::TRUE,
            Marker::False => Value::FALSE,
            Marker::FixPos(number) => Value::from(u64::from(number)),
            Marker::FixNeg(number) => Value::from(i64::from(number)),
            Marker::U8 => Value::from(self.unsigned(1)?),
            Marker::U16 => Value::from(self.unsigned(2)?),
            Marker::U32 => Value::from(self.unsigned(4)?),
            Marker::U64 => Value::from(self.unsigned(8)?),
            Marker::I8 => Value::from(i64::from(i8::from_be_bytes(self.take()?))),
            Marker::I16 => Value::from(i64::from(i16::from_be_bytes(self.take()?))),
            Marker::I32 => Value::from(i64::from(i32::from_be_bytes(self.take()?))),
            Marker::I64 => Value::from(i64::from_be_bytes(self.take()?)),
            Marker::F32 => Value::from(f64::from(f32::from_be_bytes(self.take()?))),
            Marker::F64 => Value::from(f64::from_be_bytes(self.take()?)),
            Marker::FixStr(length) => self.text(u64::from(length))?,
            Marker::Str8 => self.unsigned(1).and_then(|length| self.text(length))?,
            Marker::Str16 => self.unsigned(2).and_then(|length| self.text(length))?,
            Marker::Str32 => self.unsigned(4).and_then(|length| self.text(length))?,
            Marker::Bin8 => self.unsigned(1).and_then(|length| self.binary(length))?,
            Marker::Bin16 => self.unsigned(2).and_then(|length| self.binary(length))?,
            Marker::Bin32 => self.unsigned(4).and_then(|length| self.binary(length))?,
            _ => {
                self.at -= 1;
                return self.fault("extension types are not supported");
            }
        })
    }

    fn binary(&mut self, length: u64) -> Decoded<Value<'a>> {
        self.bytes(length).map(Value::bytes)
    }

    fn take<const N: usize>(&mut self) -> Decoded<[u8; N]> {
        match self.frame.get(self.at..).and_then(<[u8]>::first_chunk) {
            Some(bytes) => {
                self.at += N;
                Ok(*bytes)
            }
            None => self.fault("the frame ends within the value"),
        }
    }

    /// An unsigned number of this many bytes.
    fn unsigned(&mut self, width: u64) -> Decoded<u64> {
        let bytes = self.bytes(width)?;
        Ok(bytes
            .iter()
            .fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    fn bytes(&mut self, length: u64) -> Decoded<&'a [u8]> {
        let rest = self.frame.get(self.at..).unwrap_or_default();
        let bytes = usize::try_from(length)
            .ok()
            .and_then(|length| rest.get(..length));
        match bytes {
            Some(bytes) => {
                self.at += bytes.len();
                Ok(bytes)
            }
            None => self.fault("the frame ends within the value"),
        }
    }

    fn text(&mut self, length: u64) -> Decoded<Value<'a>> {
        let start = self.at;
        match std::str::from_utf8(self.bytes(length)?) {
            Ok(text) => Ok(Value::from(text)),
            Err(error) => {
                self.at = start + error.valid_up_to();
                self.fault("the string is no UTF-8")
            }
        }
    }

    fn array(&mut self, length: u64, depth: usize) -> Decoded<Value<'a>> {
        self.check(depth)?;
        let base = self.items.len();
        for _ in 0..length {
            let item = self.value(depth + 1)?;
            self.items.push(item);
        }
        let array = self.arena.array(self.items.get(base..).unwrap_or_default());
        self.items.truncate(base);
        Ok(array)
    }

    fn map(&mut self, length: u64, depth: usize) -> Decoded<Value<'a>> {
        self.check(depth)?;
        let base = self.fields.len();
        for _ in 0..length {
            let start = self.at;
            let Some(key) = self.value(depth + 1)?.as_str() else {
                self.at = start;
                return self.fault("the key is no string");
            };
            let value = self.value(depth + 1)?;
            self.fields.push(Field::new(key, value));
        }
        let record = self
            .arena
            .object(self.fields.get(base..).unwrap_or_default());
        self.fields.truncate(base);
        Ok(record)
    }

    fn check(&self, depth: usize) -> Decoded<()> {
        if depth < MAX_DEPTH {
            Ok(())
        } else {
            // The text names the bound.
            const { assert!(MAX_DEPTH == 1024) };
            self.fault("values are nested more than 1024 deep")
        }
    }
}
