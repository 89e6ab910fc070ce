//! A `tcp_client` whose server goes away, in whatever manner, and comes back.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use temblor::{Engine, FlowHandle};
use temblor_pdk::log::LevelFilter;

use crate::program::{LONG, until};

/// What comes in over TCP goes out over TCP.
fn relay(to: &str) -> String {
    format!(
        r#"define flow relay
flow
  define connector door from tcp_server
  with
    codec = "string", preprocessors = ["separate"],
    config = {{"url": "127.0.0.1:0"}}
  end;
  define connector far from tcp_client
  with
    codec = "string", postprocessors = ["separate"],
    config = {{"url": "{to}"}}
  end;
  define pipeline pass pipeline select event from in into out end;
  create connector door;
  create connector far;
  create pipeline pass;
  connect /connector/door to /pipeline/pass;
  connect /pipeline/pass to /connector/far;
end;
deploy flow relay;
"#
    )
}

struct Relay {
    _engine: Engine,
    flow: FlowHandle,
    near: TcpStream,
    far: TcpListener,
    /// None while nobody is there.
    server: Option<TcpStream>,
}

fn accept(listener: &TcpListener) -> TcpStream {
    let (stream, _) = listener.accept().unwrap();
    stream.set_read_timeout(Some(LONG)).unwrap();
    stream
}

impl Relay {
    fn start() -> Relay {
        let far = TcpListener::bind("127.0.0.1:0").unwrap();
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
        let text = relay(&far.local_addr().unwrap().to_string());
        let program = temblor::compile("relay.troy", &text).unwrap();
        let flow = engine.start(&program.flows[0]).unwrap();
        let server = Some(accept(&far));
        let address: String = said.lock().unwrap().clone().unwrap();
        Relay {
            _engine: engine,
            flow,
            near: TcpStream::connect(address).unwrap(),
            far,
            server,
        }
    }

    fn send(&mut self, line: &str) {
        writeln!(self.near, "{line}").unwrap();
    }

    /// The lines that come next, up to one.
    fn until(&mut self, last: &str) -> Vec<String> {
        let reader = BufReader::new(self.server.as_ref().unwrap().try_clone().unwrap());
        let mut lines = Vec::new();
        for line in reader.lines() {
            lines.push(line.unwrap());
            if lines.last().is_some_and(|line| line == last) {
                break;
            }
        }
        lines
    }
}

#[test]
fn what_is_sent_to_a_server_that_has_gone_comes_when_it_is_back() {
    let mut relay = Relay::start();
    for round in 0..3 {
        relay.send(&format!("before {round}"));
        assert_eq!(relay.until(&format!("before {round}")).len(), 1);
        let mut server = relay.server.take().unwrap();
        server.shutdown(Shutdown::Write).unwrap();
        // The client answers with an end of its own, so it knows.
        assert_eq!(server.read_to_end(&mut Vec::new()).unwrap(), 0);
        drop(server);
        for line in 0..100 {
            relay.send(&format!("after {round} {line}"));
        }
        relay.server = Some(accept(&relay.far));
        let mut got = relay.until(&format!("after {round} 99"));
        // What was written when the connection ended may come twice.
        got.retain(|line| *line != format!("before {round}"));
        let sent: Vec<String> = (0..100)
            .map(|line| format!("after {round} {line}"))
            .collect();
        assert_eq!(got, sent);
    }
    let Relay { near, flow, .. } = &relay;
    near.shutdown(Shutdown::Write).unwrap();
    flow.drain();
    let report = flow.wait();
    assert!(report.is_ok(), "{report:?}");
    assert_eq!(
        (report.counts.events_in, report.counts.delivered),
        (303, 303)
    );
}

#[test]
fn a_connection_that_is_reset_is_made_anew() {
    let mut relay = Relay::start();
    relay.far.set_nonblocking(true).unwrap();
    let mut sent = 0;
    for _ in 0..3 {
        let server = relay.server.take().unwrap();
        let socket = socket2::SockRef::from(&server);
        socket.set_linger(Some(Duration::ZERO)).unwrap();
        drop(server);
        until("the client connects again", || {
            relay.send(&sent.to_string());
            sent += 1;
            relay.server = relay.far.accept().ok().map(|(stream, _)| stream);
            relay.server.is_some()
        });
        let server = relay.server.as_ref().unwrap();
        server.set_nonblocking(false).unwrap();
        server.set_read_timeout(Some(LONG)).unwrap();
        let got = relay.until(&(sent - 1).to_string());
        // What the system had taken for the old connection is lost; of the rest nothing is, and in order.
        let numbers: Vec<i32> = got.iter().map(|line| line.parse().unwrap()).collect();
        let rest: Vec<i32> = (numbers[0]..sent).collect();
        assert_eq!(numbers, rest);
    }
    relay.flow.drain();
    let report = relay.flow.wait();
    assert!(report.is_ok(), "{report:?}");
}

#[test]
fn nothing_is_read_for_a_server_that_is_away() {
    let mut relay = Relay::start();
    relay.send("one");
    assert_eq!(relay.until("one"), ["one"]);
    let address = relay.far.local_addr().unwrap();
    // Nobody listens any more, and the connection is gone.
    drop(std::mem::replace(
        &mut relay.far,
        TcpListener::bind("127.0.0.1:0").unwrap(),
    ));
    relay.server = None;
    relay.near.set_nonblocking(true).unwrap();
    let line = [b'x'; 1023].into_iter().chain([b'\n']).collect::<Vec<u8>>();
    let (mut written, mut quiet) = (0, 0);
    // The line is full when nothing more is taken for a while.
    while quiet < 300 {
        match relay.near.write(&line[written % 1024..]) {
            Ok(count) => (written, quiet) = (written + count, 0),
            Err(_) => {
                quiet += 1;
                std::thread::sleep(Duration::from_millis(1));
            }
        }
        assert!(written < 64 << 20, "{written} bytes were taken");
    }
    relay.far = TcpListener::bind(address).unwrap();
    relay.server = Some(accept(&relay.far));
    relay.near.set_nonblocking(false).unwrap();
    let mut near = relay.near.try_clone().unwrap();
    let rest = line[written % 1024..].to_vec();
    let sender = std::thread::spawn(move || {
        near.write_all(&rest).unwrap();
        near.write_all(b"last\n").unwrap();
    });
    let got = relay.until("last");
    sender.join().unwrap();
    // What was written when the connection ended may come twice.
    let got = got.iter().filter(|line| *line != "one").count();
    assert_eq!(got, written / 1024 + 2);
    relay.flow.drain();
    let report = relay.flow.wait();
    until("the flow has ended well", || report.is_ok());
}
