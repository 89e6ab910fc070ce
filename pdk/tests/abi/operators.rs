//! Operators, called as Rust and through the C ABI.

use std::sync::Mutex;

use temblor_pdk::schemars::JsonSchema;
use temblor_pdk::serde::Deserialize;
use temblor_pdk::{
    Arena, DynOperator, Error, ErrorKind, Event, EventId, Feedback, FeedbackKind, Field, Kind,
    Operator, OperatorSink, OwnedValue, ProcessorInfo, Result, Value, register,
};

use super::{MODES, Mode, entry};

/// What the probe was told, by the name in its configuration.
static TOLD: Mutex<Vec<(String, Feedback)>> = Mutex::new(Vec::new());

#[derive(Deserialize, JsonSchema, Default)]
#[serde(crate = "temblor_pdk::serde", deny_unknown_fields, default)]
#[schemars(crate = "temblor_pdk::schemars")]
pub(crate) struct Config {
    panic: String,
    name: String,
    outputs: Vec<String>,
}

/// Sends every event to the output that it names, and keeps the one before.
pub(crate) struct Probe {
    config: Config,
    kept: Option<OwnedValue>,
}

impl Probe {
    fn at(&self, place: &str) {
        assert!(self.config.panic != place, "{place} panics");
    }
}

impl Operator for Probe {
    type Config = Config;
    const INFO: ProcessorInfo = ProcessorInfo {
        name: "probe::send",
        summary: "Does what the test says.",
        example: "{}",
    };

    fn new(config: Config) -> Result<Self> {
        if config.name == "bad" {
            return Err(Error::config("the name is bad"));
        }
        let probe = Probe { config, kept: None };
        probe.at("new");
        Ok(probe)
    }

    fn outputs(&self) -> Vec<String> {
        self.at("outputs");
        self.config.outputs.clone()
    }

    fn on_event<'a>(
        &mut self,
        port: &str,
        mut event: Event<'a>,
        arena: &'a Arena,
        out: &mut OperatorSink<'_, 'a>,
    ) -> Result<()> {
        self.at("on_event");
        if event.data == Value::from("refused") {
            return Err(Error::rejected("it is refused"));
        }
        let output = event.data.get("to").and_then(Value::as_u64).unwrap_or(0);
        let kept = self.kept.replace(event.data.to_owned_value());
        let kept = kept.map_or(Value::NULL, |kept| arena.value(&kept));
        event.data = arena.object(&[
            Field::new("port", Value::from(arena.str(port))),
            Field::new("before", kept),
            Field::new("event", event.data),
        ]);
        out.send(output as u32, event);
        if event.data.get("event") == Some(Value::from("twice")) {
            out.send(output as u32, event);
        }
        Ok(())
    }

    fn on_tick<'a>(
        &mut self,
        now_ns: u64,
        _: &'a Arena,
        out: &mut OperatorSink<'_, 'a>,
    ) -> Result<()> {
        self.at("on_tick");
        let mut event = Event::new(Value::from("tick"));
        event.ingest_ns = now_ns;
        out.send(0, event);
        Ok(())
    }

    fn finish<'a>(&mut self, arena: &'a Arena, out: &mut OperatorSink<'_, 'a>) -> Result<()> {
        self.at("finish");
        match self.kept.take() {
            Some(kept) => out.send(0, Event::new(arena.value(&kept))),
            None => return Err(Error::failed("nothing is left")),
        }
        Ok(())
    }

    fn on_feedback(&mut self, feedback: &Feedback) {
        self.at("on_feedback");
        let told = (self.config.name.clone(), *feedback);
        TOLD.lock().expect("no panic").push(told);
    }

    fn wants_feedback(&self) -> bool {
        self.at("wants_feedback");
        self.config.name == "told"
    }

    fn paused(&self) -> bool {
        self.at("paused");
        self.kept.is_some()
    }

    fn held(&self) -> usize {
        self.at("held");
        usize::from(self.kept.is_some())
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        self.at("drop");
    }
}

register!(operator Probe);

/// An operator that needs to be told something.
pub(crate) struct Needy;

#[derive(Deserialize, JsonSchema)]
#[serde(crate = "temblor_pdk::serde", deny_unknown_fields)]
#[schemars(crate = "temblor_pdk::schemars")]
#[expect(dead_code, reason = "only read")]
pub(crate) struct Needs {
    count: u32,
}

impl Operator for Needy {
    type Config = Needs;
    const INFO: ProcessorInfo = ProcessorInfo {
        name: "probe::needy",
        summary: "Passes events on.",
        example: r#"{"count": 1}"#,
    };

    fn new(_: Needs) -> Result<Self> {
        Ok(Needy)
    }

    fn on_event<'a>(
        &mut self,
        _: &str,
        event: Event<'a>,
        _: &'a Arena,
        out: &mut OperatorSink<'_, 'a>,
    ) -> Result<()> {
        out.send(0, event);
        Ok(())
    }
}

