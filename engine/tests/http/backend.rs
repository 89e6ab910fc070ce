//! A server of the tests, which answers as it is told, and writes down what it was asked.

use std::collections::VecDeque;
use std::io::Write;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::peer::Client;

/// What becomes of a request.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    /// A status and a body, after a while.
    Answer(u16, &'static str, Duration),
    /// These bytes, and then the end.
    Bytes(Vec<u8>),
    /// Nothing, for as long as the client waits.
    Hang,
    /// The connection is reset.
    Reset,
    /// An answer, and then the connection ends although it said nothing of that.
    AnswerAndClose(u16),
}

pub(crate) const OK: Act = Act::Answer(200, "", Duration::ZERO);

pub(crate) fn status(status: u16) -> Act {
    Act::Answer(status, "", Duration::ZERO)
}

/// A request as it came in.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) first: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut named = self.headers.iter().filter(|(known, _)| known == name);
        named.next().map(|(_, value)| value.as_str())
    }
}

#[derive(Default)]
struct Seen {
    asked: Mutex<Vec<Asked>>,
    connections: AtomicUsize,
    now: AtomicUsize,
    most: AtomicUsize,
}

pub(crate) struct Backend {
    pub(crate) address: SocketAddr,
    seen: Arc<Seen>,
}

type Decide = dyn Fn(&Asked) -> Act + Send + Sync;

impl Backend {
    /// Answers as `decide` says.
    pub(crate) fn new(decide: impl Fn(&Asked) -> Act + Send + Sync + 'static) -> Self {
        Backend::on(TcpListener::bind("127.0.0.1:0").unwrap(), decide)
    }

    pub(crate) fn on(
        listener: TcpListener,
        decide: impl Fn(&Asked) -> Act + Send + Sync + 'static,
    ) -> Self {
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Seen::default());
        let decide: Arc<Decide> = Arc::new(decide);
        let shared = Arc::clone(&seen);
        // The thread ends with the process of the test.
        std::thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                shared.connections.fetch_add(1, Ordering::SeqCst);
                let (seen, decide) = (Arc::clone(&shared), Arc::clone(&decide));
                std::thread::spawn(move || converse(&stream, &seen, &*decide));
            }
        });
        Backend { address, seen }
    }

    /// Answers the first requests with these, in order, and all others with 200.
    pub(crate) fn scripted(acts: impl IntoIterator<Item = Act>) -> Self {
        let acts = Mutex::new(acts.into_iter().collect::<VecDeque<_>>());
        Backend::new(move |_| acts.lock().unwrap().pop_front().unwrap_or(OK))
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.seen.asked.lock().unwrap().clone()
    }

    pub(crate) fn bodies(&self) -> Vec<String> {
        let mut bodies: Vec<String> = self.asked().into_iter().map(|a| a.body).collect();
        bodies.sort();
        bodies
    }

    pub(crate) fn connections(&self) -> usize {
        self.seen.connections.load(Ordering::SeqCst)
    }

    /// The most requests that were under way at the same time.
    pub(crate) fn most_at_once(&self) -> usize {
        self.seen.most.load(Ordering::SeqCst)
    }
}

fn converse(stream: &TcpStream, seen: &Seen, decide: &Decide) {
    let mut client = Client::new(stream.try_clone().unwrap());
    while let Some((first, headers)) = client.head() {
        let mut asked = Asked {
            first,
            headers,
            body: String::new(),
        };
        let length = asked.header("content-length").map(|l| l.parse().unwrap());
        asked.body = client.exactly(length.unwrap_or(0));
        let now = seen.now.fetch_add(1, Ordering::SeqCst) + 1;
        seen.most.fetch_max(now, Ordering::SeqCst);
        seen.asked.lock().unwrap().push(asked.clone());
        let act = decide(&asked);
        let goes_on = answer(stream, &mut client, act);
        seen.now.fetch_sub(1, Ordering::SeqCst);
        if !goes_on {
            let _ = stream.shutdown(Shutdown::Both);
            return;
        }
    }
}

/// Answers; says whether the connection goes on.
fn answer(mut stream: &TcpStream, client: &mut Client, act: Act) -> bool {
    let write = |mut stream: &TcpStream, status: u16, body: &str| {
        let length = body.len();
        let head = format!("HTTP/1.1 {status} x\r\ncontent-length: {length}\r\n\r\n");
        stream.write_all((head + body).as_bytes()).is_ok()
    };
    match act {
        Act::Answer(status, body, after) => {
            std::thread::sleep(after);
            write(stream, status, body)
        }
        Act::AnswerAndClose(status) => {
            write(stream, status, "");
            false
        }
        Act::Bytes(bytes) => {
            let _ = stream.write_all(&bytes);
            false
        }
        Act::Hang => {
            // Until the client goes away.
            client.is_ended();
            false
        }
        Act::Reset => {
            socket2::SockRef::from(stream)
                .set_linger(Some(Duration::ZERO))
                .unwrap();
            false
        }
    }
}
