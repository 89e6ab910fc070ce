//! `blackhole` keeps to the contract, whatever its link mode, and its numbers are right.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::path::Path;
use std::sync::Arc;

use temblor_connector_blackhole as _;
use temblor_pdk::serde_json::{self, Value as Json, json};
use temblor_pdk::testing::{Maker, Side, Subject, TestHost, batch_of_bytes, check};
use temblor_pdk::{Command, ErrorKind};

const SECOND_NS: u64 = 1_000_000_000;
const MILLI_NS: u64 = 1_000_000;

fn blackhole() -> Subject {
    Subject::named("blackhole")
}

#[test]
fn conforms() {
    check("temblor-connector-blackhole");
    let folder = tempfile::tempdir().unwrap();
    let config = json!({
        "warmup_s": 0.1,
        "report": "json",
        "report_file": folder.path().join("report.json"),
        "hgrm": folder.path().join("latency.hgrm"),
    });
    blackhole().check_life(&config.to_string(), Side::Sink);
    blackhole().check_life(r#"{"report": "none"}"#, Side::Sink);
}

/// Writes batches, each at a second of its own: its events came in `latencies_ns` before. Then stops.
fn run(maker: &Maker, config: &Json, batches: &[(u64, &[u64])]) {
    let host = TestHost::with_clock(0);
    let mut connector = maker.open(&config.to_string(), &host).unwrap();
    let mut sink = connector.start(Side::Sink).unwrap();
    let mut now_ns = 0;
    for (second, latencies_ns) in batches {
        host.advance(second * SECOND_NS - now_ns);
        now_ns = second * SECOND_NS;
        let event = |latency_ns: &u64| (&b"0123456789"[..], now_ns - latency_ns);
        let events: Vec<_> = latencies_ns.iter().map(event).collect();
        sink.write(batch_of_bytes(&events), &Arc::default())
            .unwrap();
    }
    sink.tell(Command::Flush).unwrap();
    drop(sink);
    connector.tell(Command::Drain).unwrap();
    connector.tell(Command::Stop).unwrap();
}

fn json_report(config: &Json, batches: &[(u64, &[u64])]) -> Json {
    let folder = tempfile::tempdir().unwrap();
    let mut reports = Vec::new();
    for maker in blackhole().makers() {
        let path = folder.path().join(maker.mode());
        let mut config = config.clone();
        config["report"] = "json".into();
        config["report_file"] = path.to_str().unwrap().into();
        run(maker, &config, batches);
        let text = std::fs::read_to_string(path).unwrap();
        reports.push(serde_json::from_str::<Json>(&text).unwrap());
    }
    assert_eq!(reports[0], reports[1], "native and abi");
    reports.swap_remove(0)
}

/// Whether a number is as expected, up to three significant digits.
fn near(number: &Json, expected: f64) -> bool {
    (number.as_f64().unwrap() - expected).abs() <= expected / 1000.0
}

#[test]
fn the_report_has_exactly_its_keys() {
    let report = json_report(&json!({}), &[(10, &[1])]);
    let mut keys: Vec<&str> = report
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    keys.sort_unstable();
    let mut expected = [
        "events",
        "bytes",
        "seconds",
        "events_per_second",
        "bytes_per_second",
        "p50_ns",
        "p90_ns",
        "p99_ns",
        "p999_ns",
        "p9999_ns",
        "max_ns",
        "mean_ns",
        "min_ns",
    ];
    expected.sort_unstable();
    assert_eq!(keys, expected);
}

#[test]
fn latencies_and_rates_are_those_of_the_events() {
    // 1 ms, 2 ms … 100 ms, in two batches four seconds apart.
    let all: Vec<u64> = (1..=100).map(|ms| ms * MILLI_NS).collect();
    let report = json_report(&json!({}), &[(10, &all[..30]), (14, &all[30..])]);
    assert_eq!(report["events"], 100);
    assert_eq!(report["bytes"], 1000);
    assert_eq!(report["seconds"], 4.0);
    assert_eq!(report["events_per_second"], 25.0);
    assert_eq!(report["bytes_per_second"], 250.0);
    for (key, ms) in [
        ("min_ns", 1.0),
        ("p50_ns", 50.0),
        ("p90_ns", 90.0),
        ("p99_ns", 99.0),
        ("p999_ns", 100.0),
        ("p9999_ns", 100.0),
        ("max_ns", 100.0),
        ("mean_ns", 50.5),
    ] {
        assert!(near(&report[key], ms * 1e6), "{key} is {}", report[key]);
    }
}

#[test]
fn the_warm_up_is_not_measured() {
    let slow = [900 * MILLI_NS; 50];
    let fast = [MILLI_NS; 10];
    let batches = [
        (10, &slow[..]),
        (11, &slow[..]),
        (12, &fast[..]),
        (17, &fast[..]),
    ];
    let report = json_report(&json!({ "warmup_s": 2 }), &batches);
    assert_eq!(report["events"], 20);
    assert_eq!(report["seconds"], 5.0);
    assert_eq!(report["events_per_second"], 4.0);
    assert!(near(&report["max_ns"], 1e6), "{report}");
}

#[test]
fn no_event_after_the_warm_up_is_a_report_of_nothing() {
    let report = json_report(&json!({ "warmup_s": 60 }), &[(1, &[5])]);
    for key in [
        "events",
        "bytes",
        "seconds",
        "events_per_second",
        "p50_ns",
        "max_ns",
    ] {
        assert_eq!(report[key].as_f64(), Some(0.0), "{key}");
    }
    let text = text_report(&json!({ "warmup_s": 60 }), &[(1, &[5])]);
    assert_eq!(text, "under_test: no event arrived after the warm-up\n");
}

#[test]
fn a_latency_of_any_size_is_kept() {
    let year_ns = 365 * 24 * 3600 * SECOND_NS;
    let report = json_report(&json!({}), &[(365 * 24 * 3600 + 1, &[year_ns, 0])]);
    assert!(near(&report["max_ns"], year_ns as f64), "{report}");
    assert_eq!(report["min_ns"], 0);
}

fn text_report(config: &Json, batches: &[(u64, &[u64])]) -> String {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(
        file.path(),
        "an old report that is much longer ".repeat(100),
    )
    .unwrap();
    let mut config = config.clone();
    config["report_file"] = file.path().to_str().unwrap().into();
    run(&blackhole().makers()[0], &config, batches);
    std::fs::read_to_string(file.path()).unwrap()
}

#[test]
fn the_report_as_text_replaces_an_old_one() {
    let text = text_report(
        &json!({ "report": "text" }),
        &[(1, &[1000, 1000]), (3, &[1000, 1000])],
    );
    let expected = "\
under_test: 4 events, 40 bytes in 2.000 s
  throughput  2 events/s, 0.000 MB/s
  latency     min               1000 ns
              p50               1000 ns
              p90               1000 ns
              p99               1000 ns
              p99.9             1000 ns
              p99.99            1000 ns
              max               1000 ns
              mean              1000 ns
              stddev               0 ns
";
    assert_eq!(text, expected);
}

#[test]
fn the_percentile_file_has_the_format_of_hdrhistogram() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("latency.hgrm");
    let config = json!({ "report": "none", "hgrm": path });
    let latencies: Vec<u64> = (1..=1000).collect();
    run(&blackhole().makers()[0], &config, &[(1, &latencies)]);
    let text = std::fs::read_to_string(path).unwrap();
    let mut lines = text.lines();
    let heading = lines.next().unwrap();
    assert_eq!(
        heading,
        "       Value     Percentile TotalCount 1/(1-Percentile)"
    );
    assert_eq!(lines.next(), Some(""));
    let (footer, rows): (Vec<&str>, Vec<&str>) = lines.partition(|line| line.starts_with("#["));
    let rows: Vec<Vec<f64>> = rows
        .iter()
        .map(|row| {
            row.split_whitespace()
                .map(|cell| cell.parse().unwrap())
                .collect()
        })
        .collect();
    for pair in rows.windows(2) {
        assert!(pair[0][0] <= pair[1][0] && pair[0][1] <= pair[1][1] && pair[0][2] <= pair[1][2]);
    }
    let (last, before) = rows.split_last().unwrap();
    assert!(before.iter().all(|row| row.len() == 4));
    assert_eq!(*last, [1000.0, 1.0, 1000.0]);
    let median = before.iter().find(|row| row[1] == 0.5).unwrap();
    assert_eq!(median[..], [500.0, 0.5, 500.0, 2.0]);
    assert_eq!(
        footer[0],
        "#[Mean    =      500.500, StdDeviation   =      288.675]"
    );
    assert_eq!(
        footer[1],
        "#[Max     =     1000.000, Total count    =         1000]"
    );
    assert!(footer[2].starts_with("#[Buckets = "), "{}", footer[2]);
}