register!(operator Needy);

fn make(mode: Mode, name: &str, config: &str) -> Result<Box<dyn DynOperator>> {
    let entry = entry(Kind::Operator, name);
    match mode {
        Mode::Native => entry.make_operator(config),
        Mode::Abi => entry.describe().operator(config),
    }
}

fn probe(mode: Mode, panic: &str) -> Result<Box<dyn DynOperator>> {
    let config = format!(r#"{{"panic":"{panic}","outputs":["out","other"]}}"#);
    make(mode, "probe::send", &config)
}

/// Runs `work` with a sink and says what came.
fn sent<'a>(work: impl FnOnce(&mut OperatorSink<'_, 'a>) -> Result<()>) -> Vec<String> {
    let mut told = Vec::new();
    let mut take = |output: u32, event: Event<'a>| told.push(format!("{output} {:?}", event.data));
    let result = work(&mut OperatorSink::new(&mut take));
    told.extend(
        result
            .err()
            .map(|error| format!("{:?} {error}", error.kind())),
    );
    told
}

#[test]
fn events_are_made_in_the_callers_arena() {
    for mode in MODES {
        let mut operator = probe(mode, "").expect("an operator");
        assert_eq!(operator.outputs(), ["out", "other"]);
        assert!(!operator.paused() && !operator.wants_feedback());
        for (data, expected) in [
            (
                "one",
                vec![r#"0 {"port": "in", "before": null, "event": "one"}"#],
            ),
            (
                "twice",
                vec![r#"0 {"port": "in", "before": "one", "event": "twice"}"#; 2],
            ),
            ("refused", vec!["Rejected it is refused"]),
        ] {
            // The event and the arena go, what the operator keeps stays.
            let (arena, text) = (Arena::new(), data.to_owned());
            let told =
                sent(|out| operator.on_event("in", Event::new(Value::from(&*text)), &arena, out));
            assert_eq!(told, expected, "{mode:?}");
        }
        assert!(operator.paused());
        assert_eq!(operator.held(), 1);
        let arena = Arena::new();
        assert_eq!(
            sent(|out| operator.on_tick(5, &arena, out)),
            [r#"0 "tick""#]
        );
        assert_eq!(sent(|out| operator.finish(&arena, out)), [r#"0 "twice""#]);
        assert_eq!(
            sent(|out| operator.finish(&arena, out)),
            ["Failed nothing is left"]
        );
        assert_eq!(operator.held(), 0);
    }
}

#[test]
fn events_cross_whole() {
    for mode in MODES {
        let mut operator = make(mode, "probe::needy", r#"{"count":1}"#).expect("an operator");
        assert_eq!(operator.outputs(), ["out"]);
        let arena = Arena::new();
        let event = Event {
            data: arena.array(&[Value::from(1.5), Value::bytes(b"\xff")]),
            meta: arena.object(&[Field::new("class", Value::from("a"))]),
            id: EventId {
                source: 1,
                lane: 2,
                stream: 3,
                pull: 4,
                event: 5,
                flags: 1,
            },
            ingest_ns: u64::MAX,
        };
        let mut came = Vec::new();
        let mut take = |output: u32, event: Event<'_>| came.push((output, format!("{event:?}")));
        let done = operator.on_event("in", event, &arena, &mut OperatorSink::new(&mut take));
        assert_eq!(done, Ok(()));
        assert_eq!(came, [(0, format!("{event:?}"))], "{mode:?}");
    }
}

#[test]
fn an_event_needs_an_output() {
    let arena = Arena::new();
    let stray = arena.object(&[Field::new("to", Value::from(2))]);
    let fine = arena.object(&[Field::new("to", Value::from(1))]);
    for mode in MODES {
        let mut operator = probe(mode, "").expect("an operator");
        let told = sent(|out| operator.on_event("in", Event::new(stray), &arena, out));
        let refused = "Failed it sent an event to output 2 and has 2, counted from 0";
        assert_eq!(told, [refused], "{mode:?}");
        let told = sent(|out| operator.on_event("", Event::new(fine), &arena, out));
        assert!(told.len() == 1 && told[0].starts_with("1 "), "{told:?}");
    }
}

#[test]
fn feedback_crosses_whole() {
    for mode in MODES {
        let mut operator = make(mode, "probe::send", r#"{"name":"told"}"#).expect("an operator");
        assert!(operator.wants_feedback());
        assert_eq!(operator.outputs(), [""; 0]);
        let kinds = [
            FeedbackKind::Ack { latency_ns: 7 },
            FeedbackKind::Fail,
            FeedbackKind::Open,
            FeedbackKind::Close,
        ];
        let all = kinds.map(|kind| Feedback {
            output: 3,
            kind,
            now_ns: u64::MAX,
        });
        for feedback in &all {
            operator.on_feedback(feedback);
        }
        let told = std::mem::take(&mut *TOLD.lock().expect("no panic"));
        let told: Vec<Feedback> = told.into_iter().map(|(_, feedback)| feedback).collect();
        assert_eq!(told, all, "{mode:?}");
    }
}

#[test]
fn what_is_written_is_checked() {
    for mode in MODES {
        let refused = |name, config| {
            let error = make(mode, name, config).err().expect("refused");
            assert_eq!(error.kind(), ErrorKind::Config, "{mode:?}");
            error.message().to_owned()
        };
        for nothing in ["{}", "null", " {} "] {
            let message = refused("probe::needy", nothing);
            assert!(message.starts_with("it needs a configuration: missing field `count`"));
        }
        let message = refused("probe::needy", r#"{"count":1,"more":2}"#);
        assert!(message.starts_with("unknown field `more`"), "{message}");
        assert!(refused("probe::needy", r#"{"count":"1"}"#).starts_with("invalid type"));
        assert_eq!(
            refused("probe::send", r#"{"name":"bad"}"#),
            "the name is bad"
        );
        assert!(make(mode, "probe::send", "null").is_ok());
    }
    let entry = entry(Kind::Operator, "probe::send");
    let errors = [
        entry.make_codec("{}").err(),
        entry.describe().codec("{}").err(),
        entry.make_functions().err(),
        entry.describe().functions().err(),
    ];
    let message = |error: Option<Error>| error.map(|e| e.message().to_owned());
    let codec = Some("`probe::send` is not a codec".to_owned());
    let module = Some("`probe::send` is not a function module".to_owned());
    assert_eq!(
        errors.map(message),
        [codec.clone(), codec, module.clone(), module]
    );
}

#[test]
fn an_event_allocates_nothing_once_it_is_warm() {
    let arena = Arena::new();
    let event = Event::new(arena.value(&OwnedValue::Array(vec![OwnedValue::Null; 10])));
    for mode in MODES {
        let mut operator = make(mode, "probe::needy", r#"{"count":1}"#).expect("an operator");
        let mut came = 0;
        let mut take = |_: u32, _: Event<'_>| came += 1;
        let mut sink = OperatorSink::new(&mut take);
        let spent = allocation_counter::measure(|| {
            for _ in 0..1000 {
                let done = operator.on_event("in", event, &arena, &mut sink);
                assert_eq!(done, Ok(()));
                assert!(!operator.paused());
            }
        });
        assert_eq!(spent.count_total, 0, "{mode:?}");
        assert_eq!(came, 1000);
    }
}

fn assert_panicked<T>(result: Result<T>, place: &str) {
    let error = result.err().expect("a panic is an error");
    assert_eq!(error.kind(), ErrorKind::Bug);
    assert_eq!(error.message(), format!("panicked: {place} panics"));
}

#[test]
fn panics_are_contained() {
    let (arena, event) = (Arena::new(), Event::new(Value::NULL));
    let mut take = |_: u32, _: Event<'_>| {};
    let mut sink = OperatorSink::new(&mut take);
    for mode in MODES {
        for place in ["new", "outputs", "wants_feedback"] {
            assert_panicked(probe(mode, place).map(drop), place);
        }
        let mut it = probe(mode, "on_event").expect("an operator");
        assert_panicked(it.on_event("in", event, &arena, &mut sink), "on_event");
        let poisoned = it.on_tick(0, &arena, &mut sink).expect_err("poisoned");
        assert_eq!(poisoned.message(), "it has panicked before");
        assert_eq!((it.paused(), it.held()), (false, 0));
        assert_eq!(it.outputs(), ["out", "other"]);

        let mut it = probe(mode, "on_tick").expect("an operator");
        assert_panicked(it.on_tick(0, &arena, &mut sink), "on_tick");
        let mut it = probe(mode, "finish").expect("an operator");
        assert_panicked(it.finish(&arena, &mut sink), "finish");
        let mut it = probe(mode, "on_feedback").expect("an operator");
        it.on_feedback(&Feedback {
            output: 0,
            kind: FeedbackKind::Fail,
            now_ns: 0,
        });
        assert!(it.on_event("in", event, &arena, &mut sink).is_err());
        assert!(!probe(mode, "paused").expect("an operator").paused());
        let held = probe(mode, "held").expect("an operator").held();
        assert!(held > 0, "to be on the safe side");
        drop(probe(mode, "drop"));
    }
}

#[test]
fn a_host_that_panics_while_it_takes_an_event() {
    let (arena, event) = (Arena::new(), Event::new(Value::from("twice")));
    for mode in MODES {
        let mut operator = probe(mode, "").expect("an operator");
        let mut taken = 0;
        let mut take = |_: u32, _: Event<'_>| {
            taken += 1;
            panic!("the host panics");
        };
        let done = operator.on_event("in", event, &arena, &mut OperatorSink::new(&mut take));
        let error = done.expect_err("a panic is an error");
        assert_eq!(
            (error.kind(), error.message()),
            (ErrorKind::Bug, "panicked: the host panics")
        );
        assert_eq!(taken, 1, "{mode:?}");
    }
}
