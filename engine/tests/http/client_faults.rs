//! Servers that refuse, hang, reset, talk nonsense or are not there: which events of `http_client` fail, which are sent
//! again, and who else suffers.

use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::json;

use crate::backend::{Act, Backend, OK, status};
use crate::client::{AS_TOLD, Sending};
use crate::support::{counts, logged, until};

const AS_IT_IS: &str = "select event from in into out;";

fn numbers(count: usize) -> Vec<String> {
    let mut numbers: Vec<String> = (0..count).map(|n| n.to_string()).collect();
    numbers.sort();
    numbers
}

#[test]
fn a_permanent_refusal_fails_that_event_only() {
    let count = AtomicUsize::new(0);
    let backend = Backend::new(move |_| match count.fetch_add(1, Ordering::SeqCst) % 3 {
        0 => status(400),
        _ => OK,
    });
    let sending = Sending::new(AS_IT_IS, json!({ "url": backend.url() }));
    for n in 0..30 {
        sending.send(json!(n));
    }
    let (report, records) = sending.end();
    assert!(report.is_ok(), "{report:?}");
    assert_eq!(counts(&report), [30, 20, 10, 0, 0, 0]);
    assert_eq!(backend.bodies(), numbers(30), "none is sent twice");
    assert!(logged(&records, "http", "the server answered 400"));
}

#[test]
fn what_may_pass_is_tried_again() {
    for act in [
        status(408),
        status(425),
        status(429),
        status(500),
        status(503),
        Act::Reset,
        Act::Bytes(Vec::new()),
        Act::Bytes(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n12".to_vec()),
    ] {
        let backend = Backend::scripted([act.clone(), act.clone()]);
        let sending = Sending::new(AS_IT_IS, json!({ "url": backend.url() }));
        sending.send(json!(1));
        let (report, _) = sending.end();
        assert_eq!(counts(&report), [1, 1, 0, 0, 0, 0], "{act:?}");
        assert_eq!(backend.asked().len(), 3, "{act:?}");
    }
}

#[test]
fn after_the_last_attempt_the_event_fails() {
    let backend = Backend::new(|_| status(503));
    let sending = Sending::new(AS_IT_IS, json!({ "url": backend.url(), "max_retries": 2 }));
    sending.send(json!(1));
    let (report, records) = sending.end();
    assert!(report.is_ok(), "{report:?}");
    assert_eq!(counts(&report), [1, 0, 1, 0, 0, 0]);
    assert_eq!(backend.asked().len(), 3);
    assert!(logged(&records, "http", "tried 3 times"));
}

#[test]
fn a_server_that_is_not_there_yet_loses_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let url = format!("http://{address}/");
    let sending = Sending::new(AS_IT_IS, json!({ "url": url, "max_retries": 1_000_000 }));
    for n in 0..20 {
        sending.send(json!(n));
    }
    until("it is left alone", || {
        logged(&sending.records, "http", "left alone for a moment")
    });
    let left_alone = || {
        let metrics = sending.engine.metrics();
        let name = "temblor_cell_destinations_open";
        let found = metrics.iter().find(|metric| metric.name == name);
        found.and_then(|metric| metric.value.as_u64())
    };
    until("it is counted", || left_alone() == Some(1));
    let backend = Backend::on(TcpListener::bind(address).unwrap(), |_| OK);
    until("it answers", || left_alone() == Some(0));
    let (report, records) = sending.end();
    assert_eq!(counts(&report), [20, 20, 0, 0, 0, 0]);
    assert_eq!(backend.bodies(), numbers(20));
    assert!(logged(&records, "http", "answers again"));
}

#[test]
fn a_connection_that_the_server_closed_meanwhile_costs_no_attempt() {
    let backend = Backend::new(|_| Act::AnswerAndClose(200));
    let config = json!({ "url": backend.url(), "max_retries": 0, "concurrency": 1 });
    let sending = Sending::new(AS_IT_IS, config);
    for n in 0..10 {
        sending.send(json!(n));
    }
    let (report, _) = sending.end();
    assert_eq!(counts(&report), [10, 10, 0, 0, 0, 0]);
    assert_eq!(backend.bodies(), numbers(10));
}

