//! What a client of `http_server` sees: a reply for every request, whatever becomes of its events.

use serde_json::json;
use temblor::ConnectorState;

use crate::peer::{ECHO, serve, serve_as};
use crate::support::{conserved, counts, ended, logged, until};

#[test]
fn what_the_flow_sends_back_is_the_answer() {
    let served = serve(
        ECHO,
        json!({ "headers": { "content-type": "application/json" } }),
    );
    let response = served.post("{\"n\": 1}");
    assert_eq!(
        (response.status, response.body.as_str()),
        (200, "{\"n\": 1}")
    );
    assert_eq!(response.header("content-type"), Some("application/json"));
    assert!(response.header("date").is_some());
    served.flow.drain();
    let report = ended(&served.flow);
    assert!(report.is_ok(), "{report:?}");
    assert_eq!(counts(&report), [1, 1, 0, 0, 0, 0]);
}

#[test]
fn events_say_what_the_request_was() {
    let pipeline = "select $http_server.request from in into out;";
    let served = serve(pipeline, json!({}));
    let mut client = served.connect();
    client.send(
        "PUT /a%20b/c?d=e&f HTTP/1.1\r\nHost: test\r\nX-Two: 1\r\nx-two: 2\r\ncontent-length: 2\r\n\r\n{}",
    );
    let request = client.response().unwrap().json();
    assert_eq!(request["method"], "PUT");
    assert_eq!(request["path"], "/a%20b/c");
    assert_eq!(request["query"], "d=e&f");
    assert_eq!(request["headers"]["host"], json!(["test"]));
    assert_eq!(request["headers"]["x-two"], json!(["1", "2"]));
    assert_eq!(request["peer"]["host"], "127.0.0.1");
    assert_eq!(
        (&request["protocol"], &request["version"]),
        (&json!("http"), &json!("1.1"))
    );
}