fn connect_error(config: &Json) -> String {
    let mut connector = blackhole().makers()[0]
        .open(&config.to_string(), &TestHost::new())
        .unwrap();
    let error = connector.tell(Command::Connect).expect_err("it connects");
    error.to_string()
}

#[test]
fn files_that_cannot_be_written_are_named_when_connecting() {
    let path = Path::new("/no/such/folder/report");
    for key in ["hgrm", "report_file"] {
        let message = connect_error(&json!({ key: path }));
        assert!(
            message.contains("`/no/such/folder/report`: No such file"),
            "{message}"
        );
    }
    let folder = tempfile::tempdir().unwrap();
    let message = connect_error(&json!({ "hgrm": folder.path() }));
    assert!(message.contains("Is a directory"), "{message}");
}

#[test]
fn a_full_disk_is_told_when_stopping() {
    let config = json!({ "report": "json", "report_file": "/dev/full" }).to_string();
    for maker in blackhole().makers() {
        let mut connector = maker.open(&config, &TestHost::new()).unwrap();
        drop(connector.start(Side::Sink).unwrap());
        let error = connector.tell(Command::Stop).expect_err("the disk is full");
        assert_eq!(error.kind(), ErrorKind::Failed);
        assert!(
            error
                .message()
                .contains("cannot write `/dev/full`: No space left"),
            "{error}"
        );
    }
}

#[test]
fn a_warm_up_that_is_no_time_is_refused() {
    let refused = blackhole().makers()[0].open(r#"{"warmup_s": -1}"#, &TestHost::new());
    let error = refused.err().expect("an error");
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.message().contains("`warmup_s` is -1"), "{error}");
}
