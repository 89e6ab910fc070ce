//! Pre- and postprocessors `length-prefixed` and `textual-length-prefixed`: frames with their length before each.

use temblor_pdk::schemars::JsonSchema;
use temblor_pdk::serde::Deserialize;
use temblor_pdk::{Error, FrameSink, Postprocessor, Preprocessor, ProcessorInfo, Result, register};

/// Memory that is kept for the next frame that is cut by the end of a piece.
const KEPT: usize = 64 * 1024;
/// The most digits of a number of 64 bits.
const DIGITS: usize = 20;

/// Settings of the preprocessors.
#[derive(Deserialize, JsonSchema)]
#[serde(crate = "temblor_pdk::serde", deny_unknown_fields, default)]
#[schemars(crate = "temblor_pdk::schemars")]
pub struct Config {
    /// The longest frame in bytes, without its length.
    #[schemars(extend("x-limit" = {"unit": "bytes", "beyond": "the frame is an error with the place, the stream goes on"}))]
    max_length: u64,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            max_length: 64 * 1024 * 1024,
        }
    }
}

/// The postprocessors have no settings.
#[derive(Deserialize, JsonSchema)]
#[serde(crate = "temblor_pdk::serde", deny_unknown_fields)]
#[schemars(crate = "temblor_pdk::schemars")]
pub struct NoConfig {}

/// What comes next in a stream.
enum Next {
    /// A length, of which this much has come.
    Length(Vec<u8>),
    /// So many bytes of a frame.
    Frame(usize),
    /// So many bytes of a frame that is too long, which are left out.
    Skipped(u64),
    /// A length could not be read, so nobody knows where the next frame begins: all the rest is left out.
    Lost,
}

/// Cuts a stream at lengths. No more memory is ever taken than bytes have come, whatever a length says.
struct Framing {
    name: &'static str,
    max_length: u64,
    next: Next,
    /// The frame, as far as it has come, if it does not lie in one piece.
    body: Vec<u8>,
}

impl Framing {
    fn new(name: &'static str, config: &Config) -> Self {
        Framing {
            name,
            max_length: config.max_length,
            next: Next::Length(Vec::new()),
            body: Vec::new(),
        }
    }

    /// Goes through a piece. `read` takes what belongs to a length, puts it to what has come of it, and returns it when
    /// it is complete, with the rest of the piece.
    fn process<'a>(
        &mut self,
        piece: &'a [u8],
        out: &mut FrameSink<'_, 'a>,
        read: impl Fn(&mut Vec<u8>, &'a [u8]) -> (Option<Result<u64>>, &'a [u8]),
    ) {
        let mut rest = piece;
        loop {
            match &mut self.next {
                Next::Length(come) if !rest.is_empty() => {
                    let (length, behind) = read(come, rest);
                    rest = behind;
                    match length {
                        None => {}
                        Some(Ok(length)) => self.begin(length, out),
                        Some(Err(error)) => {
                            out.failed(&error);
                            self.next = Next::Lost;
                        }
                    }
                }
                Next::Frame(length) => {
                    let length = *length;
                    match self.take(length, rest, out) {
                        Some(behind) => rest = behind,
                        None => return,
                    }
                }
                Next::Skipped(left) if !rest.is_empty() => {
                    let count =
                        usize::try_from(*left).map_or(rest.len(), |left| left.min(rest.len()));
                    *left -= count as u64;
                    rest = &rest[count..];
                    if *left == 0 {
                        self.next = Next::Length(Vec::new());
                    }
                }
                Next::Length(_) | Next::Skipped(_) | Next::Lost => return,
            }
        }
    }

    fn begin(&mut self, length: u64, out: &mut FrameSink<'_, '_>) {
        self.next = match usize::try_from(length) {
            Ok(length) if length as u64 <= self.max_length => Next::Frame(length),
            _ => {
                out.failed(&self.too_long(length));
                Next::Skipped(length)
            }
        };
    }

    /// Takes a frame's bytes. Returns what is behind it, if all of it has come.
    fn take<'a>(
        &mut self,
        length: usize,
        rest: &'a [u8],
        out: &mut FrameSink<'_, 'a>,
    ) -> Option<&'a [u8]> {
        let missing = length - self.body.len();
        let Some((own, behind)) = rest.split_at_checked(missing) else {
            self.body.extend_from_slice(rest);
            return None;
        };
        if self.body.is_empty() {
            out.part(own);
        } else {
            self.body.extend_from_slice(own);
            out.made(&self.body);
            self.body.clear();
            self.body.shrink_to(KEPT);
        }
        self.next = Next::Length(Vec::new());
        Some(behind)
    }

    fn held(&self) -> usize {
        match &self.next {
            Next::Length(come) => come.len(),
            // A length that has come counts too, so that an empty frame is not lost.
            Next::Frame(_) => self.body.len() + 1,
            Next::Skipped(_) | Next::Lost => 0,
        }
    }

    /// The stream has ended: what has begun is told.
    fn finish(&mut self, out: &mut FrameSink<'_, '_>) {
        let next = std::mem::replace(&mut self.next, Next::Length(Vec::new()));
        let come = std::mem::take(&mut self.body).len();
        let message = match next {
            Next::Length(come) if !come.is_empty() => {
                "the stream ended within the length of a frame".to_owned()
            }
            Next::Frame(length) => {
                format!("the stream ended within a frame: {come} of its {length} bytes had come")
            }
            Next::Length(_) | Next::Skipped(_) | Next::Lost => return,
        };
        out.failed(&Error::rejected(message));
    }

    #[cold]
    fn too_long(&self, length: u64) -> Error {
        Error::rejected(format!(
            "frame of {length} bytes is longer than `max_length`, which is {}\nhelp: raise `max_length` of `{}`, if it is \
             no mistake of the sender",
            self.max_length, self.name
        ))
    }
}

