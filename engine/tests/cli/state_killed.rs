//! `--state-dir`: a process is killed again and again, and what its windows sum up is what came in.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Child;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::Place;
use crate::build::build;

/// The sum of each five numbers of a key, with the first of them.
const FLOW: &str = r#"define flow sums
flow
  define connector input from partitioned with config = { "directory": "partitions" } end;
  define connector output from file
  with
    codec = "json",
    postprocessors = ["separate"],
    config = { "path": "out.jsonl", "mode": "append" }
  end;
  define pipeline sums
  pipeline
    #!config state = "lane"
    define window five from tumbling with size = 5 end;
    select { "key": group[0], "first": aggr::win::first(event.n), "sum": aggr::stats::sum(event.n) } from in[five]
    group by event.key into out
  end;
  create connector input;
  create connector output;
  create pipeline sums;
  connect /connector/input to /pipeline/sums;
  connect /pipeline/sums to /connector/output;
end;
deploy flow sums;
"#;
const PARTITIONS: u64 = 3;
const KEYS: u64 = 4;
/// Of each key in each partition; all windows close.
const NUMBERS: u64 = 500;
const RUN: [&str; 6] = [
    "run",
    "f.troy",
    "--connectors",
    "c.toml",
    "--state-dir",
    "states",
];

fn place() -> Place {
    let place = Place::with("f.troy", FLOW);
    build("temblor-connector-faulty", &place.path("plugins")).exits(0);
    let path = "plugins/libtemblor_connector_faulty.so";
    place.write("c.toml", format!("[[plugin]]\npath = '{path}'\n"));
    std::fs::create_dir(place.path("partitions")).expect("a folder is made");
    for partition in 0..PARTITIONS {
        let records = (0..NUMBERS).flat_map(|n| {
            let keys = 0..KEYS;
            keys.map(move |key| format!("{} {n}\n", partition * KEYS + key))
        });
        let text: String = records.collect();
        place.write(&format!("partitions/{partition}.txt"), text);
    }
    place
}

/// A process that is killed at the end of its life.
struct Mortal(Child);

impl Drop for Mortal {
    fn drop(&mut self) {
        self.0.kill().expect("it can be killed");
        self.0.wait().expect("it has ended");
    }
}

fn start(place: &Place) -> Mortal {
    Mortal(place.command(&RUN).spawn().expect("temblor runs"))
}

fn committed(place: &Place) -> u64 {
    let of = |partition| {
        let file = place.path(&format!("partitions/{partition}.committed"));
        let text = std::fs::read_to_string(file).unwrap_or_default();
        text.parse::<u64>().unwrap_or_default()
    };
    (0..PARTITIONS).map(of).sum()
}

fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(Instant::now() < end, "not in time: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// What came out; a line that a killed process had begun is none.
fn windows(place: &Place) -> Vec<Value> {
    let text = place.read("out.jsonl");
    let pieces = text.split_inclusive('}');
    let whole = pieces.filter_map(|piece| {
        let start = piece.rfind('{')?;
        serde_json::from_str(&piece[start..]).ok()
    });
    whole.collect()
}

#[test]
fn sums_are_what_came_in_however_often_the_process_is_killed() {
    let place = place();
    let all = PARTITIONS * KEYS * NUMBERS;
    for life in 0..4 {
        let before = committed(&place);
        let process = start(&place);
        wait_until("something more is stored", || {
            committed(&place) > before || before == all
        });
        // Somewhere between two checkpoints.
        std::thread::sleep(Duration::from_millis(life * 130));
        drop(process);
    }
    let last = start(&place);
    wait_until("all is stored", || committed(&place) == all);
    drop(last);

    let mut sums: BTreeMap<(u64, u64), BTreeSet<u64>> = BTreeMap::new();
    for window in windows(&place) {
        let field = |name: &str| window[name].as_f64().expect("a number") as u64;
        let sums = sums.entry((field("key"), field("first"))).or_default();
        sums.insert(field("sum"));
    }
    for ((key, first), sums) in &sums {
        // What comes again is the same again.
        let right: u64 = (*first..first + 5).sum();
        assert_eq!(sums.iter().collect::<Vec<_>>(), [&right], "key {key}");
    }
    let total: u64 = sums.values().flatten().sum();
    assert_eq!(total, PARTITIONS * KEYS * (0..NUMBERS).sum::<u64>());
    assert_eq!(sums.len() as u64, all / 5);
}

/// What `check` says of the flow with something replaced.
#[track_caller]
fn refused(place: &Place, from: &str, to: &str, parts: &[&str]) {
    let text = FLOW.replace(from, to);
    assert_ne!(text, FLOW, "{from}");
    place.write("g.troy", text);
    let ran = place.run(&["check", "g.troy", "--connectors", "c.toml"]);
    ran.says(2, &["pipeline `sums` cannot keep its state by lane: "]);
    ran.says(2, parts);
}

#[test]
fn whatever_cannot_be_kept_by_lane_is_found_by_check() {
    let place = place();
    let arguments = ["check", "f.troy", "--connectors", "c.toml"];
    place.run(&arguments).exits(0);
    let create = "  create pipeline sums;\n";
    let other = |body: &str| {
        format!(
            "  define pipeline other pipeline {body} select event from in into out end;\n{create}  create pipeline other;\n"
        )
    };
    let connect = "connect /connector/input to /pipeline/sums;";
    let flow = |other: &str, links: &str| FLOW.replace(create, other).replace(connect, links);
    let through = "connect /connector/input to /pipeline/other;\n  connect /pipeline/other to /pipeline/sums;";
    refused(
        &place,
        FLOW,
        &flow(&other(""), through),
        &[
            "pipeline `other`, which leads to it, does not either",
            "in the definition of `other` too",
        ],
    );
    refused(
        &place,
        connect,
        &format!("{connect}\n  connect /connector/output/err to /pipeline/sums;"),
        &[
            "2 ports lead to it",
            "and nothing else",
            "create pipeline sums",
        ],
    );
    refused(
        &place,
        "connect /connector/input to",
        "connect /connector/input/err to",
        &["port `err` of connector `input` is of no lane"],
    );
    let circle =
        "connect /pipeline/sums to /pipeline/other;\n  connect /pipeline/other to /pipeline/sums;";
    refused(
        &place,
        FLOW,
        &flow(&other("#!config state = \"lane\"\n"), circle),
        &["it gets its events from itself"],
    );
    let few = "define operator few from generic::batch with count = 3 end;\n    create operator few;\n    \
               select event from in into few;\n    define window five";
    let batched = FLOW.replace("define window five", few);
    refused(
        &place,
        FLOW,
        &batched.replace("in[five]", "few[five]"),
        &["its operator `few` (`generic::batch`) keeps cannot be stored"],
    );
    refused(
        &place,
        "from partitioned with config = { \"directory\": \"partitions\" } end",
        "from metronome with config = { \"interval_ms\": 1 } end",
        &["connector `input` (`metronome`) has no lanes"],
    );
    // Where it is stored is nothing that the text says.
    let ran = place.run(&["run", "f.troy", "--connectors", "c.toml"]);
    ran.says(
        2,
        &[
            "pipeline `sums` cannot keep its state by lane: there is no place to store it",
            "`--state-dir DIR`",
        ],
    );
}