#[test]
fn a_server_that_hangs_does_not_hold_up_others() {
    let hanging = Backend::new(|_| Act::Hang);
    let good = Backend::new(|_| OK);
    let config = json!({ "url": good.url(), "timeout": 200_000_000, "max_retries": 1 });
    let sending = Sending::new(AS_TOLD, config);
    for n in 0..20 {
        let request = json!({ "url": hanging.url() });
        sending.send(json!({ "body": n, "request": request, "correlation": null }));
        sending.send(json!({ "body": n, "request": {}, "correlation": null }));
    }
    until("all of the others are there", || good.asked().len() == 20);
    let (report, records) = sending.end();
    assert_eq!(counts(&report), [40, 20, 20, 0, 0, 0]);
    assert_eq!(good.bodies(), numbers(20));
    assert!(logged(&records, "http", "no response within 200 ms"));
    assert!(hanging.most_at_once() <= 4);
}

#[test]
fn an_open_breaker_refuses_what_goes_there_of_its_own_and_nothing_else() {
    let dead = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}/", listener.local_addr().unwrap())
    };
    let good = Backend::new(|_| OK);
    let config = json!({ "url": good.url(), "max_retries": 2 });
    let sending = Sending::new(AS_TOLD, config);
    let send = |url: &str| {
        let request = json!({ "url": url });
        sending.send(json!({ "body": 1, "request": request, "correlation": null }));
    };
    send(&dead);
    until("the breaker is open", || {
        logged(&sending.records, "http", "left alone for a moment")
    });
    for _ in 0..10 {
        send(&dead);
        send(&good.url());
    }
    let (report, _) = sending.end();
    assert_eq!(counts(&report), [21, 10, 11, 0, 0, 0]);
}

#[test]
fn nonsense_is_no_response() {
    let long = format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "x".repeat(1 << 20));
    for (bytes, why) in [
        ("hello\r\n\r\n", "head"),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n12",
            "content-length",
        ),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
            "contradict",
        ),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\n12345",
            "chunked",
        ),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nffffffffffffffff\r\n",
            "end of file",
        ),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n",
            "larger than 8388608",
        ),
        ("HTTP/1.1 200 OK\r\nconte", "before message completed"),
        (long.as_str(), "longer than 65536"),
    ] {
        let backend = Backend::new({
            let bytes = bytes.as_bytes().to_vec();
            move |_| Act::Bytes(bytes.clone())
        });
        let sending = Sending::new(AS_IT_IS, json!({ "url": backend.url(), "max_retries": 0 }));
        sending.send(json!(1));
        let (report, records) = sending.end();
        assert_eq!(counts(&report), [1, 0, 1, 0, 0, 0], "{why}");
        assert!(
            logged(&records, "http", why),
            "{why}: {:?}",
            records.lock().unwrap()
        );
    }
}

#[test]
fn a_server_that_asks_for_time_gets_it() {
    let asks = b"HTTP/1.1 429 x\r\nretry-after: 1\r\ncontent-length: 0\r\n\r\n";
    let backend = Backend::scripted([Act::Bytes(asks.to_vec())]);
    let sending = Sending::new(AS_IT_IS, json!({ "url": backend.url() }));
    let begun = std::time::Instant::now();
    sending.send(json!(1));
    let (report, _) = sending.end();
    assert_eq!(counts(&report), [1, 1, 0, 0, 0, 0]);
    assert!(begun.elapsed() >= Duration::from_secs(1));
}

#[test]
fn a_server_that_comes_and_goes_gets_everything_in_the_end() {
    let begun = std::time::Instant::now();
    let is_up = move || (begun.elapsed().as_millis() / 100).is_multiple_of(2);
    let backend = Backend::new(move |asked| match is_up() {
        true => Act::Answer(200, "", Duration::from_millis(2)),
        false if asked.body.len() % 2 == 0 => Act::Reset,
        false => status(503),
    });
    let config = json!({ "url": backend.url(), "max_retries": 1_000_000 });
    let sending = Sending::new(AS_IT_IS, config);
    for n in 0..500 {
        sending.send(json!(n));
    }
    let (report, _) = sending.end();
    assert_eq!(counts(&report), [500, 500, 0, 0, 0, 0]);
    let mut bodies = backend.bodies();
    bodies.dedup();
    assert_eq!(bodies, numbers(500));
}
