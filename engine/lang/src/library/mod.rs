//! The functions and modules that come along.

use temblor_pdk::Function;

/// Functions that are written in Rust, under the name of their module.
pub(crate) struct NativeModule {
    pub(crate) name: &'static str,
    pub(crate) functions: &'static [Function],
}

/// All modules of native functions.
pub(crate) fn native_modules() -> &'static [NativeModule] {
    &[]
}

/// Finds a native function.
pub(crate) fn native(module: &str, function: &str) -> Option<&'static Function> {
    let module = native_modules().iter().find(|m| m.name == module)?;
    module.functions.iter().find(|f| f.name == function)
}

/// The file name and text of a module that is written in the language.
pub(crate) fn module_text(_name: &str) -> Option<(&'static str, &'static str)> {
    None
}

/// The names of the modules right below another one, or of the outermost ones if that is empty.
pub(crate) fn modules_under(_parent: &str) -> impl Iterator<Item = &'static str> {
    std::iter::empty()
}
