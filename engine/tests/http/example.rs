//! The example answers as it says.

use std::path::Path;

use crate::program::Program;

#[test]
fn the_example_counts_words() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let flow = root.join("engine/examples/http.troy");
    // Its own port may be taken.
    let program = Program::run(&flow, 1024, "--set server.url=127.0.0.1:0");
    let mut client = program.connect();
    client.post("/words", "the quick  brown fox\n");
    let response = client.response().unwrap();
    assert_eq!((response.status, response.body.as_str()), (200, "4\n"));
    client.post("/elsewhere", "");
    let response = client.response().unwrap();
    assert_eq!(
        (response.status, response.body.as_str()),
        (404, "POST a text to /words\n")
    );
    let plain = Some("text/plain; charset=utf-8");
    assert_eq!(response.header("content-type"), plain);
}

#[test]
fn the_connectors_of_the_library_can_be_created() {
    let flow = "
        define flow main
        flow
          use axiom;
          define connector ticks from metronome with config = {\"interval_ms\": 1000} end;
          define pipeline pass pipeline select event from in into out; end;
          create connector ticks;
          create connector one from axiom::http with dataset = \"d\", token = \"t\" end;
          create connector other from axiom::syslog with endpoint_hostport = \"localhost:1\" end;
          create pipeline pass;
          connect /connector/ticks to /pipeline/pass;
          connect /pipeline/pass to /connector/one;
          connect /pipeline/pass to /connector/other;
        end;
        deploy flow main;
    ";
    let file = tempfile::NamedTempFile::with_suffix(".troy").unwrap();
    std::fs::write(file.path(), flow).unwrap();
    let checked = std::process::Command::new(env!("CARGO_BIN_EXE_temblor"))
        .arg("check")
        .arg(file.path())
        .output()
        .unwrap();
    let error = String::from_utf8_lossy(&checked.stderr);
    assert!(checked.status.success(), "{error}");
}
