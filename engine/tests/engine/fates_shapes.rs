//! Fates through flows of every shape, against a model: splits, merges, diamonds, fan-out to many sinks.

use std::sync::atomic::{AtomicU64, Ordering};

use proptest::prelude::*;
use proptest::test_runner::Config;
use serde_json::json;
use temblor_pdk::Fate;

use crate::connectors::probe;
use crate::fates::fates_of;
use crate::support::{counts, ended, engine, start, text, with};

/// A flow between one source and some sinks.
struct Shape {
    pipelines: &'static [(&'static str, &'static str)],
    links: &'static [&'static str],
    sinks: usize,
    /// The ways through it, each with its sink and the numbers that go there.
    ways: &'static [Way],
}

/// A sink, and whether a number goes there.
type Way = (usize, fn(i64) -> bool);

const PASS: &str = "select event from in into out;";

const SHAPES: [Shape; 5] = [
    Shape {
        pipelines: &[("p", PASS)],
        links: &[
            "connector/s -> pipeline/p",
            "pipeline/p -> connector/k0",
            "pipeline/p -> connector/k1",
            "pipeline/p -> connector/k2",
            "pipeline/p -> connector/k3",
            "pipeline/p -> connector/k4",
            "pipeline/p -> connector/k5",
            "pipeline/p -> connector/k6",
            "pipeline/p -> connector/k7",
        ],
        sinks: 8,
        ways: &[
            (0, |_| true),
            (1, |_| true),
            (2, |_| true),
            (3, |_| true),
            (4, |_| true),
            (5, |_| true),
            (6, |_| true),
            (7, |_| true),
        ],
    },
    // A split, and what goes neither way is filtered.
    Shape {
        pipelines: &[(
            "p into even, odd",
            "select event from in where event.n % 2 == 0 and event.n % 5 != 0 into even;
             select event from in where event.n % 2 == 1 and event.n % 5 != 0 into odd;",
        )],
        links: &[
            "connector/s -> pipeline/p",
            "pipeline/p/even -> connector/k0",
            "pipeline/p/odd -> connector/k1",
        ],
        sinks: 2,
        ways: &[
            (0, |n| n % 2 == 0 && n % 5 != 0),
            (1, |n| n % 2 == 1 && n % 5 != 0),
        ],
    },
    // A diamond, in which some events go both ways and meet themselves again.
    Shape {
        pipelines: &[
            ("p", PASS),
            (
                "two",
                "select event from in where event.n % 2 == 0 into out;",
            ),
            (
                "three",
                "select event from in where event.n % 3 == 0 into out;",
            ),
            ("q", PASS),
        ],
        links: &[
            "connector/s -> pipeline/p",
            "pipeline/p -> pipeline/two",
            "pipeline/p -> pipeline/three",
            "pipeline/two -> pipeline/q",
            "pipeline/three -> pipeline/q",
            "pipeline/q -> connector/k0",
        ],
        sinks: 1,
        ways: &[(0, |n| n % 2 == 0), (0, |n| n % 3 == 0)],
    },
    // One sink straight and behind two pipelines, and another that gets the rest twice in one batch.
    Shape {
        pipelines: &[
            ("p", PASS),
            (
                "q into out, more",
                "select event from in where event.n % 3 == 1 into out;
                 select event from in where event.n % 3 == 2 into more;
                 select event from in where event.n % 3 == 2 into more;",
            ),
        ],
        links: &[
            "connector/s -> pipeline/p",
            "pipeline/p -> connector/k0",
            "pipeline/p -> pipeline/q",
            "pipeline/q -> connector/k0",
            "pipeline/q/more -> connector/k1",
        ],
        sinks: 2,
        ways: &[
            (0, |_| true),
            (0, |n| n % 3 == 1),
            (1, |n| n % 3 == 2),
        ],
    },
    // An operator that lets everything pass changes nothing.
    Shape {
        pipelines: &[(
            "p",
            "define operator q from qos::backpressure with timeout = 60000000000, method = \"pause\", steps = [1] end;
             create operator q;
             select event from in into q;
             select event from q where event.n % 4 != 0 into out;",
        )],
        links: &[
            "connector/s -> pipeline/p",
            "pipeline/p -> connector/k0",
            "pipeline/p -> connector/k1",
        ],
        sinks: 2,
        ways: &[(0, |n| n % 4 != 0), (1, |n| n % 4 != 0)],
    },
];

/// Of each event whether it arrives anywhere, and whether a batch that it is in is refused.
fn expected(shape: &Shape, sizes: &[u64], refuse: &[Vec<i64>]) -> Vec<(bool, bool)> {
    let mut all = Vec::new();
    let mut next = 0;
    for size in sizes {
        let pull = next..next + *size as i64;
        next = pull.end;
        let is_refused =
            |(sink, goes): &Way| pull.clone().any(|n| goes(n) && refuse[*sink].contains(&n));
        let fate = |n: i64| {
            let ways = || shape.ways.iter().filter(move |(_, goes)| goes(n));
            (ways().count() > 0, ways().any(is_refused))
        };
        all.extend(pull.clone().map(fate));
    }
    all
}

