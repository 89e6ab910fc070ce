//! What a pipeline keeps is written down and goes on elsewhere as if nothing had happened.

mod common;

use std::sync::{Mutex, PoisonError};

use common::{json, owned, query, shown, source};
use proptest::prelude::*;
use temblor_lang::{Options, Pipeline, RestoreError, Scratch, State, compile_query};
use temblor_pdk::value::{Arena, Event, OwnedValue};

/// All aggregates at once.
const AGGREGATES: &str = r#""count": aggr::stats::count(), "sum": aggr::stats::sum(event.n),
    "mean": aggr::stats::mean(event.n), "min": aggr::stats::min(event.n), "max": aggr::stats::max(event.n),
    "var": aggr::stats::var(event.n), "stdev": aggr::stats::stdev(event.n),
    "hdr": aggr::stats::hdr(event.n, ["0.5", "0.99"]), "usual": aggr::stats::hdr(event.n),
    "dds": aggr::stats::dds(event.n, ["0.5", "0.9"]), "first": aggr::win::first(event.v),
    "last": aggr::win::last(event.v), "all": aggr::win::collect_flattened(event.v),
    "nested": aggr::win::collect_nested(event.v)"#;

/// Windows of all kinds, and lists of them.
const WINDOWS: [&str; 16] = [
    "three",
    "weighed",
    "passing",
    "timed",
    "counting",
    "odd",
    "`sliding`",
    "hopping",
    "sliding_time",
    "sliding_timed",
    "three, passing",
    "three, counting, three",
    "odd, three",
    "three, `sliding`",
    "passing, sliding_time",
    "three, three, sliding_timed",
];

const GROUPS: [&str; 5] = [
    "",
    "group by event.g",
    "group by set(event.g, event.v)",
    "group by each(event.items)",
    "group by event.v",
];

/// A pipeline of a script with state and a select with windows.
fn text(windows: &str, group: &str) -> String {
    format!(
        r#"
        define window three from tumbling with size = 3 end;
        define window weighed from tumbling with size = 7 script event.w end;
        define window passing from tumbling with interval = 50 end;
        define window timed from tumbling with interval = 40 script event.t end;
        define window counting from tumbling
        state 0
        script from tick let state = state + 1; state >= 6
        script let state = state + 1; let closes = state >= 4;
          let state = match closes of case true => 0 case _ => state end; closes
        end;
        define window odd from tumbling
        state {{"seen": []}}
        script let state.seen = state.seen + [event.w]; [event.w == 1, event.w == 2]
        end;
        define window `sliding` from sliding with size = 6, slide = 2 end;
        define window hopping from sliding with size = 4, slide = 4 end;
        define window sliding_time from sliding with interval = 60, slide = 20 end;
        define window sliding_timed from sliding with interval = 60, slide = 30 script event.t end;
        define script counter
        state {{"n": 0}}
        script let state.n = state.n + 1; let state.last = event.v; let event.seen = state; event
        end;
        create script counter;
        select event from in into counter;
        select {{ {AGGREGATES}, "group": group, "window": window }} from counter[{windows}] {group} into out;
        select event.seen from counter where event.seen.n > 2 into out;
        "#
    )
}

#[derive(Clone, Debug)]
enum Step {
    Event(String, u64),
    Tick(u64),
    /// The next events come in another batch.
    Batch,
}

