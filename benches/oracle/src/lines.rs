//! A server that takes lines over TCP, and ends connections in several ways.

use std::io::{ErrorKind, Read};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use nix::sys::socket::{setsockopt, sockopt};

use crate::Result;
use crate::event::Series;
use crate::lab::SharedArrived;

const LOOK: Duration = Duration::from_millis(2);
/// How long a read waits at most before the server looks.
const READ: Duration = Duration::from_millis(5);

/// How connections end that stand when it is said.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// They are reset: what lies in the buffers of the system is gone.
    Reset = 1,
    /// They are closed, whatever is still to be read.
    Close = 2,
    /// The server says that it sends nothing more, and reads to the end.
    Half = 3,
}

/// What came over one connection, whole events only.
#[derive(Clone, Debug, Default)]
pub(crate) struct Heard {
    pub(crate) first: Option<u64>,
    pub(crate) last: Option<u64>,
    /// Events that did not follow the one before.
    pub(crate) jumps: u64,
    /// How it ended, if the server ended it.
    pub(crate) end: Option<End>,
}

/// A running server.
pub(crate) struct Lines {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    series: Series,
    stops: AtomicBool,
    /// Whether nobody listens.
    is_away: AtomicBool,
    /// How many times connections were ended, and how the last time.
    ends: AtomicU64,
    end: AtomicU8,
    arrived: OnceLock<SharedArrived>,
    heard: Mutex<Vec<Heard>>,
}

impl Lines {
    pub(crate) fn start(series: Series) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            series,
            stops: AtomicBool::new(false),
            is_away: AtomicBool::new(false),
            ends: AtomicU64::new(0),
            end: AtomicU8::new(0),
            arrived: OnceLock::new(),
            heard: Mutex::default(),
        });
        let server = Arc::clone(&shared);
        std::thread::spawn(move || listen(&server, listener, address));
        Ok(Lines { address, shared })
    }

    /// Says where to note what arrives.
    pub(crate) fn report_to(&self, arrived: SharedArrived) {
        // It is said once.
        let _ = self.shared.arrived.set(arrived);
    }

    /// Ends all connections that stand.
    pub(crate) fn end(&self, end: End) {
        self.shared.end.store(end as u8, Ordering::SeqCst);
        self.shared.ends.fetch_add(1, Ordering::SeqCst);
    }

    /// Nobody listens, or somebody does again.
    pub(crate) fn set_away(&self, is_away: bool) {
        self.shared.is_away.store(is_away, Ordering::SeqCst);
    }

    /// What came over each connection, in the order of their coming.
    pub(crate) fn heard(&self) -> Vec<Heard> {
        self.shared.heard().clone()
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        self.shared.stops.store(true, Ordering::SeqCst);
    }
}

impl Shared {
    fn heard(&self) -> MutexGuard<'_, Vec<Heard>> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, connection: usize, line: &[u8]) {
        if let Some(arrived) = self.arrived.get() {
            let mut arrived = arrived.lock().unwrap_or_else(PoisonError::into_inner);
            arrived.take(line);
        }
        let id = self.series.recognise(line);
        if let (Some(id), Some(heard)) = (id, self.heard().get_mut(connection)) {
            let follows = heard.last.is_none_or(|last| last + 1 == id);
            heard.jumps += u64::from(!follows);
            heard.first.get_or_insert(id);
            heard.last = Some(id);
        }
    }
}

fn listen(shared: &Arc<Shared>, first: TcpListener, address: SocketAddr) {
    let mut listener = Some(first);
    while !shared.stops.load(Ordering::SeqCst) {
        std::thread::sleep(LOOK);
        if shared.is_away.load(Ordering::SeqCst) {
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
            let mut heard = shared.heard();
            let connection = heard.len();
            heard.push(Heard::default());
            drop(heard);
            let server = Arc::clone(shared);
            let ends = shared.ends.load(Ordering::SeqCst);
            std::thread::spawn(move || {
                // The client sees that it has ended; why does not matter here.
                let _ = serve(&server, stream, connection, ends);
            });
        }
    }
}

fn serve(
    shared: &Shared,
    mut stream: TcpStream,
    connection: usize,
    mut ends: u64,
) -> std::io::Result<()> {
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(READ))?;
    let mut received = Vec::new();
    let mut piece = vec![0; 64 * 1024];
    while !shared.stops.load(Ordering::SeqCst) {
        let now = shared.ends.load(Ordering::SeqCst);
        if now != ends {
            ends = now;
            if !end(shared, &stream, connection)? {
                return Ok(());
            }
        }
        match stream.read(&mut piece) {
            Ok(0) => return Ok(()),
            Ok(count) => received.extend_from_slice(&piece[..count]),
            Err(reason) if matches!(reason.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
            }
            Err(reason) => return Err(reason),
        }
        let mut start = 0;
        while let Some(len) = received[start..].iter().position(|byte| *byte == b'\n') {
            shared.take(connection, &received[start..start + len]);
            start += len + 1;
        }
        received.drain(..start);
    }
    Ok(())
}

/// Ends a connection as it was said; says whether it is still read.
fn end(shared: &Shared, stream: &TcpStream, connection: usize) -> std::io::Result<bool> {
    let end = match shared.end.load(Ordering::SeqCst) {
        1 => End::Reset,
        2 => End::Close,
        _ => End::Half,
    };
    if let Some(heard) = shared.heard().get_mut(connection) {
        heard.end = Some(end);
    }
    match end {
        End::Reset => {
            let linger = nix::libc::linger {
                l_onoff: 1,
                l_linger: 0,
            };
            setsockopt(stream, sockopt::Linger, &linger)?;
        }
        End::Close => {}
        End::Half => stream.shutdown(Shutdown::Write)?,
    }
    Ok(end == End::Half)
}
