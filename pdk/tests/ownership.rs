//! Memory under load: made by one side, edited and split by another, kept by a static and by a window, freed on other
//! threads, in any order.
//!
//! Run alone it checks that nothing changes and that all memory comes back. `pdk/tests/valgrind.sh` runs it under
//! valgrind, for memory errors and leaks:
//!
//! ```text
//! cargo test -p temblor-pdk --test ownership --no-run
//! valgrind --error-exitcode=9 --leak-check=full --errors-for-leak-kinds=definite,indirect \
//!     target/debug/deps/ownership-<hash> --test-threads=1
//! ```
//!
//! "Possibly lost" is left out: it would report 48 bytes of the test harness's own channel.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, MutexGuard, PoisonError};

use temblor_pdk::value::pinned_bytes;
use temblor_pdk::{Batch, BatchBuilder, Buffer, Event, Field, Value};

/// Enough for every order of events to come up, and a few seconds under valgrind.
const ROUNDS: usize = 3000;

/// What a plugin would keep in a static.
static KEPT: Mutex<VecDeque<(usize, Batch)>> = Mutex::new(VecDeque::new());

/// Pinned bytes are counted for the whole process.
static ALONE: Mutex<()> = Mutex::new(());

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a source hands over in round `round`: values from an arena, and lines of a buffer.
fn made(round: usize) -> Batch {
    let mut builder = BatchBuilder::new();
    // Now and then more than one chunk of an arena, and more than the pool keeps.
    let size = match round % 97 {
        0 => 700_000,
        1..5 => 20_000,
        _ => 10,
    };
    builder.push(|arena| {
        let text = arena.str(&format!("{round}").repeat(size / 4 + 1));
        let list = arena.array(&[Value::from(round), Value::from(text)]);
        Event::new(arena.object(&[
            Field::new("list", list),
            Field::new("round", Value::from(round)),
        ]))
    });
    let text = format!("round={round}\nsize={size}\n");
    builder.push_buffer(Buffer::from_vec(text.into_bytes()), |bytes, sink| {
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            sink.push(Event::new(Value::bytes(line)));
        }
    });
    builder.seal()
}

/// Upper-cases the lines, in place where that is possible, and leaves the rest.
fn decoded(batch: &Batch) -> Batch {
    let lines = batch.derive(|events, _, out| events[1..].iter().for_each(|e| out.push(*e)));
    let (good, bad) = lines.decode(
        |event, frame, arena, out| {
            if frame.starts_with(b"size=1") {
                return Err(());
            }
            frame.make_ascii_uppercase();
            let text = std::str::from_utf8(frame).unwrap_or_default();
            let data = arena.object(&[Field::new("line", Value::from(text))]);
            out.push(Event { data, ..event });
            Ok(())
        },
        |(), event, _, out| out.push(event),
    );
    let mut both = BatchBuilder::new();
    both.push_batch(&good);
    both.push_batch(&bad);
    both.seal()
}

/// Wraps every value in a record with something new.
fn edited(batch: &Batch, round: usize) -> Batch {
    batch.derive(|events, arena, out| {
        for event in events {
            let by = Value::from(arena.str(&format!("edit of {round}")));
            let fields = [Field::new("was", event.data), Field::new("by", by)];
            out.push(Event {
                data: arena.object(&fields),
                meta: arena.array(&[event.data, Value::from(round)]),
                ..*event
            });
        }
    })
}

fn split(batch: &Batch) -> Vec<Batch> {
    let (batches, ()) = batch.derive_many(3, |events, arena, sinks| {
        for (at, event) in events.iter().enumerate() {
            let data = arena.array(&[event.data, Value::from(at)]);
            sinks[at % 2].push(Event { data, ..*event });
            sinks[2].push(*event);
        }
    });
    batches
}

/// Checks everything that a batch of a round reaches.
fn check(round: usize, batch: &Batch) {
    for event in batch.events() {
        let text = event.data.to_json();
        let sound = text.contains(&format!("edit of {round}")) || text.len() < 100;
        assert!(sound, "round {round}: {text:.200}");
        if let Some(was) = event.data.get("was").and_then(|was| was.get("round")) {
            assert_eq!(was.as_u64(), Some(round as u64));
        }
        let of = event.meta.as_array().and_then(|meta| meta.get(1));
        assert_eq!(of, Some(Value::from(round)));
    }
}

