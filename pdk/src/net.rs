//! The network behind small traits: real sockets that wait through the host, or whatever a test puts in their place.

use std::fmt::Debug;
use std::future::Future;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::os::fd::AsFd;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_io::{AsyncRead, AsyncWrite};
use socket2::{Domain, Protocol, Socket, Type};

use crate::Host;
use crate::abi::Interest;
use crate::descriptors::is_one_of_the_last;
use crate::io::{Request, blocking, readable, writable};

/// A future of the network.
pub type NetFuture<'a, T> = Pin<Box<dyn Future<Output = io::Result<T>> + Send + 'a>>;

/// Makes and takes connections.
pub trait Network: Debug + Send + Sync {
    /// Waits for connections at an address, `"host:port"`; port 0 lets the system choose. `backlog` is how many
    /// connections may wait to be accepted.
    fn listen<'a>(&'a self, address: &'a str, backlog: u32) -> NetFuture<'a, Box<dyn Listener>>;

    /// Connects to an address, `"host:port"`, trying all that its name stands for. Dropping the future gives up.
    fn connect<'a>(&'a self, address: &'a str) -> NetFuture<'a, Box<dyn Connection>>;
}

/// Where connections come in.
pub trait Listener: Send {
    /// Takes the next connection. Dropping the future loses none.
    ///
    /// Errors such as that of no descriptor left (`EMFILE`) pass; the caller waits before it tries again.
    fn accept(&mut self) -> NetFuture<'_, Box<dyn Connection>>;

    /// Where it waits.
    ///
    /// # Errors
    /// Where the system does not say.
    fn local_addr(&self) -> io::Result<SocketAddr>;
}

/// A connection: bytes in both directions. Half of it is closed by `poll_close`.
pub trait Connection: AsyncRead + AsyncWrite + Send + Unpin {
    /// The address of the other end.
    ///
    /// # Errors
    /// Where the system does not say, as when the other end has gone.
    fn peer_addr(&self) -> io::Result<SocketAddr>;

    /// The address of this end.
    ///
    /// # Errors
    /// Where the system does not say.
    fn local_addr(&self) -> io::Result<SocketAddr>;
}

/// The system's network. Names are looked up where that may block; sockets wait through the host.
#[derive(Clone, Debug)]
pub struct SystemNetwork {
    host: Host,
}

impl SystemNetwork {
    /// The network as the host's connectors see it.
    #[must_use]
    pub fn new(host: &Host) -> Self {
        SystemNetwork { host: host.clone() }
    }

    async fn resolve(&self, address: &str) -> io::Result<Vec<SocketAddr>> {
        let owned = address.to_owned();
        let found = blocking(&self.host, move || {
            owned.to_socket_addrs().map(Iterator::collect::<Vec<_>>)
        });
        let found = found.await.map_err(io::Error::other)??;
        match found.is_empty() {
            true => Err(io::Error::new(
                ErrorKind::NotFound,
                "the name has no address",
            )),
            false => Ok(found),
        }
    }
}

impl Network for SystemNetwork {
    fn listen<'a>(&'a self, address: &'a str, backlog: u32) -> NetFuture<'a, Box<dyn Listener>> {
        Box::pin(async move {
            let mut failed = None;
            for address in self.resolve(address).await? {
                match bind(address, backlog) {
                    Ok(listener) => {
                        let host = self.host.clone();
                        let listener = SystemListener {
                            host,
                            listener,
                            held: None,
                        };
                        return Ok(Box::new(listener) as Box<dyn Listener>);
                    }
                    Err(reason) => failed = Some(reason),
                }
            }
            Err(failed.unwrap_or_else(|| ErrorKind::NotFound.into()))
        })
    }

    fn connect<'a>(&'a self, address: &'a str) -> NetFuture<'a, Box<dyn Connection>> {
        Box::pin(async move {
            let mut failed = None;
            for address in self.resolve(address).await? {
                match connect(&self.host, address).await {
                    Ok(stream) => {
                        let connection = SystemConnection::new(&self.host, stream)?;
                        return Ok(Box::new(connection) as Box<dyn Connection>);
                    }
                    Err(reason) => failed = Some(reason),
                }
            }
            Err(failed.unwrap_or_else(|| ErrorKind::NotFound.into()))
        })
    }
}

