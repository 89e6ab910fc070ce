//! The function library: native functions, and the modules that are written in the language itself.
//!
//! A native function is found by the name of its module and its own, as an `intrinsic fn` names it. The texts in
//! `library/` give these functions the paths under which scripts know them.

mod argument;
mod array;
mod base64;
mod binary;
mod chash;
mod datetime;
mod float;
mod identifier;
mod integer;
mod json;
mod math;
mod order;
mod origin;
mod path;
mod random;
mod range;
mod re;
mod record;
mod scratch;
mod sort;
mod string;
mod system;
mod template;
mod test;
mod text;
mod types;
mod url;
mod win;

#[cfg(test)]
mod tests;

use temblor_pdk::Function;

pub(crate) use datetime::{check_datetime_format, parse_datetime};
pub(crate) use json::{parse_json, write_sorted_json};
pub(crate) use text::{module_paths, module_text};

/// A module of functions that are written in Rust.
pub(crate) struct NativeModule {
    pub(crate) name: &'static str,
    pub(crate) functions: &'static [Function],
}

/// All native modules, sorted by name.
static MODULES: [NativeModule; 22] = [
    module("array", array::FUNCTIONS),
    module("base64", base64::FUNCTIONS),
    module("binary", binary::FUNCTIONS),
    module("chash", chash::FUNCTIONS),
    module("datetime", datetime::FUNCTIONS),
    module("float", float::FUNCTIONS),
    module("integer", integer::FUNCTIONS),
    module("json", json::FUNCTIONS),
    module("math", math::FUNCTIONS),
    module("origin", origin::FUNCTIONS),
    module("otel", identifier::FUNCTIONS),
    module("path", path::FUNCTIONS),
    module("random", random::FUNCTIONS),
    module("range", range::FUNCTIONS),
    module("re", re::FUNCTIONS),
    module("record", record::FUNCTIONS),
    module("string", string::FUNCTIONS),
    module("system", system::FUNCTIONS),
    module("test", test::FUNCTIONS),
    module("type", types::FUNCTIONS),
    module("url", url::FUNCTIONS),
    module("win", win::FUNCTIONS),
];

const fn module(name: &'static str, functions: &'static [Function]) -> NativeModule {
    NativeModule { name, functions }
}

/// All native modules, sorted by name.
pub(crate) fn native_modules() -> &'static [NativeModule] {
    &MODULES
}

/// Returns the native function `function` of the native module `module`.
pub(crate) fn native(module: &str, function: &str) -> Option<&'static Function> {
    let at = MODULES.binary_search_by_key(&module, |m| m.name).ok()?;
    let functions = MODULES.get(at)?.functions;
    functions.iter().find(|f| f.name == function)
}
