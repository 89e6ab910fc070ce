//! Frames of a known length, put together from pieces; what the processors that read lengths share.

use temblor_pdk::{Error, FrameSink, Result};

/// The longest frame, where nothing else is said.
pub(crate) const MAX_LENGTH: usize = 16 * 1024 * 1024;

/// A length beyond this is none that anyone means.
pub(crate) const BELIEVED: u64 = 1 << 40;

/// Memory that is kept for the next frame.
const KEPT: usize = 64 * 1024;

/// The beginning of a frame that the pieces so far have not ended. It takes as much memory as has arrived, whatever
/// length was announced.
#[derive(Default)]
pub(crate) struct Gathered(Vec<u8>);

impl Gathered {
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Forgets what is there, and says how much it was.
    pub(crate) fn clear(&mut self) -> usize {
        std::mem::take(&mut self.0).len()
    }

    /// Goes on with a frame of so many bytes. Returns whether it was handed over.
    pub(crate) fn take<'a>(
        &mut self,
        rest: &mut &'a [u8],
        length: usize,
        out: &mut FrameSink<'_, 'a>,
    ) -> bool {
        let missing = length.saturating_sub(self.0.len());
        let (bytes, behind) = rest.split_at(missing.min(rest.len()));
        *rest = behind;
        if self.0.is_empty() && bytes.len() == length {
            out.part(bytes);
            return true;
        }
        self.0.extend_from_slice(bytes);
        if bytes.len() < missing {
            return false;
        }
        out.made(&self.0);
        self.0.clear();
        self.0.shrink_to(KEPT);
        true
    }
}

/// Refuses a limit that lets nothing pass.
pub(crate) fn check_max_length(max_length: usize) -> Result<()> {
    if max_length > 0 {
        return Ok(());
    }
    Err(Error::config(
        "`max_length` is 0, so no frame could pass\nhelp: leave it out, or give the longest frame in bytes",
    ))
}

#[cold]
pub(crate) fn too_long(name: &str, length: u64, max_length: usize) -> Error {
    let help = match length > BELIEVED {
        true => "see whether the other side puts such lengths before its frames at all".to_owned(),
        false => format!("raise `max_length` of `{name}`"),
    };
    Error::rejected(format!(
        "a frame of {length} bytes is longer than `max_length`, which is {max_length}\nhelp: {help}"
    ))
}
