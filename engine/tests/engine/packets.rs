//! Postprocessors that make another number of frames than there are events, and processors that know of time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use serde_json::json;
use temblor::FlowReport;
use temblor_pdk::schemars::JsonSchema;
use temblor_pdk::serde::Deserialize;
use temblor_pdk::{
    Batch, Connector, ConnectorInfo, Context, Error, Fate, Fates, NoSource, Payload, Result,
    Settles, Sink, SinkInfo, register,
};

use crate::connectors::{lock, probe};
use crate::fates::fates_of;
use crate::support::{coded, counts, ended, engine, start, text, with};

#[derive(Deserialize, JsonSchema, Clone)]
#[serde(crate = "temblor_pdk::serde", deny_unknown_fields)]
#[schemars(crate = "temblor_pdk::schemars")]
struct Config {
    name: String,
    /// Refuses frames that contain this.
    #[serde(default)]
    refuse: Option<String>,
}

type Frames = Arc<Mutex<Vec<Vec<u8>>>>;

/// The frames that a sink of this name got.
fn frames(name: &str) -> Frames {
    static FRAMES: Mutex<Option<HashMap<String, Frames>>> = Mutex::new(None);
    let mut frames = lock(&FRAMES);
    let frames = frames.get_or_insert_default();
    Arc::clone(frames.entry(name.to_owned()).or_default())
}

/// Takes frames, and tells the fate of each on its own.
struct FrameTaker(Config);

impl Connector for FrameTaker {
    type Config = Config;
    type Source = NoSource;
    type Sink = FrameTaker;
    const INFO: ConnectorInfo = ConnectorInfo {
        name: "t_frames",
        summary: "A test connector.",
        example: r#"{"name": "x"}"#,
        source: None,
        sink: Some(SinkInfo {
            payload: Payload::Bytes,
            settles: Settles::Late,
        }),
    };

    fn new(config: Config, _: Context) -> Result<Self> {
        Ok(FrameTaker(config))
    }

    async fn create_sink(&mut self) -> Result<FrameTaker> {
        Ok(FrameTaker(self.0.clone()))
    }
}

register!(connector FrameTaker);

impl Sink for FrameTaker {
    async fn write(&mut self, batch: Batch, fates: Fates) -> Result<()> {
        for (at, event) in batch.events().iter().enumerate() {
            let bytes = event.data.as_bytes().unwrap_or_default().to_vec();
            let text = String::from_utf8_lossy(&bytes).into_owned();
            lock(&frames(&self.0.name)).push(bytes);
            match &self.0.refuse {
                Some(word) if text.contains(word) => {
                    fates.failed_range(at..at + 1, &Error::rejected("refused"));
                }
                _ => fates.acked_range(at..at + 1),
            }
        }
        Ok(())
    }
}

/// Runs numbers through postprocessors. Returns the report, the fates and the frames as text.
fn run(
    name: &str,
    sizes: &[u64],
    refuse: Option<&str>,
    postprocessors: &str,
) -> (FlowReport, Vec<Fate>, Vec<String>) {
    let (engine, _) = engine();
    let source = with("s", "t_numbers", &json!({ "probe": name, "pulls": sizes }));
    let more = format!("codec = \"json\", postprocessors = {postprocessors}");
    let config = json!({ "name": name, "refuse": refuse });
    let sink = coded("a", "t_frames", &config, &more);
    let links = ["connector/s -> connector/a"];
    let flow = start(&engine, &text(&[&source, &sink], &[], &links));
    let report = ended(&flow);
    let got = frames(name);
    let got = lock(&got);
    let text = got
        .iter()
        .map(|frame| String::from_utf8_lossy(frame).into_owned());
    (
        report,
        fates_of(&probe(name).fates(), sizes),
        text.collect(),
    )
}

const CHUNK: &str = r#"["separate", {"name": "chunk", "config": {"max_bytes": 18}}]"#;

#[test]
fn events_that_share_a_frame_are_all_delivered() {
    let (report, fates, frames) = run("packed", &[5, 1], None, CHUNK);
    let expected = [
        "{\"n\":0}\n{\"n\":1}\n",
        "{\"n\":2}\n{\"n\":3}\n",
        "{\"n\":4}\n",
        "{\"n\":5}\n",
    ];
    assert_eq!(frames, expected, "nothing waits for the next batch");
    assert_eq!(fates, [Fate::Acked; 6]);
    assert_eq!(counts(&report), [6, 6, 0, 0, 0, 0]);
}

