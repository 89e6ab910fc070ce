//! Named things in the order of their definition.

use std::collections::HashMap;

/// What is defined under which name, and when: what a text uses must stand before it.
#[derive(Debug)]
pub(crate) struct Table<T> {
    items: HashMap<Box<str>, Entry<T>>,
}

#[derive(Debug)]
struct Entry<T> {
    /// How many definitions of its scope stand before it.
    at: usize,
    item: T,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Table {
            items: HashMap::new(),
        }
    }
}

impl<T> Table<T> {
    /// Adds something as the definition number `at`. Returns whether the name was free; if not, nothing changes.
    pub(super) fn add(&mut self, name: &str, at: usize, item: T) -> bool {
        let is_free = !self.items.contains_key(name);
        if is_free {
            self.items.insert(name.into(), Entry { at, item });
        }
        is_free
    }

    /// Finds what is defined before the definition number `before`, and its own number.
    pub(super) fn get(&self, name: &str, before: usize) -> Option<(&T, usize)> {
        let entry = self.items.get(name)?;
        (entry.at < before).then_some((&entry.item, entry.at))
    }

    /// All names, for suggestions.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.items.keys().map(|name| &**name)
    }
}
