//! Codecs and processors, called as Rust and through the C ABI.

use temblor_pdk::schemars::JsonSchema;
use temblor_pdk::serde::Deserialize;
use temblor_pdk::{
    Arena, Codec, DynCodec, DynPostprocessor, DynPreprocessor, Error, ErrorKind, Field, Frame,
    FrameSink, Kind, Postprocessor, Preprocessor, ProcessorInfo, Result, Value, register,
};

use super::{MODES, Mode, entry};

/// Where it panics.
#[derive(Deserialize, JsonSchema, Default)]
#[serde(crate = "temblor_pdk::serde", deny_unknown_fields, default)]
#[schemars(crate = "temblor_pdk::schemars")]
pub(crate) struct Config {
    panic: String,
}

impl Config {
    fn at(&self, place: &str) {
        assert!(self.panic != place, "{place} panics");
    }
}

const fn info(name: &'static str) -> ProcessorInfo {
    ProcessorInfo {
        name,
        summary: "Does what the test says.",
        example: "{}",
    }
}

/// A number of `key=value` pairs, upper-cased in place.
pub(crate) struct Pairs(Config);

impl Codec for Pairs {
    type Config = Config;
    const INFO: ProcessorInfo = info("pairs");

    fn new(config: Config) -> Result<Self> {
        config.at("new");
        Ok(Pairs(config))
    }

    fn decode<'a>(&mut self, frame: &'a mut [u8], arena: &'a Arena) -> Result<Option<Value<'a>>> {
        self.0.at("decode");
        if frame.is_empty() {
            return Ok(None);
        }
        frame.make_ascii_uppercase();
        let text = std::str::from_utf8(frame).map_err(|e| Error::rejected(e.to_string()))?;
        let pairs = text.split(',').filter_map(|pair| pair.split_once('='));
        let fields: Vec<_> = pairs.map(|(k, v)| Field::new(k, Value::from(v))).collect();
        Ok(Some(arena.object(&fields)))
    }

    fn encode(&mut self, value: Value<'_>, out: &mut Vec<u8>) -> Result<()> {
        self.0.at("encode");
        out.extend_from_slice(b"half");
        let Some(record) = value.as_object() else {
            return Err(Error::rejected(format!(
                "{} is no record",
                value.type_name()
            )));
        };
        for (key, value) in record.iter() {
            out.extend_from_slice(format!("{key}={value:?};").as_bytes());
        }
        Ok(())
    }
}

impl Drop for Pairs {
    fn drop(&mut self) {
        self.0.at("drop");
    }
}

register!(codec Pairs);

/// Lines; keeps what has no end yet.
pub(crate) struct Lines(Config, Vec<u8>);

impl Preprocessor for Lines {
    type Config = Config;
    const INFO: ProcessorInfo = info("lines");

    fn new(config: Config) -> Result<Self> {
        Ok(Lines(config, Vec::new()))
    }

    fn process<'a>(&mut self, piece: &'a [u8], out: &mut FrameSink<'_, 'a>) -> Result<()> {
        self.0.at("process");
        for line in piece.split_inclusive(|b| *b == b'\n') {
            match line.strip_suffix(b"\n") {
                Some(b"bad") => out.failed(&Error::rejected("a bad line")),
                Some(bad @ b"bad part") => out.failed_part(bad, &Error::rejected("a bad part")),
                Some(b"stop") => return Err(Error::rejected("stopped")),
                Some(whole) if self.1.is_empty() => out.part(whole),
                Some(end) => {
                    self.1.extend_from_slice(end);
                    out.made(&std::mem::take(&mut self.1));
                }
                None => self.1.extend_from_slice(line),
            }
        }
        Ok(())
    }

    fn held(&self) -> usize {
        self.0.at("held");
        self.1.len()
    }

    fn finish(&mut self, out: &mut FrameSink<'_, '_>) -> Result<()> {
        self.0.at("finish");
        out.made(&std::mem::take(&mut self.1));
        Ok(())
    }
}

register!(preprocessor Lines);

/// Puts brackets around, and the number of events at the end.
pub(crate) struct Brackets(Config, usize);

impl Postprocessor for Brackets {
    type Config = Config;
    const INFO: ProcessorInfo = info("brackets");

    fn new(config: Config) -> Result<Self> {
        Ok(Brackets(config, 0))
    }

