//! Consistent hashing.

use std::hash::{DefaultHasher, Hash, Hasher};

use super::{check, run};
use crate::library::chash::jump_hash;

#[test]
fn slots() {
    check(
        r#"
        chash::jump("a", 1) ==> 0
        chash::jump("a", 0) ==> error: there has to be at least one slot
        chash::jump("a", 4294967296) ==> bad type
        chash::jump("a", -1) ==> bad type
        chash::jump(1, 2) ==> bad type
        chash::jump_with_keys(1, 2, "a", 1) ==> 0
        chash::jump_with_keys(-1, 2, "a", 1) ==> bad type
        chash::jump_with_keys(1, 2.0, "a", 1) ==> bad type
        chash::jump_with_keys(1, 2, null, 1) ==> bad type
        chash::jump_with_keys(1, 2, "a", 0) ==> error: there has to be at least one slot
        chash::jump("a") ==> bad arity
        "#,
    );
}

/// Results that other implementations have for the same hashes.
#[test]
fn jumps_agree_with_other_implementations() {
    for (hash, slots, slot) in [
        (0, 1, 0),
        (10_863_919_174_838_991, 11, 6),
        (2_016_238_256_797_177_309, 11, 3),
        (1_673_758_223_894_951_030, 11, 5),
        (2, 100_001, 80_343),
        (2_201, 100_001, 22_152),
        (2_202, 100_001, 15_018),
    ] {
        assert_eq!(jump_hash(hash, slots), slot);
    }
}

/// The hash of the standard library is the same function with both keys 0.
#[test]
fn keys_are_hashed_as_rust_hashes_strings() {
    for key in ["", "a", "a somewhat longer key", "ä"] {
        let mut hasher = DefaultHasher::new();
        key.hash(&mut hasher);
        let expected = jump_hash(hasher.finish(), 1_000_000).to_string();
        let call = format!(r#"chash::jump_with_keys(0, 0, "{key}", 1000000)"#);
        assert_eq!(run(&call), expected);
    }
}

#[test]
fn a_jump_has_default_keys() {
    for key in ["", "a", "some key", "ä"] {
        let with = r#"chash::jump_with_keys(8390880576440238080, 128034676764530"#;
        assert_eq!(
            run(&format!(r#"chash::jump("{key}", 1000)"#)),
            run(&format!(r#"{with}, "{key}", 1000)"#))
        );
    }
}

/// With one slot more, a key stays where it is or moves to the new slot, and some do move.
#[test]
fn keys_move_to_new_slots_only() {
    let slot = |key: u32, slots: u32| -> u32 {
        let found = run(&format!(r#"chash::jump("{key}", {slots})"#));
        found.parse().expect("a slot")
    };
    let mut moved = 0;
    for key in 0..200 {
        for slots in [1, 2, 10, 999] {
            let (before, after) = (slot(key, slots), slot(key, slots + 1));
            assert!(before < slots);
            assert!(after == before || after == slots);
            moved += u32::from(after != before);
        }
    }
    assert!((50..350).contains(&moved), "{moved}");
}

#[test]
fn equal_records_serialise_alike() {
    check(
        r#"
        chash::sorted_serialize({"b": 1, "a": {"d": [1, {"z": 1, "y": 2}], "c": null}}) ==> "{\"a\":{\"c\":null,\"d\":[1,{\"y\":2,\"z\":1}]},\"b\":1}"
        chash::sorted_serialize([]) ==> "[]"
        chash::sorted_serialize({}) ==> "{}"
        chash::sorted_serialize([{}, [], ["a", 1.0]]) ==> "[{},[],[\"a\",1.0]]"
        chash::sorted_serialize("a") ==> "\"a\""
        "#,
    );
}
