//! `qos::backpressure`, `qos::percentile`, `qos::roundrobin`.

use super::run;

#[test]
fn backpressure_discards() {
    // The steps are milliseconds, the times nanoseconds.
    let table = r#"
        0           event 1          => out 1
        10          ack out 1000     =>
        10          event 2          => out 2
        100         fail out         =>
        100         event 3          => overflow 3
        1_000_099   event 4          => overflow 4
        1_000_100   event 5          => out 5
        1_000_200   ack out 1001     =>
        2_000_200   event 6          => overflow 6
        3_000_199   event 7          => overflow 7
        3_000_200   event 8          => out 8
        3_000_200   fail out         =>
        5_000_199   event 9          => overflow 9
        5_000_200   event 10         => out 10
        5_000_300   ack out 0        =>
        5_000_400   fail out         =>
        6_000_399   event 11         => overflow 11
        6_000_400   event 12         => out 12
    "#;
    for name in ["qos::backpressure", "generic::backpressure"] {
        run(name, r#"{"timeout": 1000, "steps": [1, 2]}"#, table);
    }
}

#[test]
fn backpressure_is_reset_by_an_ack_and_by_a_tick() {
    let table = r#"
        0           fail out         =>
        0           fail out         =>
        0           event 1          => overflow 1
        1           ack out 1000     =>
        1           event 2          => out 2
        1           paused           => false
        10          fail out         =>
        10          fail out         =>
        1_000_010   tick             =>
        1_000_010   event 3          => overflow 3
        2_000_010   tick             =>
        2_000_020   fail out         =>
        3_000_019   event 4          => overflow 4
        3_000_020   event 5          => out 5
    "#;
    run(
        "qos::backpressure",
        r#"{"timeout": 1000, "steps": [1, 2]}"#,
        table,
    );
}

#[test]
fn backpressure_looks_at_what_it_passed_on() {
    let table = r#"
        0           fail overflow    =>
        0           open out         =>
        0           event 1          => out 1
        0           fail out         =>
        1           ack overflow 0   =>
        1           close out        =>
        2           event 2          => overflow 2
    "#;
    run(
        "qos::backpressure",
        r#"{"timeout": 1000, "steps": [1]}"#,
        table,
    );
}

#[test]
fn backpressure_pauses() {
    let table = r#"
        0           paused           => false
        0           fail out         =>
        0           paused           => true
        1           event 1          => out 1
        49_999_999  tick             =>
        49_999_999  paused           => true
        50_000_000  tick             =>
        50_000_000  paused           => false
        60_000_000  ack out 2000     =>
        60_000_000  paused           => true
        60_000_001  ack out 1        =>
        60_000_001  paused           => false
    "#;
    run(
        "qos::backpressure",
        r#"{"timeout": 1000, "method": "pause"}"#,
        table,
    );
}

#[test]
fn backpressure_takes_its_steps() {
    // The default steps, one failure after the other; the last one stays.
    let mut table = String::new();
    let mut now_ns = 0u64;
    for step_ms in [50, 100, 250, 500, 1000, 5000, 10_000, 10_000] {
        let end_ns = now_ns + step_ms * 1_000_000;
        table += &format!(
            "{now_ns} fail out =>\n{} event 1 => overflow 1\n",
            end_ns - 1
        );
        table += &format!("{end_ns} event 2 => out 2\n");
        now_ns = end_ns;
    }
    run("qos::backpressure", r#"{"timeout": 1000}"#, &table);
    let table = format!(
        "{} fail out =>\n{} event 1 => overflow 1",
        u64::MAX,
        u64::MAX - 1
    );
    run(
        "qos::backpressure",
        &format!(r#"{{"timeout": 0, "steps": [{}]}}"#, u64::MAX),
        &table,
    );
}

#[test]
fn percentile() {
    // 32768 / 65535 is a little more than a half, 65534 / 65535 nearly one; 65535 counts as 0 again.
    let table = r#"
        65534   event 1          => out 1
        1       fail out         =>
        65534   event 2          => overflow 2
        32767   event 3          => out 3
        32768   event 4          => overflow 4
        65535   event 5          => out 5
        98303   event 6          => overflow 6
        1       ack out 1000     =>
        32768   event 7          => out 7
        49152   event 8          => overflow 8
        1       ack out 1001     =>
        1       fail out         =>
        1       fail out         =>
        1       event 9          => overflow 9
        0       event 10         => out 10
        1       fail overflow    =>
        1       open out         =>
        1       ack out 0        =>
        16383   event 11         => out 11
        16384   event 12         => overflow 12
        2       ack out 0        =>
        2       ack out 0        =>
        2       ack out 0        =>
        2       ack out 0        =>
        65534   event 13         => out 13
        3       fail out         =>
        32767   event 14         => out 14
        32768   event 15         => overflow 15
    "#;
    let config = r#"{"timeout": 1000, "step_down": 0.5, "step_up": 0.25}"#;
    run("qos::percentile", config, table);
}

#[test]
fn percentile_takes_its_default_steps() {
    // 0.95 of 65535 is 62258.25; one success more is 62323.785.
    let table = r#"
        1       fail out         =>
        62258   event 1          => out 1
        62259   event 2          => overflow 2
        1       ack out 1        =>
        62323   event 3          => out 3
        62324   event 4          => overflow 4
    "#;
    run("qos::percentile", r#"{"timeout": 1}"#, table);
}

#[test]
fn roundrobin() {
    let table = r#"
        0 event 1      => a 1
        0 event 2      => b 2
        0 event 3      => c 3
        0 event 4      => a 4
        0 open b       =>
        0 event 5      => c 5
        0 event 6      => a 6
        0 event 7      => c 7
        0 fail a       =>
        0 ack c 1      =>
        0 open c       =>
        0 event 8      => a 8
        0 event 9      => a 9
        0 open a       =>
        0 event 10     => overflow 10
        0 open overflow  =>
        0 event 11     => overflow 11
        0 close b      =>
        0 event 12     => b 12
        0 close a      =>
        0 close c      =>
        0 event 13     => c 13
        0 event 14     => a 14
        0 tick         =>
        0 event 15     => b 15
    "#;
    run("qos::roundrobin", r#"{"outputs": ["a", "b", "c"]}"#, table);
    run(
        "qos::roundrobin",
        r#"{"outputs": ["x"]}"#,
        "0 event 1 => x 1\n0 event 2 => x 2",
    );
}
