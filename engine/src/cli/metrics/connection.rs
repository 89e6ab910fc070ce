//! One connection, one request: HTTP/1.1 by hyper over the streams and timers of smol.

use std::convert::Infallible;
use std::io;
use std::net::TcpStream;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use hyper::body::{Bytes, Frame, Incoming, SizeHint};
use hyper::rt::{Read, ReadBufCursor, Sleep, Write};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use smol::io::{AsyncRead, AsyncWrite};
use smol::{Async, Timer};

use super::{CONNECTION_TIME, HEAD_BYTES};

/// Answers the request of a connection and closes it. Whatever goes wrong is the other side's to find out.
pub(super) async fn serve(
    stream: Async<TcpStream>,
    answer: impl Fn(&Request<Incoming>) -> Response<Body>,
) {
    let service = service_fn(async |request| Ok::<_, Infallible>(answer(&request)));
    let mut http = http1::Builder::new();
    http.timer(Timers)
        .header_read_timeout(CONNECTION_TIME)
        .max_buf_size(HEAD_BYTES)
        .keep_alive(false);
    let served = async {
        let _ = http.serve_connection(Stream(stream), service).await;
    };
    let patience = async {
        Timer::after(CONNECTION_TIME).await;
    };
    smol::future::or(served, patience).await;
}

/// A body in one piece.
pub(super) struct Body(Option<Bytes>);

impl Body {
    pub(super) fn of(bytes: Bytes) -> Body {
        Body((!bytes.is_empty()).then_some(bytes))
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.take().map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.as_ref().map_or(0, Bytes::len) as u64)
    }
}

/// A stream of smol as hyper wants it.
struct Stream(Async<TcpStream>);

impl Read for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let mut piece = [0; 2048];
        let most = buffer.remaining().min(piece.len());
        let read = ready!(Pin::new(&mut self.0).poll_read(cx, &mut piece[..most]))?;
        buffer.put_slice(&piece[..read]);
        Poll::Ready(Ok(()))
    }
}

impl Write for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_close(cx)
    }
}

/// The timers of smol as hyper wants them.
struct Timers;

impl hyper::rt::Timer for Timers {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        Box::pin(Sleeping(Timer::after(duration)))
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        Box::pin(Sleeping(Timer::at(deadline)))
    }
}

struct Sleeping(Timer);

impl Future for Sleeping {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.0).poll(cx).map(|_| ())
    }
}

impl Sleep for Sleeping {}