/// A thread that checks what it is sent, keeps the last few, and frees them in another order.
fn window(batches: Receiver<(usize, Batch)>) {
    let mut kept: Vec<(usize, Batch)> = Vec::new();
    for (round, batch) in batches {
        kept.push((round, batch));
        if kept.len() > 20 {
            let (round, batch) = kept.swap_remove(round % kept.len());
            check(round, &batch);
        }
    }
    for (round, batch) in kept.drain(..).rev() {
        check(round, &batch);
    }
}

/// Keeps a batch in the static, and takes the oldest out.
fn keep(round: usize, batch: Batch) {
    let mut kept = lock(&KEPT);
    kept.push_back((round, batch));
    let oldest = (kept.len() > 30).then(|| kept.pop_front());
    drop(kept);
    if let Some(Some((round, batch))) = oldest {
        check(round, &batch);
    }
}

fn run(rounds: std::ops::Range<usize>, windows: &[SyncSender<(usize, Batch)>]) {
    for round in rounds {
        let batch = made(round);
        let edited = edited(&batch, round);
        let lines = match round % 3 {
            // Somebody else still has the buffer, or nobody.
            0 => decoded(&batch),
            1 => decoded(&batch.clone()),
            _ => {
                let part = batch.derive(|events, _, out| out.push(events[1]));
                drop(batch);
                decoded(&part)
            }
        };
        keep(round, edited_twice(&lines, round));
        for (at, part) in split(&edited).into_iter().enumerate() {
            let window = &windows[(round + at) % windows.len()];
            assert!(window.send((round, part)).is_ok());
        }
    }
}

fn edited_twice(batch: &Batch, round: usize) -> Batch {
    edited(&edited(batch, round), round)
}

#[test]
fn nothing_changes_and_everything_comes_back() {
    let _alone = lock(&ALONE);
    let before = pinned_bytes();
    let (senders, receivers): (Vec<_>, Vec<_>) = (0..3).map(|_| sync_channel(50)).unzip();
    let windows: Vec<_> = receivers
        .into_iter()
        .map(|receiver| std::thread::spawn(move || window(receiver)))
        .collect();
    let makers: Vec<_> = (0..2)
        .map(|n| {
            let senders = senders.clone();
            std::thread::spawn(move || run(n * ROUNDS..(n + 1) * ROUNDS, &senders))
        })
        .collect();
    drop(senders);
    for thread in makers.into_iter().chain(windows) {
        assert!(thread.join().is_ok());
    }
    let pinned = pinned_bytes();
    let kept = std::mem::take(&mut *lock(&KEPT));
    assert!(
        pinned > before,
        "the static still holds {} batches",
        kept.len()
    );
    kept.iter().for_each(|(round, batch)| check(*round, batch));
    drop(kept);
    assert_eq!(pinned_bytes(), before);
}

#[test]
fn a_window_of_derived_batches_holds_what_they_reach_and_no_more() {
    let _alone = lock(&ALONE);
    let before = pinned_bytes();
    let batch = made(5);
    let held = pinned_bytes() - before;
    assert_eq!(held, batch.pinned_bytes());
    let derived = edited(&batch, 5);
    assert_eq!(pinned_bytes() - before, derived.pinned_bytes());
    drop(batch);
    assert_eq!(pinned_bytes() - before, derived.pinned_bytes(), "inherited");
    let parts = split(&derived);
    drop(derived);
    let most = parts.iter().map(Batch::pinned_bytes).max();
    assert_eq!(Some(pinned_bytes() - before), most, "the parts share");
    drop(parts);
    assert_eq!(pinned_bytes(), before);
}

#[test]
fn what_is_not_sealed_comes_back_too() {
    let _alone = lock(&ALONE);
    let before = pinned_bytes();
    let mut builder = BatchBuilder::new();
    builder.push(|arena| Event::new(Value::from(arena.str("half"))));
    builder.push_buffer(Buffer::from_vec(vec![0; 1000]), |_, _| {});
    assert_eq!(pinned_bytes() - before, builder.pinned_bytes());
    let thread = std::thread::spawn(move || drop(builder));
    assert!(thread.join().is_ok());
    assert_eq!(pinned_bytes(), before);
    let mut buffer = Buffer::with_capacity(100);
    buffer.commit(7);
    assert!(pinned_bytes() > before);
    drop(buffer);
    assert_eq!(pinned_bytes(), before);
}