#[test]
fn an_event_says_status_and_headers_of_its_answer() {
    let pipeline = "
        define script answer
        script
            let $http_server.response = event;
            \"done\"
        end;
        create script answer;
        select event from in into answer;
        select event from answer into out;
        select event from answer/err into err;
    ";
    let served = serve(pipeline, json!({ "headers": { "a": "default" } }));
    let response = served.post(r#"{"status": 201, "headers": {"a": "own", "b": ["1", "2"]}}"#);
    assert_eq!((response.status, response.header("a")), (201, Some("own")));
    let values = response.headers.iter().filter(|(name, _)| name == "b");
    let values: Vec<&str> = values.map(|(_, value)| value.as_str()).collect();
    assert_eq!(
        (values, response.body.as_str()),
        (vec!["1", "2"], "\"done\"")
    );
    // A header cannot smuggle another answer in.
    let response = served.post(r#"{"headers": {"a": "b\r\n\r\nHTTP/1.1 200 OK"}}"#);
    assert_eq!(response.status, 500);
    assert!(logged(&served.records, "http", "control character"));
    let response = served.post(r#"{"status": 204}"#);
    assert_eq!(
        (response.status, response.header("content-length")),
        (204, None)
    );
    let response = served.post(r#"{"status": 99}"#);
    assert_eq!(response.status, 500);
    served.flow.drain();
    assert_eq!(counts(&ended(&served.flow)), [4, 2, 2, 0, 0, 0]);
}

#[test]
fn a_request_whose_event_is_dropped_fails_or_goes_elsewhere_has_an_answer_too() {
    let pipeline = "
        select event.n + 1 from in where event.way == \"script\" into out;
        select event from in where event.way == \"nobody\" into out;
        select event from in where event.way == \"sink\" into elsewhere;
    ";
    let links = [
        "connector/http -> pipeline/p",
        "pipeline/p -> connector/http",
        "pipeline/p/elsewhere -> connector/nowhere",
    ];
    let pipeline = ("p into out, err, elsewhere", pipeline);
    let (engine, records) = crate::support::engine();
    let http = crate::support::coded(
        "http",
        "http_server",
        &json!({ "url": "127.0.0.1:0" }),
        "codec = \"json\"",
    );
    let nowhere = crate::support::with("nowhere", "`null`", &json!({}));
    let text = crate::support::text(&[&http, &nowhere], &[pipeline], &links);
    let flow = crate::support::start(&engine, &text);
    let address = crate::peer::address(&records, "http");
    let mut client = crate::peer::Client::connect(address);
    for (body, status) in [
        (r#"{"way": "filtered"}"#, 204),
        (r#"{"way": "script", "n": "no number"}"#, 500),
        (r#"{"way": "sink"}"#, 204),
        (r#"{"way": "script", "n": 1}"#, 200),
        (r#"{"way": "nobody"}"#, 200),
    ] {
        client.post("/", body);
        let response = client.response().unwrap();
        assert_eq!(response.status, status, "{body}: {response:?}");
        assert_eq!(response.header("connection"), None, "{body}");
    }
    drop(client);
    flow.drain();
    assert_eq!(counts(&ended(&flow)), [5, 3, 1, 1, 0, 0]);
}

#[test]
fn the_status_without_an_answer_can_be_another() {
    let served = serve(
        "select event from in where false into out;",
        json!({ "status_acked": 202 }),
    );
    let response = served.post("{}");
    assert_eq!(
        (response.status, response.header("content-length")),
        (202, Some("0"))
    );
}

#[test]
fn what_cannot_be_decoded_has_an_answer_and_the_connection_goes_on() {
    let served = serve(ECHO, json!({}));
    let mut client = served.connect();
    // An empty body is no event, and none that fails.
    for (body, status) in [("not json", 400), ("", 204), ("{}", 200)] {
        client.post("/", body);
        let response = client.response().unwrap();
        assert_eq!(response.status, status, "{body}: {response:?}");
        let says_why = response.body.contains("JSON");
        assert_eq!(says_why, status == 400, "{response:?}");
    }
    drop(client);
    served.flow.drain();
    let report = ended(&served.flow);
    assert_eq!((report.counts.events_in, report.counts.failed), (3, 1));
}

#[test]
fn the_first_answer_counts_and_the_others_are_refused() {
    let served = serve(
        "select 1 from in into out;\nselect 2 from in into out;",
        json!({}),
    );
    let response = served.post("{}");
    assert_eq!((response.status, response.body.as_str()), (200, "1"));
    until("the second is refused", || {
        logged(&served.records, "http", "the first counts")
    });
    served.flow.drain();
    let report = ended(&served.flow);
    assert_eq!(report.connectors[0].state, ConnectorState::Stopped);
}

#[test]
fn an_answer_that_does_not_come_is_a_time_out_and_ends_the_connection() {
    let hold = "
        define operator hold from generic::batch with count = 2 end;
        create operator hold;
        select event from in into hold;
        select event from hold into out;
    ";
    let served = serve(hold, json!({ "request_timeout_ms": 50 }));
    let mut client = served.connect();
    client.post("/", "1");
    let response = client.response().unwrap();
    assert_eq!(
        (response.status, response.header("connection")),
        (504, Some("close"))
    );
    assert!(response.body.contains("within 50 ms"), "{}", response.body);
    assert!(client.is_ended());
    served.flow.drain();
    let report = ended(&served.flow);
    conserved(&report);
    assert!(report.is_ok(), "{report:?}");
}

#[test]
fn events_of_elsewhere_are_no_answers() {
    let lines = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(lines.path(), "{\"n\":1}\n").unwrap();
    let file = crate::support::coded(
        "file",
        "file",
        &json!({ "path": lines.path(), "mode": "read" }),
        "codec = \"json\", preprocessors = [\"separate\"]",
    );
    let links = [
        "connector/http -> pipeline/p",
        "connector/file -> pipeline/p",
        "pipeline/p -> connector/http",
    ];
    let served = serve_as(ECHO, json!({}), "codec = \"json\"", &[&file], &links);
    until("the event of the file is refused", || {
        logged(&served.records, "http", "answers no request")
    });
    assert_eq!(served.post("2").body, "2");
    served.flow.drain();
    assert_eq!(ended(&served.flow).counts.failed, 1);
}

#[test]
fn requests_follow_each_other_on_a_connection_also_before_their_answers() {
    let served = serve(ECHO, json!({}));
    let mut client = served.connect();
    let mut all = Vec::new();
    for n in 0..20 {
        let body = n.to_string();
        let length = body.len();
        all.extend(
            format!("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: {length}\r\n\r\n{body}")
                .into_bytes(),
        );
        // Some clients send an empty line behind a body.
        all.extend(b"\r\n".repeat(n % 2));
    }
    client.send(&all);
    for n in 0..20 {
        assert_eq!(client.response().unwrap().body, n.to_string());
    }
    client.send("POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 1\r\n\r\n7");
    let response = client.response().unwrap();
    assert_eq!(
        (response.body.as_str(), response.header("connection")),
        ("7", Some("close"))
    );
    assert!(client.is_ended());
}

#[test]
fn clients_of_http_1_0_are_served() {
    let served = serve(ECHO, json!({}));
    let mut client = served.connect();
    client.send("POST / HTTP/1.0\r\ncontent-length: 1\r\n\r\n1");
    let response = client.response().unwrap();
    // Connections of HTTP/1.0 end unless something else is said.
    assert_eq!(
        (response.status, response.header("connection")),
        (200, None)
    );
    assert!(client.is_ended());
    let mut client = served.connect();
    for _ in 0..2 {
        client.send("POST / HTTP/1.0\r\nConnection: Keep-Alive\r\ncontent-length: 1\r\n\r\n1");
        let response = client.response().unwrap();
        assert_eq!(response.header("connection"), Some("keep-alive"));
    }
}

#[test]
fn bodies_come_in_chunks_or_when_they_are_asked_for() {
    let served = serve(ECHO, json!({}));
    let mut client = served.connect();
    let chunked = "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n";
    client.send(chunked);
    for chunk in [
        "1;name=\"value\"\r\n[\r\n",
        "A\r\n1,2,3,4,5,\r\n",
        "02 \r\n6]\r\n",
    ] {
        client.send(chunk);
    }
    client.send("0\r\ntrailer: x\r\n\r\n");
    assert_eq!(client.response().unwrap().body, "[1,2,3,4,5,6]");
    client.send("POST / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 1\r\n\r\n");
    assert_eq!(client.response().unwrap().status, 100);
    client.send("7");
    assert_eq!(client.response().unwrap().body, "7");
}

#[test]
fn an_answer_to_head_has_no_body() {
    let served = serve("select \"hello\" from in into out;", json!({}));
    let mut client = served.connect();
    for _ in 0..2 {
        client.send("HEAD / HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\n{}");
        let response = client.response_to("HEAD").unwrap();
        assert_eq!(
            (response.status, response.header("content-length")),
            (200, Some("7"))
        );
    }
}

#[test]
fn a_client_that_has_said_everything_still_gets_its_answer() {
    let served = serve(ECHO, json!({}));
    let mut client = served.connect();
    client.post("/", "1");
    client.finish();
    assert_eq!(client.response().unwrap().body, "1");
    assert!(client.is_ended());
}

#[test]
fn an_answer_that_nobody_reads_is_not_delivered() {
    let served = serve(ECHO, json!({ "write_timeout_ms": 300 }));
    let mut client = served.connect();
    client.takes_little();
    // More than the system keeps for both sides.
    client.post("/", &format!("\"{}\"", "x".repeat(7_000_000)));
    until("the server gives up", || {
        served.flow.report().counts.failed == 1
    });
    // The others are answered meanwhile and afterwards.
    assert_eq!(served.post("1").body, "1");
    served.flow.drain();
    let report = ended(&served.flow);
    assert!(report.is_ok(), "{report:?}");
    assert_eq!(counts(&report), [2, 1, 1, 0, 0, 0]);
}

#[test]
fn draining_under_load_answers_what_is_in_flight_and_ends() {
    let served = serve(ECHO, json!({}));
    let address = served.address;
    let clients: Vec<_> = (0..8)
        .map(|_| {
            std::thread::spawn(move || {
                let mut client = crate::peer::Client::connect(address);
                let mut answered = 0;
                loop {
                    let body = format!("{answered}");
                    let length = body.len();
                    let head =
                        format!("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: {length}\r\n\r\n");
                    if client.try_send(head + &body).is_err() {
                        return answered;
                    }
                    match client.response() {
                        Some(response) if response.status == 200 => {
                            assert_eq!(response.body, body);
                            answered += 1;
                        }
                        Some(response) => {
                            assert_eq!(response.status, 503);
                            assert_eq!(response.header("connection"), Some("close"));
                            return answered;
                        }
                        None => return answered,
                    }
                }
            })
        })
        .collect();
    until("there is load", || {
        served.flow.report().counts.delivered > 200
    });
    served.flow.drain();
    let report = ended(&served.flow);
    let answered: u64 = clients.into_iter().map(|c| c.join().unwrap()).sum();
    assert!(report.is_ok(), "{report:?}");
    assert_eq!(report.counts.delivered, answered);
    assert_eq!(report.counts.failed, 0);
    assert!(
        std::net::TcpStream::connect(address).is_err(),
        "nobody listens any more"
    );
}

#[test]
fn draining_ends_connections_that_wait_for_nothing() {
    let served = serve(ECHO, json!({}));
    let mut idle = served.connect();
    let mut used = served.connect();
    used.post("/", "1");
    assert_eq!(used.response().unwrap().body, "1");
    served.flow.drain();
    assert!(ended(&served.flow).is_ok());
    assert!(idle.is_ended() && used.is_ended());
}

const TO_AND_FRO: [&str; 2] = [
    "connector/http -> pipeline/p",
    "pipeline/p -> connector/http",
];

#[test]
fn a_body_of_several_events_is_one_request() {
    let lines = "codec = \"json\", preprocessors = [\"separate\"], postprocessors = [\"separate\"]";
    let odd = "select event from in where event % 2 == 1 into out;";
    let served = serve_as(odd, json!({}), lines, &[], &TO_AND_FRO);
    let mut client = served.connect();
    // What the last line lacks at the end of one body is not completed by the next.
    for (body, status, answer) in [
        ("2\n3\n5", 200, "3\n"),
        ("7", 200, "7\n"),
        ("2\n4\n", 204, ""),
        ("1", 200, "1\n"),
        ("2\nno number\n", 400, "codec `json`: invalid JSON"),
    ] {
        client.post("/", body);
        let response = client.response().unwrap();
        assert_eq!(response.status, status, "{body:?}: {response:?}");
        assert!(response.body.contains(answer), "{body:?}: {response:?}");
    }
    drop(client);
    served.flow.drain();
    let report = ended(&served.flow);
    // The `5` came too late to be the answer, and one line is no event.
    assert_eq!(counts(&report), [9, 3, 2, 4, 0, 0]);
}
