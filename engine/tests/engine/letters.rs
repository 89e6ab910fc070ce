//! Records of events that failed: what arrives at a port `err`, and that the events fail all the same.

use std::time::Duration;

use serde_json::{Value, json};
use temblor::{EngineBuilder, FlowReport};
use temblor_pdk::schemars::JsonSchema;
use temblor_pdk::serde::Deserialize;
use temblor_pdk::{Arena, Error, Event, Operator, OperatorSink, ProcessorInfo, Result, register};

use crate::connectors::probe;
use crate::support::{all, builder, coded, counts, ended, start, text, with};

#[derive(Deserialize, JsonSchema, Default)]
#[serde(crate = "temblor_pdk::serde", deny_unknown_fields, default)]
#[schemars(crate = "temblor_pdk::schemars")]
struct Config {
    /// `fails`: keeps every event to the end, and fails there.
    at_the_end: String,
}

/// Cannot take events with an odd `n`.
struct Odd(Config, usize);

impl Operator for Odd {
    type Config = Config;

    const INFO: ProcessorInfo = ProcessorInfo {
        name: "t::odd",
        summary: "A test operator.",
        example: "{}",
    };

    fn new(config: Config) -> Result<Self> {
        Ok(Odd(config, 0))
    }

    fn on_event<'a>(
        &mut self,
        _port: &str,
        event: Event<'a>,
        _arena: &'a Arena,
        out: &mut OperatorSink<'_, 'a>,
    ) -> Result<()> {
        let n = event.data.get("n").and_then(|n| n.as_u64());
        if n.is_some_and(|n| n % 2 == 1) {
            return Err(Error::rejected("an odd number"));
        }
        match self.0.at_the_end.is_empty() {
            true => out.send(0, event),
            false => self.1 += 1,
        }
        Ok(())
    }

    fn finish<'a>(&mut self, _arena: &'a Arena, _out: &mut OperatorSink<'_, 'a>) -> Result<()> {
        match self.0.at_the_end.as_str() {
            "fails" => Err(Error::failed("told to fail at the end")),
            _ => Ok(()),
        }
    }

    fn held(&self) -> usize {
        self.1
    }
}

register!(operator Odd);

/// Runs `t_numbers` through a pipeline whose ports `out` and `err` are read; returns what came to either.
fn run(builder: EngineBuilder, pulls: &[u64], body: &str) -> (Vec<Value>, Vec<Value>, FlowReport) {
    let mut builder = builder;
    let (out, err) = (builder.output("o"), builder.output("e"));
    let engine = builder.build().unwrap();
    let source = with(
        "s",
        "t_numbers",
        &json!({ "probe": "letters", "pulls": pulls }),
    );
    let links = [
        "connector/s -> pipeline/p",
        "pipeline/p -> connector/o",
        "pipeline/p/err -> connector/e",
    ];
    let text = text(&[&source, "o from o", "e from e"], &[("p", body)], &links);
    // The program's own operators are the engine's, not the language's.
    let program = engine.compile("test.troy", &text);
    let program = program.unwrap_or_else(|error| panic!("{error}"));
    let flow = engine.start(&program.flows[0]).unwrap();
    let parsed = |lines: Vec<String>| {
        let lines = lines.iter().map(|line| serde_json::from_str(line).unwrap());
        lines.collect::<Vec<Value>>()
    };
    let errors = std::thread::spawn(move || all(&err));
    let came_out = parsed(all(&out));
    let errors = parsed(errors.join().unwrap());
    (came_out, errors, ended(&flow))
}

#[test]
fn an_expression_that_fails_fails_its_event_and_leaves_a_record() {
    let (quiet, _) = builder();
    let (out, err, report) = run(
        quiet,
        &[2, 2],
        "select 12 / (event.n - 2) from in into out;",
    );
    assert_eq!((out.len(), err.len()), (3, 1));
    assert_eq!(counts(&report), [4, 3, 1, 0, 0, 0]);
    let record = &err[0];
    assert!(
        record["error"].as_str().unwrap().contains("12 / (event.n"),
        "{record}"
    );
    let ingest_ns = record["ingest_ns"].as_u64().unwrap();
    assert!(Duration::from_nanos(ingest_ns) > Duration::from_secs(1));
    assert_eq!(
        *record,
        json!({
            "error": record["error"],
            "stage": "script",
            "flow": "main",
            "pipeline": "p",
            "source": "s",
            "id": { "lane": 0, "stream": 0, "pull": 1, "event": 0 },
            "data": { "n": 2 },
            "meta": null,
            "ingest_ns": ingest_ns,
        })
    );
}

