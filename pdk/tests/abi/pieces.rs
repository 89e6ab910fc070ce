//! Processors that know of time, and postprocessors that make any number of frames of an event.

use std::cell::Cell;

use temblor_pdk::schemars::JsonSchema;
use temblor_pdk::serde::Deserialize;
use temblor_pdk::{
    DynPostprocessor, DynPreprocessor, ErrorKind, Frame, FrameSink, Kind, Postprocessor,
    Preprocessor, ProcessorInfo, Result, register,
};

use super::{MODES, Mode, entry};

#[derive(Deserialize, JsonSchema)]
#[serde(crate = "temblor_pdk::serde", deny_unknown_fields)]
#[schemars(crate = "temblor_pdk::schemars")]
struct Config {}

/// Gives every frame the time that its first byte adds.
struct Later;

impl Preprocessor for Later {
    type Config = Config;
    const INFO: ProcessorInfo = ProcessorInfo {
        name: "later",
        summary: "Does what the test says.",
        example: "{}",
    };

    fn new(_config: Config) -> Result<Self> {
        Ok(Later)
    }

    fn process<'a>(&mut self, piece: &'a [u8], out: &mut FrameSink<'_, 'a>) -> Result<()> {
        let came_in = out.ingest_ns();
        for frame in piece.chunks(2) {
            out.came_in(came_in + u64::from(frame[0] - b'0'));
            out.part(frame);
        }
        Ok(())
    }
}

register!(preprocessor Later);

/// Keeps words until it is flushed, and puts the time before each.
#[derive(Default)]
struct Words {
    kept: Vec<u8>,
    ends: Vec<usize>,
    said: Vec<usize>,
    ingest_ns: u64,
}

impl Postprocessor for Words {
    type Config = Config;
    const INFO: ProcessorInfo = ProcessorInfo {
        name: "words",
        summary: "Does what the test says.",
        example: "{}",
    };

    fn new(_config: Config) -> Result<Self> {
        Ok(Words::default())
    }

    fn came_in(&mut self, ingest_ns: u64) {
        assert!(ingest_ns != 13, "thirteen panics");
        self.ingest_ns = ingest_ns;
    }

    fn process(&mut self, bytes: &[u8], _out: &mut Vec<u8>) -> Result<()> {
        for word in bytes.split(|byte| *byte == b' ') {
            self.kept.extend(
                self.ingest_ns
                    .to_string()
                    .bytes()
                    .chain(word.iter().copied()),
            );
            self.ends.push(self.kept.len());
        }
        self.said.clear();
        Ok(())
    }

    fn flush(&mut self, out: &mut Vec<u8>) -> Result<()> {
        out.append(&mut self.kept);
        self.said = std::mem::take(&mut self.ends);
        Ok(())
    }

    fn ends(&self) -> Option<&[usize]> {
        Some(&self.said)
    }
}

register!(postprocessor Words);

fn later(mode: Mode) -> Box<dyn DynPreprocessor> {
    let entry = entry(Kind::Preprocessor, "later");
    let made = match mode {
        Mode::Native => entry.make_preprocessor("{}"),
        Mode::Abi => entry.describe().preprocessor("{}"),
    };
    made.expect("a preprocessor")
}

fn postprocessor(mode: Mode, name: &str) -> Box<dyn DynPostprocessor> {
    let entry = entry(Kind::Postprocessor, name);
    let made = match mode {
        Mode::Native => entry.make_postprocessor("{}"),
        Mode::Abi => entry.describe().postprocessor("{}"),
    };
    made.expect("a postprocessor")
}

#[test]
fn frames_have_the_times_that_a_preprocessor_gives_them() {
    for mode in MODES {
        let time = Cell::new(1_000);
        let mut told = Vec::new();
        let mut take = |frame: Frame<'_, '_>| match frame {
            Frame::Part(bytes) => told.push((bytes.to_vec(), time.get())),
            other => panic!("{other:?}"),
        };
        let mut sink = FrameSink::new(&mut take).with_time(&time);
        later(mode).process(b"1a2b", &mut sink).expect("frames");
        let expected = [(b"1a".to_vec(), 1_001), (b"2b".to_vec(), 1_002)];
        assert_eq!(told, expected, "{mode:?}");
    }
}

#[test]
fn a_host_that_knows_no_time_says_zero() {
    for mode in MODES {
        let mut take = |_: Frame<'_, '_>| ();
        let mut sink = FrameSink::new(&mut take);
        later(mode).process(b"1a", &mut sink).expect("frames");
        assert_eq!(sink.ingest_ns(), 0, "{mode:?}");
    }
}

#[test]
fn any_number_of_frames_comes_of_an_event() {
    for mode in MODES {
        let mut words = postprocessor(mode, "words");
        let mut out = b"before".to_vec();
        words.came_in(7);
        words.process(b"a bc", &mut out).expect("kept");
        assert_eq!(
            (out.as_slice(), words.ends()),
            (&b"before"[..], Some(&[][..]))
        );
        words.came_in(8);
        words.process(b"d", &mut out).expect("kept");
        words.flush(&mut out).expect("words");
        assert_eq!(out, b"before7a7bc8d", "{mode:?}");
        assert_eq!(words.ends(), Some(&[2, 5, 7][..]), "{mode:?}");
    }
}

#[test]
fn what_a_postprocessor_does_not_say_is_one_frame() {
    for mode in MODES {
        let mut brackets = postprocessor(mode, "brackets");
        let mut out = Vec::new();
        brackets.came_in(7);
        brackets.process(b"a", &mut out).expect("brackets");
        brackets.flush(&mut out).expect("nothing");
        assert_eq!((out.as_slice(), brackets.ends()), (&b"<a>"[..], None));
    }
}

#[test]
fn a_panic_over_the_time_is_contained() {
    for mode in MODES {
        let mut words = postprocessor(mode, "words");
        words.came_in(13);
        let error = words
            .process(b"a", &mut Vec::new())
            .expect_err("it is gone");
        assert_eq!(error.kind(), ErrorKind::Bug);
        assert_eq!(words.ends(), None, "{mode:?}");
    }
}
