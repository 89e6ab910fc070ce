//! Outputs that cannot be written: a clear error, and counts that add up.

use std::io::Write;

use serde_json::json;
use temblor::ConnectorState;

use crate::support::{coded, counts, ended, engine, logged, start, text, try_start};

#[test]
fn a_full_disk_fails_the_flow_with_a_clear_error() {
    let mut lines = tempfile::NamedTempFile::new().unwrap();
    for n in 0..5000 {
        writeln!(lines, "{{\"n\":{n}}}").unwrap();
    }
    let (engine, records) = engine();
    let lines_of = "codec = \"json\", preprocessors = [\"separate\"]";
    let to = "codec = \"json\", postprocessors = [\"separate\"]";
    let flow = start(
        &engine,
        &text(
            &[
                &coded(
                    "s",
                    "file",
                    &json!({ "path": lines.path(), "mode": "read" }),
                    lines_of,
                ),
                &coded(
                    "full",
                    "file",
                    &json!({ "path": "/dev/full", "mode": "write" }),
                    to,
                ),
            ],
            &[],
            &["connector/s -> connector/full"],
        ),
    );
    let report = ended(&flow);
    assert!(!report.is_ok());
    let full = &report.connectors[1];
    assert_eq!(full.state, ConnectorState::Failed);
    let error = full.error.as_ref().unwrap().message();
    assert!(
        error.contains("/dev/full") && error.contains("space"),
        "{error}"
    );
    assert!(logged(&records, "full", "sink stopped"));
    let [events_in, delivered, failed, ..] = counts(&report);
    assert_eq!((delivered, failed), (0, events_in));
    assert!(events_in > 0);
}

#[test]
fn a_file_that_cannot_be_opened_keeps_the_flow_from_starting() {
    let (engine, _) = engine();
    let path = "/nowhere/at/all.jsonl";
    let more = "codec = \"json\"";
    let config = json!({ "path": path, "mode": "read" });
    let text = text(
        &[&coded("f", "file", &config, more), "n from `null`"],
        &[],
        &["connector/f -> connector/n"],
    );
    let error = try_start(&engine, &text).unwrap_err();
    assert!(error.message.contains(path), "{error}");
    assert_eq!(error.kind, temblor::StartErrorKind::Connector);
}

/// The environment variable by which this test finds that it is the child.
const CHILD: &str = "TEMBLOR_TEST_FEW_DESCRIPTORS";

/// In a process of its own, because the limit holds for all of it.
#[test]
fn a_busy_descriptor_table_is_a_clear_error() {
    if std::env::var_os(CHILD).is_none() {
        let test = "output::a_busy_descriptor_table_is_a_clear_error";
        let done = std::process::Command::new("sh")
            .args(["-c", "ulimit -n 24; exec \"$0\" --exact \"$1\" --nocapture"])
            .arg(std::env::current_exe().unwrap())
            .arg(test)
            .env(CHILD, "1")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&done.stdout);
        assert!(
            done.status.success() && said.contains("refused as it should"),
            "{done:?}"
        );
        return;
    }
    let fill = || {
        let files = std::iter::repeat_with(|| std::fs::File::open("/dev/null"));
        files.map_while(Result::ok).collect::<Vec<_>>()
    };
    let taken = fill();
    let error = crate::support::builder().0.build().unwrap_err().to_string();
    assert!(
        error.to_lowercase().contains("too many open files"),
        "{error}"
    );
    drop(taken);
    let (engine, _) = engine();
    let taken = fill();
    let flow = text(
        &[
            &coded(
                "f",
                "file",
                &json!({ "path": "/dev/zero", "mode": "read" }),
                "codec = \"binary\"",
            ),
            "n from `null`",
        ],
        &[],
        &["connector/f -> connector/n"],
    );
    let error = try_start(&engine, &flow).unwrap_err();
    assert!(error.message.contains("/dev/zero"), "{error}");
    assert!(
        error.message.to_lowercase().contains("too many open files"),
        "{error}"
    );
    drop(taken);
    // The engine is as good as before.
    let running = start(&engine, &flow);
    running.stop();
    crate::support::conserved(&running.wait());
    println!("refused as it should");
}
