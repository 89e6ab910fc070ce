//! Buffers: their room, what lies behind it, and reuse.

use crate::value::{Buffer, SPARE};

/// All initialised bytes behind a buffer's content.
fn behind(buffer: Buffer) -> (usize, Vec<u8>) {
    let len = buffer.len();
    let handle = buffer.into_handle();
    let (start, size) = Buffer::span(&handle).expect("a buffer");
    // SAFETY: a span is initialised, and nobody else has the buffer.
    let bytes = unsafe { std::slice::from_raw_parts(start, size) };
    (len, bytes.to_vec())
}

#[test]
fn room_is_filled_and_committed() {
    let mut buffer = Buffer::with_capacity(100);
    assert!(buffer.is_empty());
    assert!(buffer.room().len() >= 100);
    buffer.room()[..5].copy_from_slice(b"hello");
    assert!(buffer.is_empty());
    buffer.commit(5);
    assert_eq!(buffer.as_slice(), b"hello");
    let room = buffer.room().len();
    buffer.commit(usize::MAX);
    assert_eq!(buffer.len(), 5 + room);
    buffer.commit(1);
    assert_eq!(buffer.len(), 5 + room);
    assert!(buffer.room().is_empty());
}

#[test]
fn appending_is_all_or_nothing() {
    let mut buffer = Buffer::with_capacity(8);
    assert!(buffer.append(b"1234"));
    let room = buffer.room().len();
    assert!(!buffer.append(&vec![0; room + 1]));
    assert_eq!(buffer.as_slice(), b"1234");
    assert!(buffer.append(&vec![b'x'; room]));
    assert!(!buffer.append(b"y"));
    assert!(buffer.append(b""));
}

#[test]
fn a_vector_becomes_the_content() {
    let buffer = Buffer::from_vec(b"content".to_vec());
    assert_eq!(buffer.as_slice(), b"content");
    let (len, bytes) = behind(buffer);
    assert_eq!(len, 7);
    assert_eq!(bytes.len(), 7 + SPARE);
    assert_eq!(bytes[7..], [0; SPARE]);
    assert!(Buffer::from_vec(Vec::new()).is_empty());
}

#[test]
fn spare_bytes_are_initialised_also_behind_a_full_buffer() {
    for capacity in [0, 1, 63, 64, 65, 5000] {
        // The second comes out of the pool, with old bytes in it.
        for _ in 0..2 {
            let mut buffer = Buffer::with_capacity(capacity);
            buffer.room().fill(0xaa);
            buffer.commit(usize::MAX);
            let (len, bytes) = behind(buffer);
            assert!(len >= capacity);
            assert!(bytes.len() >= len + SPARE);
        }
    }
}

#[test]
fn a_small_buffer_does_not_take_a_large_memory() {
    for _ in 0..20 {
        drop(Buffer::with_capacity(1024 * 1024));
    }
    let mut small = Buffer::with_capacity(100);
    assert!(small.room().len() < 1024);
}

#[test]
fn reused_buffers_are_apart() {
    let mut live = Vec::new();
    for round in 0..1000u32 {
        let mut buffer = Buffer::with_capacity(64);
        assert!(buffer.append(&round.to_le_bytes()));
        live.push((round, buffer));
        if live.len() > 10 {
            live.swap_remove(round as usize % 10);
        }
        for (round, buffer) in &live {
            assert_eq!(buffer.as_slice(), round.to_le_bytes());
        }
    }
}
