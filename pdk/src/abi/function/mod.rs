//! Functions of scripts across the boundary: what both sides know of them.

mod host;
mod maker;

use std::mem::offset_of;

use super::text::{RawStr, RawText};
use crate::{Arena, Function, Value};

pub(super) use host::import_functions;
pub(super) use maker::export_functions;

#[repr(C)]
struct FunctionsVtable {
    /// How many functions there are.
    count: unsafe extern "C" fn(*const ()) -> usize,
    /// Object, number, and where the description goes. False, and nothing is written, if there is no such function.
    describe: unsafe extern "C" fn(*const (), usize, *mut RawFunction) -> u32,
    /// Object, number, arguments, and where the result or the reason goes. Returns one of the codes below.
    call: unsafe extern "C" fn(
        *const (),
        usize,
        *const RawCall,
        *mut Value<'static>,
        *mut RawText,
    ) -> u32,
    release: unsafe extern "C" fn(*mut ()),
}

/// There is a value.
const DONE: u32 = 0;
/// An argument has a wrong type.
const BAD_TYPE: u32 = 1;
/// There is a reason.
const FAILED: u32 = 2;

/// What a function says in its `flags`, of which others are passed over: its result depends on the arguments alone.
const PURE: u32 = 1;

/// A function as the other side sees it; the name is a static of a library that is never unloaded.
#[repr(C)]
struct RawFunction {
    name: RawStr,
    min_args: u32,
    max_args: u32,
    /// The constant above.
    flags: u32,
    /// Zero, and not read.
    reserved: u32,
}

/// What a function gets; all of it lives for the call, what values reach and the arena as long as the result.
#[repr(C)]
struct RawCall {
    args: *const Value<'static>,
    arg_count: usize,
    arena: *const Arena,
    ingest_ns: u64,
    groups: u64,
    instance: RawStr,
}

/// Sizes, alignments and offsets of what crosses; see `layout`.
pub(super) const LAYOUT: &[usize] = &[
    size_of::<FunctionsVtable>(),
    align_of::<FunctionsVtable>(),
    offset_of!(FunctionsVtable, count),
    offset_of!(FunctionsVtable, describe),
    offset_of!(FunctionsVtable, call),
    offset_of!(FunctionsVtable, release),
    size_of::<RawFunction>(),
    align_of::<RawFunction>(),
    offset_of!(RawFunction, name),
    offset_of!(RawFunction, min_args),
    offset_of!(RawFunction, max_args),
    offset_of!(RawFunction, flags),
    offset_of!(RawFunction, reserved),
    size_of::<RawCall>(),
    align_of::<RawCall>(),
    offset_of!(RawCall, args),
    offset_of!(RawCall, arg_count),
    offset_of!(RawCall, arena),
    offset_of!(RawCall, ingest_ns),
    offset_of!(RawCall, groups),
    offset_of!(RawCall, instance),
    DONE as usize,
    BAD_TYPE as usize,
    FAILED as usize,
    PURE as usize,
    Function::ANY as usize,
];
