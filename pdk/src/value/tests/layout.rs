//! The layout of what crosses the boundary, in literal numbers for 64-bit machines.

use std::panic::{RefUnwindSafe, UnwindSafe};

use crate::value::layout::LAYOUTS;
use crate::value::{Arena, Value, hash};
use crate::value::{Array, Batch, BatchBuilder, Buffer, Event, EventId, Field, Handle, Object};

/// Size and alignment of each type, then the offsets of its fields, in the order of the lists in each module.
const GOLDEN: &[(&str, &[usize])] = &[
    ("handle", &[32, 8, 0, 8, 16, 24, 28, 8, 8, 1, 2, 3]),
    ("arena", &[64, 8, 0, 32, 40, 48, 56, 8, 8]),
    ("batch", &[64, 8, 0, 32, 40, 48, 56, 8, 8]),
    ("buffer", &[56, 8, 0, 32, 40, 48, 64]),
    (
        "container",
        &[24, 8, 0, 8, 16, 48, 8, 0, 8, 16, 24, 32, 40, 32, 8, 0, 16],
    ),
    (
        "event",
        &[
            32,
            8,
            0,
            4,
            8,
            16,
            24,
            28,
            72,
            8,
            0,
            16,
            32,
            64,
            1,
            2,
            4,
            18446744073709551615,
        ],
    ),
    ("value", &[16, 8, 0, 8, 0, 1, 2, 3, 4, 5, 6, 7, 8, 4128]),
    ("hash", &[1]),
];

#[test]
fn the_data_plane_has_the_layout_that_plugins_were_built_for() {
    assert_eq!(
        LAYOUTS, GOLDEN,
        "the layout of the data plane, or a number in it, changed: no plugin that exists could be loaded any more, and \
         epoch 1 is frozen (docs/plugins.md)"
    );
}

#[test]
fn the_hash_of_keys_does_not_change() {
    let hashes = [
        hash::hash(0, b""),
        hash::hash(0, b"key"),
        hash::hash(1, b"key"),
        hash::hash(u64::MAX, b"a key of more than eight bytes"),
    ];
    let golden = [2_620_384_756, 3_802_753_245, 529_863_883, 451_570_340];
    assert_eq!(
        hashes, golden,
        "an index made by one side is searched by the other: the hash belongs to epoch 1 and does not change in it"
    );
}

#[test]
fn what_is_cheap_is_small() {
    assert_eq!(size_of::<Value<'_>>(), 16);
    assert_eq!(size_of::<Option<Batch>>(), 8);
    assert_eq!(size_of::<Field<'_>>(), 2 * size_of::<Value<'_>>());
    assert_eq!(size_of::<Array<'_>>(), 8);
    assert_eq!(size_of::<Object<'_>>(), 8);
}

#[test]
fn threads() {
    fn shared<T: Send + Sync>() {}
    fn moved<T: Send>() {}
    shared::<Value<'_>>();
    shared::<Event<'_>>();
    shared::<EventId>();
    shared::<Batch>();
    shared::<Handle>();
    shared::<Buffer>();
    moved::<Arena>();
    moved::<BatchBuilder>();
}

#[test]
fn values_survive_a_caught_panic() {
    fn safe<T: UnwindSafe + RefUnwindSafe>() {}
    safe::<Value<'_>>();
    safe::<Batch>();
}
