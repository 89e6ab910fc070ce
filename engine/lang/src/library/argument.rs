//! The arguments of a call as the types that functions ask for.

use temblor_pdk::value::{Array, Object, Value, View};
use temblor_pdk::{Call, FunctionError};

/// The argument at `index`, which has to be an array.
///
/// # Errors
/// A bad type if it is something else.
pub(super) fn array<'a>(call: &Call<'_, 'a>, index: usize) -> Result<Array<'a>, FunctionError> {
    call.arg(index).as_array().ok_or(FunctionError::BadType)
}

/// The argument at `index`, which has to be a record.
///
/// # Errors
/// A bad type if it is something else.
pub(super) fn record<'a>(call: &Call<'_, 'a>, index: usize) -> Result<Object<'a>, FunctionError> {
    call.arg(index).as_object().ok_or(FunctionError::BadType)
}

/// The argument at `index`, which has to be binary.
///
/// # Errors
/// A bad type if it is something else.
pub(super) fn bytes<'a>(call: &Call<'_, 'a>, index: usize) -> Result<&'a [u8], FunctionError> {
    call.arg(index).as_bytes().ok_or(FunctionError::BadType)
}

/// The argument at `index`, which has to be an integer that is not negative.
///
/// # Errors
/// A bad type if it is something else.
pub(super) fn unsigned(call: &Call<'_, '_>, index: usize) -> Result<u64, FunctionError> {
    call.arg(index).as_u64().ok_or(FunctionError::BadType)
}

/// The argument at `index`, which has to be an integer.
///
/// # Errors
/// A bad type if it is something else.
pub(super) fn integer(call: &Call<'_, '_>, index: usize) -> Result<i128, FunctionError> {
    whole(call.arg(index)).ok_or(FunctionError::BadType)
}

/// The argument at `index`, which has to be a number, as a float.
///
/// # Errors
/// A bad type if it is something else.
pub(super) fn number(call: &Call<'_, '_>, index: usize) -> Result<f64, FunctionError> {
    real(call.arg(index)).ok_or(FunctionError::BadType)
}

/// An integer, wide enough for both of its kinds.
pub(super) fn whole(value: Value<'_>) -> Option<i128> {
    match value.view() {
        View::I64(n) => Some(i128::from(n)),
        View::U64(n) => Some(i128::from(n)),
        _ => None,
    }
}

/// A number as a float.
pub(super) fn real(value: Value<'_>) -> Option<f64> {
    match value.view() {
        View::I64(n) => Some(n as f64),
        View::U64(n) => Some(n as f64),
        View::F64(n) => Some(n),
        _ => None,
    }
}

/// The integer as a value; saturates where it does not fit.
pub(super) fn from_whole(number: i128) -> Value<'static> {
    match i64::try_from(number) {
        Ok(number) => Value::from(number),
        Err(_) if number < 0 => Value::from(i64::MIN),
        Err(_) => Value::from(u64::try_from(number).unwrap_or(u64::MAX)),
    }
}
