//! Many connections, slow ones, and no descriptors left.

use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

use crate::program::{Program, lines, until};

#[test]
fn peers_that_send_a_byte_now_and_then_keep_nobody_waiting() {
    let program = lines(1 << 20, r#"{"url": "127.0.0.1:0"}"#);
    let mut slow: Vec<TcpStream> = (0..200).map(|_| program.connect()).collect();
    for (round, byte) in b"{\"slow\":1}".iter().enumerate() {
        for stream in &mut slow {
            stream.write_all(&[*byte]).unwrap();
        }
        program.passes(&format!("round {round}"));
    }
    for stream in &mut slow {
        stream.write_all(b"\n").unwrap();
    }
    until("the slow ones come through", || {
        let events = program.events();
        events.iter().filter(|event| event["slow"] == 1).count() == 200
    });
    assert!(program.failures().is_empty());
    program.ends();
}

#[test]
fn connections_that_come_and_go_leave_nothing_behind() {
    let program = lines(1 << 20, r#"{"url": "127.0.0.1:0"}"#);
    program.passes("before");
    let (descriptors, before) = (program.descriptors(), program.memory_mib());
    for round in 0..3_000 {
        let mut stream = program.connect();
        if round % 3 == 0 {
            stream.write_all(b"{\"half\":").unwrap();
        }
        if round % 2 == 0 {
            let socket = socket2::SockRef::from(&stream);
            socket.set_linger(Some(Duration::ZERO)).unwrap();
        }
    }
    program.passes("after");
    until("all are closed", || {
        program.descriptors() <= descriptors + 4
    });
    let after = program.memory_mib();
    assert!(
        after <= before + 64,
        "{before} MiB before, {after} MiB after"
    );
    program.ends();
}

#[test]
fn without_descriptors_it_waits_says_so_and_goes_on_when_there_are_some() {
    let separate = r#"["separate"]"#;
    let config = r#"{"url": "127.0.0.1:0", "backlog": 512}"#;
    let program = Program::start("json", separate, config, "ulimit -n 64");
    program.passes("before");
    let many: Vec<TcpStream> = (0..200).map(|_| program.connect()).collect();
    until("it is told", || {
        program.said("help: raise the limit of open files")
    });
    let before = program.computed();
    std::thread::sleep(Duration::from_secs(1));
    let computed = program.computed() - before;
    assert!(
        computed < 50,
        "it computed for {computed} hundredths of a second while it could do nothing"
    );
    drop(many);
    program.passes("after");
    program.ends();
}