/// Cuts a stream into frames, each with its length before it as a number of 64 bits, the highest byte first.
///
/// A frame above `max_length` is reported when its length has come, and left out; the stream goes on behind it.
pub struct LengthPrefixed(Framing);

impl Preprocessor for LengthPrefixed {
    type Config = Config;

    const INFO: ProcessorInfo = ProcessorInfo {
        name: "length-prefixed",
        summary: "Cuts a stream at lengths of eight bytes.",
        example: r#"{"max_length": 1048576}"#,
    };

    fn new(config: Config) -> Result<Self> {
        Ok(LengthPrefixed(Framing::new("length-prefixed", &config)))
    }

    fn process<'a>(&mut self, piece: &'a [u8], out: &mut FrameSink<'_, 'a>) -> Result<()> {
        self.0.process(piece, out, |come, rest| {
            let count = (8 - come.len()).min(rest.len());
            come.extend_from_slice(&rest[..count]);
            let length = <[u8; 8]>::try_from(come.as_slice());
            (
                length.ok().map(|length| Ok(u64::from_be_bytes(length))),
                &rest[count..],
            )
        });
        Ok(())
    }

    fn held(&self) -> usize {
        self.0.held()
    }

    fn finish(&mut self, out: &mut FrameSink<'_, '_>) -> Result<()> {
        self.0.finish(out);
        Ok(())
    }
}

register!(preprocessor LengthPrefixed);

/// Cuts a stream into frames, each with its length before it as decimal digits and a space.
///
/// What is no length is reported once, and everything behind it is left out: nobody knows where a frame begins.
pub struct TextualLengthPrefixed(Framing);

impl Preprocessor for TextualLengthPrefixed {
    type Config = Config;

    const INFO: ProcessorInfo = ProcessorInfo {
        name: "textual-length-prefixed",
        summary: "Cuts a stream at lengths of decimal digits and a space.",
        example: r#"{"max_length": 1048576}"#,
    };

    fn new(config: Config) -> Result<Self> {
        let framing = Framing::new("textual-length-prefixed", &config);
        Ok(TextualLengthPrefixed(framing))
    }

    fn process<'a>(&mut self, piece: &'a [u8], out: &mut FrameSink<'_, 'a>) -> Result<()> {
        self.0.process(piece, out, |come, rest| {
            for (at, byte) in rest.iter().enumerate() {
                match byte {
                    b' ' => return (Some(number(come)), &rest[at + 1..]),
                    _ if !byte.is_ascii_digit() || come.len() == DIGITS => {
                        come.push(*byte);
                        return (Some(Err(no_length(come))), &[]);
                    }
                    _ => come.push(*byte),
                }
            }
            (None, &[])
        });
        Ok(())
    }

    fn held(&self) -> usize {
        self.0.held()
    }

    fn finish(&mut self, out: &mut FrameSink<'_, '_>) -> Result<()> {
        self.0.finish(out);
        Ok(())
    }
}

register!(preprocessor TextualLengthPrefixed);

fn number(digits: &[u8]) -> Result<u64> {
    let text = std::str::from_utf8(digits).ok();
    text.and_then(|text| text.parse().ok())
        .ok_or_else(|| no_length(digits))
}

#[cold]
fn no_length(bytes: &[u8]) -> Error {
    let text = String::from_utf8_lossy(bytes);
    Error::rejected(format!(
        "{text:?} is no length of a frame; nothing behind it can be read\nhelp: a length is decimal digits and a space, \
         up to 18446744073709551615"
    ))
}

/// Puts its length before every event, as a number of 64 bits, the highest byte first.
pub struct PutLength;

impl Postprocessor for PutLength {
    type Config = NoConfig;

    const INFO: ProcessorInfo = ProcessorInfo {
        name: "length-prefixed",
        summary: "Puts its length before every event, in eight bytes.",
        example: "{}",
    };

    fn new(_config: NoConfig) -> Result<Self> {
        Ok(PutLength)
    }

    fn process(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<()> {
        out.reserve(bytes.len() + 8);
        out.extend_from_slice(&(bytes.len() as u64).to_be_bytes());
        out.extend_from_slice(bytes);
        Ok(())
    }
}

register!(postprocessor PutLength);

/// Puts its length before every event, as decimal digits and a space.
pub struct PutTextualLength;

impl Postprocessor for PutTextualLength {
    type Config = NoConfig;

    const INFO: ProcessorInfo = ProcessorInfo {
        name: "textual-length-prefixed",
        summary: "Puts its length before every event, as decimal digits and a space.",
        example: "{}",
    };

    fn new(_config: NoConfig) -> Result<Self> {
        Ok(PutTextualLength)
    }

    fn process(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<()> {
        out.extend_from_slice(format!("{} ", bytes.len()).as_bytes());
        out.extend_from_slice(bytes);
        Ok(())
    }
}

register!(postprocessor PutTextualLength);
