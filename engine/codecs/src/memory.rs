//! Working memory that is kept from frame to frame.

/// Turns a vector into an empty one of another lifetime. The standard library reuses the allocation of a vector that
/// is mapped to items of the same layout.
pub(crate) fn recycle<T, U>(mut items: Vec<T>) -> Vec<U> {
    items.clear();
    items.into_iter().filter_map(|_| None).collect()
}
