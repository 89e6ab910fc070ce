//! Windows that are kept by lane: whatever happens to engines and sinks, each comes out whole, with the same content.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use temblor::{Directory, Engine, FlowHandle};

use crate::support::{Records, builder, conserved, logged, start, text, until, with};
use crate::topics::{Partition, Shared, lock, topic};

const KEYS: u64 = 5;
/// So many events are a window.
const SIZE: u64 = 4;
/// Windows by key, each with everything that went in. A second pipeline counts them by a script that keeps a state.
const WINDOWS: &str = "#!config state = \"lane\"
    define window w from tumbling with size = 4 end;
    select { \"key\": group[0], \"all\": aggr::win::collect_flattened(event.n) } from in[w]
    group by event.key into out;";
const NUMBERED: &str = "#!config state = \"lane\"
    define script number
    script
      let state = match state of
        case null => 1
        case _ => state + 1
      end;
      { \"key\": event.key, \"all\": event.all, \"number\": state }
    end;
    create script number;
    select event from in into number;
    select event from number into out;";

/// A generator of numbers that are the same in each run.
struct Dice(u64);

impl Dice {
    fn next(&mut self, below: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % below
    }
}

/// Fills partitions with records of keys of their own.
fn fill(topic: &Shared, partitions: u64, records: u64, dice: &mut Dice) {
    let mut topic = lock(topic);
    for partition in 0..partitions {
        let mut next = [0; KEYS as usize];
        let records = (0..records).map(|_| {
            let key = dice.next(KEYS);
            let n = next[key as usize];
            next[key as usize] += 1;
            (partition * 100 + key, n)
        });
        topic.partitions.push(Partition {
            records: records.collect(),
            ..Partition::default()
        });
    }
}

/// What comes out where nothing goes wrong: each window with its number in its lane.
fn expected(topic: &Shared) -> Vec<Value> {
    let mut expected = Vec::new();
    for partition in &lock(topic).partitions {
        let mut open: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
        let mut number = 0;
        for (key, n) in &partition.records {
            let window = open.entry(*key).or_default();
            window.push(*n);
            if window.len() as u64 == SIZE {
                number += 1;
                let window = std::mem::take(window);
                expected.push(json!({ "key": key, "all": window, "number": number }));
            }
        }
    }
    expected
}

fn taken(topic: &Shared) -> Vec<Value> {
    let topic = lock(topic);
    let taken = topic.taken.iter();
    taken
        .map(|window| serde_json::from_str(window).unwrap())
        .collect()
}

fn engine(directory: &Path, interval: Duration) -> (Engine, Records) {
    let (builder, records) = builder();
    let builder = builder
        .checkpoints(Arc::new(Directory::new(directory).unwrap()))
        .checkpoint_interval(interval);
    (builder.build().unwrap(), records)
}

fn flow(engine: &Engine, topic: &str, member: u64, skips: bool) -> FlowHandle {
    let source = json!({ "topic": topic, "member": member, "skips": skips });
    let source = with("s", "t_consumer", &source);
    let sink = with("a", "t_remembers", &json!({ "topic": topic }));
    let links = [
        "connector/s -> pipeline/w",
        "pipeline/w -> pipeline/n",
        "pipeline/n -> connector/a",
    ];
    start(
        engine,
        &text(
            &[&source, &sink],
            &[("w", WINDOWS), ("n", NUMBERED)],
            &links,
        ),
    )
}

/// Everything came out, nothing else did, and of each key in order, apart from repeats. What failed comes out behind
/// what was in flight with it.
fn check(topic: &Shared, in_order: bool) {
    let (expected, taken) = (expected(topic), taken(topic));
    let mut seen = HashSet::new();
    let mut last: BTreeMap<u64, u64> = BTreeMap::new();
    for window in &taken {
        assert!(expected.contains(window), "{window} should not be");
        if !seen.insert(window.to_string()) {
            continue;
        }
        let (key, first) = (window["key"].as_u64(), window["all"][0].as_u64());
        let before = last.insert(key.unwrap(), first.unwrap());
        assert!(
            !in_order || before.is_none_or(|before| Some(before) < first),
            "{window} comes too late"
        );
    }
    for window in &expected {
        assert!(seen.contains(&window.to_string()), "{window} is missing");
    }
}

/// Whether all is stored, and committed.
fn is_done(topic: &Shared) -> bool {
    let topic = lock(topic);
    topic
        .partitions
        .iter()
        .all(|partition| partition.committed == partition.records.len() as u64)
}

fn give(topic: &Shared, mut to: impl FnMut(usize) -> Option<u64>) {
    for (at, partition) in lock(topic).partitions.iter_mut().enumerate() {
        partition.wanted = to(at);
    }
}

#[test]
fn windows_survive_engines_that_are_killed_between_checkpoints() {
    let directory = tempfile::tempdir().unwrap();
    let mut dice = Dice(7);
    let shared = topic("killed");
    fill(&shared, 3, 2_000, &mut dice);
    give(&shared, |_| Some(0));
    for _ in 0..12 {
        let (engine, _) = engine(directory.path(), Duration::from_millis(3));
        let flow = flow(&engine, "killed", 0, false);
        let enough = lock(&shared).taken.len() + 40 + dice.next(80) as usize;
        until("it goes on", || {
            lock(&shared).taken.len() >= enough || is_done(&shared)
        });
        flow.stop();
        conserved(&flow.wait());
    }
    let (engine, _) = engine(directory.path(), Duration::from_millis(3));
    let flow = flow(&engine, "killed", 0, false);
    until("all is stored", || is_done(&shared));
    flow.drain();
    assert!(flow.wait().is_ok());
    check(&shared, true);
}

#[test]
fn windows_move_with_their_lanes_from_engine_to_engine() {
    let directory = tempfile::tempdir().unwrap();
    let mut dice = Dice(11);
    let shared = topic("moved");
    fill(&shared, 4, 2_000, &mut dice);
    give(&shared, |at| Some(at as u64 % 2));
    let all = expected(&shared).len();
    // Longer than the test: what is stored is stored because lanes move.
    let interval = Duration::from_secs(600);
    let engines = [0, 1].map(|_| engine(directory.path(), interval));
    let flows = [0, 1].map(|member| flow(&engines[member as usize].0, "moved", member, false));
    for _ in 0..20 {
        let enough = lock(&shared).taken.len() + 30;
        until("it goes on", || {
            lock(&shared).taken.len() >= enough.min(all)
        });
        give(&shared, |_| Some(dice.next(2)));
    }
    until("all has come out", || distinct(&shared) >= all);
    for flow in &flows {
        flow.drain();
        assert!(flow.wait().is_ok());
    }
    check(&shared, true);
    // What drains stores what it has.
    assert!(is_done(&shared));
    // Nothing came twice: every lane moved with all of its state.
    let topic = lock(&shared);
    let distinct: HashSet<&String> = topic.taken.iter().collect();
    assert_eq!(distinct.len(), topic.taken.len());
    let warned = engines
        .iter()
        .any(|(_, records)| logged(records, "s", "moved away before"));
    assert!(!warned);
}

/// How many windows came out that differ.
fn distinct(topic: &Shared) -> usize {
    let topic = lock(topic);
    topic.taken.iter().collect::<HashSet<_>>().len()
}

#[test]
fn a_lane_goes_back_with_its_state_when_something_fails() {
    let directory = tempfile::tempdir().unwrap();
    let mut dice = Dice(13);
    let shared = topic("failing");
    fill(&shared, 3, 2_000, &mut dice);
    lock(&shared).refuse_each = 31;
    give(&shared, |_| Some(0));
    let (engine, _) = engine(directory.path(), Duration::from_millis(2));
    let flow = flow(&engine, "failing", 0, false);
    until("all is stored", || is_done(&shared));
    flow.drain();
    assert!(flow.wait().is_ok());
    check(&shared, false);
}

#[test]
fn what_is_passed_over_counts_as_done() {
    let directory = tempfile::tempdir().unwrap();
    let mut dice = Dice(17);
    let shared = topic("skipping");
    fill(&shared, 2, 1_000, &mut dice);
    lock(&shared).refuse_each = 10;
    give(&shared, |_| Some(0));
    let (engine, _) = engine(directory.path(), Duration::from_millis(2));
    let flow = flow(&engine, "skipping", 0, true);
    // What failed last may be passed over by the next that comes, which is not to come.
    let count = |topic: &Shared| {
        lock(topic)
            .partitions
            .iter()
            .map(|p| p.committed)
            .sum::<u64>()
    };
    until("nearly all is stored", || count(&shared) >= 1_900);
    flow.drain();
    assert!(flow.wait().is_ok());
    let expected = expected(&shared);
    let taken = taken(&shared);
    assert_eq!(distinct(&shared), taken.len(), "nothing is done again");
    assert!(taken.iter().all(|window| expected.contains(window)));
    assert!(taken.len() > expected.len() / 2);
}

#[test]
fn somebody_who_stores_elsewhere_is_told_of() {
    let [one, other] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let shared = topic("elsewhere");
    lock(&shared).partitions.push(Partition::default());
    give(&shared, |_| Some(0));
    for (round, directory) in [&one, &other, &one].into_iter().enumerate() {
        let numbers = (0..50).map(|n| (1, round as u64 * 50 + n));
        lock(&shared).partitions[0].records.extend(numbers);
        let (engine, records) = engine(directory.path(), Duration::from_millis(2));
        let flow = flow(&engine, "elsewhere", 0, false);
        until("all is stored", || is_done(&shared));
        flow.drain();
        assert!(flow.wait().is_ok());
        let warned = logged(
            &records,
            "s",
            "somebody went on with it who stores elsewhere",
        );
        assert_eq!(warned, round == 2, "{round}");
    }
}

/// What an engine of the test below consumes: a part of the same records as the other.
struct Part {
    topic: Shared,
    given: usize,
}

impl Part {
    fn new(name: &str) -> Part {
        let topic = topic(name);
        lock(&topic).partitions = (0..3).map(|_| Partition::default()).collect();
        give(&topic, |_| Some(0));
        Part { topic, given: 0 }
    }

    /// Gives it some more, and waits until that is stored, unless it began behind it.
    fn go_on(&mut self, all: &Shared, count: usize, began: usize) {
        self.given += count;
        let mut topic = lock(&self.topic);
        for (partition, all) in topic.partitions.iter_mut().zip(&lock(all).partitions) {
            let given = self.given.min(all.records.len());
            partition.records = all.records[..given].to_vec();
        }
        drop(topic);
        until("it goes on", || self.given <= began || is_done(&self.topic));
    }
}

#[test]
fn a_zombie_that_goes_on_does_no_harm() {
    const ALL: usize = 2_000;
    let mut dice = Dice(19);
    let all = topic("all that a zombie and its heirs consume");
    fill(&all, 3, ALL as u64, &mut dice);
    let directory = tempfile::tempdir().unwrap();
    let start = |name: &str| {
        let (engine, _) = engine(directory.path(), Duration::from_millis(2));
        let flow = flow(&engine, name, 0, false);
        (engine, flow)
    };
    // Neither learns that the other has the same lanes: each stores what it has, ahead of the other or behind it.
    let (mut zombie, mut heir) = (Part::new("zombie"), Part::new("heir"));
    let (_engine, of_zombie) = start("zombie");
    zombie.go_on(&all, 100, 0);
    let (mut began, mut of_heir) = (zombie.given, start("heir"));
    for _ in 0..40 {
        let count = 1 + dice.next(90) as usize;
        match dice.next(3) {
            0 if zombie.given + count < ALL => zombie.go_on(&all, count, 0),
            1 => {
                of_heir.1.stop();
                conserved(&of_heir.1.wait());
                began = zombie.given.max(heir.given).max(began);
                of_heir = start("heir");
            }
            _ => heir.go_on(&all, count.min(ALL - heir.given), began),
        }
    }
    heir.go_on(&all, ALL - heir.given, began);
    for flow in [of_zombie, of_heir.1] {
        flow.drain();
        assert!(flow.wait().is_ok());
    }
    let taken = std::mem::take(&mut lock(&zombie.topic).taken);
    lock(&all).taken.extend(taken);
    let taken = std::mem::take(&mut lock(&heir.topic).taken);
    lock(&all).taken.extend(taken);
    check(&all, false);
    assert!(distinct(&all) < lock(&all).taken.len(), "both made some");
}
