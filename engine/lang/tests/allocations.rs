//! What windows cost in memory. The heap is counted, in a program of its own.

mod common;

use allocation_counter::measure;
use common::query;
use temblor_lang::{Pipeline, Scratch, State};
use temblor_pdk::value::{Arena, Event, Field, Value};

/// What came out of a run.
#[derive(Default)]
struct Results {
    /// By output port.
    counts: [u64; 2],
    failed: u64,
    last_error: String,
}

/// Runs events of numbers from `numbers` through a pipeline, in batches.
fn feed(
    pipeline: &Pipeline,
    scratch: &mut Scratch,
    state: &mut State,
    numbers: std::ops::Range<u64>,
    results: &mut Results,
) {
    let mut numbers = numbers.peekable();
    while numbers.peek().is_some() {
        let arena = Arena::new();
        let mut run = pipeline.start(&arena, scratch, state);
        for number in numbers.by_ref().take(1000) {
            let event = Event::new(Value::from(number));
            let done = run.event(0, event, &mut |port, event| {
                results.counts[port] += 1;
                let error = event.data.get("error").and_then(|error| error.as_str());
                if let Some(error) = error
                    && results.last_error != error
                {
                    error.clone_into(&mut results.last_error);
                }
            });
            if let Err(error) = done {
                results.failed += 1;
                results.last_error = error.to_string();
            }
        }
    }
}

/// Nothing is allocated for an event that a window of a known group takes in and does not emit for. The first events
/// make the groups, and the parts of sliding windows.
fn takes_in_without_allocating(window: &str, first: usize) {
    let pipeline = query(&format!(
        r#"define window w from {window} end;
        select {{
            "host": event.host,
            "count": aggr::stats::count(),
            "sum": aggr::stats::sum(event.v),
            "mean": aggr::stats::mean(event.v),
            "hdr": aggr::stats::hdr(event.v, ["0.5", "0.99"])
        }} from in[w] where event.v > 0 group by event.host into out"#
    ));
    let (arena, mut scratch) = (Arena::new(), Scratch::default());
    let mut state = pipeline.state();
    let hosts = ["a", "b", "c"].map(Value::from);
    // The largest number first, since a histogram grows with them.
    let values = [100_000u64, 7, 99, 4_711].map(Value::from);
    let event = |at: usize| {
        let fields = [
            Field::new("host", hosts[at % hosts.len()]),
            Field::new("v", values[at / hosts.len() % values.len()]),
        ];
        let mut event = Event::new(arena.object(&fields));
        event.ingest_ns = at as u64;
        event
    };
    let events: Vec<Event<'_>> = (0..3_000).map(event).collect();
    let mut run = pipeline.start(&arena, &mut scratch, &mut state);
    let mut quiet = 0;
    for (at, event) in events.iter().enumerate() {
        let mut emitted = 0;
        let counted = measure(|| {
            let mut out = |_, _| emitted += 1;
            run.event(0, *event, &mut out).expect("it is right");
        });
        if at >= first && emitted == 0 {
            quiet += 1;
            assert_eq!(counted.count_total, 0, "{window}: event {at}");
        } else if at == 0 {
            assert!(
                counted.count_total > 0,
                "a new group has to be put somewhere"
            );
        }
    }
    assert!(quiet > 2_000, "{window}: {quiet}");
}

#[test]
fn windows_take_events_in_without_allocating() {
    takes_in_without_allocating("tumbling with size = 5000", 3);
    takes_in_without_allocating("tumbling with interval = 5000", 3);
    takes_in_without_allocating("sliding with size = 80, slide = 40", 3 * 120);
    takes_in_without_allocating("sliding with interval = 300, slide = 150", 600);
}

#[test]
fn a_million_groups_end_with_an_error_and_in_bounded_memory() {
    let pipeline = query(
        "define window w from tumbling with size = 2 end;
        select {\"g\": group[0], \"n\": aggr::stats::count()} from in[w] group by event into out",
    );
    let mut scratch = Scratch::default();
    let mut state = pipeline.state();
    let mut results = Results::default();
    let filling = measure(|| {
        feed(
            &pipeline,
            &mut scratch,
            &mut state,
            0..100_000,
            &mut results,
        );
    });
    assert_eq!((results.counts, results.failed), ([0, 0], 0));
    assert_eq!(state.open_groups(), 100_000);
    assert!(
        filling.bytes_max < 100_000 * 1_000,
        "{} bytes",
        filling.bytes_max
    );
    feed(
        &pipeline,
        &mut scratch,
        &mut state,
        100_000..110_000,
        &mut results,
    );
    let flood = measure(|| {
        feed(
            &pipeline,
            &mut scratch,
            &mut state,
            110_000..1_000_000,
            &mut results,
        );
    });
    assert_eq!((results.counts, results.failed), ([0, 900_000], 0));
    assert_eq!(state.open_groups(), 100_000);
    let said = &results.last_error;
    for part in ["(100000)", "`max_groups`", "group by event"] {
        assert!(said.contains(part), "{said}");
    }
    // Only the batch that is under way, and the text of the error.
    assert!(flood.bytes_max < 2_000_000, "{} bytes", flood.bytes_max);
    assert!(
        flood.bytes_current < 10_000,
        "{} bytes",
        flood.bytes_current
    );
    // Groups that are kept go on.
    feed(&pipeline, &mut scratch, &mut state, 7..8, &mut results);
    assert_eq!(results.counts, [1, 900_000]);
    // And make room when their windows close.
    feed(
        &pipeline,
        &mut scratch,
        &mut state,
        1_000_000..1_000_001,
        &mut results,
    );
    assert_eq!((results.counts, results.failed), ([1, 900_000], 0));
}
