//! Functions on binary values.

use temblor_pdk::value::Value;
use temblor_pdk::{Call, Function, FunctionError, FunctionResult};

use super::argument::{array, bytes};
use super::scratch;

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("len", 1, len),
    Function::new("from_bytes", 1, from_bytes),
    Function::new("into_bytes", 1, into_bytes),
];

fn len<'a>(call: &Call<'_, 'a>) -> FunctionResult<'a> {
    Ok(Value::from(bytes(call, 0)?.len()))
}

fn from_bytes<'a>(call: &Call<'_, 'a>) -> FunctionResult<'a> {
    let items = array(call, 0)?;
    scratch::with_bytes(|bytes| {
        for (at, item) in items.iter().enumerate() {
            let byte = item.as_u64().and_then(|n| u8::try_from(n).ok());
            let byte = byte.ok_or_else(|| {
                FunctionError::Failed(format!(
                    "element {at} is no byte, expected an integer from 0 to 255"
                ))
            })?;
            bytes.push(byte);
        }
        Ok(Value::bytes(call.arena.copy_bytes(bytes)))
    })
}

fn into_bytes<'a>(call: &Call<'_, 'a>) -> FunctionResult<'a> {
    let value = call.arg(0);
    let Some(bytes) = value.as_bytes() else {
        let found = value.type_name();
        return Err(FunctionError::Failed(format!(
            "the argument is of type {found}, expected bytes"
        )));
    };
    let items = bytes.iter().map(|byte| Value::from(u32::from(*byte)));
    Ok(scratch::array_of(call.arena, items))
}
