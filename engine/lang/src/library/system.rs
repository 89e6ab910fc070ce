//! What the engine knows of itself and of the machine.

use std::time::{SystemTime, UNIX_EPOCH};

use temblor_pdk::value::Value;
use temblor_pdk::{Call, Function, FunctionError, FunctionResult};

use super::scratch;

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("hostname", 0, hostname).impure(),
    Function::new("ingest_ns", 0, ingest_ns).impure(),
    Function::new("instance", 0, instance).impure(),
    Function::new("nanotime", 0, nanotime).impure(),
    Function::new("version", 0, version).impure(),
];

fn hostname<'a>(call: &Call<'_, 'a>) -> FunctionResult<'a> {
    let machine = rustix::system::uname();
    Ok(scratch::text(call.arena, machine.nodename().to_bytes()))
}

fn ingest_ns<'a>(call: &Call<'_, 'a>) -> FunctionResult<'a> {
    Ok(Value::from(call.ingest_ns))
}

fn instance<'a>(call: &Call<'_, 'a>) -> FunctionResult<'a> {
    Ok(Value::from(call.arena.str(call.instance)))
}

fn nanotime<'a>(_: &Call<'_, 'a>) -> FunctionResult<'a> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.ok().and_then(|now| u64::try_from(now.as_nanos()).ok());
    match now {
        Some(now) => Ok(Value::from(now)),
        None => Err(FunctionError::failed(
            "the clock of the machine is before 1970 or after 2554",
        )),
    }
}

fn version<'a>(_: &Call<'_, 'a>) -> FunctionResult<'a> {
    Ok(Value::from(env!("CARGO_PKG_VERSION")))
}
