//! Faults at random, on both sides at once: nothing is lost, nothing is made up, every event has one fate.

use std::time::Duration;

use serde_json::json;
use temblor::Supervision;

use crate::connectors::lock;
use crate::flaky::{Act, world};
use crate::support::{builder, conserved, ended, start, text, until};

const EVENTS: i64 = 150;

/// The same numbers for the same seed.
struct Random(u64);

impl Random {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }

    /// So many calls, of which one in `rarity` goes wrong.
    fn acts(&mut self, calls: usize, rarity: u64) -> Vec<Act> {
        let one = |_| match self.below(rarity * 2) {
            0 => Act::Lost,
            1 => Act::Panic,
            _ => Act::Well,
        };
        (0..calls).map(one).collect()
    }
}

fn run(seed: u64, kind: &str) {
    let mut random = Random(seed);
    let supervision = Supervision {
        strikes: usize::MAX,
        ..Supervision::default()
    };
    let engine = builder().0.supervision(supervision).build().unwrap();
    let name = format!("random_{kind}_{seed}");
    let (source, sink) = (world(&format!("{name}_s")), world(&format!("{name}_a")));
    let connector = |at: &str, kind: &str, world: &str| {
        let config = json!({ "world": world });
        let retry = r#"{"retry": {"interval_ms": 1, "max_interval_ms": 3}}"#;
        format!("{at} from {kind} with config = {config}, reconnect = {retry} end")
    };
    let from = connector("s", "t_flaky", &format!("{name}_s"));
    let to = connector("a", kind, &format!("{name}_a"));
    let links = &["connector/s -> connector/a"];
    let flow = start(&engine, &text(&[&from, &to], &[], links));
    for (world, place, calls, rarity) in [
        (&source, "pull", 60, 6),
        (&source, "fates", 40, 6),
        (&source, "connect", 20, 3),
        (&source, "create_source", 10, 3),
        (&sink, "write", 60, 4),
        (&sink, "connect", 20, 3),
        (&sink, "create_sink", 10, 3),
        (&sink, "start", 5, 3),
    ] {
        world.act(place, random.acts(calls, rarity));
    }
    for n in 0..EVENTS {
        source.feed([n]);
        if random.below(8) == 0 {
            std::thread::sleep(Duration::from_millis(1));
        }
        // A late sink settles now and then, in any order.
        let mut kept = lock(&sink.kept);
        if !kept.is_empty() && random.below(3) == 0 {
            let at = random.below(kept.len() as u64) as usize;
            kept.swap_remove(at).1.acked();
        }
    }
    until(&format!("{name}: all is written"), || {
        lock(&sink.kept)
            .drain(..)
            .for_each(|(_, fates)| fates.acked());
        conserved(&flow.report());
        let counts = flow.report().counts;
        counts.events_in == EVENTS as u64 && counts.in_flight == 0
    });
    flow.drain();
    let report = ended(&flow);
    assert!(report.is_ok(), "{name}: {report:?}");
    assert_eq!(report.counts.delivered, EVENTS as u64, "{name}: {report:?}");
    let mut written = sink.written();
    written.sort_unstable();
    written.dedup();
    assert_eq!(written, (0..EVENTS).collect::<Vec<_>>(), "{name}");
    let broke: u64 = report
        .connectors
        .iter()
        .map(|c| c.restarts + c.reconnects)
        .sum();
    assert!(broke > 0, "{name}: nothing went wrong");
}

#[test]
fn nothing_is_lost_under_faults_at_random() {
    for seed in 0..20 {
        run(seed, "t_flaky");
        run(seed, "t_flaky_late");
    }
}
