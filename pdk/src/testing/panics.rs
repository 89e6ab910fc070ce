//! Seeing panics that are caught before a test could.

use std::cell::RefCell;
use std::sync::Once;

thread_local! {
    /// The messages of this thread's panics, while somebody watches.
    static SEEN: RefCell<Option<Vec<String>>> = const { RefCell::new(None) };
}

/// Runs `work` and returns the messages of the panics that happened on this thread meanwhile, caught or not.
///
/// A loaded library has a panic hook of its own; its panics come as log records instead.
pub fn watch<R>(work: impl FnOnce() -> R) -> (R, Vec<String>) {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            SEEN.with_borrow_mut(|seen| {
                if let Some(seen) = seen {
                    seen.push(panic.to_string());
                }
            });
            before(panic);
        }));
    });
    let outer = SEEN.replace(Some(Vec::new()));
    let result = work();
    let seen = SEEN.replace(outer);
    (result, seen.unwrap_or_default())
}