    fn process(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<()> {
        self.0.at("process");
        self.1 += 1;
        out.extend_from_slice(b"<");
        if bytes.is_empty() {
            return Err(Error::rejected("nothing in it"));
        }
        out.extend_from_slice(bytes);
        out.extend_from_slice(b">");
        Ok(())
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<()> {
        self.0.at("finish");
        out.extend_from_slice(self.1.to_string().as_bytes());
        Ok(())
    }
}

register!(postprocessor Brackets);

fn config(panic: &str) -> String {
    format!(r#"{{"panic":"{panic}"}}"#)
}

fn codec(mode: Mode, panic: &str) -> Result<Box<dyn DynCodec>> {
    let entry = entry(Kind::Codec, "pairs");
    match mode {
        Mode::Native => entry.make_codec(&config(panic)),
        Mode::Abi => entry.describe().codec(&config(panic)),
    }
}

fn preprocessor(mode: Mode, panic: &str) -> Box<dyn DynPreprocessor> {
    let entry = entry(Kind::Preprocessor, "lines");
    let made = match mode {
        Mode::Native => entry.make_preprocessor(&config(panic)),
        Mode::Abi => entry.describe().preprocessor(&config(panic)),
    };
    made.expect("a preprocessor")
}

fn postprocessor(mode: Mode, panic: &str) -> Box<dyn DynPostprocessor> {
    let entry = entry(Kind::Postprocessor, "brackets");
    let made = match mode {
        Mode::Native => entry.make_postprocessor(&config(panic)),
        Mode::Abi => entry.describe().postprocessor(&config(panic)),
    };
    made.expect("a postprocessor")
}

#[test]
fn codecs_decode_in_place_into_the_hosts_arena() {
    for mode in MODES {
        let mut codec = codec(mode, "").expect("a codec");
        let arena = Arena::new();
        let mut frame = b"a=b,c=d".to_vec();
        let place = frame.as_ptr() as usize;
        let value = codec
            .decode(&mut frame, &arena)
            .expect("decoded")
            .expect("a value");
        assert_eq!(format!("{value:?}"), r#"{"A": "B", "C": "D"}"#);
        let text = value.get("C").and_then(Value::as_str).expect("a string");
        assert_eq!(
            text.as_ptr() as usize,
            place + 6,
            "{mode:?}: a part of the frame"
        );
        assert!(matches!(codec.decode(&mut [], &arena), Ok(None)));
        let refused = codec.decode(&mut [0xff], &arena).expect_err("refused");
        assert_eq!(refused.kind(), ErrorKind::Rejected);
    }
}

#[test]
fn codecs_append_what_they_encode() {
    for mode in MODES {
        let mut codec = codec(mode, "").expect("a codec");
        let arena = Arena::new();
        let value = arena.object(&[Field::new("a", Value::from(1))]);
        let mut out = b"before ".to_vec();
        for _ in 0..2 {
            codec.encode(value, &mut out).expect("encoded");
        }
        assert_eq!(out, b"before halfa=1;halfa=1;", "{mode:?}");
        let refused = codec.encode(Value::NULL, &mut Vec::new());
        assert_eq!(refused, Err(Error::rejected("null is no record")));
    }
}

#[test]
fn encoding_allocates_nothing_once_it_is_warm() {
    let arena = Arena::new();
    for mode in MODES {
        let mut postprocessor = postprocessor(mode, "");
        let mut out = Vec::with_capacity(1000);
        let bytes = arena.copy_bytes(&[b'x'; 100]);
        let mut run = || {
            out.clear();
            postprocessor.process(bytes, &mut out).expect("processed");
        };
        run();
        let spent = allocation_counter::measure(|| (0..1000).for_each(|_| run()));
        assert_eq!(spent.count_total, 0, "{mode:?}");
    }
}

/// Runs `work` with a sink and says what came.
fn frames<'a>(work: impl FnOnce(&mut FrameSink<'_, 'a>) -> Result<()>) -> Vec<String> {
    let mut told = Vec::new();
    let mut take = |frame: Frame<'_, 'a>| {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        told.push(match frame {
            Frame::Part(bytes) => format!("part {}", text(bytes)),
            Frame::Made(bytes) => format!("made {}", text(bytes)),
            Frame::Failed(error) => format!("failed {:?} {error}", error.kind()),
            Frame::FailedPart(part, error) => {
                let part = String::from_utf8_lossy(part);
                format!("failed {part} {:?} {error}", error.kind())
            }
        });
    };
    let result = work(&mut FrameSink::new(&mut take));
    told.extend(result.err().map(|error| format!("error {error}")));
    told
}

#[test]
fn preprocessors_hand_over_parts_and_made_frames() {
    for mode in MODES {
        let mut lines = preprocessor(mode, "");
        let told = frames(|out| lines.process(b"one\nbad\n\nha", out));
        assert_eq!(told, ["part one", "failed Rejected a bad line", "part "]);
        assert_eq!(lines.held(), 2);
        assert_eq!(frames(|out| lines.process(b"lf\n", out)), ["made half"]);
        let told = frames(|out| lines.process(b"bad part\n", out));
        assert_eq!(told, ["failed bad part Rejected a bad part"]);
        assert_eq!(lines.held(), 0);
        let told = frames(|out| lines.process(b"two\nstop\nthree\n", out));
        assert_eq!(told, ["part two", "error stopped"], "{mode:?}");
        assert_eq!(frames(|out| lines.process(b"rest", out)), [""; 0]);
        assert_eq!(frames(|out| lines.finish(out)), ["made rest"]);
    }
}

#[test]
fn a_part_is_a_part_of_the_piece() {
    for mode in MODES {
        let mut lines = preprocessor(mode, "");
        let piece = b"one\ntwo\n".to_vec();
        let mut places = Vec::new();
        let mut take = |frame: Frame<'_, '_>| {
            if let Frame::Part(bytes) = frame {
                places.push(bytes.as_ptr() as usize - piece.as_ptr() as usize);
            }
        };
        let done = lines.process(&piece, &mut FrameSink::new(&mut take));
        assert_eq!(done, Ok(()));
        assert_eq!(places, [0, 4], "{mode:?}");
    }
}

#[test]
fn a_host_that_panics_while_it_takes_a_frame() {
    for mode in MODES {
        let mut lines = preprocessor(mode, "");
        let mut taken = 0;
        let mut take = |_: Frame<'_, '_>| {
            taken += 1;
            panic!("the host panics");
        };
        let done = lines.process(b"one\ntwo\nbad\n", &mut FrameSink::new(&mut take));
        let error = done.expect_err("a panic is an error");
        assert_eq!(
            (error.kind(), error.message()),
            (ErrorKind::Bug, "panicked: the host panics")
        );
        assert_eq!(taken, 1, "{mode:?}");
    }
}

#[test]
fn postprocessors_append() {
    for mode in MODES {
        let mut brackets = postprocessor(mode, "");
        let mut out = b"=".to_vec();
        assert_eq!(brackets.process(b"a", &mut out), Ok(()));
        assert_eq!(brackets.process(b"b", &mut out), Ok(()));
        assert_eq!(out, b"=<a><b>");
        let refused = brackets.process(b"", &mut Vec::new());
        assert_eq!(refused, Err(Error::rejected("nothing in it")));
        assert_eq!(brackets.finish(&mut out), Ok(()));
        assert_eq!(out, b"=<a><b>3", "{mode:?}");
    }
}

fn assert_panicked<T>(result: Result<T>, place: &str) {
    let error = result.err().expect("a panic is an error");
    assert_eq!(error.kind(), ErrorKind::Bug);
    assert_eq!(error.message(), format!("panicked: {place} panics"));
}

fn assert_poisoned<T>(result: Result<T>) {
    let error = result.err().expect("poisoned");
    assert_eq!(error.message(), "it has panicked before");
}

#[test]
fn panics_are_contained() {
    let arena = Arena::new();
    for mode in MODES {
        assert_panicked(codec(mode, "new").map(drop), "new");
        let mut it = codec(mode, "decode").expect("a codec");
        assert_panicked(it.decode(&mut [1], &arena), "decode");
        assert_poisoned(it.encode(Value::NULL, &mut Vec::new()));
        let mut it = codec(mode, "encode").expect("a codec");
        assert_panicked(it.encode(Value::NULL, &mut Vec::new()), "encode");
        assert_poisoned(it.decode(&mut [1], &arena));
        drop(codec(mode, "drop"));

        let mut it = preprocessor(mode, "process");
        let mut take = |_: Frame<'_, '_>| {};
        let mut sink = FrameSink::new(&mut take);
        assert_panicked(it.process(b"one\n", &mut sink), "process");
        assert_poisoned(it.finish(&mut sink));
        assert_eq!(it.held(), 0);
        assert_panicked(preprocessor(mode, "finish").finish(&mut sink), "finish");
        let held = preprocessor(mode, "held").held();
        assert!(held > 0, "to be on the safe side");

        let mut it = postprocessor(mode, "process");
        assert_panicked(it.process(b"x", &mut Vec::new()), "process");
        assert_poisoned(it.finish(&mut Vec::new()));
        let mut it = postprocessor(mode, "finish");
        assert_panicked(it.finish(&mut Vec::new()), "finish");
    }
}
