//! Binary literals: integers of any number of bits, and bytes, packed one behind the other.

use temblor_pdk::value::Value;

use super::code::{BytesCode, BytesKind};
use super::failure::{self, Eval};
use super::machine::{Flow, Machine};

/// Bits that do not fill a byte yet.
#[derive(Default)]
struct Rest {
    bits: u8,
    /// Fewer than 8.
    count: u32,
}

impl Rest {
    /// Appends the low `count` bits of `value`, the most significant first.
    fn push(&mut self, value: u64, count: u32, out: &mut Vec<u8>) {
        let value = u128::from(value) & ((1 << count) - 1);
        let mut bits = u128::from(self.bits) << count | value;
        let mut left = self.count + count;
        while left >= 8 {
            left -= 8;
            out.push((bits >> left) as u8);
            bits &= (1 << left) - 1;
        }
        self.bits = bits as u8;
        self.count = left;
    }

    fn push_bytes(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        if self.count == 0 {
            out.extend_from_slice(bytes);
            return;
        }
        for byte in bytes {
            self.push(u64::from(*byte), 8, out);
        }
    }
}

impl<'a> Machine<'_, 'a> {
    pub(super) fn bytes(&mut self, parts: &[BytesCode]) -> Flow<Value<'a>> {
        let base = self.memory.stacks.bytes.len();
        let mut rest = Rest::default();
        for part in parts {
            let value = self.eval(&part.value)?;
            let packed = pack(value, part, &mut rest, &mut self.memory.stacks.bytes);
            packed.map_err(|mut finding| {
                finding.context = part.context;
                finding
            })?;
        }
        let out = &mut self.memory.stacks.bytes;
        if rest.count > 0 {
            out.push(rest.bits);
        }
        let bytes = self.arena.copy_bytes(out.get(base..).unwrap_or_default());
        out.truncate(base);
        Ok(Value::bytes(bytes))
    }
}

/// Appends a value.
fn pack(value: Value<'_>, part: &BytesCode, rest: &mut Rest, out: &mut Vec<u8>) -> Eval<()> {
    match part.kind {
        BytesKind::Integer {
            is_signed,
            is_little,
            bits,
        } => {
            let number = if is_signed {
                value.as_i64().map(|number| number as u64)
            } else {
                value.as_u64()
            };
            let Some(number) = number else {
                let sign = if is_signed { "signed" } else { "unsigned" };
                return Err(failure::not_an_integer(sign, value, part.span));
            };
            let bits = u32::from(bits);
            if is_little {
                push_little(number, bits, rest, out);
            } else {
                rest.push(number, bits, out);
            }
        }
        BytesKind::Binary { bytes } => {
            let Some(all) = value.as_bytes().or(value.as_str().map(str::as_bytes)) else {
                return Err(failure::not_bytes(value, part.span));
            };
            let wanted = bytes.map_or(all.len(), usize::from);
            let Some(wanted) = all.get(..wanted) else {
                return Err(failure::too_short(value, wanted, part.span));
            };
            rest.push_bytes(wanted, out);
        }
    }
    Ok(())
}

/// Appends whole bytes from the lowest on, then the bits that are left.
fn push_little(number: u64, bits: u32, rest: &mut Rest, out: &mut Vec<u8>) {
    let mut done = 0;
    while done < bits {
        let count = (bits - done).min(8);
        rest.push(number >> done, count, out);
        done += count;
    }
}
