//! Whether anybody at all could have written a plugin file.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::refusal::Refusal;

const OTHERS_WRITE: u32 = 0o002;
const STICKY: u32 = 0o1000;

/// Refuses a file that every user of the system can change or replace.
///
/// Looked at are the file and all directories above it. In a sticky directory, as `/tmp` is, only
/// the owner can replace a file.
pub(super) fn check(path: &Path) -> Result<(), Refusal> {
    let path = path.canonicalize().map_err(Refusal::Unreadable)?;
    for part in path.ancestors() {
        let metadata = fs::metadata(part).map_err(Refusal::Unreadable)?;
        let sticky = metadata.is_dir() && metadata.mode() & STICKY != 0;
        if metadata.mode() & OTHERS_WRITE != 0 && !sticky {
            return Err(Refusal::WritableByAll {
                part: part.to_owned(),
            });
        }
    }
    Ok(())
}
