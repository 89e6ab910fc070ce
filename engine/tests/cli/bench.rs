//! `temblor bench`: sides of a connector in turn.

use crate::Place;
use crate::build::with_null;

/// A flow that measures.
const FLOW: &str = r#"define flow bench
flow
  define connector blaster from blaster
  with
    codec = "string",
    config = { "file": "in.txt", "iterations": 20 }
  end;
  define connector blackhole from blackhole with codec = "string" end;
  define pipeline all pipeline select event from in into out end;
  create connector blaster;
  create connector blackhole;
  create pipeline all;
  connect /connector/blaster to /pipeline/all;
  connect /pipeline/all to /connector/blackhole;
end;
deploy flow bench;
"#;

fn place() -> Place {
    let place = Place::with("f.troy", FLOW);
    place.write("in.txt", "some line\n".repeat(500));
    place
}

#[test]
fn sides_are_measured_in_turn() {
    let place = place();
    let arguments = [
        "bench",
        "f.troy",
        "--ab",
        "blackhole=native,native,abi",
        "--rounds",
        "2",
    ];
    let ran = place.run(&[&arguments[..], &["--json"]].concat());
    let json = ran.json(0);
    let turns: Vec<&str> = ran
        .err
        .lines()
        .filter(|line| line.starts_with("round"))
        .collect();
    let expected = [
        "round 1 of 2: native",
        "round 1 of 2: native",
        "round 1 of 2: abi",
        "round 2 of 2: native",
        "round 2 of 2: abi",
        "round 2 of 2: native",
    ];
    assert_eq!(turns, expected);
    let sides = json["sides"].as_array().expect("a list");
    let names: Vec<&str> = sides
        .iter()
        .filter_map(|side| side["side"].as_str())
        .collect();
    assert_eq!(names, ["native", "native", "abi"]);
    for side in sides {
        for key in [
            "events_per_second",
            "bytes_per_second",
            "p50_ns",
            "p90_ns",
            "p99_ns",
            "p999_ns",
            "max_ns",
        ] {
            assert!(
                side[key].as_f64().is_some_and(|value| value > 0.0),
                "{key}: {side:#}"
            );
            assert!(side["rounds"][1][key].is_number(), "{key}: {side:#}");
        }
        assert_eq!(side["rounds"].as_array().map(Vec::len), Some(2));
    }
    assert_eq!(json["same_side"]["side"], "native");
    assert!(json["profile"].is_string());
}

#[test]
fn the_text_begins_with_what_can_be_resolved() {
    let place = place();
    let ran = place.run(&[
        "bench",
        "f.troy",
        "--ab",
        "blaster=abi,abi",
        "--rounds",
        "1",
    ]);
    let text = ran.exits(0);
    let same = text.find("abi/abi").expect("a side against itself");
    let medians = text.find("Medians").expect("medians");
    assert!(same < medians, "{text}");
    assert!(text.contains("profile: "), "{text}");
}

#[test]
fn half_of_the_saturation_can_be_the_rate() {
    let place = place();
    let arguments = [
        "bench",
        "f.troy",
        "--ab",
        "blaster=native",
        "--rounds",
        "1",
        "--json",
    ];
    let json = place
        .run(&[&arguments[..], &["--rate", "half"]].concat())
        .json(0);
    let all = json["saturation_per_s"].as_f64().expect("it was measured");
    assert_eq!(json["rate_per_s"].as_f64(), Some(all / 2.0));
    let json = place
        .run(&[&arguments[..], &["--rate", "1e5"]].concat())
        .json(0);
    assert_eq!(json["rate_per_s"], 1e5);
}

#[test]
fn every_run_has_a_name_of_its_own() {
    let place = place();
    let file = "  define connector kept from file\n  with\n    codec = \"string\",\n    config = { \"path\": \
                \"kept-${env:TEMBLOR_BENCH_RUN}.txt\", \"mode\": \"truncate\" }\n  end;\n  \
                create connector kept;\n  connect /pipeline/all to /connector/kept;\nend;\n";
    place.write(
        "f.troy",
        FLOW.replacen("end;\ndeploy", &format!("{file}deploy"), 1),
    );
    let arguments = [
        "bench",
        "f.troy",
        "--ab",
        "blaster=native,abi",
        "--rounds",
        "2",
    ];
    place.run(&arguments).exits(0);
    let files = std::fs::read_dir(place.path("")).unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    assert_eq!(names.filter(|name| name.starts_with("kept-")).count(), 4);
}

#[test]
fn what_cannot_be_compared_is_named() {
    let place = place();
    let ran = place.run(&["bench", "f.troy", "--ab", "blaster=native,dylib"]);
    ran.fails(
        2,
        "error: connector `blaster` is not available as plugin\n\
         help: the side `dylib` needs a plugin: build it with `temblor plugin build \
         temblor-connector-blaster`, list it as `[[plugin]]` in connectors.toml, and name that \
         file with `--connectors`\n",
    );
    let ran = place.run(&["bench", "f.troy", "--ab", "blastr=native"]);
    ran.says(
        2,
        &["there is no connector `blastr`", "did you mean `blaster`?"],
    );
    let ran = place.run(&["bench", "f.troy", "--ab", "file=native"]);
    ran.says(
        2,
        &[
            "`f.troy` does not use connector `file`",
            "it uses `blaster`, `blackhole`",
        ],
    );
    place.write(
        "g.troy",
        FLOW.replace("from blackhole with codec = \"string\" end", "from null"),
    );
    let ran = place.run(&["bench", "g.troy", "--ab", "blaster=native"]);
    ran.says(
        2,
        &["`g.troy` has no connector of kind `blackhole`, so nothing measures"],
    );
    place.write(
        "g.troy",
        FLOW.replace("from blaster\n", "from `blaster@builtin`\n"),
    );
    let ran = place.run(&["bench", "g.troy", "--ab", "blaster=native"]);
    ran.says(
        2,
        &["`g.troy` asks for `blaster@builtin`, so its side cannot change"],
    );
    let ran = place.run(&[
        "bench",
        "f.troy",
        "--ab",
        "blaster=native",
        "--set",
        "blaster.file=no",
    ]);
    ran.says(
        1,
        &["the flow with `blaster=native` ended with exit status: 3; it said:\nerror"],
    );
}

#[test]
fn a_loaded_connector_can_be_a_side() {
    let place = with_null("prefer = \"builtin\"\n");
    let null = "  define connector none from null;\n  create connector none;\n  \
                connect /pipeline/all to /connector/none;\nend;\n";
    place.write(
        "f.troy",
        FLOW.replacen("end;\ndeploy", &format!("{null}deploy"), 1),
    );
    place.write("in.txt", "some line\n".repeat(500));
    let arguments = [
        "bench",
        "f.troy",
        "--ab",
        "null=native,dylib",
        "--rounds",
        "1",
        "--json",
    ];
    let json = place
        .run(&[&arguments[..], &["--connectors", "connectors.toml"]].concat())
        .json(0);
    assert_eq!(json["sides"][1]["side"], "dylib");
}
