//! Bodies: by length, in chunks, or to the end of the connection, within limits.

use crate::head::{Fault, Framing};
use crate::wire::Wire;

/// How much of a body is read, and made room for, at once.
const PIECE_BYTES: usize = 64 * 1024;
/// The longest line that says how long a chunk is.
const CHUNK_LINE_BYTES: usize = 1024;
/// What all such lines and the trailers of a body may take beside its content.
const OVERHEAD_BYTES: usize = 256 * 1024;

/// How large a body may be, and who is asked before room is made for it.
pub(crate) struct BodyLimits<'l> {
    pub(crate) bytes: u64,
    /// Takes the number of bytes that come on top; says whether there is room.
    pub(crate) room: &'l mut (dyn FnMut(usize) -> bool + Send),
}

/// Reads a body.
pub(crate) async fn read(
    wire: &mut Wire,
    framing: Framing,
    mut limits: BodyLimits<'_>,
) -> Result<Vec<u8>, Fault> {
    let mut body = Vec::new();
    match framing {
        Framing::None => {}
        Framing::Length(length) if length > limits.bytes => return Err(too_large(&limits)),
        Framing::Length(length) => read_exactly(wire, length, &mut body, &mut limits).await?,
        Framing::Chunked => read_chunks(wire, &mut body, &mut limits).await?,
        Framing::ToTheEnd => while read_piece(wire, u64::MAX, &mut body, &mut limits).await? > 0 {},
    }
    Ok(body)
}

fn too_large(limits: &BodyLimits<'_>) -> Fault {
    let limit = limits.bytes;
    Fault::Refused(413, format!("the body is larger than {limit} bytes"))
}

async fn read_exactly(
    wire: &mut Wire,
    length: u64,
    body: &mut Vec<u8>,
    limits: &mut BodyLimits<'_>,
) -> Result<(), Fault> {
    let mut left = length;
    while left > 0 {
        match read_piece(wire, left, body, limits).await? {
            0 => return Err(Fault::Gone(format!("the body ends {left} bytes too early"))),
            count => left -= count,
        }
    }
    Ok(())
}

/// Reads a piece of at most `left` bytes. 0 is the end.
async fn read_piece(
    wire: &mut Wire,
    left: u64,
    body: &mut Vec<u8>,
    limits: &mut BodyLimits<'_>,
) -> Result<u64, Fault> {
    let most = usize::try_from(left).unwrap_or(usize::MAX).min(PIECE_BYTES);
    let read = wire.read_into(body, most).await;
    let count = read.map_err(|error| Fault::io(&error))?;
    if body.len() as u64 > limits.bytes {
        return Err(too_large(limits));
    }
    if !(limits.room)(count) {
        let reason = "there is no room for more bodies at the moment";
        return Err(Fault::Refused(503, reason.to_owned()));
    }
    Ok(count as u64)
}

async fn read_chunks(
    wire: &mut Wire,
    body: &mut Vec<u8>,
    limits: &mut BodyLimits<'_>,
) -> Result<(), Fault> {
    let mut overhead = OVERHEAD_BYTES;
    loop {
        let line = read_line(wire, &mut overhead).await?;
        let size = chunk_size(&line)?;
        if size == 0 {
            break;
        }
        if size > limits.bytes.saturating_sub(body.len() as u64) {
            return Err(too_large(limits));
        }
        read_exactly(wire, size, body, limits).await?;
        if !read_line(wire, &mut overhead).await?.is_empty() {
            return Err(Fault::bad("a chunk is longer than it says"));
        }
        // What a chunk takes beside its content is in proportion to that, or is little.
        overhead = overhead.saturating_add(usize::try_from(size).unwrap_or(0).max(16));
    }
    // Trailers are read and not looked at.
    while !read_line(wire, &mut overhead).await?.is_empty() {}
    Ok(())
}

fn chunk_size(line: &[u8]) -> Result<u64, Fault> {
    let bad = || Fault::bad("the length of a chunk is not one");
    let digits = line.split(|b| matches!(b, b';' | b' ' | b'\t')).next();
    let digits = digits.unwrap_or_default();
    // Longer numbers than that are no lengths, and `from_str_radix` would take a sign.
    if digits.is_empty() || digits.len() > 16 || !digits.iter().all(u8::is_ascii_hexdigit) {
        return Err(bad());
    }
    let text = std::str::from_utf8(digits).map_err(|_| bad())?;
    let size = u64::from_str_radix(text, 16).map_err(|_| bad())?;
    match i64::try_from(size) {
        Ok(_) => Ok(size),
        Err(_) => Err(bad()),
    }
}

/// Reads a line, without its end.
async fn read_line(wire: &mut Wire, overhead: &mut usize) -> Result<Vec<u8>, Fault> {
    loop {
        let unused = wire.unused();
        if let Some(at) = memchr::memchr(b'\n', unused) {
            let line = unused[..at].strip_suffix(b"\r");
            let line = line.ok_or_else(|| Fault::bad("a line of a chunk ends without `\\r\\n`"))?;
            let line = line.to_vec();
            let left = overhead.checked_sub(at + 1);
            *overhead = left
                .filter(|_| line.len() <= CHUNK_LINE_BYTES)
                .ok_or_else(long)?;
            wire.consume(at + 1);
            return Ok(line);
        }
        if unused.len() > CHUNK_LINE_BYTES {
            return Err(long());
        }
        match wire.fill().await {
            Ok(0) => return Err(Fault::Gone(String::from("the body is cut short"))),
            Ok(_) => {}
            Err(error) => return Err(Fault::io(&error)),
        }
    }
}

fn long() -> Fault {
    Fault::bad("the chunks of the body say more than they hold")
}