fn any_step() -> impl Strategy<Value = Step> {
    let number = prop_oneof![
        (0..2000_u64).prop_map(|n| n.to_string()),
        (-10.0..1e6f64).prop_map(|n| format!("{n:?}")),
        Just("18446744073709551615".to_owned()),
        Just("1e300".to_owned()),
        Just("0".to_owned()),
        // Fails, when some aggregates have taken it in.
        Just("\"no number\"".to_owned()),
    ];
    let value = prop::sample::select(vec![
        "null",
        "1",
        "-3",
        "0.5",
        "\"text\"",
        "[1, [2]]",
        "{\"b\": {\"a\": 18446744073709551615}}",
        "true",
    ]);
    let items = prop::sample::select(vec!["[]", "[1]", "[1, 2]", "[\"x\", 1, 3]"]);
    let event = (
        number,
        value,
        items,
        0..3_u8,
        0..4_u8,
        0..300_u64,
        0..40_u64,
    );
    let event = event.prop_map(|(n, v, items, g, w, t, pause)| {
        let event =
            format!(r#"{{"n": {n}, "v": {v}, "items": {items}, "g": "g{g}", "w": {w}, "t": {t}}}"#);
        Step::Event(event, pause)
    });
    prop_oneof![
        8 => event,
        1 => (0..80_u64).prop_map(Step::Tick),
        2 => Just(Step::Batch),
    ]
}

/// Takes steps, and says what comes out, failures included.
fn take(pipeline: &Pipeline, state: &mut State, steps: &[Step], time: &mut u64) -> Vec<String> {
    let mut scratch = Scratch::default();
    let mut said = Vec::new();
    for steps in steps.split(|step| matches!(step, Step::Batch)) {
        let arena = Arena::new();
        let mut run = pipeline.start(&arena, &mut scratch, state);
        for step in steps {
            let mut out = Vec::new();
            let mut put = |_: usize, event: Event<'_>| out.push(json(event.data));
            let done = match step {
                Step::Event(text, pause) => {
                    *time += pause;
                    let mut event = Event::new(arena.value(&owned(text)));
                    event.ingest_ns = *time;
                    run.event(0, event, &mut put)
                }
                Step::Tick(pause) => {
                    *time += pause;
                    run.tick(*time, &mut put)
                }
                Step::Batch => Ok(()),
            };
            said.append(&mut out);
            said.extend(done.err().map(|error| error.finding().message.clone()));
        }
    }
    said
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(160))]
    #[test]
    fn a_state_goes_on_where_it_was(
        windows in prop::sample::select(&WINDOWS[..]),
        group in prop::sample::select(&GROUPS[..]),
        before in prop::collection::vec(any_step(), 0..60),
        after in prop::collection::vec(any_step(), 0..60),
    ) {
        let pipeline = query(&text(windows, group));
        let (mut state, mut time) = (pipeline.state(), 0);
        take(&pipeline, &mut state, &before, &mut time);
        let bytes = pipeline.snapshot(&state).expect("it can be written down");
        // The same text compiled again, as in another process.
        let other = query(&text(windows, group));
        let mut restored = other.restore(&bytes).expect("it can be read");
        prop_assert_eq!(other.snapshot(&restored).expect("it can be written down again"), bytes);
        prop_assert_eq!(restored.open_groups(), state.open_groups());
        let mut same_time = time;
        let expected = take(&pipeline, &mut state, &after, &mut time);
        let found = take(&other, &mut restored, &after, &mut same_time);
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn damage_is_an_error(
        windows in prop::sample::select(&WINDOWS[..]),
        steps in prop::collection::vec(any_step(), 0..40),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let pipeline = query(&text(windows, "group by event.g"));
        let mut state = pipeline.state();
        take(&pipeline, &mut state, &steps, &mut 0);
        let bytes = pipeline.snapshot(&state).expect("it can be written down");
        let at = at.index(bytes.len());
        prop_assert!(pipeline.restore(&bytes[..at]).is_err());
        let mut damaged = bytes.clone();
        damaged[at] = damaged[at].wrapping_add(byte.max(1));
        prop_assert!(pipeline.restore(&damaged).is_err());
        damaged = bytes;
        damaged.push(byte);
        prop_assert!(pipeline.restore(&damaged).is_err());
    }
}

/// Held by whoever counts what is allocated.
static TURN: Mutex<()> = Mutex::new(());

#[test]
fn lengths_that_lie_take_no_memory() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let pipeline = query(&text("three, `sliding`", "group by event.g"));
    let mut state = pipeline.state();
    let event = r#"{"n": 1, "v": [1, 2], "items": [1], "g": "g", "w": 1, "t": 1}"#;
    let steps: Vec<_> = (0..8).map(|_| Step::Event(event.to_owned(), 1)).collect();
    take(&pipeline, &mut state, &steps, &mut 0);
    let bytes = pipeline.snapshot(&state).expect("it can be written down");
    for at in 0..bytes.len() {
        // An array, a map, a text and bytes, each of four thousand millions, and each followed by its right sum.
        for marker in [0xdd, 0xdf, 0xdb, 0xc6] {
            let mut damaged = bytes[..at].to_vec();
            damaged.extend([marker, 0xff, 0xff, 0xff, 0xff]);
            damaged.extend(&bytes[at..]);
            let damaged = with_right_sum(damaged);
            let mut restored = None;
            let counted =
                allocation_counter::measure(|| restored = Some(pipeline.restore(&damaged)));
            assert!(
                restored.is_some_and(|state| state.is_err()),
                "{marker:x} at {at}"
            );
            assert!(counted.bytes_max < 1 << 20, "{} bytes", counted.bytes_max);
        }
    }
}

