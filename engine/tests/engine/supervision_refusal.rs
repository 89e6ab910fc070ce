//! What becomes of events that a sink refuses, or that a source cannot read.

use serde_json::{Value, json};
use temblor::{ConnectorState, FlowReport, StartErrorKind};

use crate::flaky::{Act, world};
use crate::support::{all, builder, coded, counts, ended, engine, start, text, try_start, until};

/// Writes 1, 2 and 3 one by one to a sink that does these things, with this `on_failure`; returns the report, the
/// records at `err`, and what was written.
fn refused(
    name: &str,
    acts: &[Act],
    on_failure: &Value,
    err: bool,
) -> (FlowReport, Vec<Value>, Vec<i64>) {
    let (mut builder, _) = builder();
    let output = builder.output("letters");
    let engine = builder.build().unwrap();
    let source = world(&format!("{name}_source"));
    let sink = world(name);
    sink.act("write", acts.iter().cloned());
    let from = format!(
        "s from t_flaky with config = {} end",
        json!({ "world": format!("{name}_source") })
    );
    let to = format!(
        "a from t_flaky with config = {}, on_failure = {on_failure}, reconnect = \"none\" end",
        json!({ "world": name })
    );
    let mut links = vec!["connector/s -> connector/a"];
    if err {
        links.push("connector/a/err -> connector/l");
    }
    let mut connectors = vec![from.as_str(), &to];
    if err {
        connectors.push("l from letters");
    }
    let flow = start(&engine, &text(&connectors, &[], &links));
    for n in 1..=3 {
        source.feed([n]);
        until("it has its fate", || {
            let counts = flow.report().counts;
            flow.is_ended() || counts.events_in == n as u64 && counts.in_flight == 0
        });
    }
    flow.drain();
    let report = ended(&flow);
    let letters = match err {
        true => all(&output),
        false => Vec::new(),
    };
    let letters = letters
        .iter()
        .map(|letter| serde_json::from_str(letter).unwrap());
    (report, letters.collect(), sink.written())
}

#[test]
fn refused_events_fail_unless_something_else_is_said() {
    let acts = [Act::Well, Act::Refuse];
    let (report, letters, written) = refused("r_fail", &acts, &json!("fail"), true);
    assert_eq!(counts(&report), [3, 2, 1, 0, 0, 0]);
    assert_eq!(written, [1, 3]);
    assert_eq!(letters.len(), 1, "{letters:?}");
    let letter = &letters[0];
    assert_eq!(letter["error"], "refused in write");
    assert_eq!(letter["stage"], "write");
    assert_eq!(
        (&letter["flow"], &letter["connector"]),
        (&json!("main"), &json!("a"))
    );
    assert_eq!(
        (&letter["source"], &letter["data"]),
        (&json!("s"), &json!({ "n": 2 }))
    );
    assert_eq!(
        letter["id"],
        json!({ "lane": 0, "stream": 0, "pull": 1, "event": 0 })
    );
    // Nobody has to read them.
    let (report, _, _) = refused("r_fail_unread", &acts, &json!("fail"), false);
    assert_eq!(counts(&report), [3, 2, 1, 0, 0, 0]);
}

#[test]
fn refused_events_can_be_dropped() {
    let acts = [Act::Refuse, Act::Well];
    let (report, _, written) = refused("r_drop", &acts, &json!("drop"), false);
    assert_eq!((report.counts.refused, report.counts.delivered), (1, 2));
    assert_eq!((report.counts.failed, written), (0, vec![2, 3]));
}

#[test]
fn the_record_of_a_dead_letter_has_the_fate_of_its_event() {
    let acts = [Act::Refuse, Act::Well, Act::Refuse];
    let (report, letters, written) = refused("r_dead", &acts, &json!("dead_letter"), true);
    assert_eq!(
        (report.counts.dead_lettered, report.counts.delivered),
        (2, 1)
    );
    assert_eq!((report.counts.failed, written), (0, vec![2]));
    let data: Vec<&Value> = letters.iter().map(|letter| &letter["data"]).collect();
    assert_eq!(data, [&json!({ "n": 1 }), &json!({ "n": 3 })]);
}