#[test]
fn a_script_or_an_operator_whose_err_nobody_reads_leaves_a_record_too() {
    let (quiet, _) = builder();
    let script = "define script half script 12 / (event.n - 2) end;
         create script half;
         select event from in into half;
         select event from half into out;";
    let (out, err, report) = run(quiet, &[3], script);
    assert_eq!((out.len(), err.len()), (2, 1));
    assert_eq!(counts(&report), [3, 2, 1, 0, 0, 0]);
    assert_eq!(
        (&err[0]["stage"], &err[0]["data"]),
        (&json!("script"), &json!({ "n": 2 }))
    );
    let (quiet, _) = builder();
    let operator = "define operator odd from t::odd;
         create operator odd;
         select event from in into odd;
         select event from odd into out;";
    let (out, err, report) = run(quiet, &[3], operator);
    assert_eq!((out.len(), err.len()), (2, 1));
    assert_eq!(counts(&report), [3, 2, 1, 0, 0, 0]);
    assert_eq!(
        (&err[0]["stage"], &err[0]["data"]),
        (&json!("operator"), &json!({ "n": 1 }))
    );
    assert!(err[0]["error"].as_str().unwrap().contains("an odd number"));
}

#[test]
fn what_a_program_sends_to_err_has_the_fate_of_its_record_and_says_where() {
    let (quiet, _) = builder();
    let (out, err, report) = run(
        quiet,
        &[3],
        "define script half script let $seen = true; 12 / (event.n - 2) end;
         create script half;
         select event from in into half;
         select event from half into out;
         select event from half/err into err;
         select { \"error\": \"mine\" } from in where event.n == 0 into err;",
    );
    assert_eq!((out.len(), err.len()), (2, 2));
    // Nothing failed: the program has seen to it.
    assert_eq!(counts(&report), [3, 3, 0, 0, 0, 0]);
    assert_eq!(err[0], json!({ "error": "mine" }));
    let record = &err[1];
    assert_eq!(record["event"], json!({ "n": 2 }));
    assert_eq!(record["data"], record["event"]);
    assert_eq!(record["meta"], json!({ "seen": true }));
    assert_eq!(record["id"]["event"], 2);
    assert_eq!(
        (&record["stage"], &record["pipeline"], &record["source"]),
        (&json!("script"), &json!("p"), &json!("s"))
    );
}

#[test]
fn what_an_operator_keeps_and_cannot_send_has_failed() {
    let (quiet, _) = builder();
    let (out, err, report) = run(
        quiet,
        &[2, 3],
        "define operator last from t::odd with at_the_end = \"fails\" end;
         create operator last;
         select event from in where event.n % 2 == 0 into last;
         select event from last into out;",
    );
    assert!(out.is_empty());
    // The operator keeps the events to the end, and fails there.
    assert_eq!(counts(&report), [5, 0, 3, 2, 0, 0]);
    assert_eq!(
        (&err[0]["stage"], &err[0]["data"]),
        (&json!("operator"), &Value::Null)
    );
    assert_eq!(err[0]["id"]["pull"], Value::Null);
}

#[test]
fn bytes_that_cannot_be_decoded_are_kept_as_they_came() {
    // Decoders write into their input; what failed behind an escape is what tells.
    let line: &[u8] = b"{\"a\":\"\\u0041\\n\\\\\",\"b\":\"x\\ty\",}";
    probe("letters_bytes").feed(&[line, b"\n{\"n\":1}\n"]);
    let (mut builder, _) = builder();
    let errors = builder.output("e");
    let engine = builder.build().unwrap();
    let source = coded(
        "s",
        "t_pieces",
        &json!({ "probe": "letters_bytes" }),
        "codec = \"json\", preprocessors = [\"separate\"]",
    );
    let sink = with("a", "t_taker", &json!({ "probe": "letters_bytes_sink" }));
    let links = [
        "connector/s -> connector/a",
        "connector/s/err -> connector/e",
    ];
    let flow = start(&engine, &text(&[&source, &sink, "e from e"], &[], &links));
    let records = all(&errors);
    assert_eq!(counts(&ended(&flow)), [2, 1, 1, 0, 0, 0]);
    let record: Value = serde_json::from_str(&records[0]).unwrap();
    assert_eq!(record["data"].as_str().unwrap().as_bytes(), line);
}