#[test]
fn what_is_read_as_something_else_harms_nobody() {
    let pipeline = query(&text("three, counting, three", "group by event.g"));
    let mut state = pipeline.state();
    let event = r#"{"n": 3, "v": "text", "items": [1], "g": "g", "w": 1, "t": 1}"#;
    let steps: Vec<_> = (0..8).map(|_| Step::Event(event.to_owned(), 1)).collect();
    take(&pipeline, &mut state, &steps, &mut 0);
    let bytes = pipeline.snapshot(&state).expect("it can be written down");
    for at in 0..bytes.len() {
        for byte in [0, 1, 0x7f, 0x90, 0xa3, 0xc0, 0xc2, 0xcb, 0xcf, 0xff] {
            let mut damaged = bytes.clone();
            damaged[at] = byte;
            // What can be read is a state, if another one, and goes on.
            if let Ok(mut state) = pipeline.restore(&with_right_sum(damaged)) {
                take(&pipeline, &mut state, &steps, &mut 0);
            }
        }
    }
}

/// The same bytes with the sum that belongs to them.
fn with_right_sum(mut bytes: Vec<u8>) -> Vec<u8> {
    use std::hash::Hasher;
    // A text of 15 bytes, the fingerprint, and the sum, both of eight bytes with a marker; as long as they are that large.
    let head = 1 + 15 + 9;
    if bytes.len() < head + 9 {
        return bytes;
    }
    let mut hasher = siphasher::sip::SipHasher13::new_with_keys(0, 0);
    hasher.write(&bytes[head + 9..]);
    bytes[head + 1..head + 9].copy_from_slice(&hasher.finish().to_be_bytes());
    bytes
}

fn snapshot_of(text: &str, event: &str) -> (Pipeline, Vec<u8>) {
    let pipeline = query(text);
    let mut state = pipeline.state();
    take(
        &pipeline,
        &mut state,
        &[Step::Event(event.to_owned(), 1)],
        &mut 0,
    );
    let bytes = pipeline.snapshot(&state).expect("it can be written down");
    (pipeline, bytes)
}

