//! Finds the plugins in a directory.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Returns every `*.so` of the directory, sorted.
///
/// Files whose name starts with a dot are left out: they are what copying tools write first.
pub(super) fn libraries(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let hidden = path
            .file_name()
            .is_some_and(|name| name.as_encoded_bytes()[0] == b'.');
        if !hidden && path.extension().is_some_and(|extension| extension == "so") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}
