//! The built-in operators, as tables of what is done to one and what it does, with times given by hand.
//!
//! Every table is run twice, called as Rust and through the C ABI.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod bucket;
mod qos;
mod simple;

use temblor_lang::{OPERATORS, builtin_operator};
use temblor_pdk::{
    Arena, DynOperator, ErrorKind, Event, Feedback, FeedbackKind, Kind, OperatorSink, OwnedValue,
    Result, Value, entries, serde_json,
};

/// An operator under test, in one way of calling it.
struct Subject {
    operator: Box<dyn DynOperator>,
    outputs: Vec<String>,
    events: u32,
}

fn subjects(name: &str, config: &str) -> [Subject; 2] {
    let entry = builtin_operator(name).unwrap();
    let made = [
        entry.make_operator(config),
        entry.describe().operator(config),
    ];
    made.map(|operator| {
        let operator = operator.unwrap();
        let outputs = operator.outputs();
        Subject {
            operator,
            outputs,
            events: 0,
        }
    })
}

/// Runs a table in both ways. A line is a time in nanoseconds, what is done and what comes of it, split by `=>`.
///
/// | what is done | |
/// |---|---|
/// | `event DATA` or `event DATA $ META` | an event comes in, the nth with id 1:2:n:3 |
/// | `tick`, `finish` | |
/// | `ack PORT LATENCY`, `fail PORT`, `open PORT`, `close PORT` | feedback |
/// | `paused`, `held` | is asked |
///
/// What comes of it is a list of `PORT DATA` or `PORT DATA $ META`, split by `;`.
fn run(name: &str, config: &str, table: &str) {
    for (mode, mut subject) in ["native", "abi"].iter().zip(subjects(name, config)) {
        let lines = table.lines().map(str::trim).filter(|line| !line.is_empty());
        for line in lines {
            let (done, expected) = line.split_once("=>").unwrap_or((line, ""));
            let (time, done) = done.trim().split_once(' ').unwrap();
            let now_ns = time.replace('_', "").parse().unwrap();
            let came = subject.step(now_ns, done.trim());
            assert_eq!(came, expected.trim(), "{name} {config}, {mode}: {line}");
        }
    }
}

impl Subject {
    fn step(&mut self, now_ns: u64, done: &str) -> String {
        let arena = Arena::new();
        let (word, rest) = done.split_once(' ').unwrap_or((done, ""));
        match word {
            "event" => {
                let event = self.event(now_ns, rest, &arena);
                self.sent(|operator, out| operator.on_event("in", event, &arena, out))
            }
            "tick" => self.sent(|operator, out| operator.on_tick(now_ns, &arena, out)),
            "finish" => self.sent(|operator, out| operator.finish(&arena, out)),
            "paused" => self.operator.paused().to_string(),
            "held" => self.operator.held().to_string(),
            _ => {
                let feedback = self.feedback(now_ns, word, rest);
                self.operator.on_feedback(&feedback);
                String::new()
            }
        }
    }

    fn event<'a>(&mut self, now_ns: u64, text: &str, arena: &'a Arena) -> Event<'a> {
        let (data, meta) = text.split_once(" $ ").unwrap_or((text, "null"));
        let value = |json| arena.value(&serde_json::from_str::<OwnedValue>(json).unwrap());
        let mut event = Event::new(value(data));
        event.meta = value(meta);
        event.ingest_ns = now_ns;
        (event.id.source, event.id.stream, event.id.pull) = (1, 2, 3);
        event.id.event = self.events;
        self.events += 1;
        event
    }

    fn feedback(&self, now_ns: u64, word: &str, rest: &str) -> Feedback {
        let (port, latency) = rest.split_once(' ').unwrap_or((rest, "0"));
        let kind = match word {
            "ack" => FeedbackKind::Ack {
                latency_ns: latency.replace('_', "").parse().unwrap(),
            },
            "fail" => FeedbackKind::Fail,
            "open" => FeedbackKind::Open,
            "close" => FeedbackKind::Close,
            _ => panic!("no step `{word}`"),
        };
        let output = self.outputs.iter().position(|output| output == port);
        Feedback {
            output: output.unwrap() as u32,
            kind,
            now_ns,
        }
    }

    fn sent<'a>(
        &mut self,
        work: impl FnOnce(&mut dyn DynOperator, &mut OperatorSink<'_, 'a>) -> Result<()>,
    ) -> String {
        let mut came = Vec::new();
        let outputs = &self.outputs;
        let mut take = |output: u32, event: Event<'a>| {
            let mut said = format!("{} {}", outputs[output as usize], event.data.to_json());
            if !event.meta.is_null() {
                said += &format!(" $ {}", event.meta.to_json());
            }
            came.push(said);
        };
        work(&mut *self.operator, &mut OperatorSink::new(&mut take)).unwrap();
        came.join("; ")
    }
}