const COUNT: &str = "define window ten from tumbling with size = 10 end;
    select { \"n\": aggr::stats::count(), \"g\": group[0] } from in[ten] group by event.g into out";

#[test]
fn what_keeps_something_else_is_refused() {
    let (_, bytes) = snapshot_of(COUNT, r#"{"g": 1}"#);
    for (other, is_same) in [
        (COUNT.to_owned(), true),
        // Layout, comments, other names of fields, and what keeps nothing.
        (COUNT.replace("from in", "  from  in # here\n"), true),
        (COUNT.replace("\"n\"", "\"count\""), true),
        (
            COUNT.replace("from in[ten]", "from in[ten] where event.g > 0"),
            true,
        ),
        (format!("{COUNT};\nselect event.g from in into out"), true),
        (COUNT.replace("size = 10", "size = 9 + 1"), true),
        (COUNT.replace("size = 10", "size = 11"), false),
        (COUNT.replace("ten", "decade"), false),
        (COUNT.replace("group by event.g", "group by event.h"), false),
        (
            COUNT.replace("aggr::stats::count()", "aggr::stats::sum(event.g)"),
            false,
        ),
        (COUNT.replace(" group by event.g", ""), false),
        (
            format!("{COUNT};\n{}", COUNT.replace("ten", "other")),
            false,
        ),
    ] {
        let restored = query(&other).restore(&bytes);
        assert_eq!(restored.is_ok(), is_same, "{other}");
        if !is_same {
            assert_eq!(restored.err(), Some(RestoreError::OfAnother), "{other}");
        }
    }
}

#[test]
fn values_survive_as_they_are() {
    let text = r#"define script keep script let state = event; null end;
        define script tell script state end;
        create script keep; select event from in into keep; select event from keep into out"#;
    let mut fields = temblor_pdk::value::Map::default();
    let float = f64::from_bits(0x7ff8_0000_0000_1234);
    for (key, value) in [
        ("nan", OwnedValue::F64(float)),
        ("negative zero", OwnedValue::F64(-0.0)),
        ("least", OwnedValue::I64(i64::MIN)),
        ("most", OwnedValue::U64(u64::MAX)),
        ("bytes", OwnedValue::Bytes([0, 255, 7].into())),
        (
            "list",
            OwnedValue::Array(vec![OwnedValue::Null, OwnedValue::Bool(true)]),
        ),
    ] {
        fields.insert(key.into(), value);
    }
    let pipeline = query(text);
    let mut state = pipeline.state();
    let (arena, mut scratch) = (Arena::new(), Scratch::default());
    let event = Event::new(arena.value(&OwnedValue::Object(Box::new(fields))));
    pipeline
        .start(&arena, &mut scratch, &mut state)
        .event(0, event, &mut |_, _| {})
        .expect("it runs");
    let bytes = pipeline.snapshot(&state).expect("it can be written down");
    let restored = pipeline.restore(&bytes).expect("it can be read");
    assert_eq!(
        format!("{restored:?}"),
        format!("{state:?}").replace("runs: 1", "runs: 0")
    );
    assert_eq!(
        pipeline
            .snapshot(&restored)
            .expect("it can be written down"),
        bytes
    );
    let nan = float.to_bits().to_be_bytes();
    assert!(bytes.windows(8).any(|bytes| bytes == nan));
}

#[test]
fn what_was_restored_keeps_nothing_of_this_run_from_being_acked() {
    let (pipeline, bytes) = snapshot_of(COUNT, r#"{"g": 1}"#);
    let mut state = pipeline.restore(&bytes).expect("it can be read");
    let held = |state: &State| state.progress().map(|windows| windows.held).sum::<u64>();
    assert_eq!((state.open_groups(), held(&state)), (1, 0));
    let of = |n: u64| Step::Event(format!(r#"{{"g": {n}}}"#), 1);
    take(&pipeline, &mut state, &[of(2)], &mut 0);
    assert_eq!(held(&state), 1);
    take(&pipeline, &mut state, &[of(3), Step::Batch, of(1)], &mut 0);
    assert_eq!(held(&state), 3);
    let eight: Vec<_> = (0..9).map(|_| of(2)).collect();
    take(&pipeline, &mut state, &eight, &mut 0);
    assert_eq!(held(&state), 3, "groups 1 and 3 are open");
}

#[test]
fn operators_that_keep_something_are_named() {
    let text = r#"define operator few from generic::batch with count = 3 end;
        create operator few;
        select event from in into few; select event from few into out"#;
    let pipeline = query(text);
    assert_eq!(pipeline.unmovable(), Some(("few", "generic::batch")));
    let error = pipeline
        .snapshot(&pipeline.state())
        .expect_err("it is refused");
    assert_eq!(
        error.to_string(),
        "what operator `few` (`generic::batch`) keeps cannot be written down"
    );
    assert_eq!(query(COUNT).unmovable(), None);
}

#[test]
fn a_query_says_that_its_state_is_kept_by_lane() {
    assert!(!query(COUNT).is_by_lane());
    assert!(query(&format!("#!config state = \"lane\"\n{COUNT}")).is_by_lane());
    for (value, expected) in [
        ("\"lanes\"", "`state` is `lanes`, expected `lane`"),
        ("1", "`state` is `integer`, expected `string`"),
    ] {
        let text = format!("#!config state = {value}\n{COUNT}");
        let rejected = compile_query(&source("test.trickle", &text), &Options::default());
        let rejected = rejected.expect_err("it is refused");
        let shown = shown(&rejected.findings, &rejected.sources);
        assert!(shown.contains(expected), "{shown}");
        assert!(shown.contains("test.trickle:1:18"), "{shown}");
    }
}

#[test]
fn the_formatter_leaves_the_directive_as_it_is() {
    let text = format!("#!config state = \"lane\"\n{COUNT}");
    let kind = temblor_lang::SourceKind::Query;
    let formatted = temblor_lang::format(&source("test.trickle", &text), kind);
    let formatted = formatted.expect("it can be parsed");
    assert!(
        formatted.starts_with("#!config state = \"lane\"\n"),
        "{formatted}"
    );
    assert!(query(&formatted).is_by_lane());
    let inside = format!("define pipeline p pipeline\n#!config state = \"lane\"\n{COUNT}\nend");
    let flow = format!("define flow f flow {inside}; create pipeline p; end; deploy flow f");
    let deployment = common::deployment(&flow);
    assert!(deployment.flows[0].pipelines[0].pipeline.is_by_lane());
}
