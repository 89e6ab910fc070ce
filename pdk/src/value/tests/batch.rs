//! Batches: building, deriving, joining, runs of bytes.

use crate::value::{Batch, BatchBuilder, Buffer, Event, EventId, Value};

fn lines(text: &str) -> Batch {
    let mut builder = BatchBuilder::new();
    builder.push_buffer(Buffer::from_vec(text.into()), |bytes, sink| {
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            sink.push(Event::new(Value::bytes(line)));
        }
    });
    builder.seal()
}

fn data<'a>(batch: &'a Batch) -> Vec<&'a [u8]> {
    let bytes = |event: &Event<'a>| event.data.as_bytes().unwrap_or_default();
    batch.events().iter().map(bytes).collect()
}

#[test]
fn events_come_out_as_they_were_pushed() {
    let mut builder = BatchBuilder::new();
    assert!(builder.is_empty());
    builder.push(|arena| Event::new(Value::from(arena.str("in the arena"))));
    builder.push_buffer(Buffer::from_vec(b"one two".to_vec()), |bytes, sink| {
        assert!(sink.is_empty());
        sink.push(Event::new(Value::bytes(&bytes[..3])));
        sink.push(Event::new(Value::bytes(&bytes[4..])));
        assert_eq!(sink.len(), 2);
    });
    builder.push(|_| Event::new(Value::from("static")));
    builder.push_batch(&lines("three\nfour\n"));
    assert_eq!(builder.len(), 6);
    builder.for_each(|at, event| event.id.event = at as u32 * 10);
    let batch = builder.seal();
    let all: Vec<_> = batch.events().iter().map(|event| event.data).collect();
    let expected = [
        Value::from("in the arena"),
        Value::bytes(b"one"),
        Value::bytes(b"two"),
        Value::from("static"),
        Value::bytes(b"three\n"),
        Value::bytes(b"four\n"),
    ];
    assert_eq!(all, expected);
    assert_eq!(batch.handles().len(), 3);
    assert_eq!(batch.events()[3].id.event, 30);
}

#[test]
fn nothing_holds_nothing() {
    let batch = BatchBuilder::new().seal();
    assert!(batch.is_empty() && batch.events().is_empty());
    assert!(batch.handles().is_empty());
    assert_eq!(batch.pinned_bytes(), 0);
    let mut builder = BatchBuilder::new();
    builder.push(|arena| Event::new(Value::from(arena.str(""))));
    assert!(builder.seal().handles().is_empty());
}

#[test]
fn memory_is_inherited_once() {
    let batch = lines("a\nb\n");
    let mut builder = BatchBuilder::new();
    builder.push_batch(&batch);
    builder.push_batch(&batch.clone());
    let twice = builder.seal();
    drop(batch);
    assert_eq!(twice.handles().len(), 1);
    assert_eq!(data(&twice), [b"a\n", b"b\n", b"a\n", b"b\n"]);
}

