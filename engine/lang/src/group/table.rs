//! The groups that a select keeps, found by their keys.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

/// How many groups that are gone keep their memory for new ones.
const MAX_FREE: usize = 1024;

/// Groups by their keys. New groups take the memory of those that are gone.
#[derive(Debug)]
pub(crate) struct Table<T> {
    places: HashTable<Place>,
    slots: Vec<Slot<T>>,
    /// Slots without a group that have memory, the last one freed last.
    free: Vec<usize>,
    /// Slots without memory.
    empty: Vec<usize>,
    hasher: DefaultHashBuilder,
}

/// Where a group is, with the hash of its key.
#[derive(Clone, Copy, Debug)]
struct Place {
    hash: u64,
    slot: usize,
}

#[derive(Debug)]
struct Slot<T> {
    key: Vec<u8>,
    is_kept: bool,
    group: Option<T>,
}

/// A group that was looked up, and the hash of its key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found {
    hash: u64,
    pub(crate) slot: usize,
    pub(crate) is_new: bool,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Table {
            places: HashTable::new(),
            slots: Vec::new(),
            free: Vec::new(),
            empty: Vec::new(),
            hasher: DefaultHashBuilder::default(),
        }
    }
}

impl<T> Table<T> {
    /// The number of groups.
    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }

    /// Finds the group of a key. None if there is none.
    #[inline]
    pub(crate) fn find(&self, key: &[u8]) -> Option<Found> {
        let hash = self.hasher.hash_one(key);
        let slots = &self.slots;
        let is_same = |place: &Place| slots.get(place.slot).is_some_and(|slot| slot.key == key);
        let place = self.places.find(hash, is_same)?;
        Some(Found {
            hash,
            slot: place.slot,
            is_new: false,
        })
    }

    /// Gives a key a slot that is not kept yet, if possible one that a group has left.
    pub(crate) fn claim(&mut self, key: &[u8], make: impl FnOnce() -> T) -> Found {
        let slot = self.free.pop().or_else(|| self.empty.pop());
        let slot = slot.unwrap_or_else(|| {
            self.slots.push(Slot {
                key: Vec::new(),
                is_kept: false,
                group: None,
            });
            self.slots.len() - 1
        });
        if let Some(slot) = self.slots.get_mut(slot) {
            slot.key.clear();
            slot.key.extend_from_slice(key);
            slot.group.get_or_insert_with(make);
        }
        Found {
            hash: self.hasher.hash_one(key),
            slot,
            is_new: true,
        }
    }

    /// The group in a slot.
    #[inline]
    pub(crate) fn get_mut(&mut self, slot: usize) -> Option<&mut T> {
        self.slots.get_mut(slot)?.group.as_mut()
    }

    /// Keeps the group of a claimed slot.
    pub(crate) fn keep(&mut self, found: Found) {
        if let Some(slot) = self.slots.get_mut(found.slot) {
            slot.is_kept = true;
            let Found { hash, slot, .. } = found;
            self.places
                .insert_unique(hash, Place { hash, slot }, |place| place.hash);
        }
    }

    /// Gives a slot back. The next group that is claimed gets it.
    pub(crate) fn release(&mut self, slot: usize) {
        let Some(held) = self.slots.get_mut(slot) else {
            return;
        };
        if std::mem::take(&mut held.is_kept) {
            let hash = self.hasher.hash_one(held.key.as_slice());
            if let Ok(entry) = self.places.find_entry(hash, |place| place.slot == slot) {
                entry.remove();
            }
        }
        if self.free.len() < MAX_FREE {
            self.free.push(slot);
        } else {
            *held = Slot {
                key: Vec::new(),
                is_kept: false,
                group: None,
            };
            self.empty.push(slot);
        }
    }

    /// The group in a slot, also one that has left.
    pub(crate) fn get(&self, slot: usize) -> Option<&T> {
        self.slots.get(slot)?.group.as_ref()
    }

    /// Slots that groups have left, with their memory and without, in the order in which they were.
    pub(crate) fn left(&self) -> (&[usize], &[usize]) {
        (&self.free, &self.empty)
    }

    /// Puts groups with their keys into their slots again, and leaves those free that groups had left. None if that is
    /// not each slot once, or not each key.
    pub(crate) fn of(
        kept: Vec<(usize, Vec<u8>, T)>,
        free: Vec<(usize, Option<T>)>,
        empty: Vec<usize>,
    ) -> Option<Self> {
        let count = kept.len() + free.len() + empty.len();
        let mut table = Table {
            free: free.iter().map(|(slot, _)| *slot).collect(),
            empty,
            ..Table::default()
        };
        table.slots.resize_with(count, || Slot {
            key: Vec::new(),
            is_kept: false,
            group: None,
        });
        let mut seen = vec![false; count];
        let kept_slots = kept.iter().map(|(slot, ..)| slot);
        for slot in kept_slots.chain(&table.free).chain(&table.empty) {
            if std::mem::replace(seen.get_mut(*slot)?, true) {
                return None;
            }
        }
        for (slot, group) in free {
            table.slots.get_mut(slot)?.group = group;
        }
        for (slot, key, group) in kept {
            if table.find(&key).is_some() {
                return None;
            }
            let hash = table.hasher.hash_one(key.as_slice());
            let place = table.slots.get_mut(slot)?;
            (place.key, place.group) = (key, Some(group));
            table.keep(Found {
                hash,
                slot,
                is_new: true,
            });
        }
        Some(table)
    }

    /// The number of slots, kept or not.
    pub(crate) fn slots(&self) -> usize {
        self.slots.len()
    }

    /// Whether a slot has a group that is kept.
    pub(crate) fn is_kept(&self, slot: usize) -> bool {
        self.slots.get(slot).is_some_and(|slot| slot.is_kept)
    }
}
