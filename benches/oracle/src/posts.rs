//! Clients that post events with HTTP, each again until it is told that the event was taken.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::event::Series;

/// How long an answer may take.
const ANSWER: Duration = Duration::from_secs(20);
/// How soon a client that cannot connect tries again.
const AGAIN: Duration = Duration::from_millis(5);

/// Running clients.
pub(crate) struct Posts {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

struct Shared {
    series: Series,
    address: SocketAddr,
    stops: AtomicBool,
    next: AtomicU64,
    acked: Mutex<Vec<u64>>,
    /// Posts that went out and were not answered: the event may have been taken.
    unanswered: AtomicU64,
    /// Answers other than that the event was taken.
    refused: AtomicU64,
}

impl Posts {
    pub(crate) fn start(series: Series, address: SocketAddr, clients: usize) -> Self {
        let shared = Arc::new(Shared {
            series,
            address,
            stops: AtomicBool::new(false),
            next: AtomicU64::new(0),
            acked: Mutex::default(),
            unanswered: AtomicU64::new(0),
            refused: AtomicU64::new(0),
        });
        let client = |_| {
            let shared = Arc::clone(&shared);
            std::thread::spawn(move || shared.run())
        };
        let threads = (0..clients).map(client).collect();
        Posts { shared, threads }
    }

    /// No new events; returns once every one that was begun is acked.
    pub(crate) fn end(&mut self) {
        self.shared.stops.store(true, Ordering::SeqCst);
        for thread in self.threads.drain(..) {
            // A panic there has been shown already.
            let _ = thread.join();
        }
    }

    /// The events that were begun: all below this number.
    pub(crate) fn sent(&self) -> u64 {
        self.shared.next.load(Ordering::SeqCst)
    }

    /// The events of which somebody was told that they were taken.
    pub(crate) fn acked(&self) -> Vec<u64> {
        let acked = self.shared.acked.lock();
        acked.unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn unanswered(&self) -> u64 {
        self.shared.unanswered.load(Ordering::SeqCst)
    }

    pub(crate) fn refused(&self) -> u64 {
        self.shared.refused.load(Ordering::SeqCst)
    }
}

impl Shared {
    fn run(&self) {
        let mut connection = None;
        while !self.stops.load(Ordering::SeqCst) {
            let id = self.next.fetch_add(1, Ordering::SeqCst);
            let mut body = Vec::new();
            self.series.write(id, &mut body);
            while !self.post(&mut connection, &body) {
                std::thread::sleep(AGAIN);
            }
            let mut acked = self.acked.lock().unwrap_or_else(PoisonError::into_inner);
            acked.push(id);
        }
    }

    /// Posts an event once; says whether it was taken.
    fn post(&self, connection: &mut Option<TcpStream>, body: &[u8]) -> bool {
        let Some(mut stream) = connection
            .take()
            .or_else(|| TcpStream::connect(self.address).ok())
        else {
            return false;
        };
        let answered = stream
            .set_read_timeout(Some(ANSWER))
            .and_then(|()| exchange(&mut stream, self.address, body));
        match answered {
            Ok(200..300) => {
                *connection = Some(stream);
                true
            }
            Ok(_) => {
                self.refused.fetch_add(1, Ordering::SeqCst);
                // A refusal may come after the event was delivered to one sink of several, or too late.
                self.unanswered.fetch_add(1, Ordering::SeqCst);
                false
            }
            Err(_) => {
                self.unanswered.fetch_add(1, Ordering::SeqCst);
                false
            }
        }
    }
}

/// Posts a body, and returns the status of the answer.
pub(crate) fn exchange(
    stream: &mut TcpStream,
    address: SocketAddr,
    body: &[u8],
) -> std::io::Result<u16> {
    let length = body.len();
    let head = format!("POST / HTTP/1.1\r\nhost: {address}\r\ncontent-length: {length}\r\n\r\n");
    stream.write_all(&[head.as_bytes(), body].concat())?;
    status(stream)
}

/// Reads an answer, and returns its status.
fn status(stream: &mut TcpStream) -> std::io::Result<u16> {
    let mut answer = Vec::new();
    let mut piece = [0; 4096];
    loop {
        if let Some(status) = whole(&answer) {
            return Ok(status);
        }
        match stream.read(&mut piece)? {
            0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            count => answer.extend_from_slice(&piece[..count]),
        }
    }
}

/// The status of an answer that is there as a whole.
fn whole(answer: &[u8]) -> Option<u16> {
    let end = answer.windows(4).position(|part| part == b"\r\n\r\n")? + 4;
    let head = std::str::from_utf8(answer.get(..end)?).ok()?;
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let is_length = name.eq_ignore_ascii_case("content-length");
        is_length.then(|| value.trim().parse::<usize>().ok())?
    });
    let is_whole = answer.len() >= end + length.unwrap_or_default();
    let status = head.split(' ').nth(1)?.parse().ok()?;
    is_whole.then_some(status)
}

#[cfg(test)]
mod tests {
    use super::whole;

    #[test]
    fn an_answer_is_known_once_it_is_whole() {
        let text = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
        for cut in 0..text.len() {
            assert_eq!(whole(&text[..cut]), None, "{cut}");
        }
        assert_eq!(whole(text), Some(200));
        assert_eq!(whole(b"HTTP/1.1 204 No Content\r\n\r\n"), Some(204));
    }
}