#[test]
fn deriving_mixes_old_and_new() {
    let batch = lines("a\nb\nc\n");
    let derived = batch.derive(|events, arena, out| {
        for event in &events[1..] {
            let data = arena.array(&[event.data, Value::from(arena.str("new"))]);
            out.push(Event { data, ..*event });
        }
    });
    drop(batch);
    // Memory that the parent gave back would be taken by these.
    let _others: Vec<_> = (0..10).map(|_| lines("x\ny\nz\n")).collect();
    let shown: Vec<_> = derived
        .events()
        .iter()
        .map(|e| format!("{:?}", e.data))
        .collect();
    assert_eq!(
        shown,
        [r#"[bytes([62, 0a]), "new"]"#, r#"[bytes([63, 0a]), "new"]"#]
    );
    assert_eq!(derived.handles().len(), 2);
}

#[test]
fn deriving_many_shares_an_arena() {
    let batch = lines("a\nb\nc\n");
    let (batches, count) = batch.derive_many(3, |events, arena, sinks| {
        for (at, event) in events.iter().enumerate() {
            let data = arena.array(&[event.data]);
            sinks[at % 2].push(Event { data, ..*event });
        }
        events.len()
    });
    assert_eq!(count, 3);
    assert_eq!(
        batches.iter().map(Batch::len).collect::<Vec<_>>(),
        [2, 1, 0]
    );
    assert!(
        batches[2].handles().is_empty(),
        "without events nothing is held"
    );
    drop(batch);
    let mut batches = batches.into_iter();
    drop(batches.next());
    let second = batches.next().expect("a batch");
    assert_eq!(
        format!("{:?}", second.events()[0].data),
        "[bytes([62, 0a])]"
    );
}

#[test]
fn nothing_new_needs_no_arena() {
    let batch = lines("a\nb\n");
    let derived = batch.derive(|events, _, out| events.iter().for_each(|e| out.push(*e)));
    assert_eq!(derived.handles().len(), 1);
    let statics = batch.derive(|_, _, out| out.push(Event::new(Value::from("static"))));
    drop(batch);
    assert_eq!(statics.events()[0].data.as_str(), Some("static"));
}

#[test]
fn a_panic_in_an_edit_leaves_the_batch_whole() {
    let batch = lines("a\n");
    let caught = std::panic::catch_unwind(|| {
        batch.derive(|_, arena, out| {
            out.push(Event::new(Value::from(arena.str("half"))));
            panic!("half-way");
        })
    });
    assert!(caught.is_err());
    assert_eq!(data(&batch), [b"a\n"]);
}

#[test]
fn joined_pieces_keep_what_is_known_of_their_events() {
    let parents = {
        let mut builder = BatchBuilder::new();
        for n in 0..3u32 {
            builder.push(|arena| Event {
                meta: match n {
                    1 => arena.array(&[Value::from(n)]),
                    _ => Value::NULL,
                },
                id: EventId {
                    event: n,
                    ..EventId::default()
                },
                ingest_ns: u64::from(n) + 100,
                ..Event::new(Value::NULL)
            });
        }
        builder.seal()
    };
    let joined = parents.joined(b"onetwofour".to_vec(), &[(0, 3), (1, 6), (1, 6), (2, 10)]);
    assert_eq!(data(&joined), [&b"one"[..], b"two", b"", b"four"]);
    let known: Vec<_> = joined
        .events()
        .iter()
        .map(|e| (e.id.event, e.ingest_ns))
        .collect();
    assert_eq!(known, [(0, 100), (1, 101), (1, 101), (2, 102)]);
    assert_eq!(
        joined.handles().len(),
        2,
        "metadata keeps the parents' memory"
    );
    drop(parents);
    assert_eq!(format!("{:?}", joined.events()[1].meta), "[1]");

    let bare = lines("x\n").joined(b"x".to_vec(), &[(0, 1), (7, 9), (0, 0)]);
    assert_eq!(
        data(&bare),
        [&b"x"[..], b"", b""],
        "pieces outside are empty"
    );
    assert_eq!(bare.handles().len(), 1);
}

#[test]
fn neighbours_are_one_run() {
    let runs = |batch: &Batch| batch.byte_runs().map(<[u8]>::to_vec).collect::<Vec<_>>();
    assert_eq!(runs(&lines("a\nb\nc\n")), [b"a\nb\nc\n"]);
    let gaps = lines("a\nb\nc\n").derive(|events, _, out| {
        out.push(events[0]);
        out.push(events[2]);
        out.push(Event::new(Value::from(5)));
        out.push(events[1]);
        out.push(events[2]);
    });
    assert_eq!(runs(&gaps), [&b"a\n"[..], b"c\n", b"b\nc\n"]);
    let repeated = lines("a\n").derive(|events, _, out| {
        out.push(events[0]);
        out.push(events[0]);
    });
    assert_eq!(runs(&repeated), [b"a\n", b"a\n"]);
}

#[test]
fn runs_do_not_reach_over_buffers_or_into_spare_bytes() {
    let mut builder = BatchBuilder::new();
    for text in ["a\nb\n", "c\n"] {
        builder.push_batch(&lines(text));
    }
    builder.push(|arena| Event::new(Value::bytes(arena.copy_bytes(b"d"))));
    builder.push(|arena| Event::new(Value::from(arena.str("e"))));
    let batch = builder.seal();
    let runs: Vec<_> = batch.byte_runs().collect();
    assert_eq!(runs, [&b"a\nb\n"[..], b"c\n", b"d", b"e"]);
}

#[test]
fn parts_of_a_buffer_get_metadata_in_the_arena() {
    let mut builder = BatchBuilder::new();
    builder.push(|_| Event::new(Value::from("before")));
    builder.push_buffer_split(
        Buffer::from_vec(b"k1v1k2v2".to_vec()),
        |bytes, arena, sink| {
            for part in bytes.chunks(4) {
                let mut event = Event::new(Value::bytes(&part[2..]));
                let key = Value::bytes(&part[..2]);
                event.meta = arena.object(&[crate::Field::new("key", key)]);
                sink.push(event);
            }
        },
    );
    let batch = builder.seal();
    let key = |at: usize| batch.events()[at].meta.get("key").and_then(Value::as_bytes);
    assert_eq!(batch.len(), 3);
    assert_eq!(
        (key(0), key(1), key(2)),
        (None, Some(&b"k1"[..]), Some(&b"k2"[..]))
    );
    assert_eq!(data(&batch)[1..], [b"v1", b"v2"]);
    let (good, bad) = batch.clone().decode(
        |event, frame, _, out| {
            frame.make_ascii_uppercase();
            out.push(Event {
                data: Value::bytes(frame),
                ..event
            });
            Ok::<_, ()>(())
        },
        |(), _, _, _| {},
    );
    assert!(bad.is_empty());
    assert_eq!(data(&good)[1..], [b"V1", b"V2"]);
}
