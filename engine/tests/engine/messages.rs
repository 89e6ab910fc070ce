//! Messages that are each a stream of their own: their source learns the fate of each, whatever it became.

use std::sync::Arc;

use serde_json::{Value as Json, json};
use temblor::FlowReport;
use temblor_pdk::Fate;

use crate::connectors::{lock, probe};
use crate::fates::fates_of;
use crate::support::{all, builder, coded, counts, ended, start, text, until, with};
use crate::talker::{NOTHING, Step, Talk, talk};
use Fate::{Acked as A, Failed as F};

type Pulls = &'static [&'static [&'static str]];

fn source(name: &str, pulls: Pulls, decoder: &str) -> (String, Arc<Talk>) {
    let talk = talk(name);
    let steps = pulls.iter().map(|messages| Step::Messages(messages));
    lock(&talk.steps).extend(steps);
    let source = coded("s", "t_talk", &json!({ "name": name }), decoder);
    (source, talk)
}

/// The fates of messages in their order, each once.
fn told(talk: &Talk, pulls: Pulls) -> Vec<Fate> {
    let sizes: Vec<u64> = pulls.iter().map(|messages| messages.len() as u64).collect();
    fates_of(&lock(&talk.fates), &sizes)
}

/// Runs messages through a pipeline, and records of what cannot be decoded through another.
fn run(
    name: &str,
    pulls: Pulls,
    decoder: &str,
    pipelines: [&str; 2],
) -> (FlowReport, Vec<Fate>, Vec<Json>) {
    let (mut builder, _) = builder();
    let (events, letters) = (builder.output("events"), builder.output("letters"));
    let engine = builder.build().unwrap();
    let (source, talk) = source(name, pulls, decoder);
    let connectors = [&source, "events from events", "letters from letters"];
    let links = [
        "connector/s -> pipeline/p",
        "pipeline/p -> connector/events",
        "connector/s/err -> pipeline/l",
        "pipeline/l -> connector/letters",
    ];
    let pipelines = [("p", pipelines[0]), ("l", pipelines[1])];
    let flow = start(&engine, &text(&connectors, &pipelines, &links));
    let reader = std::thread::spawn(move || all(&events));
    let letters = all(&letters);
    reader.join().unwrap();
    let letters = letters.iter().map(|l| serde_json::from_str(l).unwrap());
    (ended(&flow), told(&talk, pulls), letters.collect())
}

const PASS: &str = "select event from in into out;";
/// Fails for 0, and leaves out what is large.
const TWELFTHS: &str = "select 12 / event.n from in where event.n < 100 into out;";
const LINES: &str = "codec = \"json\", preprocessors = [\"separate\"]";

#[test]
fn each_message_of_a_pull_has_the_fate_of_its_events() {
    let pulls: Pulls = &[
        &[
            r#"{"n":1}"#,
            r#"{"n":"#,
            r#"{"n":0}"#,
            r#"{"n":200}"#,
            "{\"n\":2}\n{\"n\":0}\n{\"n\":3}",
            "",
            "{\"n\":4}\n{\"n\":5}",
            "{\"n\":6}\noops",
            "",
        ],
        &["", ""],
        &[r#"{"n":0}"#],
        &[r#"{"n":6}"#, r#"{"n":12}"#],
    ];
    let (report, fates, letters) = run("messages_lines", pulls, LINES, [TWELFTHS, PASS]);
    assert_eq!(fates[..9], [A, F, F, A, F, A, A, F, A]);
    assert_eq!(fates[9..], [A, A, F, A, A]);
    // Events are counted as they were decoded.
    assert_eq!(counts(&report), [14, 8, 5, 1, 0, 0]);
    let events = letters.iter().map(|letter| &letter["id"]["event"]);
    assert_eq!(events.collect::<Vec<_>>(), [1, 10]);
}

#[test]
fn messages_that_are_one_event_each_have_its_fate() {
    let pulls: Pulls = &[
        &[
            r#"{"n":1}"#,
            "x",
            r#"{"n":0}"#,
            r#"{"n":200}"#,
            r#"{"n":2}"#,
        ],
        &[r#"{"n":3}"#],
    ];
    let (report, fates, letters) = run(
        "messages_plain",
        pulls,
        "codec = \"json\"",
        [TWELFTHS, PASS],
    );
    assert_eq!(fates, [A, F, F, A, A, A]);
    assert_eq!(counts(&report), [6, 3, 2, 1, 0, 0]);
    assert_eq!(
        (&letters[0]["data"], &letters[0]["offset"]),
        (&json!("x"), &json!(0))
    );
}

#[test]
fn a_message_without_bytes_takes_no_fate_from_others() {
    let pulls: Pulls = &[&["1", NOTHING, "x", "2"], &[NOTHING]];
    let decoder = "codec = \"json\"";
    let (report, fates, _) = run("messages_nothing", pulls, decoder, [PASS, PASS]);
    assert_eq!(fates, [A, A, F, A, A]);
    assert_eq!(counts(&report), [5, 2, 1, 2, 0, 0]);
}

#[test]
fn codecs_begin_anew_with_each_message() {
    let pulls: Pulls = &[&["a", "b"], &["c"]];
    let firsts = "select event from in where event != \"1a\" and event != \"1b\" and event != \"1c\" into out;";
    let (report, _, _) = run(
        "messages_anew",
        pulls,
        "codec = \"t_count\"",
        [firsts, PASS],
    );
    assert_eq!(counts(&report), [3, 0, 0, 3, 0, 0]);
}

#[test]
fn a_codec_that_keeps_nothing_serves_all_messages_until_one_makes_it_panic() {
    let pulls: Pulls = &[&["a", "b"], &["c", "!", "d"], &["e"]];
    let decoder = "codec = \"t_claims\"";
    let kept = r#"select event from in
        where event == "1a" or event == "2b" or event == "3c" or event == "1d" or event == "2e" into out;"#;
    let (report, fates, letters) = run("messages_kept", pulls, decoder, [kept, PASS]);
    assert_eq!(fates, [A, A, A, F, A, A]);
    assert_eq!(counts(&report), [6, 5, 1, 0, 0, 0]);
    assert_eq!(letters.len(), 1);
}

#[test]
fn the_policy_for_what_cannot_be_decoded_counts_for_each_message() {
    let pulls: Pulls = &[&["{\"n\":1}\nx", "y", r#"{"n":2}"#], &["z"]];
    let picky = "select { \"n\": 1 / (event.id.`event` - 2) } from in into out;";
    let policy = |policy| format!("{LINES}, on_failure = \"{policy}\"");
    let (_, fates, _) = run("messages_drop", pulls, &policy("drop"), [PASS, picky]);
    assert_eq!(fates, [A; 4]);
    // The record of `y`, which is event 2 of its pull, fails.
    let letters = policy("dead_letter");
    let (report, fates, _) = run("messages_letters", pulls, &letters, [PASS, picky]);
    assert_eq!(fates, [A, F, A, A]);
    assert_eq!(report.counts.dead_lettered, 2);
}

#[test]
fn a_sink_that_tells_late_tells_of_messages() {
    let pulls: Pulls = &[&["1\n2", "", "3", "4\n5\n6", "7"]];
    let (engine, _) = crate::support::engine();
    let (source, talk) = source("messages_late", pulls, LINES);
    let late = with("a", "t_late", &json!({ "probe": "messages_late_sink" }));
    let links = ["connector/s -> connector/a"];
    let flow = start(&engine, &text(&[&source, &late], &[], &links));
    let sink = probe("messages_late_sink");
    until("all are taken", || lock(&sink.taken).len() == 1);
    let no = temblor_pdk::Error::rejected("no");
    {
        let taken = lock(&sink.taken);
        taken[0].1.failed_range(5..6, &no);
        taken[0].1.failed_range(1..2, &no);
        assert_eq!(told(&talk, pulls), []);
        taken[0].1.acked();
    }
    let report = ended(&flow);
    assert_eq!(told(&talk, pulls), [F, A, A, F, A]);
    assert_eq!(counts(&report), [7, 5, 2, 0, 0, 0]);
}

#[test]
fn a_window_that_is_refused_fails_the_messages_that_it_may_stand_for() {
    let pulls: Pulls = &[&["1", "", "2"], &["", "3", "4", ""], &["5", "6"]];
    let (engine, _) = crate::support::engine();
    let (source, talk) = source("messages_window", pulls, LINES);
    let sink = json!({ "probe": "messages_window_sink", "refuse": [4] });
    let pairs = "define window two from tumbling with size = 2 end;
        select { \"n\": aggr::win::last(event) } from in[two] into out;";
    let connectors = [source.as_str(), &with("a", "t_taker", &sink)];
    let links = ["connector/s -> pipeline/p", "pipeline/p -> connector/a"];
    let flow = start(&engine, &text(&connectors, &[("p", pairs)], &links));
    ended(&flow);
    // Nothing can be lost of what was no event.
    assert_eq!(told(&talk, pulls), [A, A, A, A, F, F, A, A, A]);
}
