//! The program at its limits: without descriptors, and with clients that fill its memory. It goes on, and serves again.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use crate::peer::Client;
use crate::support::until;

const FLOW: &str = "
define flow main
flow
  define connector http from http_server
  with codec = \"json\", config = {\"url\": \"127.0.0.1:0\", \"backlog\": 512} end;
  define pipeline echo pipeline select event from in into out; end;
  create connector http;
  create pipeline echo;
  connect /connector/http to /pipeline/echo;
  connect /pipeline/echo to /connector/http;
end;
deploy flow main;
";

/// The program, with a flow that has an `http_server`.
pub(crate) struct Program {
    child: Child,
    said: Arc<Mutex<Vec<String>>>,
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Program {
    /// Runs a flow with so many descriptors.
    pub(crate) fn run(flow: &std::path::Path, descriptors: u32, more: &str) -> Self {
        let program = env!("CARGO_BIN_EXE_temblor");
        let flow = flow.display();
        let mut child = Command::new("sh")
            .arg("-c")
            .arg(format!(
                "ulimit -n {descriptors}; exec '{program}' run '{flow}' {more}"
            ))
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let said = Arc::<Mutex<Vec<String>>>::default();
        let (stderr, lines) = (child.stderr.take().unwrap(), Arc::clone(&said));
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                lines.lock().unwrap().push(line);
            }
        });
        Program { child, said }
    }

    /// Where it listens.
    fn address(&self) -> SocketAddr {
        until("it listens", || self.find("listening at ").is_some());
        let line = self.find("listening at ").unwrap();
        let (_, address) = line.rsplit_once("listening at ").unwrap();
        address.trim().parse().unwrap()
    }

    pub(crate) fn connect(&self) -> Client {
        Client::connect(self.address())
    }

    fn find(&self, what: &str) -> Option<String> {
        let said = self.said.lock().unwrap();
        said.iter().find(|line| line.contains(what)).cloned()
    }

    /// Bytes of memory that are in use.
    fn memory(&self) -> u64 {
        let path = format!("/proc/{}/statm", self.child.id());
        let pages = std::fs::read_to_string(path).unwrap();
        let resident: u64 = pages.split_whitespace().nth(1).unwrap().parse().unwrap();
        resident * 4096
    }

    /// Ticks of CPU that it has used.
    fn ticks(&self) -> u64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let (_, fields) = stat.rsplit_once(')').unwrap();
        let mut fields = fields.split_whitespace().skip(11);
        let mut next = || fields.next().unwrap().parse::<u64>().unwrap();
        next() + next()
    }
}

#[test]
fn without_descriptors_it_waits_and_serves_again() {
    let flow = tempfile::NamedTempFile::with_suffix(".troy").unwrap();
    std::fs::write(flow.path(), FLOW).unwrap();
    let program = Program::run(flow.path(), 64, "");
    let address = program.address();
    let held: Vec<Client> = (0..200).map(|_| Client::connect(address)).collect();
    until("it says what it lacks", || {
        program.find("cannot accept a connection").is_some() && program.find("ulimit -n").is_some()
    });
    let before = program.ticks();
    std::thread::sleep(std::time::Duration::from_secs(1));
    // A hundred ticks would be all of a core.
    assert!(program.ticks() - before < 50, "it spins");
    drop(held);
    let mut client = Client::connect(address);
    client.post("/", "1");
    assert_eq!(client.response().unwrap().body, "1");
}

#[test]
fn clients_that_do_not_finish_do_not_fill_the_memory() {
    let flow = tempfile::NamedTempFile::with_suffix(".troy").unwrap();
    std::fs::write(flow.path(), FLOW).unwrap();
    let more = "--set http.max_waiting=16000000";
    let program = Program::run(flow.path(), 1024, more);
    let mut client = program.connect();
    client.post("/", "1");
    assert_eq!(client.response().unwrap().body, "1");
    let before = program.memory();
    // Two hundred million bytes together, and each of them less than what one may send.
    let head = "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 2000000\r\n\r\n";
    let piece = vec![b' '; 1_000_000];
    let mut held = Vec::new();
    for _ in 0..200 {
        let mut client = program.connect();
        // Those for whom there is no room are told so, and not read any further.
        if client.try_send(head).is_ok() && client.try_send(&piece).is_ok() {
            held.push(client);
        }
    }
    until("some are told so", || {
        program.find("no room for more").is_some()
    });
    let most = before + 100_000_000;
    assert!(program.memory() < most, "{} of {most}", program.memory());
    // Those that were refused together have left some room, which further ones fill.
    until("there is no room", || {
        let mut more = program.connect();
        if more.try_send(head).is_ok() && more.try_send(&piece).is_ok() {
            held.push(more);
        }
        let mut client = program.connect();
        client.post("/", "2");
        client.response().unwrap().status == 503
    });
    drop(held);
    until("there is room again", || {
        let mut client = program.connect();
        client.post("/", "3");
        client.response().unwrap().status == 200
    });
}
