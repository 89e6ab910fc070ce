//! The host's side of function modules.

use std::sync::Arc;

use super::super::processor::RawObject;
use super::super::text::{RawStr, RawText};
use super::{BAD_TYPE, DONE, FunctionsVtable, PURE, RawCall, RawFunction};
use crate::Value;
use crate::function::{Call, DynFunctions, Function, FunctionError, FunctionInfo, FunctionResult};

/// The host's side of a module behind the C ABI.
struct Imported {
    data: *mut (),
    vtable: &'static FunctionsVtable,
    infos: Vec<FunctionInfo>,
}

// SAFETY: the object behind it is `Send`, and is released once.
unsafe impl Send for Imported {}
// SAFETY: the object behind it is `Sync`.
unsafe impl Sync for Imported {}

impl Drop for Imported {
    fn drop(&mut self) {
        // SAFETY: the maker's function for the maker's object, called once.
        unsafe { (self.vtable.release)(self.data) }
    }
}

/// # Safety
/// `raw` comes from `export_functions` of a crate with the same layout and is taken once.
pub(in crate::abi) unsafe fn import_functions(raw: RawObject) -> Arc<dyn DynFunctions> {
    // SAFETY: the vtable of a module is a static of its maker, which is never unloaded.
    let vtable = unsafe { &*raw.vtable.cast::<FunctionsVtable>() };
    let mut functions = Imported {
        data: raw.data,
        vtable,
        infos: Vec::new(),
    };
    // SAFETY: the maker's function for the maker's object.
    let count = unsafe { (vtable.count)(raw.data) };
    functions.infos = (0..count)
        .filter_map(|index| functions.info(index))
        .collect();
    Arc::new(functions)
}

impl Imported {
    /// What the maker says of a function.
    fn info(&self, index: usize) -> Option<FunctionInfo> {
        let mut function = RawFunction {
            name: RawStr::new(""),
            min_args: 0,
            max_args: 0,
            flags: 0,
            reserved: 0,
        };
        // SAFETY: the maker's function for the maker's object; the description is written within the call.
        let known = unsafe { (self.vtable.describe)(self.data, index, &raw mut function) };
        let args = |count: u32| u8::try_from(count).unwrap_or(Function::ANY);
        (known != 0).then(|| FunctionInfo {
            // SAFETY: a function's name is a static of a library that is never unloaded.
            name: unsafe { function.name.text() },
            min_args: args(function.min_args),
            max_args: args(function.max_args),
            is_pure: function.flags & PURE != 0,
        })
    }
}

impl DynFunctions for Imported {
    fn describe(&self) -> &[FunctionInfo] {
        &self.infos
    }

    fn call<'a>(&self, index: usize, call: &Call<'_, 'a>) -> FunctionResult<'a> {
        let raw = RawCall {
            args: call.args.as_ptr().cast(),
            arg_count: call.args.len(),
            arena: call.arena,
            ingest_ns: call.ingest_ns,
            groups: call.groups,
            instance: RawStr::new(call.instance),
        };
        let (mut value, mut reason) = (Value::NULL, RawText::EMPTY);
        // SAFETY: the maker's function for the maker's object. All that it gets lives for the call; what the arguments
        // reach and the arena live for 'a, and the result reaches nothing else but statics.
        let code = unsafe {
            (self.vtable.call)(
                self.data,
                index,
                &raw const raw,
                &raw mut value,
                &raw mut reason,
            )
        };
        match code {
            DONE => Ok(value),
            BAD_TYPE => Err(FunctionError::BadType),
            _ => Err(FunctionError::Failed(reason.to_text())),
        }
    }
}
