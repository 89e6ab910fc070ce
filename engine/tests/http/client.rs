//! What a server sees of `http_client`, and what the flow learns.

use std::time::Duration;

use serde_json::{Value, json};
use temblor::{Engine, FlowHandle, FlowReport, Input, Output};
use temblor_pdk::OwnedValue;

use crate::backend::{Act, Backend, OK, status};
use crate::support::{Records, all, builder, coded, counts, ended, logged, start, text};

/// A flow that sends what the test gives it.
pub(crate) struct Sending {
    input: Option<Input>,
    pub(crate) flow: FlowHandle,
    pub(crate) records: Records,
    pub(crate) engine: Engine,
}

/// Sets metadata to what the event says of it, and sends the rest as the body.
pub(crate) const AS_TOLD: &str = "
    define script told
    script
        let $http_client = {\"request\": event.request};
        let $correlation = event.correlation;
        event.body
    end;
    create script told;
    select event from in into told;
    select event from told into out;
";

impl Sending {
    /// A flow into a client, through a pipeline.
    pub(crate) fn new(pipeline: &str, config: Value) -> Self {
        let (mut builder, records) = builder();
        let input = builder.input("i");
        let engine = builder.build().unwrap();
        let http = coded("http", "http_client", &config, "codec = \"json\"");
        let links = ["connector/i -> pipeline/p", "pipeline/p -> connector/http"];
        let flow = start(
            &engine,
            &text(&["i from i", &http], &[("p", pipeline)], &links),
        );
        Sending {
            input: Some(input),
            flow,
            records,
            engine,
        }
    }

    pub(crate) fn send(&self, value: Value) {
        let value: OwnedValue = serde_json::from_value(value).unwrap();
        self.input.as_ref().unwrap().send(value).unwrap();
    }

    /// Nothing more comes; waits for the end.
    pub(crate) fn end(mut self) -> (FlowReport, Records) {
        self.input = None;
        (ended(&self.flow), self.records)
    }
}

const AS_IT_IS: &str = "select event from in into out;";

#[test]
fn events_are_requests() {
    let backend = Backend::new(|_| OK);
    let config = json!({
        "url": backend.url() + "events?a=b",
        "headers": { "X-Own": "1", "content-type": "application/json" },
        "auth": { "basic": { "username": "Aladdin", "password": "open sesame" } },
        "concurrency": 1,
    });
    let sending = Sending::new(AS_IT_IS, config);
    for n in 0..3 {
        sending.send(json!({ "n": n }));
    }
    let (report, _) = sending.end();
    assert!(report.is_ok(), "{report:?}");
    assert_eq!(counts(&report), [3, 3, 0, 0, 0, 0]);
    let asked = backend.asked();
    let bodies: Vec<&str> = asked.iter().map(|asked| asked.body.as_str()).collect();
    assert_eq!(bodies, ["{\"n\":0}", "{\"n\":1}", "{\"n\":2}"]);
    assert_eq!(backend.connections(), 1, "one connection for all");
    for asked in asked {
        assert_eq!(asked.first, "POST /events?a=b HTTP/1.1");
        assert_eq!(
            asked.header("host"),
            Some(backend.address.to_string().as_str())
        );
        assert_eq!(asked.header("x-own"), Some("1"));
        let basic = "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==";
        assert_eq!(asked.header("authorization"), Some(basic));
    }
}

#[test]
fn one_request_at_a_time_keeps_the_order_of_events() {
    let backend = Backend::new(|_| OK);
    let sending = Sending::new(AS_IT_IS, json!({ "url": backend.url(), "concurrency": 1 }));
    for n in 0..500 {
        sending.send(json!(n));
    }
    let (report, _) = sending.end();
    assert_eq!(counts(&report), [500, 500, 0, 0, 0, 0]);
    let bodies: Vec<String> = backend.asked().into_iter().map(|a| a.body).collect();
    let in_order: Vec<String> = (0..500).map(|n| n.to_string()).collect();
    assert_eq!(bodies, in_order);
}

#[test]
fn an_event_says_where_it_goes_and_how() {
    let (one, other) = (Backend::new(|_| OK), Backend::new(|_| OK));
    let config = json!({ "url": one.url(), "headers": { "a": "all" }, "auth": { "bearer": "b" } });
    let sending = Sending::new(AS_TOLD, config);
    let request = json!({
        "url": other.url() + "own",
        "method": "PUT",
        "headers": { "a": "own", "b": ["1", "2"], "authorization": "none" },
    });
    sending.send(json!({ "body": 1, "correlation": null, "request": request }));
    sending.send(json!({ "body": 2, "correlation": null, "request": {} }));
    for request in [
        json!({ "url": "not-one" }),
        json!({ "method": "NO\r\nGOOD" }),
        json!({ "headers": { "a": "b\r\nc: d" } }),
        json!({ "url": 7 }),
    ] {
        sending.send(json!({ "body": 3, "correlation": null, "request": request }));
    }
    let (report, records) = sending.end();
    assert_eq!(counts(&report), [6, 2, 4, 0, 0, 0]);
    assert!(logged(&records, "http", "is no URL"));
    let asked = other.asked();
    assert_eq!(
        (asked.len(), asked[0].first.as_str()),
        (1, "PUT /own HTTP/1.1")
    );
    let lines: Vec<_> = asked[0]
        .headers
        .iter()
        .filter(|(name, _)| name.len() == 1)
        .collect();
    let line = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(lines, [&line("a", "own"), &line("b", "1"), &line("b", "2")]);
    assert_eq!(asked[0].header("authorization"), Some("none"));
    assert_eq!(one.bodies(), ["2"]);
    assert_eq!(one.asked()[0].header("authorization"), Some("Bearer b"));
}

/// Sends values through a client whose responses go to an output; returns what came out.
fn responses(config: Value, values: &[Value]) -> (Vec<String>, FlowReport) {
    let (mut builder, _) = builder();
    let (input, output): (Input, Output) = (builder.input("i"), builder.output("o"));
    let engine = builder.build().unwrap();
    let http = coded("http", "http_client", &config, "codec = \"json\"");
    let back = "select {\"body\": event, \"meta\": $} from in into out;";
    let text = text(
        &["i from i", "o from o", &http],
        &[("told", AS_TOLD), ("back", back)],
        &[
            "connector/i -> pipeline/told",
            "pipeline/told -> connector/http",
            "connector/http -> pipeline/back",
            "pipeline/back -> connector/o",
        ],
    );
    let flow = start(&engine, &text);
    for value in values {
        let value: OwnedValue = serde_json::from_value(value.clone()).unwrap();
        input.send(value).unwrap();
    }
    drop(input);
    (all(&output), ended(&flow))
}

#[test]
fn responses_are_events_that_say_what_they_answer() {
    let answers = [
        Act::Answer(200, "{\"one\":1}", Duration::ZERO),
        Act::Answer(404, "\"nothing here\"", Duration::ZERO),
    ];
    let backend = Backend::scripted(answers);
    let config = json!({ "url": backend.url(), "concurrency": 1 });
    let values = [
        json!({ "body": 1, "request": { "method": "PUT" }, "correlation": { "k": [1] } }),
        json!({ "body": 2, "request": {}, "correlation": "second" }),
    ];
    let (events, report) = responses(config, &values);
    assert!(report.is_ok(), "{report:?}");
    // Two sources: the input, and the responses.
    assert_eq!(counts(&report), [4, 3, 1, 0, 0, 0]);
    let events: Vec<Value> = events
        .iter()
        .map(|e| serde_json::from_str(e).unwrap())
        .collect();
    assert_eq!(events.len(), 2);
    assert_eq!(events[0]["body"], json!({ "one": 1 }));
    let meta = &events[0]["meta"];
    assert_eq!(meta["correlation"], json!({ "k": [1] }));
    assert_eq!(meta["http_client"]["request"]["method"], "PUT");
    assert_eq!(meta["http_client"]["response"]["status"], 200);
    assert_eq!(
        meta["http_client"]["response"]["headers"]["content-length"],
        json!(["9"])
    );
    assert_eq!(events[1]["body"], "nothing here");
    assert_eq!(events[1]["meta"]["correlation"], "second");
    assert_eq!(events[1]["meta"]["http_client"]["response"]["status"], 404);
}

#[test]
fn so_many_requests_are_under_way_and_no_more() {
    let backend = Backend::new(|_| Act::Answer(200, "", Duration::from_millis(20)));
    let sending = Sending::new(AS_IT_IS, json!({ "url": backend.url(), "concurrency": 3 }));
    for n in 0..60 {
        sending.send(json!(n));
    }
    let (report, _) = sending.end();
    assert_eq!(counts(&report), [60, 60, 0, 0, 0, 0]);
    assert_eq!(backend.most_at_once(), 3);
    assert!(backend.connections() <= 3);
}

#[test]
fn responses_of_all_framings_are_read() {
    let framings: [&[u8]; 4] = [
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\n[1,\r\n2\r\n2]\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n[1,2]",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\na: b\r\n\r\nHTTP/1.1 200\r\ncontent-length: 5\r\n\r\n[1,2]",
        b"HTTP/1.0 200 OK\r\ncontent-length: 5\r\n\r\n[1,2]",
    ];
    let count = framings.len();
    let backend = Backend::scripted(framings.map(|bytes| Act::Bytes(bytes.to_vec())));
    let value = json!({ "body": 1, "request": {}, "correlation": null });
    let config = json!({ "url": backend.url(), "concurrency": 1 });
    let (events, report) = responses(config, &vec![value; count]);
    assert!(report.is_ok(), "{report:?}");
    assert_eq!(events.len(), count);
    for event in events {
        let event: Value = serde_json::from_str(&event).unwrap();
        assert_eq!(event["body"], json!([1, 2]));
    }
}

#[test]
fn draining_waits_for_what_is_under_way() {
    let backend = Backend::new(|_| Act::Answer(200, "", Duration::from_millis(50)));
    let sending = Sending::new(AS_IT_IS, json!({ "url": backend.url() }));
    for n in 0..8 {
        sending.send(json!(n));
    }
    crate::support::until("one is under way", || backend.most_at_once() > 0);
    sending.flow.drain();
    let report = ended(&sending.flow);
    assert!(report.is_ok(), "{report:?}");
    assert_eq!(report.counts.failed, 0);
    assert_eq!(report.counts.delivered, backend.asked().len() as u64);
}

#[test]
fn redirections_are_not_followed() {
    let backend = Backend::scripted([status(302)]);
    let sending = Sending::new(AS_IT_IS, json!({ "url": backend.url() }));
    sending.send(json!(1));
    let (report, records) = sending.end();
    assert_eq!(counts(&report), [1, 0, 1, 0, 0, 0]);
    assert!(logged(&records, "http", "not followed"));
}
