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
