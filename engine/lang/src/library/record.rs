//! Functions on records.

use temblor_pdk::value::{Field, Value};
use temblor_pdk::{Call, Function, FunctionError, FunctionResult};

use super::argument::{array, record};
use super::array::{not_a_pair, pair};
use super::scratch;

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("len", 1, len),
    Function::new("is_empty", 1, is_empty),
    Function::new("contains", 2, contains),
    Function::new("keys", 1, keys),
    Function::new("values", 1, values),
    Function::new("to_array", 1, to_array),
    Function::new("from_array", 1, from_array),
    Function::new("extract", 2, extract),
    Function::new("combine", 2, combine),
    Function::new("rename", 2, rename),
];

fn len<'a>(call: &Call<'_, 'a>) -> FunctionResult<'a> {
    Ok(Value::from(record(call, 0)?.len()))
}

fn is_empty<'a>(call: &Call<'_, 'a>) -> FunctionResult<'a> {
    Ok(Value::from(record(call, 0)?.is_empty()))
}

fn contains<'a>(call: &Call<'_, 'a>) -> FunctionResult<'a> {
    let (record, key) = (record(call, 0)?, call.str(1)?);
    Ok(Value::from(record.position(key).is_some()))
}

fn keys<'a>(call: &Call<'_, 'a>) -> FunctionResult<'a> {
    let keys = record(call, 0)?.iter().map(|(key, _)| Value::from(key));
    Ok(scratch::array_of(call.arena, keys))
}

fn values<'a>(call: &Call<'_, 'a>) -> FunctionResult<'a> {
    let values = record(call, 0)?.iter().map(|(_, value)| value);
    Ok(scratch::array_of(call.arena, values))
}

fn to_array<'a>(call: &Call<'_, 'a>) -> FunctionResult<'a> {
    let pairs = record(call, 0)?.iter();
    let pairs = pairs.map(|(key, value)| call.arena.array(&[Value::from(key), value]));
    Ok(scratch::array_of(call.arena, pairs))
}

fn from_array<'a>(call: &Call<'_, 'a>) -> FunctionResult<'a> {
    let items = array(call, 0)?;
    scratch::with_fields(|fields| {
        for (at, item) in items.iter().enumerate() {
            let (key, value) = pair(item).ok_or_else(|| not_a_pair(at, item))?;
            let key = key.as_str().ok_or_else(|| {
                let found = key.type_name();
                FunctionError::Failed(format!(
                    "the key of element {at} is of type {found}, expected a string"
                ))
            })?;
            fields.push(Field::new(key, value));
        }
        Ok(call.arena.object(fields))
    })
}

fn extract<'a>(call: &Call<'_, 'a>) -> FunctionResult<'a> {
    let (record, keys) = (record(call, 0)?, array(call, 1)?);
    Ok(scratch::record(call.arena, |fields| {
        let keys = keys.iter().filter_map(Value::as_str);
        let places = keys.filter_map(|key| record.position(key));
        fields.extend(places.map(|at| record.fields()[at]));
    }))
}

fn combine<'a>(call: &Call<'_, 'a>) -> FunctionResult<'a> {
    let (first, second) = (record(call, 0)?, record(call, 1)?);
    Ok(scratch::record(call.arena, |fields| {
        fields.extend_from_slice(first.fields());
        // Of fields with one key the last wins.
        fields.extend_from_slice(second.fields());
    }))
}

fn rename<'a>(call: &Call<'_, 'a>) -> FunctionResult<'a> {
    let (record, names) = (record(call, 0)?, record(call, 1)?);
    Ok(scratch::record(call.arena, |fields| {
        fields.extend(record.iter().map(|(key, value)| {
            let name = names.get(key).and_then(Value::as_str);
            Field::new(name.unwrap_or(key), value)
        }));
    }))
}
