//! A connection as its task sees it, and waiting no longer than a while.

use std::future::Future;
use std::time::Duration;

use futures_lite::future::or;
use futures_lite::{AsyncRead, AsyncWrite};
use temblor_pdk::{Host, io};

/// Bytes in both directions, whether TLS is between or not.
pub(crate) trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// A connection that is ready for use.
pub(crate) type Wire = Box<dyn Duplex>;

/// Does `work`, which is given up after a while; then there is no result.
pub(crate) async fn within<T>(
    host: &Host,
    most: Duration,
    work: impl Future<Output = T>,
) -> Option<T> {
    let late = async {
        io::sleep(host, most).await;
        None
    };
    or(async { Some(work.await) }, late).await
}

/// Why a handshake failed. rustls says best what it did not like, and says it inside.
pub(crate) fn reason_of(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::UnexpectedEof => "the other side closed the connection".to_owned(),
        _ => error.to_string(),
    }
}
