//! Flows that cannot start: what is said, where, and that nothing is left running.

use std::sync::atomic::Ordering;

use serde_json::json;
use temblor::{StartError, StartErrorKind};

use crate::connectors::probe;
use crate::support::{engine, text, try_start, with};

/// The error of a flow, and the text that it points to.
fn refused(text: &str) -> (StartError, String) {
    let (engine, _) = engine();
    let error = try_start(&engine, text).unwrap_err();
    let place = error.span.map(|span| {
        let (start, end) = (span.start as usize, span.end as usize);
        text[start..end].to_owned()
    });
    (error, place.unwrap_or_default())
}

const LINK: &[&str] = &["connector/a -> connector/b"];

#[track_caller]
fn refuses(a: &str, b: &str, links: &[&str], message: &str, help: &str, place: &str) {
    let (error, at) = refused(&text(&[a, b], &[], links));
    assert_eq!(error.kind, StartErrorKind::Config, "{error}");
    assert!(error.message.contains(message), "{error}");
    let said = error.help.clone().unwrap_or_default();
    assert!(said.contains(help), "help: {said:?} of {error}");
    assert!(at.contains(place), "points to {at:?}: {error}");
}

#[test]
fn names_that_are_not_there() {
    let null = "b from `null`";
    refuses(
        "a from metronom",
        null,
        LINK,
        "`metronom`",
        "`metronome`",
        "metronom",
    );
    let codec = |name: &str| {
        format!(
            "a from file with config = {{\"path\": \"x\", \"mode\": \"read\"}}, codec = \"{name}\" end"
        )
    };
    refuses(&codec("jsn"), null, LINK, "`jsn`", "`json`", "jsn");
    let processor = "a from file with config = {\"path\": \"x\", \"mode\": \"read\"}, codec = \"json\", preprocessors = [\"seperate\"] end";
    refuses(
        processor,
        null,
        LINK,
        "`seperate`",
        "`separate`",
        "seperate",
    );
}

#[test]
fn sides_ports_and_codecs_that_do_not_fit() {
    let metronome = "a from metronome with config = {\"interval_ms\": 1} end";
    let null = "b from `null`";
    let back = &["connector/b -> connector/a"];
    refuses(metronome, null, back, "has no sink", "connectors show", "a");
    refuses(
        "a from `null`",
        null,
        LINK,
        "`null` has no source",
        "connectors show",
        "a",
    );
    refuses(
        metronome,
        metronome.replace("a from", "b from").as_str(),
        LINK,
        "has no sink",
        "",
        "b",
    );
    let port = &["connector/a/nowhere -> connector/b"];
    refuses(
        metronome,
        null,
        port,
        "no output port `nowhere`",
        "`out`",
        "nowhere",
    );
    let port = &["connector/a -> connector/b/nowhere"];
    refuses(
        metronome,
        null,
        port,
        "no input port `nowhere`",
        "`in`",
        "nowhere",
    );
    let file = "a from file with config = {\"path\": \"x\", \"mode\": \"read\"} end";
    refuses(file, null, LINK, "no codec", "codec = \"json\"", "a");
    let coded = "a from metronome with config = {\"interval_ms\": 1}, codec = \"json\" end";
    refuses(coded, null, LINK, "nothing to do", "leave it out", "json");
}

#[test]
fn configurations_that_connectors_refuse() {
    let null = "b from `null`";
    let metronome = |config: &str| format!("a from metronome with config = {config} end");
    refuses(
        &metronome("{\"interval_ms\": 0}"),
        null,
        LINK,
        "`interval_ms` is 0",
        "",
        "",
    );
    refuses(
        &metronome("{\"intervall_ms\": 1}"),
        null,
        LINK,
        "intervall_ms",
        "",
        "",
    );
    refuses(
        &metronome("{\"interval_ms\": \"x\"}"),
        null,
        LINK,
        "",
        "",
        "",
    );
    let separate = "a from file with config = {\"path\": \"x\", \"mode\": \"read\"}, codec = \"json\", preprocessors = [{\"name\": \"separate\", \"config\": {\"max_length\": 0}}] end";
    refuses(separate, null, LINK, "`max_length` is 0", "", "");
}

#[test]
fn whatever_fails_at_the_start_leaves_nothing_running() {
    for (place, kind) in [
        ("new", StartErrorKind::Connector),
        ("connect", StartErrorKind::Connector),
        ("create", StartErrorKind::Connector),
        ("start", StartErrorKind::Connector),
    ] {
        for how in ["fail_in", "panic_in"] {
            let (engine, _) = engine();
            let name = format!("start_{place}_{how}");
            let sink = format!("{name}_sink");
            // The sink is ready before the source, so it is the one that must be given up.
            let text = text(
                &[
                    &with(
                        "a",
                        "t_numbers",
                        &json!({ "probe": name, how: place, "then": "wait" }),
                    ),
                    &with("b", "t_taker", &json!({ "probe": sink })),
                ],
                &[],
                LINK,
            );
            let error = try_start(&engine, &text).unwrap_err();
            assert_eq!(error.kind, kind);
            assert!(error.message.contains("told to"), "{error}");
            assert!(error.message.contains("`a` (`t_numbers`)"), "{error}");
            for name in [name, sink] {
                assert_eq!(probe(&name).alive.load(Ordering::SeqCst), 0, "{name}");
                assert_eq!(probe(&name).pulls.load(Ordering::SeqCst), 0, "{name}");
            }
        }
    }
}