#[test]
fn all_of_them_are_registered() {
    let mut found: Vec<_> = entries()
        .filter(|entry| entry.kind() == Kind::Operator)
        .map(|entry| entry.name())
        .collect();
    found.sort_unstable();
    assert_eq!(found, OPERATORS);
    assert!(builtin_operator("generic::nothing").is_none());
}

#[test]
fn they_say_what_they_are() {
    for name in OPERATORS {
        let entry = builtin_operator(name).unwrap();
        let [native, abi] = subjects(name, entry.example());
        assert_eq!(native.outputs, abi.outputs);
        assert!(entry.summary().ends_with('.'), "{name}");
        let schema: serde_json::Value = serde_json::from_str(&entry.schema()).unwrap();
        assert_eq!(schema["type"], "object");
        assert!(schema["description"].is_string(), "{name}");
        let properties = schema["properties"]
            .as_object()
            .cloned()
            .unwrap_or_default();
        let described = |property: &serde_json::Value| property["description"].is_string();
        assert!(properties.values().all(described), "{name}: {schema}");
        let strict = schema["additionalProperties"] == false;
        assert_eq!(strict, name != "generic::counter");
    }
}

/// The reason why a configuration is refused; none if it is taken.
fn refusal(name: &str, config: &str) -> Option<String> {
    let entry = builtin_operator(name).unwrap();
    let made = [
        entry.make_operator(config),
        entry.describe().operator(config),
    ];
    let [native, abi] = made.map(Result::err);
    assert_eq!(native, abi);
    let error = native?;
    assert_eq!(error.kind(), ErrorKind::Config);
    Some(error.message().to_owned())
}