fn socket(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

fn bind(address: SocketAddr, backlog: u32) -> io::Result<TcpListener> {
    let socket = socket(address)?;
    // A port whose connections of before are still being closed can be used at once.
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(i32::try_from(backlog).unwrap_or(i32::MAX))?;
    Ok(socket.into())
}

async fn connect(host: &Host, address: SocketAddr) -> io::Result<TcpStream> {
    let socket = socket(address)?;
    match socket.connect(&address.into()) {
        Err(reason) if in_progress(&reason) => {
            writable(host, socket.as_fd()).await;
            if let Some(reason) = socket.take_error()? {
                return Err(reason);
            }
        }
        other => other?,
    }
    let stream = TcpStream::from(socket);
    // Says whether it is connected after all: it may have been ready for another reason.
    stream.peer_addr()?;
    Ok(stream)
}

fn in_progress(reason: &io::Error) -> bool {
    const EINPROGRESS: i32 = 115;
    reason.kind() == ErrorKind::WouldBlock || reason.raw_os_error() == Some(EINPROGRESS)
}

struct SystemListener {
    host: Host,
    listener: TcpListener,
    /// A connection that took one of the last descriptors, and waits until there are more.
    held: Option<TcpStream>,
}

impl SystemListener {
    /// A connection, unless it would leave too few descriptors: then it is kept for later.
    fn admit(&mut self, stream: TcpStream) -> io::Result<Box<dyn Connection>> {
        if is_one_of_the_last(stream.as_fd()) {
            self.held = Some(stream);
            return Err(io::Error::from_raw_os_error(EMFILE));
        }
        stream.set_nonblocking(true)?;
        let connection = SystemConnection::new(&self.host, stream)?;
        Ok(Box::new(connection))
    }
}

impl Listener for SystemListener {
    fn accept(&mut self) -> NetFuture<'_, Box<dyn Connection>> {
        Box::pin(async move {
            if let Some(held) = self.held.take() {
                // The same connection by the lowest descriptor that is free now.
                return match held.try_clone() {
                    Ok(stream) => self.admit(stream),
                    Err(reason) => {
                        self.held = Some(held);
                        Err(reason)
                    }
                };
            }
            loop {
                match self.listener.accept() {
                    Ok((stream, _)) => return self.admit(stream),
                    Err(reason) if reason.kind() == ErrorKind::WouldBlock => {
                        readable(&self.host, self.listener.as_fd()).await;
                    }
                    Err(reason) if is_passing(&reason) => {}
                    Err(reason) => return Err(reason),
                }
            }
        })
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// The system's number for: the process has no descriptor left.
const EMFILE: i32 = 24;

/// Errors of a connection that was gone before it was taken.
fn is_passing(reason: &io::Error) -> bool {
    matches!(
        reason.kind(),
        ErrorKind::Interrupted | ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset
    )
}

struct SystemConnection {
    host: Host,
    stream: TcpStream,
    /// What is waited for, if anything.
    reading: Option<Request>,
    writing: Option<Request>,
}

impl SystemConnection {
    fn new(host: &Host, stream: TcpStream) -> io::Result<Self> {
        // Events are handed on when they are there, not when a packet is full.
        stream.set_nodelay(true)?;
        Ok(SystemConnection {
            host: host.clone(),
            stream,
            reading: None,
            writing: None,
        })
    }

    /// Waits for what the last attempt lacked, if anything.
    fn poll_ready(&mut self, interest: Interest, cx: &mut Context<'_>) -> Poll<()> {
        let waiting = match interest {
            Interest::Read => &mut self.reading,
            Interest::Write => &mut self.writing,
        };
        if let Some(request) = waiting {
            ready!(Pin::new(request).poll(cx));
            *waiting = None;
        }
        Poll::Ready(())
    }

    fn poll_io<T>(
        &mut self,
        interest: Interest,
        cx: &mut Context<'_>,
        mut attempt: impl FnMut(&TcpStream) -> io::Result<T>,
    ) -> Poll<io::Result<T>> {
        loop {
            ready!(self.poll_ready(interest, cx));
            match attempt(&self.stream) {
                Err(reason) if reason.kind() == ErrorKind::WouldBlock => {
                    let fd = self.stream.as_fd();
                    let request = Request::new(|task| self.host.readiness(fd, interest, task));
                    match interest {
                        Interest::Read => self.reading = Some(request),
                        Interest::Write => self.writing = Some(request),
                    }
                }
                Err(reason) if reason.kind() == ErrorKind::Interrupted => {}
                other => return Poll::Ready(other),
            }
        }
    }
}

impl Connection for SystemConnection {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.stream.peer_addr()
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.stream.local_addr()
    }
}

impl AsyncRead for SystemConnection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        room: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_io(Interest::Read, cx, |mut stream| stream.read(room))
    }
}

impl AsyncWrite for SystemConnection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_io(Interest::Write, cx, |mut stream| stream.write(bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let closed = self.stream.shutdown(Shutdown::Write);
        // A connection that the other end has closed needs no closing.
        Poll::Ready(match closed {
            Err(reason) if reason.kind() == ErrorKind::NotConnected => Ok(()),
            other => other,
        })
    }
}
