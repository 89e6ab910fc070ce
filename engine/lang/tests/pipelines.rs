//! How events travel through pipelines: ports, order, failures, constants, and what is shared.

mod common;

use common::{owned, query, run};
use temblor_lang::{Pipeline, Scratch, Severity, Source};
use temblor_pdk::value::{Arena, Event, EventId, Value};

fn results(text: &str, data: &str) -> Vec<String> {
    let (results, outcome) = run(&query(text), "in", data, "null");
    outcome.expect("the test's event does not fail");
    results
}

/// Where the fields of a record lie.
fn address(value: Value<'_>) -> usize {
    value.as_object().expect("it is a record").fields().as_ptr() as usize
}

#[test]
fn where_filters_and_having_sees_the_result() {
    let text = r#"select { "double": event.n * 2 } from in where event.n > 1 into out having event.double < 10"#;
    assert_eq!(results(text, r#"{"n": 1}"#), [""; 0]);
    assert_eq!(results(text, r#"{"n": 2}"#), [r#"out {"double":4}"#]);
    assert_eq!(results(text, r#"{"n": 5}"#), [""; 0]);
}

#[test]
fn having_sees_the_metadata_of_the_input_and_metadata_travels() {
    let pipeline = query("select event.n from in where $keep into out having $keep and event == 1");
    let (found, outcome) = run(&pipeline, "in", r#"{"n": 1}"#, r#"{"keep": true}"#);
    outcome.expect("all conditions are boolean");
    assert_eq!(found, [r#"out 1 ${"keep":true}"#]);
}

#[test]
fn results_come_in_the_order_of_the_selects() {
    let text = r#"
        create stream s;
        select ["first", event] from in into out;
        select ["second", event] from in into s;
        select ["third", event] from s into err;
        select ["fourth", event] from s into out;
        select ["fifth", event] from in into out"#;
    let found = results(text, "1");
    let expected = [
        "out [\"first\",1]",
        "err [\"third\",[\"second\",1]]",
        "out [\"fourth\",[\"second\",1]]",
        "out [\"fifth\",1]",
    ];
    assert_eq!(found, expected);
}

#[test]
fn the_last_select_runs_first_and_a_failure_abandons_those_above_it() {
    let text = "
        select event.a from in into out;
        select event.b from in into out;
        select event.c from in into out";
    let pipeline = query(text);
    let (found, outcome) = run(&pipeline, "in", r#"{"a": 1, "c": 3}"#, "null");
    let failure = outcome.expect_err("`b` does not exist");
    assert_eq!(found, ["out 3"]);
    assert_eq!(failure.finding().severity, Severity::Error);
    assert_eq!(
        failure.to_string(),
        "error[missing-key]: non existing event key `b`\n --> test.trickle:3:22\n  |\n3 |         select event.b from in into out;\n  |                      ^\nhelp: did you mean `a`?\n"
            .replace("help: did you mean `a`?\n", "")
    );
}

#[test]
fn a_run_goes_on_behind_a_failure() {
    let pipeline =
        query(r##"select [1, { "x": event.n, "y": [2, "#{event.n + 1}"] }] from in into out"##);
    let (arena, mut scratch) = (Arena::new(), Scratch::default());
    let mut found = Vec::new();
    let mut state = pipeline.state();
    let mut run = pipeline.start(&arena, &mut scratch, &mut state);
    for data in [r#"{"n": "a"}"#, r#"{"n": 1}"#, "{}", r#"{"n": 2}"#] {
        let event = Event::new(arena.value(&owned(data)));
        let outcome = run.event(0, event, &mut |_, event| {
            found.push(common::json(event.data))
        });
        found.extend(
            outcome
                .err()
                .map(|failure| failure.finding().message.clone()),
        );
    }
    let expected = [
        "operation `+` is not defined for types `string` and `integer`",
        r#"[1,{"x":1,"y":[2,"2"]}]"#,
        "non existing event key `n`",
        r#"[1,{"x":2,"y":[2,"3"]}]"#,
    ];
    assert_eq!(found, expected);
}

#[test]
fn conditions_have_to_be_boolean() {
    for (text, place) in [
        ("select event from in where event.n into out", "event.n"),
        (
            "select event from in into out having event.n + 1",
            "event.n + 1",
        ),
    ] {
        let pipeline = query(text);
        let (_, outcome) = run(&pipeline, "in", r#"{"n": 1}"#, "null");
        let failure = outcome.expect_err("an integer is no condition");
        assert_eq!(
            failure.finding().message,
            "found `integer`, expected `bool`"
        );
        assert_eq!(
            pipeline.sources().main().slice(failure.finding().span),
            place
        );
    }
}

#[test]
fn an_event_that_is_selected_as_it_is_is_not_copied() {
    let pipeline = query(
        "create stream s; select event from in into s; select event from s into out having event.n == 1",
    );
    let (arena, mut scratch) = (Arena::new(), Scratch::default());
    let data = arena.value(&owned(r#"{"n": 1}"#));
    let id = EventId {
        source: 1,
        event: 2,
        ..EventId::default()
    };
    let event = Event {
        data,
        meta: Value::NULL,
        id,
        ingest_ns: 77,
    };
    let mut results = Vec::new();
    let mut state = pipeline.state();
    let mut run = pipeline.start(&arena, &mut scratch, &mut state);
    run.event(0, event, &mut |_, event| results.push(event))
        .expect("`n` is there");
    assert_eq!(address(results[0].data), address(data));
    assert_eq!((results[0].id, results[0].ingest_ns), (id, 77));
}

#[test]
fn ports_are_those_that_are_declared_or_named() {
    let names = |pipeline: &Pipeline| {
        let inputs: Vec<_> = pipeline.inputs().map(str::to_owned).collect();
        let outputs: Vec<_> = pipeline.outputs().map(str::to_owned).collect();
        (inputs.join(" "), outputs.join(" "))
    };
    let defaults = query("select event from in into out");
    assert_eq!(names(&defaults), ("in".into(), "out err".into()));
    let usual = query("select event from in/out into out/in");
    assert_eq!(names(&usual), ("in".into(), "out err".into()));
    let on_demand = query(
        "select 1 from in/side into out; select 2 from in/side into out/more; select 3 from in into out/more",
    );
    assert_eq!(
        names(&on_demand),
        ("in in/side".into(), "out err out/more".into())
    );
    assert_eq!(
        run(&on_demand, "in/side", "0", "null").0,
        ["out 1", "out/more 2"]
    );
    assert_eq!(run(&on_demand, "in", "0", "null").0, ["out/more 3"]);
    let directives = query(
        "#!config `from` = \"left, right\"\n#!config `into` = \"done\"\nselect event from right into done",
    );
    assert_eq!(names(&directives), ("left right".into(), "done".into()));
    assert_eq!(run(&directives, "left", "0", "null").0, [""; 0]);
    assert_eq!(run(&directives, "right", "0", "null").0, ["done 0"]);
}

#[test]
fn directives_are_kept() {
    let pipeline = query(
        "#!config id = \"mine\"\n#!config metrics_interval_s = 5\n#!config other = 1\nselect event from in into out",
    );
    assert_eq!(pipeline.id(), Some("mine"));
    assert_eq!(pipeline.metrics_interval_s(), Some(5));
    assert_eq!(
        query("select event from in into out").metrics_interval_s(),
        None
    );
}

#[test]
fn selects_that_lead_nowhere_are_not_run() {
    let text = "
        create stream dead; create stream end_of_the_road; create stream unfed;
        select event.gone from in into dead;
        select event.gone from dead into end_of_the_road;
        select event.gone from unfed into out;
        select event from in into out";
    assert_eq!(results(text, "{}"), ["out {}"]);
}

#[test]
fn an_input_port_that_does_not_exist_is_read_by_nobody() {
    let (arena, mut scratch) = (Arena::new(), Scratch::default());
    let pipeline =
        query("create stream s; select event from in into s; select event from s into out");
    let mut state = pipeline.state();
    let mut run = pipeline.start(&arena, &mut scratch, &mut state);
    for input in 1..4 {
        run.event(input, Event::new(Value::TRUE), &mut |_, _| {
            panic!("nothing comes out")
        })
        .expect("nothing is run");
    }
}

#[test]
fn constants_serve_any_number_of_batches_and_threads() {
    let pipeline =
        query(r#"select { "c": {"deep": [1, "two"]}, "n": event, "s": "text" } from in into out"#);
    let work = |pipeline: &Pipeline| {
        let mut scratch = Scratch::default();
        for _ in 0..3 {
            let arena = Arena::new();
            let mut results = Vec::new();
            let mut state = pipeline.state();
            let mut run = pipeline.start(&arena, &mut scratch, &mut state);
            for n in 0..3 {
                run.event(0, Event::new(Value::from(n)), &mut |_, event| {
                    results.push(event.data)
                })
                .expect("it is right");
            }
            drop(run);
            for (n, result) in results.iter().enumerate() {
                let expected = format!(r#"{{"c":{{"deep":[1,"two"]}},"s":"text","n":{n}}}"#);
                assert_eq!(common::json(*result), expected);
            }
            let constant = |result: usize| results[result].get("c").map(address);
            assert_eq!(constant(0), constant(2), "a constant is made once a batch");
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| work(&pipeline));
        }
    });
}

#[test]
fn what_is_compiled_can_be_shared() {
    fn shared<T: Send + Sync + 'static>() {}
    fn sent<T: Send>() {}
    shared::<Pipeline>();
    shared::<temblor_lang::Deployment>();
    shared::<Source>();
    shared::<temblor_lang::EvalError>();
    sent::<Scratch>();
}

#[test]
fn fields_are_found_wherever_they_stand() {
    let pipeline =
        query(r#"select [event.a, event.b, present event.c, event.r.a] from in into out"#);
    let (arena, mut scratch) = (Arena::new(), Scratch::default());
    let mut found = Vec::new();
    let mut state = pipeline.state();
    let mut run = pipeline.start(&arena, &mut scratch, &mut state);
    for data in [
        r#"{"a": 1, "b": 2, "r": {"a": 3}}"#,
        r#"{"b": 5, "a": 4, "c": 0, "r": {"c": 0, "a": 6}}"#,
        r#"{"r": {"a": 9}, "x": 0, "b": 8, "a": 7}"#,
        r#"{"a": 1, "r": {"a": 3}}"#,
        r#"{"a": 1, "b": 2, "r": {"a": 3}}"#,
    ] {
        let outcome = run.event(0, Event::new(arena.value(&owned(data))), &mut |_, event| {
            found.push(common::json(event.data))
        });
        found.extend(
            outcome
                .err()
                .map(|failure| failure.finding().message.clone()),
        );
    }
    let expected = [
        "[1,2,false,3]",
        "[4,5,true,6]",
        "[7,8,false,9]",
        "non existing event key `b`",
        "[1,2,false,3]",
    ];
    assert_eq!(found, expected);
}