#[test]
fn refused_events_are_tried_again_first() {
    let retry = json!({ "retry": { "interval_ms": 1, "max_retries": 2 }, "then": "drop" });
    let acts = [Act::Refuse, Act::Refuse];
    let (report, _, written) = refused("r_retry", &acts, &retry, false);
    assert_eq!(counts(&report), [3, 3, 0, 0, 0, 0]);
    assert_eq!(written, [1, 2, 3]);
    let acts = [Act::Refuse, Act::Refuse, Act::Refuse];
    let (report, _, written) = refused("r_retry_out", &acts, &retry, false);
    assert_eq!((report.counts.refused, report.counts.delivered), (1, 2));
    assert_eq!(written, [2, 3]);
}

#[test]
fn what_a_sink_that_failed_never_took_is_not_dropped_but_can_be_a_dead_letter() {
    let acts = [Act::Well, Act::Fail];
    let (report, letters, written) = refused("r_failed", &acts, &json!("dead_letter"), true);
    assert_eq!(report.connectors[1].state, ConnectorState::Failed);
    assert_eq!(written, [1]);
    assert_eq!(report.counts.dead_lettered, report.counts.events_in - 1);
    assert_eq!(letters[0]["error"], "told to fail in write");
    let (report, _, _) = refused("r_failed_drop", &acts, &json!("drop"), false);
    assert_eq!(report.counts.refused, 0);
    assert_eq!(report.counts.failed, report.counts.events_in - 1);
}

#[test]
fn a_source_can_make_dead_letters_of_what_it_cannot_read() {
    for (policy, failed, refused, dead) in [
        ("fail", 1, 0, 0),
        ("drop", 0, 1, 0),
        ("dead_letter", 0, 0, 1),
    ] {
        let (mut builder, _) = builder();
        let output = builder.output("letters");
        let engine = builder.build().unwrap();
        let probe = crate::connectors::probe(policy);
        probe.feed(&[b"{\"n\":1}", b"{broken", b"{\"n\":2}"]);
        let more = format!("codec = \"json\", on_failure = \"{policy}\"");
        let config = json!({ "probe": policy });
        let links = &[
            "connector/s -> connector/d",
            "connector/s/err -> connector/l",
        ];
        let from = coded("s", "t_pieces", &config, &more);
        let flow = text(&[&from, "d from `null`", "l from letters"], &[], links);
        let report = ended(&start(&engine, &flow));
        let counts = report.counts;
        assert_eq!((counts.delivered, counts.failed), (2, failed), "{policy}");
        assert_eq!(
            (counts.refused, counts.dead_lettered),
            (refused, dead),
            "{policy}"
        );
        let letters = all(&output);
        assert_eq!(letters.len(), 1, "{policy}");
        assert!(letters[0].contains("{broken"), "{letters:?}");
    }
}

#[test]
fn policies_that_cannot_work_keep_a_flow_from_starting() {
    let (engine, _) = engine();
    for (side, policy, said) in [
        (
            "sink",
            json!("dead_letter"),
            "nothing is connected to its port `err`",
        ),
        (
            "source",
            json!("dead_letter"),
            "nothing is connected to its port `err`",
        ),
        (
            "source",
            json!({ "retry": { "interval_ms": 1, "max_retries": 1 } }),
            "is only read from",
        ),
    ] {
        let given = |at: &str| match at == side {
            true => format!(", on_failure = {policy}"),
            false => String::new(),
        };
        let config = json!({ "world": "policies" });
        let connector = |name: &str, at: &str| {
            format!(
                "{name} from t_flaky with config = {config}{} end",
                given(at)
            )
        };
        let links = &["connector/s -> connector/a"];
        let flow = text(
            &[&connector("s", "source"), &connector("a", "sink")],
            &[],
            links,
        );
        let error = try_start(&engine, &flow).unwrap_err();
        assert_eq!(error.kind, StartErrorKind::Config);
        assert!(
            error.message.contains(said) && error.help.is_some(),
            "{error}"
        );
    }
}

#[test]
fn records_of_a_sink_must_not_lead_back_to_it() {
    let (engine, _) = engine();
    let connector = |name: &str| {
        format!(
            "{name} from t_flaky with config = {} end",
            json!({ "world": "back" })
        )
    };
    for way in [
        &["connector/a/err -> connector/a"][..],
        &[
            "connector/a/err -> connector/b",
            "connector/b/err -> connector/a",
        ],
    ] {
        let links = [&["connector/s -> connector/a"], way].concat();
        let connectors = [connector("s"), connector("a"), connector("b")];
        let connectors: Vec<&str> = connectors.iter().map(String::as_str).collect();
        let error = try_start(&engine, &text(&connectors, &[], &links)).unwrap_err();
        assert!(error.message.contains("leads back to it"), "{error}");
    }
}
