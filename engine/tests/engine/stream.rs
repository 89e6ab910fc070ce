//! Bad input in a stream of bytes: counted, sent to `err` with reason and offset, and the stream goes on.

use serde_json::{Value, json};
use temblor::FlowReport;

use crate::connectors::probe;
use crate::support::{all, builder, coded, counts, ended, start, text, with};

/// Runs pieces through a decoder; returns the report, the numbers that came out and the records of failures.
fn run(name: &str, pieces: &[&[u8]], decoder: &str) -> (FlowReport, Vec<i64>, Vec<Value>) {
    let (mut builder, records) = builder();
    let errors = builder.output("errors");
    let engine = builder.build().unwrap();
    probe(name).feed(pieces);
    let source = coded("s", "t_pieces", &json!({ "probe": name }), decoder);
    let sink = format!("{name}_sink");
    let flow = start(
        &engine,
        &text(
            &[
                &source,
                &with("a", "t_taker", &json!({ "probe": sink })),
                "errors from errors",
            ],
            &[],
            &[
                "connector/s -> connector/a",
                "connector/s/err -> connector/errors",
            ],
        ),
    );
    let failures = all(&errors);
    let report = ended(&flow);
    if !failures.is_empty() {
        assert!(crate::support::logged(&records, "s", "cannot decode"));
    }
    let failures = failures.iter().map(|f| serde_json::from_str(f).unwrap());
    let failures = failures.collect();
    (report, probe(&sink).numbers(), failures)
}

const LINES: &str = "codec = \"json\", preprocessors = [\"separate\"]";

#[test]
fn each_failure_has_reason_offset_and_data() {
    let pieces: [&[u8]; 3] = [
        b"{\"n\":0}\nnot json\n{\"n\":1}\n[1,",
        b"2\n{\"n\":2}\n\xff\xfe\n\n{\"n\":",
        b"3}\n{\"n\":4",
    ];
    let (report, numbers, failures) = run("reasons", &pieces, LINES);
    assert_eq!(numbers, [0, 1, 2, 3]);
    assert_eq!(counts(&report), [9, 4, 4, 0, 0, 1]);
    let offsets: Vec<_> = failures
        .iter()
        .map(|f| f["offset"].as_u64().unwrap())
        .collect();
    assert_eq!(offsets, [8, 25, 38, 50]);
    assert_eq!(failures[0]["data"], "not json");
    assert_eq!(failures[1]["data"], "[1,2");
    assert_eq!(failures[2]["data"], json!({ "base64": "//4=" }));
    assert_eq!(failures[3]["data"], "{\"n\":4");
    let id = json!({ "lane": 0, "stream": 0, "pull": 1, "event": 2 });
    assert_eq!(failures[2]["id"], id);
    for failure in &failures {
        assert_eq!(failure["connector"], "s");
        assert_eq!(failure["source"], "s");
        assert_eq!(failure["flow"], "main");
        assert_eq!(failure["stage"], "decode");
        assert!(failure["ingest_ns"].as_u64().unwrap() > 0);
        assert!(failure["error"].as_str().unwrap().len() > 5, "{failure}");
    }
}

#[test]
fn invalid_utf8_inside_a_string_is_refused() {
    let (report, numbers, failures) =
        run("utf8", &[b"{\"n\":1,\"s\":\"\xff\"}\n{\"n\":2}\n"], LINES);
    assert_eq!((numbers, failures.len()), (vec![2], 1));
    assert_eq!(counts(&report), [2, 1, 1, 0, 0, 0]);
}

#[test]
fn twenty_thousand_brackets_are_refused_and_the_stream_goes_on() {
    let mut piece = vec![b'['; 20_000];
    piece.extend(vec![b']'; 20_000]);
    piece.extend_from_slice(b"\n{\"n\":1}\n");
    piece.extend(vec![b'['; 20_000]);
    piece.extend_from_slice(b"\n{\"n\":2}\n");
    let (report, numbers, failures) = run("brackets", &[&piece], LINES);
    assert_eq!((numbers, failures.len()), (vec![1, 2], 2));
    assert_eq!(failures[0]["offset"], 0);
    assert_eq!(failures[1]["offset"], 40_009);
    assert_eq!(counts(&report), [4, 2, 2, 0, 0, 0]);
}

#[test]
fn a_line_of_64_mib_passes_and_a_longer_one_is_left_out() {
    const LIMIT: usize = 64 * 1024 * 1024;
    let mut line = b"{\"n\":1,\"s\":\"".to_vec();
    line.resize(LIMIT - 2, b'x');
    line.extend_from_slice(b"\"}\n");
    assert_eq!(line.len(), LIMIT + 1);
    let mut pieces: Vec<Vec<u8>> = line.chunks(1 << 20).map(<[u8]>::to_vec).collect();
    // One byte more than may be.
    let mut longer = line.clone();
    longer.insert(20, b'x');
    pieces.extend(longer.chunks(1 << 20).map(<[u8]>::to_vec));
    pieces.push(b"{\"n\":3}\n".to_vec());
    let pieces: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
    let (report, numbers, failures) = run("huge", &pieces, LINES);
    assert_eq!(numbers, [1, 3]);
    assert_eq!(failures.len(), 1);
    assert_eq!(failures[0]["offset"], line.len());
    let error = failures[0]["error"].as_str().unwrap();
    assert!(error.contains("`max_length`"), "{error}");
    assert_eq!(counts(&report), [3, 2, 1, 0, 0, 0]);
}

#[test]
fn lines_that_are_too_long_have_their_offsets_too() {
    let decoder = "codec = \"json\", preprocessors = [{\"name\": \"separate\", \"config\": {\"max_length\": 8}}]";
    let pieces: [&[u8]; 3] = [
        b"{\"n\":0}\n{\"n\":11111111}\n{\"n\":1}\n{\"n\":22",
        b"222222222222",
        b"222}\n{\"n\":2}\n",
    ];
    let (report, numbers, failures) = run("too_long", &pieces, decoder);
    assert_eq!(numbers, [0, 1, 2]);
    let offsets: Vec<_> = failures
        .iter()
        .map(|f| f["offset"].as_u64().unwrap())
        .collect();
    assert_eq!(offsets, [8, 31]);
    assert_eq!(counts(&report), [5, 3, 2, 0, 0, 0]);
}
