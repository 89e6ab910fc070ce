//! Windows that are kept by lane and that time closes, while nothing comes in: what came of them is stored, and heard of.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use temblor::{Directory, Engine, FlowHandle, Supervision};

use crate::support::{Records, builder, logged, start, text, until, with};
use crate::topics::{Partition, Shared, lock, topic};

/// An engine that looks often for what there is to store, and loses patience soon.
fn engine(directory: &Path) -> (Engine, Records) {
    let (builder, records) = builder();
    let supervision = Supervision {
        hang_after: Duration::from_millis(300),
        ..Supervision::default()
    };
    let builder = builder
        .supervision(supervision)
        .checkpoints(Arc::new(Directory::new(directory).unwrap()))
        .checkpoint_interval(Duration::from_millis(5));
    (builder.build().unwrap(), records)
}

/// A flow with a window for each key that time closes.
fn flow(engine: &Engine, topic: &str, interval: Duration) -> FlowHandle {
    let source = with("s", "t_consumer", &json!({ "topic": topic }));
    let sink = with("a", "t_remembers", &json!({ "topic": topic }));
    let windows = format!(
        "#!config state = \"lane\"
        define window w from tumbling with interval = {} end;
        select {{ \"key\": group[0], \"count\": aggr::stats::count() }} from in[w]
        group by event.key into out;",
        interval.as_nanos()
    );
    let links = ["connector/s -> pipeline/w", "pipeline/w -> connector/a"];
    start(engine, &text(&[&source, &sink], &[("w", &windows)], &links))
}

/// A topic of so many partitions, which are wanted.
fn partitions(name: &str, count: usize) -> Shared {
    let shared = topic(name);
    lock(&shared)
        .partitions
        .extend((0..count).map(|_| Partition {
            wanted: Some(0),
            ..Partition::default()
        }));
    shared
}

/// Two records of a key come into a partition.
fn feed(shared: &Shared, partition: usize, key: u64) {
    let records = &mut lock(shared).partitions[partition].records;
    records.extend([(key, 0), (key, 1)]);
}

fn window(key: u64) -> String {
    format!("{{\"key\":{key},\"count\":2}}")
}

fn count(shared: &Shared, key: u64) -> usize {
    let topic = lock(shared);
    topic.taken.iter().filter(|w| **w == window(key)).count()
}

fn drain(flow: &FlowHandle) {
    flow.drain();
    assert!(flow.wait().is_ok());
}

const SHORT: Duration = Duration::from_millis(60);

#[test]
fn what_time_closed_is_closed_in_the_next_process_too() {
    let directory = tempfile::tempdir().unwrap();
    let shared = partitions("closed", 1);
    for key in 1..4 {
        let (engine, _) = engine(directory.path());
        let flow = flow(&engine, "closed", SHORT);
        feed(&shared, 0, key);
        until("time closes it", || count(&shared, key) > 0);
        drain(&flow);
    }
    for key in 1..4 {
        assert_eq!(count(&shared, key), 1, "window of key {key}");
    }
}

#[test]
fn what_time_closed_and_failed_comes_again_though_nothing_comes_in() {
    let directory = tempfile::tempdir().unwrap();
    let shared = partitions("refused", 1);
    lock(&shared).refuse_each = 1;
    let (engine, records) = engine(directory.path());
    let flow = flow(&engine, "refused", SHORT);
    feed(&shared, 0, 1);
    until("it is heard of", || {
        logged(&records, "s", "what time had closed in windows of lane")
    });
    assert_eq!(count(&shared, 1), 0);
    lock(&shared).refuse_each = 0;
    until("it comes again", || count(&shared, 1) > 0);
    drain(&flow);
    assert_eq!(count(&shared, 1), 1);
}

#[test]
fn a_source_that_hangs_leaves_no_lane_behind() {
    let directory = tempfile::tempdir().unwrap();
    let shared = partitions("hanging", 2);
    let (engine, records) = engine(directory.path());
    let flow = flow(&engine, "hanging", Duration::from_secs(4));
    feed(&shared, 0, 1);
    until("it is in the window", || {
        lock(&shared).partitions[0].committed == 2
    });
    let mut topic = lock(&shared);
    topic.hangs = true;
    // It moves to another process meanwhile, where its window closes.
    topic.partitions[0].wanted = None;
    drop(topic);
    until("another has taken over", || logged(&records, "s", "hangs"));
    feed(&shared, 1, 2);
    until("the lane that is here closes", || count(&shared, 2) > 0);
    assert_eq!(count(&shared, 1), 0, "the lane is not here any more");
    lock(&shared).is_let_go = true;
    drain(&flow);
    assert_eq!(count(&shared, 1), 0);
}

#[test]
fn a_drain_says_what_it_could_not_store() {
    let directory = tempfile::tempdir().unwrap();
    let shared = partitions("unstored", 1);
    let (engine, records) = engine(directory.path());
    let flow = flow(&engine, "unstored", Duration::from_secs(3600));
    feed(&shared, 0, 1);
    until("it is stored", || {
        lock(&shared).partitions[0].committed == 2
    });
    // From here on the place is none.
    std::fs::remove_dir_all(directory.path()).unwrap();
    std::fs::write(directory.path(), "").unwrap();
    feed(&shared, 0, 1);
    until("it is said", || {
        logged(&records, "s", "cannot store the state of lane `t/0`")
    });
    drain(&flow);
    assert!(logged(
        &records,
        "s",
        "the state of 1 lane(s) could not be stored at the end"
    ));
    assert!(logged(&records, "s", "`t/0`; what came in since"));
    assert_eq!(lock(&shared).partitions[0].committed, 2);
}
