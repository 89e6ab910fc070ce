//! What must hold for any input whatsoever: functions of bytes, for proptest and for a fuzzer alike.

#![allow(dead_code, reason = "every user takes the properties that it is about")]
#![allow(clippy::unwrap_used, reason = "a test fails by panic")]
#![allow(unreachable_pub, reason = "a module of several test programs")]

pub mod compressed;

use serde_json::Value as Reference;
use temblor_codecs as _;
use temblor_pdk::{
    Arena, DynCodec, DynPostprocessor, DynPreprocessor, Entry, Frame, FrameSink, Kind, OwnedValue,
    Value, View,
};

/// The entry of a codec or processor.
pub fn entry(kind: Kind, name: &str) -> &'static Entry {
    let mut entries = temblor_pdk::entries();
    let found = entries.find(|entry| entry.kind() == kind && entry.name() == name);
    found.unwrap_or_else(|| panic!("no {} `{name}`", kind.name()))
}

/// A codec, called as Rust.
pub fn codec(name: &str) -> Box<dyn DynCodec> {
    let made = entry(Kind::Codec, name).make_codec("{}");
    made.unwrap()
}

/// What a codec makes of a frame, which it leaves as it was where it fails.
pub fn owned(codec: &mut dyn DynCodec, frame: &[u8]) -> Result<Option<OwnedValue>, String> {
    let (arena, mut bytes) = (Arena::new(), frame.to_vec());
    let decoded = codec.decode(&mut bytes, &arena);
    let decoded = decoded.map(|value| value.map(Value::to_owned_value));
    let failed = decoded.map_err(|error| error.message().to_owned());
    if failed.is_err() {
        assert_eq!(bytes, frame, "the frame was written to");
    }
    failed
}

/// What a codec makes of a frame, as JSON.
pub fn decoded(name: &str, frame: &[u8]) -> Option<String> {
    let value = owned(codec(name).as_mut(), frame).unwrap();
    value.map(|value| value.to_json())
}

/// Why a codec refuses a frame.
pub fn refused(name: &str, frame: &[u8]) -> String {
    owned(codec(name).as_mut(), frame).unwrap_err()
}

/// What a codec writes for an event that is given as JSON, or why it refuses.
pub fn encoded(name: &str, event: &str) -> Result<Vec<u8>, String> {
    let event: OwnedValue = serde_json::from_str(event).unwrap();
    let (arena, mut out) = (Arena::new(), b"before".to_vec());
    let result = codec(name).encode(arena.value(&event), &mut out);
    result.map_err(|error| error.message().to_owned())?;
    Ok(out.strip_prefix(b"before").unwrap().to_vec())
}

/// Preprocessor `separate`, called as Rust and through the C ABI.
pub fn separators(config: &str) -> [Box<dyn DynPreprocessor>; 2] {
    let entry = entry(Kind::Preprocessor, "separate");
    let native = entry.make_preprocessor(config).unwrap();
    [native, entry.describe().preprocessor(config).unwrap()]
}

/// Postprocessor `separate`.
pub fn appender(config: &str) -> Box<dyn DynPostprocessor> {
    let entry = entry(Kind::Postprocessor, "separate");
    entry.make_postprocessor(config).unwrap()
}

/// The codec takes exactly the texts that serde_json takes, makes the same value of them, writes what reads back as
/// the same value, and leaves the frame alone.
pub fn json_agrees_with_reference(codec: &mut dyn DynCodec, text: &[u8]) {
    let arena = Arena::new();
    let mut frame = text.to_vec();
    // The codec keeps the borrow of its frame for as long as the value lives, so the check of the frame comes after.
    match codec.decode(&mut frame, &arena) {
        Ok(None) => assert!(text.trim_ascii().is_empty()),
        Ok(Some(value)) => {
            if let Some(reference) = reference(text) {
                assert!(same(value, &reference), "{value:?} is not {reference:?}");
            }
            reads_back(codec, value);
        }
        Err(error) => is_fair(text, error.message()),
    }
    assert_eq!(frame, text, "the frame was written to");
}

/// What serde_json makes of a text; none if it is nested deeper than serde_json goes.
fn reference(text: &[u8]) -> Option<Reference> {
    match serde_json::from_slice(text) {
        Ok(reference) => Some(reference),
        Err(error) if error.to_string().contains("recursion limit") => None,
        Err(error) => panic!("serde_json refuses it: {error}"),
    }
}

/// A refusal names a byte within the text, and serde_json refuses the text too.
fn is_fair(text: &[u8], message: &str) {
    let at = message.split("at byte ").nth(1);
    let digits = at.and_then(|at| at.split(':').next());
    let at: usize = digits.unwrap_or_default().parse().expect(message);
    assert!(at <= text.len(), "{message}");
    // serde_json makes a float of an integer beyond 64 bits.
    let too_large = message.contains("the integer does not fit 64 bits");
    let refused = serde_json::from_slice::<Reference>(text).is_err();
    assert!(refused || too_large, "serde_json takes it: {message}");
}

