//! Replies over the network, to peers that behave and to those that do not.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use temblor::{Engine, FlowHandle};
use temblor_pdk::log::LevelFilter;

use crate::program::{LONG, until};

/// Sends lines of text back, upper case, without those that say `drop`.
const ECHO: &str = r#"define flow echo
flow
  define connector door from tcp_server
  with
    codec = "string", preprocessors = ["separate"], postprocessors = ["separate"],
    config = {"url": "127.0.0.1:0"}
  end;
  define pipeline shout
  pipeline
    use std::string;
    select string::uppercase(event) from in where event != "drop" into out;
  end;
  create connector door;
  create pipeline shout;
  connect /connector/door to /pipeline/shout;
  connect /pipeline/shout to /connector/door;
end;
deploy flow echo;
"#;

/// Starts the flow; returns its address too.
fn echo() -> (Engine, FlowHandle, String) {
    let said = Arc::new(Mutex::new(None));
    let hear = Arc::clone(&said);
    let builder = Engine::builder()
        .workers(2)
        .log(LevelFilter::Info, move |record| {
            if let Some((_, address)) = record.message.split_once("listening at ") {
                *hear.lock().unwrap() = Some(address.to_owned());
            }
        });
    let engine = builder.build().unwrap();
    let program = temblor::compile("echo.troy", ECHO).unwrap();
    let flow = engine.start(&program.flows[0]).unwrap();
    let address = said.lock().unwrap().clone().unwrap();
    (engine, flow, address)
}

fn connect(address: &str) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(LONG)).unwrap();
    stream
}

/// Sends text, says that there is no more, and returns everything that comes back.
fn exchange(address: &str, text: &str) -> String {
    let mut stream = connect(address);
    let mut writer = stream.try_clone().unwrap();
    let text = text.to_owned();
    let sender = std::thread::spawn(move || {
        writer.write_all(text.as_bytes()).unwrap();
        writer.shutdown(Shutdown::Write).unwrap();
    });
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    sender.join().unwrap();
    reply
}

#[test]
fn whoever_half_closes_gets_all_replies_and_then_the_end() {
    let (_engine, flow, address) = echo();
    assert_eq!(exchange(&address, ""), "");
    assert_eq!(exchange(&address, "one"), "ONE\n");
    assert_eq!(exchange(&address, "drop\n"), "");
    assert_eq!(exchange(&address, "a\ndrop\nb\n\nc"), "A\nB\n\nC\n");
    let clients: Vec<_> = (0..16)
        .map(|client| {
            let address = address.clone();
            std::thread::spawn(move || {
                let line = format!("client {client} says something\n");
                let text = line.repeat(20_000);
                assert!(
                    exchange(&address, &text) == text.to_uppercase(),
                    "client {client}"
                );
            })
        })
        .collect();
    for client in clients {
        client.join().unwrap();
    }
    flow.drain();
    let report = flow.wait();
    assert!(report.is_ok(), "{report:?}");
    let counts = report.counts;
    assert_eq!(counts.events_in, 1 + 1 + 5 + 320_000);
    assert_eq!(
        (counts.delivered, counts.filtered, counts.in_flight),
        (320_005, 2, 0)
    );
}

#[test]
fn a_flow_that_drains_says_goodbye_to_its_peers() {
    let (_engine, flow, address) = echo();
    let mut stream = connect(&address);
    stream.write_all(b"one\ntw").unwrap();
    let mut room = [0; 4];
    stream.read_exact(&mut room).unwrap();
    assert_eq!(&room, b"ONE\n");
    flow.drain();
    let mut rest = String::new();
    stream.read_to_string(&mut rest).unwrap();
    // What the preprocessor kept is an event, and it is answered too.
    assert_eq!(rest, "TW\n");
    let report = flow.wait();
    assert!(report.is_ok(), "{report:?}");
    assert_eq!((report.counts.events_in, report.counts.delivered), (2, 2));
}

#[test]
fn peers_that_break_off_fail_their_own_events_only() {
    let (_engine, flow, address) = echo();
    for _ in 0..50 {
        let mut stream = connect(&address);
        stream.write_all(&b"x\n".repeat(100)).unwrap();
        let socket = socket2::SockRef::from(&stream);
        socket.set_linger(Some(Duration::ZERO)).unwrap();
        drop(stream);
        assert_eq!(exchange(&address, "fine"), "FINE\n");
    }
    flow.drain();
    let report = flow.wait();
    assert!(report.is_ok(), "{report:?}");
    let counts = report.counts;
    assert_eq!(counts.events_in, counts.delivered + counts.failed);
    assert!(counts.delivered >= 50);
}

#[test]
fn a_flow_can_be_stopped_while_peers_are_there() {
    let (engine, flow, address) = echo();
    let streams: Vec<_> = (0..10).map(|_| connect(&address)).collect();
    flow.stop();
    let _ = flow.wait();
    for mut stream in streams {
        let _ = stream.read_to_end(&mut Vec::new());
    }
    drop(engine);
    until("nobody listens any more", || {
        TcpStream::connect(&address).is_err()
    });
}
