//! Many peers at the same time: each connects, sends some events, and stays connected until all may leave.

use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::event::Series;
use crate::posts;

/// Events of each peer.
pub(crate) const EVENTS: u64 = 5;
/// The system tries to connect for so long where nobody takes the connection.
const CONNECT: Duration = Duration::from_secs(40);
/// How long an answer may take.
const ANSWER: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(10);

/// How they speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tongue {
    /// Lines over TCP, without an answer.
    Tcp,
    /// Posts, each answered before the next.
    Http,
}

/// Connected peers.
pub(crate) struct Crowd {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

struct Shared {
    series: Series,
    address: SocketAddr,
    tongue: Tongue,
    leaves: AtomicBool,
    /// Peers that have sent everything.
    done: AtomicU64,
    errors: Mutex<Vec<String>>,
}

impl Crowd {
    /// Connects so many peers, the first of which sends the first events.
    pub(crate) fn start(series: Series, address: SocketAddr, tongue: Tongue, peers: u64) -> Self {
        Crowd::of(series, address, tongue, 0..peers)
    }

    /// Connects the peer of that number alone.
    pub(crate) fn start_at(series: Series, address: SocketAddr, tongue: Tongue, peer: u64) -> Self {
        Crowd::of(series, address, tongue, peer..peer + 1)
    }

    fn of(series: Series, address: SocketAddr, tongue: Tongue, peers: Range<u64>) -> Self {
        let shared = Arc::new(Shared {
            series,
            address,
            tongue,
            leaves: AtomicBool::new(false),
            done: AtomicU64::new(0),
            errors: Mutex::default(),
        });
        let peer = |number| {
            let shared = Arc::clone(&shared);
            std::thread::spawn(move || shared.run(number))
        };
        let threads = peers.map(peer).collect();
        Crowd { shared, threads }
    }

    /// How many have sent everything.
    pub(crate) fn done(&self) -> u64 {
        self.shared.done.load(Ordering::SeqCst)
    }

    /// Whoever has sent everything leaves.
    pub(crate) fn leave(&self) {
        self.shared.leaves.store(true, Ordering::SeqCst);
    }

    /// Waits until all have left. Returns what went wrong.
    pub(crate) fn end(self) -> Vec<String> {
        for thread in self.threads {
            // A panic there has been shown already.
            let _ = thread.join();
        }
        let errors = self.shared.errors.lock();
        errors.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Shared {
    fn run(&self, number: u64) {
        let stream = self.send(number * EVENTS).map_err(|reason| {
            let errors = self.errors.lock();
            let mut errors = errors.unwrap_or_else(PoisonError::into_inner);
            errors.push(format!("peer {number}: {reason}"));
        });
        self.done
            .fetch_add(u64::from(stream.is_ok()), Ordering::SeqCst);
        while !self.leaves.load(Ordering::SeqCst) {
            std::thread::sleep(LOOK);
        }
    }

    /// Sends its events, and returns the open connection.
    fn send(&self, first: u64) -> std::io::Result<TcpStream> {
        let mut stream = TcpStream::connect_timeout(&self.address, CONNECT)?;
        stream.set_read_timeout(Some(ANSWER))?;
        for id in first..first + EVENTS {
            let mut body = Vec::new();
            self.series.write(id, &mut body);
            match self.tongue {
                Tongue::Tcp => {
                    body.push(b'\n');
                    stream.write_all(&body)?;
                }
                Tongue::Http => {
                    let status = posts::exchange(&mut stream, self.address, &body)?;
                    if !(200..300).contains(&status) {
                        let message = format!("the answer was {status}");
                        return Err(std::io::Error::other(message));
                    }
                }
            }
        }
        Ok(stream)
    }
}
