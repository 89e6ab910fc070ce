//! Scripts in steady state: once they are warm, an event allocates nothing outside of its arena.
//!
//! A test binary with one test: arenas take memory from a pool of the process, which other threads would empty.

mod common;

use allocation_counter::measure;
use common::{owned, rendered, source};
use temblor_lang::{Options, Pipeline, Scratch, compile_script};
use temblor_pdk::value::{Arena, Event};

fn script(text: &str) -> Pipeline {
    match compile_script(&source("test.tremor", text), &Options::default()) {
        Ok(script) => script.pipeline,
        Err(rejected) => panic!("{text}\n{}", rendered(&rejected)),
    }
}

const EVENT: &str = r#"{
    "n": 5, "f": 2.5, "s": "some text", "k": "key", "xs": [1, 2, 3, 4], "flag": true,
    "r": {"a": 1, "b": {"c": "deep"}}, "list": [{"qty": 1, "price": 2.5}, {"qty": 0, "price": 1}]
}"#;

/// What a script allocates outside of arenas for 100 events, once it is warm.
fn allocations(text: &str) -> u64 {
    let pipeline = script(text);
    let (mut state, mut scratch) = (pipeline.state(), Scratch::default());
    let event = owned(EVENT);
    let mut batch = || {
        let arena = Arena::new();
        let mut run = pipeline.start(&arena, &mut scratch, &mut state);
        for _ in 0..10 {
            let event = Event::new(arena.value(&event));
            run.event(0, event, &mut |_, _| {}).expect("it works");
        }
    };
    (0..10).for_each(|_| batch());
    measure(|| (0..10).for_each(|_| batch())).count_total
}

#[test]
fn scripts_allocate_in_the_arena_only() {
    let mut wrong = Vec::new();
    for text in [
        "event",
        "let event.a = 1; let event.b = event.n; let event.r.b.c = event.s; event",
        "let event.new.er.est = event.n + 1; emit event => \"other\"",
        "let $a.b = event.k; let x = event.r; let x.a = $a; [x, $]",
        "let event[event.k] = 1; let event[\"#{event.k}2\"] = 2; event",
        "{\"a\": 1, \"b\": event.n, \"#{event.k}\": [event.s, event.xs[0:2]], \"a\": event.f}",
        "\"text #{event.n} and #{event.r} and #{event.xs}\"",
        "<<event.n:4, event.s/binary, 3:9/little>>",
        "event.r + {\"a\": event.n, \"z\": 1}",
        "event.xs + [event.n]",
        "patch event of insert \"new\" => event.n; update \"n\" => 1; upsert \"u\" => 2; erase \"s\"; \
         move \"k\" => \"kk\"; copy \"f\" => \"ff\"; merge \"r\" => {\"b\": {\"d\": event.n}}; \
         merge => {\"r\": {\"x\": event.f}}; default \"d\" => event.n; default => {\"r\": {\"y\": 1}} end",
        "merge event of {\"r\": {\"b\": {\"x\": event.n}}} end",
        "for event.list of case (i, item) when item.qty > 0 => item.qty * item.price into 0 end",
        "for event of case (k, v) => {\"#{k}#{k}\": v} into {} end",
        "for event.xs of case (i, x) => [i, x] end",
        "match event of
           case x = %{present k, r ~= %{b ~= %{c == \"deep\"}}, s ~= glob|some*|} when x.k == event.k => x
           case _ => null
         end",
        "match event.xs of case x = %[1, 3, _] => x case _ => 0 end",
        "match event.xs of case x = %(1, _, 3, ...) => x case _ => 0 end",
        "match event.s of case \"a\" => 1 case \"b\" => 2 case \"c\" => 3 case \"d\" => 4 case \"some text\" => 5 end",
        "match event.s of case x = ~ re|(?P<first>\\\\w+) (?P<second>\\\\w+)| => x case _ => 0 end",
        "fn sum(acc, n) of case (acc, n) when n > 0 => recur(acc + n, n - 1) case _ => acc end;
         sum(0, event.n * 10)",
        "fn f(a, ...) with [a, args] end; f(event.n, 2, event.s)",
        "fn f(a) with let b = a + 1; let a.x = b; b end; fn g(a) with let c = a; f(c) end;
         match event.flag of case true => 1 case _ => g(event.n) end",
        "use std::string; string::uppercase(event.s)",
        // The state keeps its memory while its form stays the same.
        "match state of case null => let state = {\"n\": 0, \"last\": null} case _ => null end;
         let state.n = state.n + 1; let state.last = event.f; state.n",
        "match state of case null => let state = {} case _ => null end;
         let state[event.k] = event.n; state[event.k]",
        "let state = {\"n\": event.n, \"r\": event.r, \"xs\": event.xs}; state.r.b.c",
        "drop",
    ] {
        let count = allocations(text);
        if count > 0 {
            wrong.push(format!("{count}: {text}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