proptest! {
    #![proptest_config(Config { cases: 40, failure_persistence: None, ..Config::default() })]

    #[test]
    fn every_event_has_the_fate_that_the_model_says(
        shape in 0..SHAPES.len(),
        sizes in prop::collection::vec(1_u64..40, 1..12),
        refuse in prop::collection::vec(prop::collection::vec(0_i64..200, 0..3), 8),
    ) {
        static RUNS: AtomicU64 = AtomicU64::new(0);
        let run = RUNS.fetch_add(1, Ordering::Relaxed);
        let shape = &SHAPES[shape];
        // Of many sinks two refuse.
        let refuse: Vec<Vec<i64>> = refuse.into_iter().enumerate()
            .map(|(sink, refuse)| if sink < 2 { refuse } else { Vec::new() })
            .collect();
        let (engine, _) = engine();
        let name = format!("shape_{run}");
        let source = with("s", "t_numbers", &json!({ "probe": name, "pulls": sizes }));
        let mut connectors = vec![source];
        for (sink, refuse) in refuse.iter().enumerate().take(shape.sinks) {
            let config = json!({ "probe": format!("{name}_{sink}"), "refuse": refuse });
            connectors.push(with(&format!("k{sink}"), "t_taker", &config));
        }
        let connectors: Vec<&str> = connectors.iter().map(String::as_str).collect();
        let flow = start(&engine, &text(&connectors, shape.pipelines, shape.links));
        let report = ended(&flow);
        let expected = expected(shape, &sizes, &refuse);
        let count = |what: fn(&(bool, bool)) -> bool| {
            expected.iter().filter(|event| what(event)).count() as u64
        };
        let failed = count(|(_, refused)| *refused);
        let delivered = count(|(arrives, refused)| *arrives && !*refused);
        let filtered = count(|(arrives, _)| !*arrives);
        let total = expected.len() as u64;
        prop_assert_eq!(counts(&report), [total, delivered, failed, filtered, 0, 0]);
        let fates = fates_of(&probe(&name).fates(), &sizes);
        let told: Vec<bool> = fates.iter().map(|fate| *fate == Fate::Failed).collect();
        let refused: Vec<bool> = expected.iter().map(|(_, refused)| *refused).collect();
        prop_assert_eq!(told, refused);
    }
}

#[test]
fn two_sources_in_one_pipeline_learn_their_own_fates() {
    let (engine, _) = engine();
    let source = |name: &str, sizes: &[u64]| {
        let config = json!({ "probe": format!("merged_{name}"), "pulls": sizes });
        with(name, "t_numbers", &config)
    };
    let sink = with(
        "k",
        "t_taker",
        &json!({ "probe": "merged_sink", "refuse": [7] }),
    );
    let pass = "select event from in into out;";
    let text = text(
        &[&source("a", &[2, 2, 2, 2]), &source("b", &[3, 3]), &sink],
        &[("p", pass)],
        &[
            "connector/a -> pipeline/p",
            "connector/b -> pipeline/p",
            "pipeline/p -> connector/k",
        ],
    );
    let report = ended(&start(&engine, &text));
    assert_eq!(counts(&report), [14, 12, 2, 0, 0, 0]);
    let fates = |name: &str, sizes: &[u64]| fates_of(&probe(name).fates(), sizes);
    let a = fates("merged_a", &[2, 2, 2, 2]);
    assert_eq!(a.iter().filter(|fate| **fate == Fate::Failed).count(), 2);
    assert_eq!(&a[6..], [Fate::Failed; 2]);
    assert_eq!(fates("merged_b", &[3, 3]), [Fate::Acked; 6]);
}

#[test]
fn a_batch_of_two_sources_fails_both() {
    let (engine, _) = engine();
    let source = |name: &str| {
        let config = json!({ "probe": format!("batched_{name}"), "pulls": [2] });
        with(name, "t_numbers", &config)
    };
    let sink = with(
        "k",
        "t_taker",
        &json!({ "probe": "batched_sink", "refuse": [0] }),
    );
    let batch = "define operator four from generic::batch with count = 4 end;
         create operator four;
         select event from in into four;
         select event from four into out;";
    let text = text(
        &[&source("a"), &source("b"), &sink],
        &[("p", batch)],
        &[
            "connector/a -> pipeline/p",
            "connector/b -> pipeline/p",
            "pipeline/p -> connector/k",
        ],
    );
    let report = ended(&start(&engine, &text));
    assert_eq!(counts(&report), [4, 0, 4, 0, 0, 0]);
    for name in ["batched_a", "batched_b"] {
        assert_eq!(fates_of(&probe(name).fates(), &[2]), [Fate::Failed; 2]);
    }
}