#[test]
fn events_of_a_frame_that_is_refused_fail_with_their_batch() {
    let (report, fates, _) = run("packed_refused", &[5, 1], Some("\"n\":2"), CHUNK);
    assert_eq!(fates[..5], [Fate::Failed; 5]);
    assert_eq!(fates[5], Fate::Acked);
    assert_eq!(counts(&report), [6, 1, 5, 0, 0, 0]);
}

#[test]
fn an_event_that_is_refused_takes_no_other_with_it() {
    let small = r#"["separate", {"name": "chunk", "config": {"max_bytes": 8}}]"#;
    let (report, fates, frames) = run("packed_long", &[11], None, small);
    assert_eq!(frames.len(), 10, "the number 10 is one digit too long");
    assert_eq!(
        (&fates[..10], fates[10]),
        (&[Fate::Acked; 10][..], Fate::Failed)
    );
    assert_eq!(counts(&report), [11, 10, 1, 0, 0, 0]);
}

#[test]
fn an_event_in_many_frames_is_delivered_with_the_last() {
    let gelf = r#"[{"name": "gelf-chunking", "config": {"chunk_size": 16}}, "base64"]"#;
    let (report, fates, frames) = run("packed_gelf", &[2, 1], None, gelf);
    // `{"n":0}` fits into one.
    assert_eq!(frames.len(), 3);
    assert_eq!(fates, [Fate::Acked; 3]);
    assert_eq!(counts(&report), [3, 3, 0, 0, 0, 0]);
    let gelf = r#"["base64", {"name": "gelf-chunking", "config": {"chunk_size": 13}}]"#;
    let (_, fates, frames) = run("gelf_apart", &[2, 1], None, gelf);
    assert_eq!(frames.len(), 3, "twelve bytes fit");
    assert_eq!(fates, [Fate::Acked; 3]);
    let gelf = r#"["separate", "base64", {"name": "gelf-chunking", "config": {"chunk_size": 14}}, "separate"]"#;
    let (_, fates, frames) = run("gelf_lines", &[1], None, gelf);
    assert_eq!(frames.len(), 1);
    assert_eq!(fates, [Fate::Acked]);
    let long = r#"["base64", "base64", "base64", {"name": "gelf-chunking", "config": {"chunk_size": 16}}]"#;
    let (report, fates, frames) = run("gelf_long", &[1, 1], Some("\u{1e}\u{f}"), long);
    assert!(frames.len() > 10 && frames.iter().all(|frame| frame.len() <= 20));
    assert_eq!(fates, [Fate::Failed; 2]);
    assert_eq!(counts(&report), [2, 0, 2, 0, 0, 0]);
}

/// A frame that is refused behind a postprocessor that collects held events of before, which must not count as
/// delivered.
#[test]
fn a_refusal_behind_a_collector_fails_what_it_held() {
    let both = r#"[{"name": "collect", "config": {"max_bytes": 30}}, {"name": "chunk", "config": {"max_bytes": 20}}]"#;
    let (report, fates, frames) = run("packed_held", &[6], None, both);
    assert_eq!(frames, ["{\"n\":5}"]);
    assert_eq!(fates[..5], [Fate::Failed; 5]);
    assert_eq!(counts(&report), [6, 1, 5, 0, 0, 0]);
}

#[test]
fn times_come_and_go_with_the_bytes() {
    let (engine, _) = engine();
    let piece = b"\0\0\0\0\0\0\0\x07{\"n\":1}\n\x11\0\0\0\0\0\0\x08{\"n\":2}\nshort\n";
    probe("stamped").feed(&[piece]);
    let decoder = "codec = \"json\", preprocessors = [\"separate\", \"ingest-ns\"]";
    let source = coded("s", "t_pieces", &json!({ "probe": "stamped" }), decoder);
    let encoder = "codec = \"json\", postprocessors = [\"ingest-ns\", \"separate\"]";
    let sink = coded("a", "t_frames", &json!({ "name": "stamped" }), encoder);
    let links = ["connector/s -> connector/a"];
    let flow = start(&engine, &text(&[&source, &sink], &[], &links));
    let report = ended(&flow);
    let got = lock(&frames("stamped")).concat();
    assert_eq!(got, piece[..32]);
    assert_eq!(counts(&report), [3, 2, 1, 0, 0, 0]);
}
