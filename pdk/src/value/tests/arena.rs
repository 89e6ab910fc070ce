//! Arenas: growth, alignment, reuse, and what they count.

use crate::value::{Arena, Batch, BatchBuilder, Event, Value, pinned_bytes};

#[test]
fn pieces_neither_move_nor_overlap_while_the_arena_grows() {
    let arena = Arena::new();
    let texts: Vec<String> = (0..20_000).map(|n| format!("{n}").repeat(n % 50)).collect();
    let copies: Vec<&str> = texts.iter().map(|text| arena.str(text)).collect();
    let large = vec![7; 3_000_000];
    let copy = arena.copy_bytes(&large);
    let after = arena.str("after");
    assert_eq!(copies, texts);
    assert_eq!(copy, large);
    assert_eq!(after, "after");
}

#[test]
fn pieces_are_aligned() {
    let arena = Arena::new();
    for len in 0..64 {
        let _ = arena.copy_bytes(&vec![1; len]);
        let words = arena.copy_slice(&[len as u64; 3]);
        assert_eq!(words.as_ptr() as usize % align_of::<u64>(), 0);
        assert_eq!(words, [len as u64; 3]);
        let halves = arena.copy_slice(&[len as u32]);
        assert_eq!(halves.as_ptr() as usize % align_of::<u32>(), 0);
    }
}

#[test]
fn nothing_takes_no_memory() {
    let arena = Arena::new();
    assert!(arena.is_empty());
    assert_eq!(arena.str(""), "");
    assert!(arena.copy_bytes(&[]).is_empty());
    assert!(arena.copy_bytes_mut(&[]).is_empty());
    assert!(arena.copy_slice::<u64>(&[]).is_empty());
    assert!(arena.is_empty());
    let _ = arena.array(&[]);
    assert!(!arena.is_empty());
}

#[test]
fn an_arena_that_is_exactly_full_is_not_empty() {
    let arena = Arena::new();
    let _ = arena.str("x");
    let room = arena.bytes() - 1;
    let _ = arena.copy_bytes(&vec![0; room]);
    let _ = arena.copy_slice::<u64>(&[]);
    assert!(!arena.is_empty());
    let _ = arena.str("");
    assert!(!arena.is_empty());
}

#[test]
fn padded_copies_end_in_zeros() {
    let arena = Arena::new();
    // What lies in a reused chunk is not zero.
    arena.copy_bytes_mut(&[0xff; 4096]).fill(0xee);
    drop(arena);
    let arena = Arena::new();
    let copy = arena.copy_bytes_padded(b"text", 64);
    assert_eq!(copy.len(), 68);
    assert_eq!(&copy[..4], b"text");
    assert_eq!(copy[4..], [0; 64]);
}

#[test]
fn copies_can_be_written_and_are_apart() {
    let arena = Arena::new();
    let one = arena.copy_bytes_mut(b"one");
    let two = arena.copy_bytes_mut(b"two");
    one.make_ascii_uppercase();
    two[0] = b'T';
    assert_eq!((&*one, &*two), (&b"ONE"[..], &b"Two"[..]));
}

fn batch_of(text: &str) -> Batch {
    let mut builder = BatchBuilder::new();
    builder.push(|arena| Event::new(Value::from(arena.str(text))));
    builder.seal()
}

#[test]
fn values_stay_while_other_arenas_are_reused() {
    let kept: Vec<Batch> = (0..100).map(|n| batch_of(&format!("kept {n}"))).collect();
    for round in 0..1000 {
        let batch = batch_of(&format!("round {round}"));
        assert_eq!(
            batch.events()[0].data.as_str(),
            Some(&*format!("round {round}"))
        );
    }
    for (n, batch) in kept.iter().enumerate() {
        assert_eq!(batch.events()[0].data.as_str(), Some(&*format!("kept {n}")));
    }
}

#[test]
fn an_arena_can_be_filled_on_another_thread() {
    let mut builder = BatchBuilder::new();
    builder.push(|arena| Event::new(Value::from(arena.str("here"))));
    let builder = std::thread::spawn(move || {
        builder.push(|arena| Event::new(Value::from(arena.str("there"))));
        builder
    });
    let batch = builder.join().expect("no panic").seal();
    let texts: Vec<_> = batch.events().iter().map(|e| e.data.as_str()).collect();
    assert_eq!(texts, [Some("here"), Some("there")]);
}

/// Other tests of this binary pin memory too; the exact numbers are checked in `tests/ownership.rs`.
#[test]
fn a_batch_says_what_it_pins() {
    let batch = batch_of("text");
    assert!(batch.pinned_bytes() >= 4);
    assert!(pinned_bytes() >= batch.pinned_bytes());
    let copy = batch.clone();
    assert_eq!(copy.pinned_bytes(), batch.pinned_bytes());
    let mut builder = BatchBuilder::new();
    assert_eq!(builder.pinned_bytes(), 0);
    builder.push(|arena| Event::new(Value::from(arena.str("text"))));
    let before = builder.pinned_bytes();
    assert!(before >= 4);
    assert_eq!(builder.seal().pinned_bytes(), before);
}