#[test]
fn configurations_are_checked() {
    let needs = "it needs a configuration: missing field";
    for (name, config, reason) in [
        ("passthrough", "null", ""),
        ("passthrough", r#"{"a": 1}"#, "unknown field `a`"),
        ("generic::counter", "{}", ""),
        ("generic::counter", r#"{"a": 1}"#, ""),
        ("grouper::bucket", "{}", ""),
        ("grouper::bucket", r#"{"rate": 1}"#, "unknown field `rate`"),
        ("generic::batch", "{}", &format!("{needs} `count`")),
        ("generic::batch", "null", &format!("{needs} `count`")),
        (
            "generic::batch",
            r#"{"timeout": 1}"#,
            "missing field `count`",
        ),
        ("generic::batch", r#"{"count": 1, "timeout": null}"#, ""),
        ("generic::batch", r#"{"count": 0}"#, "`count` is 0"),
        (
            "generic::batch",
            r#"{"count": -1}"#,
            "invalid value: integer `-1`",
        ),
        (
            "generic::batch",
            r#"{"count": "1"}"#,
            "invalid type: string \"1\"",
        ),
        (
            "generic::batch",
            r#"{"count": 1.5}"#,
            "invalid type: floating point",
        ),
        (
            "generic::batch",
            r#"{"count": 1, "size": 2}"#,
            "unknown field `size`",
        ),
        ("qos::backpressure", "{}", &format!("{needs} `timeout`")),
        ("qos::backpressure", r#"{"timeout": 1}"#, ""),
        (
            "qos::backpressure",
            r#"{"timeout": 1, "steps": []}"#,
            "`steps` is empty",
        ),
        (
            "qos::backpressure",
            r#"{"timeout": 1, "steps": ["1"]}"#,
            "invalid type",
        ),
        (
            "qos::backpressure",
            r#"{"timeout": 1, "method": "stop"}"#,
            "unknown variant `stop`",
        ),
        (
            "generic::backpressure",
            r#"{"timeout": 1, "method": "discard"}"#,
            "",
        ),
        ("generic::backpressure", "{}", &format!("{needs} `timeout`")),
        ("qos::percentile", "{}", &format!("{needs} `timeout`")),
        ("qos::percentile", r#"{"timeout": 1, "step_up": 1}"#, ""),
        (
            "qos::percentile",
            r#"{"timeout": 1, "steps": 1}"#,
            "unknown field `steps`",
        ),
        ("qos::roundrobin", "{}", &format!("{needs} `outputs`")),
        (
            "qos::roundrobin",
            r#"{"outputs": []}"#,
            "`outputs` is empty",
        ),
        (
            "qos::roundrobin",
            r#"{"outputs": ["a", 1]}"#,
            "invalid type: integer",
        ),
        ("debug::history", "{}", &format!("{needs} `op`")),
        ("debug::history", r#"{"op": "a"}"#, "missing field `name`"),
        (
            "debug::history",
            r#"{"op": "a", "name": 1}"#,
            "invalid type: integer",
        ),
    ] {
        let refused = refusal(name, config).unwrap_or_default();
        let fits = refused.starts_with(reason) && refused.is_empty() == reason.is_empty();
        assert!(fits, "{name} {config}: {refused:?}");
    }
}

#[test]
fn outputs_are_named() {
    for (name, config, outputs) in [
        ("passthrough", "{}", &["out"][..]),
        ("generic::counter", "{}", &["out"]),
        ("generic::batch", r#"{"count": 1}"#, &["out"]),
        ("debug::history", r#"{"op": "a", "name": "b"}"#, &["out"]),
        ("grouper::bucket", "{}", &["out", "overflow", "err"]),
        (
            "qos::backpressure",
            r#"{"timeout": 1}"#,
            &["out", "overflow"],
        ),
        ("qos::percentile", r#"{"timeout": 1}"#, &["out", "overflow"]),
        (
            "qos::roundrobin",
            r#"{"outputs": ["b", "a"]}"#,
            &["b", "a", "overflow"],
        ),
    ] {
        for subject in subjects(name, config) {
            assert_eq!(subject.outputs, outputs, "{name}");
            let wanted = name.starts_with("qos::");
            assert_eq!(subject.operator.wants_feedback(), wanted, "{name}");
            let leads_around = name == "qos::roundrobin";
            assert_eq!(subject.operator.routes_around(), leads_around, "{name}");
        }
    }
}

/// Those that keep nothing of an event allocate nothing for it.
#[test]
fn an_event_allocates_nothing() {
    let arena = Arena::new();
    let meta: OwnedValue =
        serde_json::from_str(r#"{"class": "a", "rate": 5, "dimensions": ["x", 1]}"#).unwrap();
    for (name, config) in [
        ("passthrough", "{}"),
        ("generic::counter", "{}"),
        ("grouper::bucket", "{}"),
        ("debug::history", r#"{"op": "a", "name": "b"}"#),
        ("qos::backpressure", r#"{"timeout": 1}"#),
        ("qos::percentile", r#"{"timeout": 1}"#),
        ("qos::roundrobin", r#"{"outputs": ["a", "b"]}"#),
    ] {
        for mut subject in subjects(name, config) {
            let mut event = Event::new(Value::from("data"));
            event.meta = arena.value(&meta);
            let mut came = 0;
            let mut take = |_: u32, _: Event<'_>| came += 1;
            let mut sink = OperatorSink::new(&mut take);
            let mut send = |times: u64| {
                for _ in 0..times {
                    event.ingest_ns += 1;
                    let done = subject.operator.on_event("in", event, &arena, &mut sink);
                    assert_eq!(done, Ok(()));
                }
            };
            send(10);
            let spent = allocation_counter::measure(|| send(50));
            assert_eq!(spent.count_total, 0, "{name}");
            assert_eq!(came, 60);
        }
    }
}
