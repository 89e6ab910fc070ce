//! A server that events are sent to with HTTP, and that misbehaves when it is told to.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, PoisonError};
use std::time::Duration;

use nix::sys::socket::{setsockopt, sockopt};

use crate::Result;
use crate::event::Series;
use crate::lab::SharedArrived;

/// How often the server looks what it is to do.
const LOOK: Duration = Duration::from_millis(2);
/// How long a read waits at most before the server looks.
const READ: Duration = Duration::from_millis(20);

/// What the server does.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// It takes every event and says so.
    Good = 0,
    /// Nobody listens, and open connections are closed.
    Refuse = 1,
    /// It reads a request, and does nothing.
    Hang = 2,
    /// It takes the event, and resets the connection instead of saying so.
    Reset = 3,
    /// It refuses one of three events for good.
    Deny = 4,
}

impl Mode {
    fn of(number: u8) -> Self {
        match number {
            1 => Mode::Refuse,
            2 => Mode::Hang,
            3 => Mode::Reset,
            4 => Mode::Deny,
            _ => Mode::Good,
        }
    }
}

/// Whether an event is one of the three of which one is refused.
pub(crate) fn is_denied(id: u64) -> bool {
    id.is_multiple_of(3)
}

/// A running server.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    series: Series,
    mode: AtomicU8,
    stops: AtomicBool,
    /// Where what arrives is noted.
    arrived: OnceLock<SharedArrived>,
    /// Events that were taken, while the sender may not know.
    unanswered: AtomicU64,
    accepted: AtomicU64,
}

impl Server {
    pub(crate) fn start(series: Series) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            series,
            mode: AtomicU8::new(0),
            stops: AtomicBool::new(false),
            arrived: OnceLock::new(),
            unanswered: AtomicU64::new(0),
            accepted: AtomicU64::new(0),
        });
        let server = Arc::clone(&shared);
        std::thread::spawn(move || listen(&server, listener, address));
        Ok(Server { address, shared })
    }

    /// Says where to note what arrives.
    pub(crate) fn report_to(&self, arrived: SharedArrived) {
        // It is said once.
        let _ = self.shared.arrived.set(arrived);
    }

    pub(crate) fn set(&self, mode: Mode) {
        self.shared.mode.store(mode as u8, Ordering::SeqCst);
    }

    /// How many events were taken without the sender being told for sure.
    pub(crate) fn unanswered(&self) -> u64 {
        self.shared.unanswered.load(Ordering::SeqCst)
    }

    /// How many connections there were.
    pub(crate) fn accepted(&self) -> u64 {
        self.shared.accepted.load(Ordering::SeqCst)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.stops.store(true, Ordering::SeqCst);
    }
}

impl Shared {
    fn take(&self, body: &[u8]) {
        if let Some(arrived) = self.arrived.get() {
            let mut arrived = arrived.lock().unwrap_or_else(PoisonError::into_inner);
            arrived.take(body);
        }
    }

    fn mode(&self) -> Mode {
        Mode::of(self.mode.load(Ordering::SeqCst))
    }

    fn stops(&self) -> bool {
        self.stops.load(Ordering::SeqCst)
    }
}

/// Accepts connections for as long as the server is there for others.
fn listen(shared: &Arc<Shared>, first: TcpListener, address: SocketAddr) {
    let mut listener = Some(first);
    while !shared.stops() {
        std::thread::sleep(LOOK);
        if shared.mode() == Mode::Refuse {
            listener = None;
            continue;
        }
        if listener.is_none() {
            listener = TcpListener::bind(address).ok();
        }
        let Some(listener) = &listener else { continue };
        if listener.set_nonblocking(true).is_err() {
            continue;
        }
        while let Ok((stream, _)) = listener.accept() {
            shared.accepted.fetch_add(1, Ordering::SeqCst);
            let server = Arc::clone(shared);
            std::thread::spawn(move || {
                // What goes wrong with a connection is the sender's to notice.
                let _ = serve(&server, stream);
            });
        }
    }
}

/// One connection.
fn serve(shared: &Shared, mut stream: TcpStream) -> std::io::Result<()> {
    stream.set_nonblocking(false)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(READ))?;
    let mut received = Vec::new();
    let mut piece = vec![0; 64 * 1024];
    while !shared.stops() && shared.mode() != Mode::Refuse {
        let Some(request) = Request::parse(&received) else {
            match stream.read(&mut piece) {
                Ok(0) => return Ok(()),
                Ok(count) => received.extend_from_slice(&piece[..count]),
                Err(reason) if is_timeout(&reason) => {}
                Err(reason) => return Err(reason),
            }
            continue;
        };
        while shared.mode() == Mode::Hang {
            if shared.stops() || is_closed(&stream) {
                return Ok(());
            }
            std::thread::sleep(LOOK);
        }
        if !answer(shared, &mut stream, request.body(&received))? {
            return Ok(());
        }
        received.drain(..request.end);
    }
    Ok(())
}

/// Says what becomes of an event; says whether the connection goes on.
fn answer(shared: &Shared, stream: &mut TcpStream, body: &[u8]) -> std::io::Result<bool> {
    let mode = shared.mode();
    let id = shared.series.recognise(body);
    if mode == Mode::Refuse {
        return Ok(false);
    }
    if mode == Mode::Deny && id.is_some_and(is_denied) {
        stream.write_all(b"HTTP/1.1 422 Unprocessable Content\r\ncontent-length: 0\r\n\r\n")?;
        return Ok(true);
    }
    shared.unanswered.fetch_add(1, Ordering::SeqCst);
    shared.take(body);
    if mode == Mode::Reset {
        let linger = nix::libc::linger {
            l_onoff: 1,
            l_linger: 0,
        };
        setsockopt(stream, sockopt::Linger, &linger)?;
        return Ok(false);
    }
    stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n")?;
    if !is_closed(stream) {
        shared.unanswered.fetch_sub(1, Ordering::SeqCst);
    }
    Ok(true)
}

fn is_timeout(reason: &std::io::Error) -> bool {
    matches!(reason.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

/// Whether the other side has gone; what it has sent stays where it is.
fn is_closed(stream: &TcpStream) -> bool {
    if stream.set_nonblocking(true).is_err() {
        return true;
    }
    let closed = match stream.peek(&mut [0]) {
        Ok(count) => count == 0,
        Err(reason) => !is_timeout(&reason),
    };
    stream.set_nonblocking(false).is_err() || closed
}

/// Where a request that is there as a whole has its body.
struct Request {
    body: usize,
    end: usize,
}

impl Request {
    /// None as long as a part of it is missing. Only requests that say how long they are are known.
    fn parse(received: &[u8]) -> Option<Self> {
        let body = received.windows(4).position(|part| part == b"\r\n\r\n")? + 4;
        let head = std::str::from_utf8(received.get(..body)?).ok()?;
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            let is_length = name.eq_ignore_ascii_case("content-length");
            is_length.then(|| value.trim().parse::<usize>().ok())?
        });
        let end = body + length.unwrap_or_default();
        (received.len() >= end).then_some(Request { body, end })
    }

    fn body<'a>(&self, received: &'a [u8]) -> &'a [u8] {
        received.get(self.body..self.end).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::Request;

    #[test]
    fn a_request_is_known_once_it_is_whole() {
        let text = b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhellorest";
        let end = text.len() - 4;
        for cut in 0..end {
            assert!(Request::parse(&text[..cut]).is_none(), "{cut}");
        }
        let request = Request::parse(text).expect("it is whole");
        assert_eq!(request.body(text), b"hello");
        assert_eq!(request.end, end);
    }
}
