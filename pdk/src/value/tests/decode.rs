//! Decoding: payloads are lent in place only where nothing else can reach them.

use crate::value::{Arena, Batch, BatchBuilder, Buffer, Event, Field, Value};

fn bytes_of(text: &str, spans: &[(usize, usize)]) -> Batch {
    let mut builder = BatchBuilder::new();
    builder.push_buffer(Buffer::from_vec(text.into()), |bytes, sink| {
        for (start, end) in spans {
            sink.push(Event::new(Value::bytes(&bytes[*start..*end])));
        }
    });
    builder.seal()
}

/// Upper-cases every frame where it stands; fails where one starts with `!`.
fn shout(batch: Batch) -> (Batch, Batch) {
    batch.decode(
        |event, frame, _, out| {
            if frame.starts_with(b"!") {
                return Err("a shout already");
            }
            frame.make_ascii_uppercase();
            out.push(Event {
                data: Value::bytes(frame),
                ..event
            });
            Ok(())
        },
        |error, event, arena, out| {
            let data = arena.array(&[Value::from(arena.str(error)), event.data]);
            out.push(Event { data, ..event });
        },
    )
}

fn texts(batch: &Batch) -> Vec<String> {
    let text = |event: &Event<'_>| {
        let bytes = event.data.as_bytes().unwrap_or_default();
        String::from_utf8_lossy(bytes).into_owned()
    };
    batch.events().iter().map(text).collect()
}

fn places(batch: &Batch) -> Vec<*const u8> {
    let place = |event: &Event<'_>| {
        event
            .data
            .as_bytes()
            .map_or(std::ptr::null(), <[u8]>::as_ptr)
    };
    batch.events().iter().map(place).collect()
}

/// Decodes and says how many payloads stayed where they were.
fn in_place(batch: Batch) -> (usize, Vec<String>) {
    let before = places(&batch);
    let (good, _) = shout(batch);
    let stayed = places(&good)
        .iter()
        .filter(|at| before.contains(at))
        .count();
    (stayed, texts(&good))
}

#[test]
fn the_only_owner_decodes_in_place() {
    let batch = bytes_of("one two ", &[(0, 3), (4, 7), (7, 7), (7, 8)]);
    let expected = ["ONE", "TWO", "", " "].map(str::to_owned).to_vec();
    assert_eq!(in_place(batch), (4, expected));
}

#[test]
fn strings_are_frames_too_and_other_values_are_left_out() {
    let batch = bytes_of("one", &[(0, 3)]).derive(|events, _, out| {
        out.push(Event::new(Value::from("text")));
        out.push(Event::new(Value::from(5)));
        out.push(events[0]);
    });
    assert_eq!(texts(&shout(batch).0), ["TEXT", "ONE"]);
}

#[test]
fn a_batch_that_somebody_else_holds_is_copied() {
    let batch = bytes_of("one two", &[(0, 3), (4, 7)]);
    let other = batch.clone();
    assert_eq!(in_place(batch).0, 0);
    assert_eq!(texts(&other), ["one", "two"]);
}

#[test]
fn memory_that_another_batch_holds_is_copied() {
    let batch = bytes_of("one two", &[(0, 3), (4, 7)]);
    let part = batch.derive(|events, _, out| out.push(events[1]));
    assert_eq!(in_place(batch).0, 0);
    assert_eq!(texts(&part), ["two"]);
    assert_eq!(in_place(part).0, 1, "it is alone now");
}

#[test]
fn a_handle_alone_keeps_the_bytes_as_they_are() {
    let batch = bytes_of("one", &[(0, 3)]);
    let handle = batch.handles()[0].clone();
    assert_eq!(in_place(batch).0, 0);
    drop(handle);
}

#[test]
fn overlapping_payloads_are_copied_before_anything_is_written() {
    for spans in [
        [(0, 4), (2, 6)],
        [(2, 6), (0, 4)],
        [(0, 6), (2, 4)],
        [(1, 5), (1, 5)],
        [(4, 6), (0, 4)],
    ] {
        let expected = spans.map(|(start, end)| "ABCDEF"[start..end].to_owned());
        assert_eq!(in_place(bytes_of("abcdef", &spans)), (0, expected.to_vec()));
    }
}

