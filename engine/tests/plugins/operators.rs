//! The same operator in each link mode.

use temblor_pdk::{
    Arena, DynOperator, ErrorKind, Event, Feedback, FeedbackKind, Kind, OperatorSink, Result, Value,
};
use temblor_registry::LinkMode;

use crate::plugins::{MODES, linked};

fn delay(mode: LinkMode, config: &str) -> Result<Box<dyn DynOperator>> {
    let entry = linked(mode).find(Kind::Operator, "fixture::delay").unwrap();
    assert_eq!(entry.link_mode(), mode);
    entry.make_operator(config)
}

/// Runs `work` with a sink and says what came, and what went wrong.
fn came<'a>(work: impl FnOnce(&mut OperatorSink<'_, 'a>) -> Result<()>) -> Vec<String> {
    let mut came = Vec::new();
    let mut take = |output, event: Event<'a>| came.push(format!("{output} {:?}", event.data));
    let result = work(&mut OperatorSink::new(&mut take));
    came.extend(result.err().map(|error| error.to_string()));
    came
}

#[test]
fn events_go_in_and_come_out() {
    for mode in MODES {
        let mut operator = delay(mode, r#"{"keep": 2}"#).unwrap();
        assert_eq!(operator.outputs(), ["out", "late"]);
        let mut told = Vec::new();
        for text in ["one", "two", "three", "four"] {
            // What it keeps, it keeps in its own memory.
            let (arena, text) = (Arena::new(), text.repeat(1000));
            let event = Event::new(arena.array(&[Value::from(&*text)]));
            told.extend(came(|out| operator.on_event("side", event, &arena, out)));
        }
        let arena = Arena::new();
        let null = Event::new(Value::NULL);
        told.extend(came(|out| operator.on_event("in", null, &arena, out)));
        assert_eq!(operator.held(), 2);
        told.extend(came(|out| operator.on_tick(5, &arena, out)));
        told.extend(came(|out| operator.finish(&arena, out)));
        assert_eq!(operator.held(), 0);
        let said = |output, port, text: &str| {
            let text = text.repeat(1000);
            format!(r#"{output} {{"port": "{port}", "event": ["{text}"]}}"#)
        };
        let expected = [
            said(0, "side", "one"),
            said(0, "side", "two"),
            "null cannot be kept".to_owned(),
            said(1, "tick", "three"),
            said(0, "finish", "four"),
        ];
        assert_eq!(told, expected, "{mode}");
    }
}

#[test]
fn feedback_is_heard() {
    for mode in MODES {
        let mut operator = delay(mode, r#"{"keep": 2}"#).unwrap();
        assert!(operator.wants_feedback());
        for (kind, paused) in [
            (FeedbackKind::Ack { latency_ns: 1 }, false),
            (FeedbackKind::Open, false),
            (FeedbackKind::Fail, true),
        ] {
            operator.on_feedback(&Feedback {
                output: 1,
                kind,
                now_ns: 2,
            });
            assert_eq!(operator.paused(), paused, "{mode}");
        }
    }
}

#[test]
fn configurations_are_refused() {
    for mode in MODES {
        for (config, reason) in [
            ("null", "it needs a configuration: missing field `keep`"),
            (r#"{"keep": 1, "more": 2}"#, "unknown field `more`"),
        ] {
            let error = delay(mode, config).err().unwrap();
            assert_eq!(error.kind(), ErrorKind::Config);
            assert!(error.message().starts_with(reason), "{mode}: {error}");
        }
    }
}

#[test]
fn panics_stay_where_they_are() {
    let (arena, event) = (Arena::new(), Event::new(Value::from(1)));
    let feedback = Feedback {
        output: 0,
        kind: FeedbackKind::Fail,
        now_ns: 0,
    };
    for mode in MODES {
        let made = |place| delay(mode, &format!(r#"{{"keep": 0, "panic_in": "{place}"}}"#));
        let panicked = |place| vec![format!("panicked: told to panic in {place}")];
        let error = made("new").err().unwrap();
        assert_eq!(error.message(), panicked("New")[0]);
        let mut operator = made("event").unwrap();
        let told = came(|out| operator.on_event("in", event, &arena, out));
        assert_eq!(told, panicked("Event"), "{mode}");
        let told = came(|out| operator.on_tick(0, &arena, out));
        assert_eq!(told, ["it has panicked before"]);
        let mut operator = made("tick").unwrap();
        let told = came(|out| operator.on_tick(0, &arena, out));
        assert_eq!(told, panicked("Tick"));
        let mut operator = made("feedback").unwrap();
        operator.on_feedback(&feedback);
        let told = came(|out| operator.on_event("in", event, &arena, out));
        assert_eq!(told, ["it has panicked before"]);
        drop(made("drop"));
        // A panic of the host's, below the plugin.
        let mut operator = made("none").unwrap();
        let mut take = |_: u32, _: Event<'_>| panic!("the host panics");
        let mut sink = OperatorSink::new(&mut take);
        let error = operator
            .on_event("in", event, &arena, &mut sink)
            .unwrap_err();
        assert_eq!(error.message(), "panicked: the host panics", "{mode}");
    }
}
