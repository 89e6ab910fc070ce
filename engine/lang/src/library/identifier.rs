//! Random identifiers of spans and traces. Like all random things, they are seeded with the time of the event, so that
//! a run can be repeated.

use fastrand::Rng;
use temblor_pdk::value::Value;
use temblor_pdk::{Call, Function, FunctionResult};

use super::scratch;

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("gen_span_id_string", 0, |call| hex(call, &id::<8>(call))).impure(),
    Function::new("gen_span_id_bytes", 0, |call| bytes(call, &id::<8>(call))).impure(),
    Function::new("gen_span_id_array", 0, |call| numbers(call, &id::<8>(call))).impure(),
    Function::new("gen_trace_id_string", 0, |call| hex(call, &id::<16>(call))).impure(),
    Function::new("gen_trace_id_bytes", 0, |call| bytes(call, &id::<16>(call))).impure(),
    Function::new("gen_trace_id_array", 0, |call| {
        numbers(call, &id::<16>(call))
    })
    .impure(),
];

/// An identifier; never all zeros, which is no identifier.
fn id<const N: usize>(call: &Call<'_, '_>) -> [u8; N] {
    let mut random = Rng::with_seed(call.ingest_ns);
    let mut id = [0; N];
    while id == [0; N] {
        random.fill(&mut id);
    }
    id
}

fn hex<'a>(call: &Call<'_, 'a>, id: &[u8]) -> FunctionResult<'a> {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    Ok(scratch::string(call.arena, |out| {
        for byte in id {
            out.push(DIGITS[usize::from(byte >> 4)]);
            out.push(DIGITS[usize::from(byte & 15)]);
        }
    }))
}

fn bytes<'a>(call: &Call<'_, 'a>, id: &[u8]) -> FunctionResult<'a> {
    Ok(Value::bytes(call.arena.copy_bytes(id)))
}

fn numbers<'a>(call: &Call<'_, 'a>, id: &[u8]) -> FunctionResult<'a> {
    let items = id.iter().map(|byte| Value::from(u32::from(*byte)));
    Ok(scratch::array_of(call.arena, items))
}
