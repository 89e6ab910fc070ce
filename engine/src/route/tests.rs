//! Pipelines that keep a state for each lane.

use std::sync::{Arc, Mutex};

use temblor_lang::{Options, Source, compile_query};
use temblor_pdk::{Batch, BatchBuilder, Lane, Value};

use super::*;
use crate::fate::{SourceFates, Tally, Told};
use crate::queue::{QueueLimits, Receiver, Taken, queue};
use crate::turn::{Begun, Collected, Collector, LaneTurn, What};

const SOURCE: u32 = 7;
const PAIRS: &str = "#!config state = \"lane\"
    define window two from tumbling with size = 2 end;
    select aggr::win::collect_flattened(event) from in[two] into out";
const SECONDS: &str = "#!config state = \"lane\"
    define window second from tumbling with interval = 1000000000 end;
    select aggr::win::collect_flattened(event) from in[second] into out";

fn pipeline(text: &str) -> Pipeline {
    let source = Arc::new(Source::new("test.trickle", text));
    compile_query(&source, &Options::default())
        .expect("the test's text is right")
        .pipeline
}

/// A pipeline whose output goes into a queue.
struct Rig {
    node: Node,
    out: Receiver,
    fates: Arc<SourceFates>,
    tally: Arc<Tally>,
    pulls: u64,
}

impl Rig {
    fn new(text: &str) -> Rig {
        let (node, out) = leading_to_a_queue(text);
        let tally = Arc::new(Tally::default());
        let (fates, _) = SourceFates::new(SOURCE, "s", Arc::clone(&tally), true);
        Rig {
            node,
            out,
            fates,
            tally,
            pulls: 0,
        }
    }

    fn turn(&mut self, lane: Lane, what: What) {
        let source = SOURCE;
        let turn = LaneTurn { source, lane, what };
        smol::block_on(self.node.turn(&turn));
    }

    fn begin(&mut self, lane: Lane) {
        self.turn(lane, What::Begin(Arc::default()));
    }

    /// An event comes in. Returns what comes out.
    fn send(&mut self, lane: Lane, number: i64) -> Vec<String> {
        let parcel = self.parcel(lane, number);
        smol::block_on(self.node.run(0, parcel));
        self.results().into_iter().map(delivered).collect()
    }

    fn parcel(&mut self, lane: Lane, number: i64) -> Parcel {
        let pull = self.pulls;
        self.pulls += 1;
        let mut builder = BatchBuilder::new();
        builder.push(|_| {
            let mut event = temblor_pdk::Event::new(Value::from(number));
            (event.id.source, event.id.lane, event.id.pull) = (SOURCE, lane, pull);
            event.ingest_ns = number as u64;
            event
        });
        let ticket = crate::fate::Ticket::open(&self.fates, lane, pull, 1, Told::Events);
        Parcel {
            batch: builder.seal(),
            tickets: Tickets::new(ticket, Vec::new()),
        }
    }

    fn tick(&mut self, now_ns: u64) -> Vec<Parcel> {
        smol::block_on(self.node.tick(now_ns));
        self.results()
    }

    fn results(&mut self) -> Vec<Parcel> {
        let next = || self.out.try_receive()?.ok();
        std::iter::from_fn(next).map(|(_, parcel)| parcel).collect()
    }

    /// Marks a lane. What is collected comes into the place that is returned.
    fn mark(&mut self, lane: Lane, pipelines: usize) -> Arc<Mutex<Option<Collected>>> {
        let place = Arc::new(Mutex::new(None));
        let put = Arc::clone(&place);
        let collector = Collector::new(pipelines, move |collected| {
            *put.lock().expect("nobody panics") = Some(collected);
        });
        self.turn(lane, What::Mark(collector));
        place
    }

    /// What is kept of a lane.
    fn snapshot(&mut self, lane: Lane) -> Vec<u8> {
        match taken(&self.mark(lane, 1)) {
            Some(Collected::States(states)) => states[0].1.clone(),
            other => panic!("{other:?}"),
        }
    }

    fn begin_with(&mut self, lane: Lane, bytes: &[u8]) {
        let state = self.node.pipeline.restore(bytes).expect("it can be read");
        let states = [("p".to_owned(), state)].into();
        self.turn(lane, What::Begin(Arc::new(Begun::new(states))));
    }
}