#[test]
fn one_aliased_buffer_does_not_keep_the_others() {
    let mut builder = BatchBuilder::new();
    builder.push_batch(&bytes_of("abcd", &[(0, 4), (0, 2)]));
    builder.push_batch(&bytes_of("wxyz", &[(0, 2), (2, 4)]));
    let expected = ["ABCD", "AB", "WX", "YZ"].map(str::to_owned).to_vec();
    assert_eq!(in_place(builder.seal()), (2, expected));
}

/// A batch whose first event has metadata that `make` builds from its payload's bytes.
fn with_meta(make: impl for<'a> Fn(&'a Arena, &'a [u8]) -> Value<'a>) -> Batch {
    bytes_of("host line rest", &[(0, 9), (10, 14)]).derive(|events, arena, out| {
        let bytes = events[0].data.as_bytes().unwrap_or_default();
        let meta = make(arena, bytes);
        out.push(Event { meta, ..events[0] });
        out.push(Event { meta, ..events[1] });
    })
}

#[test]
fn metadata_that_reaches_a_payload_is_never_overwritten() {
    fn text(bytes: &[u8]) -> &str {
        std::str::from_utf8(bytes).unwrap_or_default()
    }
    let in_record = with_meta(|arena, bytes| {
        arena.object(&[Field::new("host", Value::from(text(&bytes[..4])))])
    });
    let as_key =
        with_meta(|arena, bytes| arena.object(&[Field::new(text(&bytes[..4]), Value::TRUE)]));
    let as_text = with_meta(|_, bytes| Value::from(text(&bytes[..4])));
    let as_bytes = with_meta(|arena, bytes| arena.array(&[Value::bytes(&bytes[..4])]));
    let as_source = with_meta(|arena, bytes| arena.array_with_source(&[], bytes));
    for batch in [in_record, as_key, as_text, as_bytes, as_source] {
        let before = format!("{:?}", batch.events()[0].meta);
        let (good, _) = shout(batch);
        assert_eq!(texts(&good), ["HOST LINE", "REST"]);
        assert_eq!(format!("{:?}", good.events()[0].meta), before);
        let source = good.events()[0].meta.source_text();
        assert!(source.is_none_or(|source| source == b"host line"));
    }
    let elsewhere = with_meta(|arena, _| arena.array(&[Value::from(arena.str("host"))]));
    assert_eq!(in_place(elsewhere).0, 2);
}

#[test]
fn failed_frames_come_back_as_they_were() {
    let batch = bytes_of("one!two three", &[(0, 3), (3, 7), (8, 13)]);
    let before = places(&batch);
    let (good, bad) = shout(batch);
    assert_eq!(texts(&good), ["ONE", "THREE"]);
    let failed = bad.events()[0].data.as_array().expect("an array");
    assert_eq!(failed.get(0), Some(Value::from("a shout already")));
    assert_eq!(failed.get(1), Some(Value::bytes(b"!two")));
    let place = failed.get(1).and_then(Value::as_bytes).map(<[u8]>::as_ptr);
    assert_eq!(place, Some(before[1]));
    drop(good);
    assert_eq!(
        failed.get(1),
        Some(Value::bytes(b"!two")),
        "the second batch holds it"
    );
}

#[test]
fn ids_metadata_and_times_go_on() {
    let mut builder = BatchBuilder::new();
    builder.push_buffer(Buffer::from_vec(b"x".to_vec()), |bytes, sink| {
        sink.push(Event {
            meta: Value::from(7),
            ingest_ns: 9,
            ..Event::new(Value::bytes(bytes))
        });
    });
    builder.for_each(|_, event| event.id.pull = 4);
    let (good, bad) = shout(builder.seal());
    let event = good.events()[0];
    assert_eq!(
        (event.meta, event.ingest_ns, event.id.pull),
        (Value::from(7), 9, 4)
    );
    assert!(bad.is_empty() && bad.handles().is_empty());
}

#[test]
fn one_frame_can_become_many_events() {
    let (good, _) = bytes_of("a b c", &[(0, 5)]).decode(
        |event, frame, arena, out| {
            for word in frame.split(|byte| *byte == b' ') {
                let data = arena.array(&[Value::bytes(word)]);
                out.push(Event { data, ..event });
            }
            Ok::<_, ()>(())
        },
        |(), _, _, _| {},
    );
    assert_eq!(good.len(), 3);
    assert_eq!(format!("{:?}", good.events()[2].data), "[bytes([63])]");
}
