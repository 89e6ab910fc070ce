//! From bytes to frames: reading, preprocessors, and where in the input a frame stands.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use temblor_pdk::{DynCodec, DynPreprocessor, Error, FrameSink, Kind};
use temblor_registry::Registry;

use super::super::failure::Failure;
use super::{SEPARATE, chain, codec, find, unusable};

/// How much is read at once, in bytes.
const CHUNK: usize = 64 * 1024;

/// What is to be decoded, or why it could not be cut out of the input.
pub(crate) struct Frame {
    /// Its number in the input, from 1.
    pub(crate) number: u64,
    /// Its bytes.
    pub(crate) bytes: Result<Vec<u8>, Error>,
}

/// What the input goes through.
pub(crate) struct Input {
    preprocessors: Vec<Box<dyn DynPreprocessor>>,
    decoder: Box<dyn DynCodec>,
    places: Places,
    frames: u64,
    /// The input so far, where nothing takes it apart.
    whole: Vec<u8>,
}

/// How frames are called in messages.
#[derive(Clone)]
pub(crate) struct Places {
    file: String,
    are_lines: bool,
}

impl Places {
    /// Names a frame.
    pub(crate) fn of(&self, number: u64) -> String {
        match self.are_lines {
            true => format!("{}:{number}", self.file),
            false => format!("{}, frame {number}", self.file),
        }
    }
}

impl Input {
    /// Finds the parts by their names.
    pub(crate) fn new(
        preprocessors: &[String],
        decoder: &str,
        registry: &Registry,
    ) -> Result<Input, Failure> {
        let mut steps = Vec::new();
        for name in chain(preprocessors) {
            let step = find(registry, Kind::Preprocessor, name)?.make_preprocessor("{}");
            steps.push(step.map_err(|error| unusable(name, &error))?);
        }
        Ok(Input {
            preprocessors: steps,
            decoder: codec(registry, decoder)?,
            places: Places {
                file: "standard input".to_owned(),
                // A frame for each line, also for those that are empty or too long.
                are_lines: chain(preprocessors).eq([SEPARATE]),
            },
            frames: 0,
            whole: Vec::new(),
        })
    }

    /// Sets the name of the file that it comes from.
    pub(crate) fn name(&mut self, path: Option<&Path>) {
        if let Some(path) = path {
            self.places.file = path.display().to_string();
        }
    }

    /// Returns what names its frames.
    pub(crate) fn places(&self) -> Places {
        self.places.clone()
    }

    /// Returns the codec that reads frames.
    pub(crate) fn decoder(&mut self) -> &mut dyn DynCodec {
        &mut *self.decoder
    }

    /// Takes a piece of the input, and returns the frames that it ends.
    pub(crate) fn cut(&mut self, chunk: &[u8]) -> Vec<Frame> {
        if self.preprocessors.is_empty() {
            self.whole.extend_from_slice(chunk);
            return Vec::new();
        }
        let mut frames = vec![Ok(chunk.to_vec())];
        for step in &mut self.preprocessors {
            frames = process(&mut **step, frames);
        }
        self.numbered(frames)
    }

    /// The input has ended: returns what is still held back.
    pub(crate) fn rest(&mut self) -> Vec<Frame> {
        let mut frames = Vec::new();
        if !self.whole.is_empty() {
            frames.push(Ok(std::mem::take(&mut self.whole)));
        }
        for step in &mut self.preprocessors {
            frames = process(&mut **step, frames);
            let mut take = |frame: temblor_pdk::Frame<'_, '_>| frames.push(copied(frame));
            let done = step.finish(&mut FrameSink::new(&mut take));
            frames.extend(done.err().map(Err));
        }
        self.numbered(frames)
    }

    fn numbered(&mut self, frames: Vec<Result<Vec<u8>, Error>>) -> Vec<Frame> {
        let number = |bytes| {
            self.frames += 1;
            Frame {
                number: self.frames,
                bytes,
            }
        };
        frames.into_iter().map(number).collect()
    }
}

/// Sends pieces through a preprocessor. What could not be cut out before stays in its place.
fn process(
    step: &mut dyn DynPreprocessor,
    pieces: Vec<Result<Vec<u8>, Error>>,
) -> Vec<Result<Vec<u8>, Error>> {
    let mut frames = Vec::new();
    for piece in pieces {
        match piece {
            Ok(piece) => {
                let mut take = |frame: temblor_pdk::Frame<'_, '_>| frames.push(copied(frame));
                let done = step.process(&piece, &mut FrameSink::new(&mut take));
                frames.extend(done.err().map(Err));
            }
            failed => frames.push(failed),
        }
    }
    frames
}

fn copied(frame: temblor_pdk::Frame<'_, '_>) -> Result<Vec<u8>, Error> {
    use temblor_pdk::Frame;
    match frame {
        Frame::Part(bytes) | Frame::Made(bytes) => Ok(bytes.to_vec()),
        Frame::Failed(error) | Frame::FailedPart(_, error) => Err(error.clone()),
    }
}

/// Reads the input on a thread of its own, so that time passes while it waits.
pub(super) fn open(path: Option<&Path>) -> Result<flume::Receiver<io::Result<Vec<u8>>>, Failure> {
    let mut input: Box<dyn Read + Send> = match path {
        None => Box::new(io::stdin()),
        Some(path) => Box::new(open_file(path)?),
    };
    let (sender, receiver) = flume::bounded(4);
    let read = move || {
        loop {
            let mut chunk = vec![0; CHUNK];
            let done = match input.read(&mut chunk) {
                Ok(0) => return,
                Ok(length) => {
                    chunk.truncate(length);
                    sender.send(Ok(chunk))
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
                Err(error) => {
                    // Whether it is heard or not, there is nothing more to read.
                    let _ = sender.send(Err(error));
                    return;
                }
            };
            if done.is_err() {
                return;
            }
        }
    };
    let thread = std::thread::Builder::new().name("input".to_owned());
    let spawned = thread.spawn(read);
    spawned.map_err(|error| Failure::failed(format!("cannot start a thread: {error}")))?;
    Ok(receiver)
}

fn open_file(path: &Path) -> Result<File, Failure> {
    let unreadable = |reason: String| {
        Failure::wrong(format!("`{}` cannot be read: {reason}", path.display()))
            .help("`--input` names the file that events are read from")
    };
    let file = File::open(path).map_err(|error| unreadable(error.to_string()))?;
    match file.metadata() {
        Ok(metadata) if metadata.is_dir() => Err(unreadable("it is a directory".to_owned())),
        _ => Ok(file),
    }
}
