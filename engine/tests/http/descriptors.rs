//! A program that runs out of descriptors: it goes on, says why, and serves again as soon as there are some.

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
