//! Consistent hashing, and a form of values that is equal for equal values.

use std::hash::Hasher;

use siphasher::sip::SipHasher13;
use temblor_pdk::value::Value;
use temblor_pdk::{Call, Function, FunctionError, FunctionResult};

use super::argument::unsigned;
use super::{scratch, write_sorted_json};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("jump", 2, jump),
    Function::new("jump_with_keys", 4, jump_with_keys),
    Function::new("sorted_serialize", 1, sorted_serialize),
];

/// The keys of the hash where the caller gives none.
const KEYS: (u64, u64) = (8_390_880_576_440_238_080, 128_034_676_764_530);

fn jump<'a>(call: &Call<'_, 'a>) -> FunctionResult<'a> {
    slot(KEYS, call, 0)
}

fn jump_with_keys<'a>(call: &Call<'_, 'a>) -> FunctionResult<'a> {
    slot((unsigned(call, 0)?, unsigned(call, 1)?), call, 2)
}

/// The slot of the key that is the argument at `first`; the number of slots is the next argument.
fn slot<'a>(keys: (u64, u64), call: &Call<'_, 'a>, first: usize) -> FunctionResult<'a> {
    let key = call.str(first)?;
    let slots = unsigned(call, first + 1)?;
    let slots = u32::try_from(slots).map_err(|_| FunctionError::BadType)?;
    if slots == 0 {
        return Err(FunctionError::failed("there has to be at least one slot"));
    }
    let mut hasher = SipHasher13::new_with_keys(keys.0, keys.1);
    hasher.write(key.as_bytes());
    // What ends a string, so that a hash of several would not depend on where they are cut.
    hasher.write(&[0xff]);
    Ok(Value::from(jump_hash(hasher.finish(), slots)))
}

/// Jump consistent hashing, after Lamping and Veach: when slots are added, keys move to new slots only.
pub(super) fn jump_hash(mut state: u64, slots: u32) -> u32 {
    let (mut slot, mut next) = (0u64, 0u64);
    while next < u64::from(slots) {
        slot = next;
        state = state
            .wrapping_mul(2_862_933_555_777_941_757)
            .wrapping_add(1);
        let scale = (1u64 << 31) as f64 / ((state >> 33) + 1) as f64;
        next = ((slot + 1) as f64 * scale) as u64;
    }
    slot as u32
}

fn sorted_serialize<'a>(call: &Call<'_, 'a>) -> FunctionResult<'a> {
    let value = call.arg(0);
    Ok(scratch::string(call.arena, |out| {
        write_sorted_json(value, out);
    }))
}