fn taken(place: &Mutex<Option<Collected>>) -> Option<Collected> {
    place.lock().expect("nobody panics").take()
}

fn leading_to_a_queue(text: &str) -> (Node, Receiver) {
    let (sender, out) = queue(QueueLimits::default());
    let breaker = Breaker::new(&Arc::default());
    let target = Target::Queue(sender, 0, breaker);
    (leading_to(text, "p", target), out)
}

fn leading_to(text: &str, name: &str, target: Target) -> Node {
    let pipeline = pipeline(text);
    let mut outputs: Vec<Vec<Target>> = pipeline.outputs().map(|_| Vec::new()).collect();
    outputs[0].push(target);
    Node::new(pipeline, outputs, "f", name, Logger::off(), None)
}

fn shown(batch: &Batch) -> String {
    let events = batch.events().iter();
    let shown: Vec<String> = events.map(|event| event.data.to_json()).collect();
    shown.join(" ")
}

fn delivered(parcel: Parcel) -> String {
    let text = shown(&parcel.batch);
    parcel.tickets.all_delivered(parcel.batch.events());
    parcel.tickets.release();
    text
}

#[test]
fn each_lane_has_a_state_of_its_own() {
    let mut rig = Rig::new(PAIRS);
    rig.begin(1);
    rig.begin(2);
    assert_eq!(rig.send(1, 10), [""; 0]);
    assert_eq!(rig.send(2, 20), [""; 0]);
    assert_eq!(rig.send(1, 11), ["[10,11]"]);
    assert_eq!(rig.send(2, 21), ["[20,21]"]);
    // What windows took is not kept from being told: the source keeps it back.
    let counts = rig.tally.counts();
    assert_eq!((counts.in_flight, counts.absorbed), (0, 2));
}

#[test]
fn a_state_goes_on_in_another_process() {
    let mut rig = Rig::new(PAIRS);
    rig.begin(1);
    rig.send(1, 10);
    let bytes = rig.snapshot(1);
    let mut other = Rig::new(PAIRS);
    other.begin_with(4, &bytes);
    assert_eq!(other.send(4, 11), ["[10,11]"]);
    // Here it goes on too, as long as nobody says otherwise.
    assert_eq!(rig.send(1, 12), ["[10,12]"]);
}

#[test]
fn a_lane_that_begins_anew_has_the_state_that_it_begins_with() {
    let mut rig = Rig::new(PAIRS);
    rig.begin(1);
    rig.send(1, 10);
    let bytes = rig.snapshot(1);
    rig.send(1, 11);
    rig.send(1, 12);
    rig.begin_with(1, &bytes);
    assert_eq!(rig.send(1, 11), ["[10,11]"]);
    rig.send(1, 12);
    rig.begin(1);
    rig.send(1, 13);
    assert_eq!(rig.send(1, 14), ["[13,14]"]);
}

#[test]
fn events_of_a_lane_that_has_ended_fail() {
    let mut rig = Rig::new(PAIRS);
    rig.begin(1);
    rig.send(1, 10);
    rig.turn(1, What::End);
    rig.send(1, 11);
    assert_eq!(rig.tally.counts().failed, 1);
    rig.begin(1);
    rig.send(1, 12);
    assert_eq!(rig.send(1, 13), ["[12,13]"]);
}

#[test]
fn time_passes_for_each_lane() {
    let mut rig = Rig::new(SECONDS);
    for lane in [1, 2] {
        rig.begin(lane);
        rig.send(lane, 10 + i64::from(lane));
    }
    let results = rig.tick(2_000_000_000);
    let found: Vec<_> = results
        .iter()
        .map(|parcel| {
            let id = parcel.batch.events()[0].id;
            (id.source, id.lane, shown(&parcel.batch))
        })
        .collect();
    let expected = [
        (SOURCE, 1, "[11]".to_owned()),
        (SOURCE, 2, "[12]".to_owned()),
    ];
    assert_eq!(found, expected);
    results.into_iter().map(delivered).for_each(drop);
}

