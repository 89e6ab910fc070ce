//! The maker's side of function modules.

use std::sync::Arc;

use super::super::fence;
use super::super::processor::{RawObject, release};
use super::super::text::{RawStr, RawText};
use super::{BAD_TYPE, DONE, FAILED, FunctionsVtable, PURE, RawCall, RawFunction};
use crate::Value;
use crate::function::{Call, DynFunctions, FunctionError};

type Functions = Arc<dyn DynFunctions>;

pub(in crate::abi) fn export_functions(functions: Functions) -> RawObject {
    RawObject {
        data: Box::into_raw(Box::new(functions)).cast(),
        vtable: (&raw const FUNCTIONS).cast(),
    }
}

static FUNCTIONS: FunctionsVtable = FunctionsVtable {
    count,
    describe,
    call,
    release: release::<Functions>,
};

/// # Safety
/// `data` is a live module of this copy of the crate.
unsafe fn shared<'a>(data: *const ()) -> &'a Functions {
    // SAFETY: the caller's contract; the reference is used within the call only.
    unsafe { &*data.cast::<Functions>() }
}

/// # Safety
/// See [`shared`].
unsafe extern "C" fn count(data: *const ()) -> usize {
    // SAFETY: the caller's contract.
    unsafe { shared(data) }.describe().len()
}

/// # Safety
/// See [`shared`]; `out` is valid for writing.
unsafe extern "C" fn describe(data: *const (), index: usize, out: *mut RawFunction) -> u32 {
    // SAFETY: the caller's contract.
    let Some(info) = unsafe { shared(data) }.describe().get(index) else {
        return 0;
    };
    let function = RawFunction {
        name: RawStr::new(info.name),
        min_args: info.min_args.into(),
        max_args: info.max_args.into(),
        flags: if info.is_pure { PURE } else { 0 },
        reserved: 0,
    };
    // SAFETY: the caller's contract.
    unsafe { out.write(function) };
    1
}

/// # Safety
/// See [`shared`]; the call is valid as [`RawCall`] says; `out` and `reason` are valid for writing and hold nothing that
/// must be dropped.
unsafe extern "C" fn call(
    data: *const (),
    index: usize,
    call: *const RawCall,
    out: *mut Value<'static>,
    reason: *mut RawText,
) -> u32 {
    // SAFETY: the caller's contract.
    let (functions, raw) = unsafe { (shared(data), &*call) };
    let call = Call {
        // SAFETY: the caller's contract.
        args: unsafe { std::slice::from_raw_parts(raw.args, raw.arg_count) },
        // SAFETY: the caller's contract.
        arena: unsafe { &*raw.arena },
        ingest_ns: raw.ingest_ns,
        groups: raw.groups,
        // SAFETY: the caller's contract; the host's name is a string.
        instance: unsafe { raw.instance.str() },
    };
    let called = fence::catch(|| functions.call(index, &call));
    let failed = match called.unwrap_or_else(|panic| Err(FunctionError::failed(panic))) {
        Ok(value) => {
            // SAFETY: the caller's contract.
            unsafe { out.write(value) };
            return DONE;
        }
        Err(FunctionError::BadType) => return BAD_TYPE,
        Err(FunctionError::Failed(failed)) => failed,
    };
    // SAFETY: the caller's contract.
    unsafe { reason.write(RawText::new(failed)) };
    FAILED
}
