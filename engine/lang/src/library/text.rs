//! The modules that are written in the language.

pub(crate) fn module_text(_path: &str) -> Option<(&'static str, &'static str)> {
    None
}