#[test]
fn a_mark_waits_for_what_time_closed_before_it() {
    let mut rig = Rig::new(SECONDS);
    rig.begin(1);
    rig.send(1, 10);
    let mut before = rig.tick(2_000_000_000);
    let mark = rig.mark(1, 1);
    assert!(taken(&mark).is_none(), "its result is on its way");
    rig.send(1, 3_000_000_000);
    let after = rig.tick(5_000_000_000);
    delivered(before.remove(0));
    assert!(matches!(taken(&mark), Some(Collected::States(_))));
    after.into_iter().map(delivered).for_each(drop);
}

#[test]
fn what_time_closed_and_failed_is_not_stored() {
    type Fate = fn(Parcel);
    let fates: [Fate; 3] = [
        Parcel::fail,
        // As when a task ends before its time.
        drop,
        |parcel| {
            // A copy of it fails, as in one of two sinks.
            parcel.tickets.clone().failed(&parcel.batch.events()[0].id);
            delivered(parcel);
        },
    ];
    for fate in fates {
        let mut rig = Rig::new(SECONDS);
        rig.begin(1);
        rig.send(1, 10);
        rig.tick(2_000_000_000).into_iter().for_each(fate);
        assert!(matches!(taken(&rig.mark(1, 1)), Some(Collected::Failed)));
        // That was that.
        rig.begin(1);
        assert!(matches!(taken(&rig.mark(1, 1)), Some(Collected::States(_))));
    }
}

#[test]
fn a_mark_waits_for_more_than_what_came_since_the_one_before() {
    for fails in [false, true] {
        let mut rig = Rig::new(SECONDS);
        rig.begin(1);
        rig.send(1, 10);
        let mut before = rig.tick(2_000_000_000);
        // Nobody waits for the first one any more, as when its pull has failed.
        let marks = [rig.mark(1, 1), rig.mark(1, 1)];
        assert!(taken(&marks[1]).is_none(), "the window is on its way");
        match fails {
            true => before.remove(0).fail(),
            false => drop(delivered(before.remove(0))),
        }
        let later = rig.mark(1, 1);
        for mark in marks.iter().chain([&later]) {
            let collected = taken(mark).expect("all have their fates");
            assert_eq!(matches!(collected, Collected::Failed), fails);
        }
    }
}

#[test]
fn marks_go_through_all_pipelines_in_order() {
    let (sender, queued) = queue(QueueLimits::default());
    let way = Target::Queue(sender.taking_turns(), 0, Breaker::new(&Arc::default()));
    let (mut last, out) = leading_to_a_queue(PAIRS);
    let second = leading_to(
        "#!config state = \"lane\"\nselect event from in into out",
        "q",
        way,
    );
    let mut rig = Rig::new(PAIRS);
    rig.node = leading_to(PAIRS, "o", Target::Inline(Box::new(second), 0));
    rig.begin(1);
    for number in 10..13 {
        rig.send(1, number);
    }
    let mark = rig.mark(1, 3);
    rig.send(1, 13);
    assert!(taken(&mark).is_none(), "the queue has it");
    let mut order = Vec::new();
    let mut take = || {
        let taken = smol::block_on(queued.next()).expect("something is there");
        match taken {
            Taken::Parcel(port, parcel) => {
                order.push("parcel");
                smol::block_on(last.run(port, parcel));
            }
            Taken::Turn(turn) => {
                order.push(match turn.what {
                    What::Begin(_) => "begin",
                    What::Mark(_) => "mark",
                    What::End => "end",
                });
                smol::block_on(last.turn(&turn));
            }
        }
    };
    (0..4).for_each(|_| take());
    assert_eq!(order, ["begin", "parcel", "mark", "parcel"]);
    let Some(Collected::States(states)) = taken(&mark) else {
        panic!("it is complete");
    };
    let names: Vec<&str> = states.iter().map(|(name, _)| &**name).collect();
    assert_eq!(names, ["o", "q", "p"]);
    // The sink behind it is told nothing of lanes.
    let (_, parcel) = smol::block_on(out.receive()).expect("a pair of pairs");
    assert_eq!(delivered(parcel), "[[10,11],[12,13]]");
    assert!(out.try_receive().is_none());
}

#[test]
fn a_mark_that_never_comes_to_its_end_is_told() {
    let mut rig = Rig::new(PAIRS);
    rig.begin(1);
    let mark = rig.mark(1, 2);
    let Some(Collected::Impossible(why)) = taken(&mark) else {
        panic!("a pipeline is missing");
    };
    assert_eq!(why, "a pipeline has ended before it");
}
