//! The last descriptors of a process, which are left for what cannot wait.

use std::os::fd::{AsRawFd, BorrowedFd};

use rustix::process::{Resource, getrlimit};

/// So many are left: for positions, files that are opened again, names that are looked up.
const LEFT: u64 = 16;
/// Where there are few, this part of them.
const PART: u64 = 4;

/// Whether a descriptor is one of the last that the process may have. The system gives the lowest that is free, so that
/// there are few more then. Whoever can wait closes it again.
#[must_use]
pub fn is_one_of_the_last(fd: BorrowedFd<'_>) -> bool {
    let Some(limit) = getrlimit(Resource::Nofile).current else {
        return false;
    };
    let number = u64::try_from(fd.as_raw_fd()).unwrap_or_default();
    number >= limit - LEFT.min(limit / PART)
}