/// Both ways of writing a value read back as the same value.
fn reads_back(codec: &mut dyn DynCodec, value: Value<'_>) {
    let (mut written, mut spliced) = (Vec::new(), Vec::new());
    value.write_json(&mut written);
    codec.encode(value, &mut spliced).unwrap();
    for text in [&mut written, &mut spliced] {
        assert!(!text.contains(&b'\n') && !text.contains(&b'\r'));
        let arena = Arena::new();
        let again = codec.decode(text, &arena).unwrap().unwrap();
        assert_eq!(again, value);
        for (again, value) in nested(again).zip(nested(value)) {
            let text = value.source_text().map(|text| text.to_vec());
            let Some(mut text) = text else { continue };
            let arena = Arena::new();
            assert_eq!(codec.decode(&mut text, &arena).unwrap(), Some(again));
        }
    }
}

/// The values directly below a value.
fn nested<'a>(value: Value<'a>) -> Box<dyn Iterator<Item = Value<'a>> + 'a> {
    match value.view() {
        View::Array(items) => Box::new(items.iter()),
        View::Object(fields) => Box::new(fields.iter().map(|(_, value)| value)),
        _ => Box::new(std::iter::empty()),
    }
}

fn same(value: Value<'_>, reference: &Reference) -> bool {
    match (value.view(), reference) {
        (View::Null, Reference::Null) => true,
        (View::Bool(a), Reference::Bool(b)) => a == *b,
        (View::Str(a), Reference::String(b)) => a == b,
        // The one integer that serde_json reads as a float is `-0`.
        (View::I64(a), Reference::Number(b)) => {
            b.as_i64() == Some(a) || a == 0 && b.as_f64() == Some(0.0)
        }
        (View::U64(a), Reference::Number(b)) => b.as_u64() == Some(a),
        (View::F64(a), Reference::Number(b)) => {
            b.is_f64() && b.as_f64().map(f64::to_bits) == Some(a.to_bits())
        }
        (View::Array(a), Reference::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (View::Object(a), Reference::Object(b)) => {
            let field = |(key, value)| b.get(key).is_some_and(|b| same(value, b));
            a.len() == b.len() && a.iter().all(field)
        }
        _ => false,
    }
}

/// What a preprocessor hands over: frames, and the messages of frames that it could not.
pub type Frames = Vec<Result<Vec<u8>, String>>;

/// A preprocessor, called as Rust and through the C ABI.
pub fn preprocessors(name: &str, config: &str) -> [Box<dyn DynPreprocessor>; 2] {
    let entry = entry(Kind::Preprocessor, name);
    let native = entry.make_preprocessor(config).unwrap();
    [native, entry.describe().preprocessor(config).unwrap()]
}

/// A postprocessor.
pub fn postprocessor(name: &str, config: &str) -> Box<dyn DynPostprocessor> {
    entry(Kind::Postprocessor, name)
        .make_postprocessor(config)
        .unwrap()
}

/// What a postprocessor makes of an event.
pub fn made(step: &mut dyn DynPostprocessor, event: &[u8]) -> Vec<u8> {
    let mut out = b"before".to_vec();
    step.process(event, &mut out).unwrap();
    out.split_off(6)
}

/// Runs a stream in pieces, which end at `cuts`, to its end.
pub fn frames(step: &mut dyn DynPreprocessor, stream: &[u8], cuts: &[usize]) -> Frames {
    let mut start = 0;
    let ends = cuts.iter().copied().chain([stream.len()]);
    let pieces: Vec<_> = ends
        .map(|end| {
            let end = end.clamp(start, stream.len());
            &stream[std::mem::replace(&mut start, end)..end]
        })
        .collect();
    frames_of(step, &pieces)
}

/// Runs pieces of a stream to its end.
pub fn frames_of(step: &mut dyn DynPreprocessor, pieces: &[&[u8]]) -> Frames {
    let mut found = Vec::new();
    let mut take = |frame: Frame<'_, '_>| {
        found.push(match frame {
            Frame::Part(bytes) | Frame::Made(bytes) => Ok(bytes.to_vec()),
            Frame::Failed(error) | Frame::FailedPart(_, error) => Err(error.message().to_owned()),
        });
    };
    let mut sink = FrameSink::new(&mut take);
    for piece in pieces {
        if let Err(error) = step.process(piece, &mut sink) {
            sink.failed(&error);
        }
    }
    if let Err(error) = step.finish(&mut sink) {
        sink.failed(&error);
    }
    assert_eq!(step.held(), 0, "nothing is kept beyond the end");
    found
}

/// Wherever a stream is cut, the same frames come out, and they are those of the definition.
pub fn separate_is_blind_to_cuts(stream: &[u8], cuts: &[usize], max_length: usize) {
    let mut expected: Vec<&[u8]> = stream.split(|byte| *byte == b'\n').collect();
    expected.pop_if(|last| last.is_empty());
    let config = format!(r#"{{"max_length": {max_length}}}"#);
    for mut separate in separators(&config) {
        let found = frames(separate.as_mut(), stream, cuts);
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(&expected) {
            match found {
                Ok(frame) => assert_eq!(frame, expected),
                Err(message) => {
                    assert!(expected.len() > max_length);
                    assert!(message.contains(&format!("frame of {} bytes", expected.len())));
                    assert!(message.contains(&format!("which is {max_length}\n")));
                }
            }
            assert_eq!(found.is_err(), expected.len() > max_length);
        }
    }
}
