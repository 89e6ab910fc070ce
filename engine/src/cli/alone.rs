//! Running a script or a query alone: events from a file or the standard input, results to a file or the standard
//! output, in order and without an engine.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use clap::{Args, ValueEnum};
use temblor_lang::{Pipeline, Scratch, State};
use temblor_pdk::{
    Arena, DynCodec, DynPostprocessor, DynPreprocessor, Event, Frame, FrameSink, Kind, Value,
};
use temblor_registry::{Registered, Registry};

use super::catalogue;
use super::failure::{Exit, Failure, Outcome};

/// How often time passes for what waits for it.
const TICK: Duration = Duration::from_millis(100);
/// How much is read at once, in bytes.
const CHUNK: usize = 64 * 1024;

/// Which clock events and windows see.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ClockKind {
    /// The time of day
    #[default]
    Wall,
    /// Event i came in at nanosecond i, and no other time passes
    Logical,
}

/// Where events come from and where results go, of a script or a query alone.
#[derive(Args, Debug)]
pub(crate) struct AloneOptions {
    /// Where events are read from; the standard input by default (scripts and queries only, as all that follows)
    #[arg(short, long, value_name = "FILE")]
    input: Option<PathBuf>,
    /// Where results are written to; the standard output by default
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// The codec that makes events of what is read
    #[arg(short, long, value_name = "CODEC", default_value = "json")]
    decoder: String,
    /// The codec that makes bytes of results
    #[arg(short, long, value_name = "CODEC", default_value = "json")]
    encoder: String,
    /// What the input goes through before it is decoded; can be repeated
    #[arg(long = "preprocessor", value_name = "NAME", default_value = "separate")]
    preprocessors: Vec<String>,
    /// What results go through when they are encoded; can be repeated
    #[arg(
        long = "postprocessor",
        value_name = "NAME",
        default_value = "separate"
    )]
    postprocessors: Vec<String>,
}

impl AloneOptions {
    /// Whether input or output are named, which a deployment names itself.
    pub(crate) fn is_used(&self) -> bool {
        self.input.is_some() || self.output.is_some()
    }
}

/// Runs a pipeline over the whole input.
///
/// # Errors
/// If a name is unknown, or input or output cannot be used.
pub(crate) fn run(
    pipeline: &Pipeline,
    options: &AloneOptions,
    clock: ClockKind,
    registry: &Registry,
) -> Outcome {
    let mut alone = Alone::new(pipeline, options, clock, registry)?;
    let chunks = reader(options.input.as_deref())?;
    let mut ticked = Instant::now();
    loop {
        match chunks.recv_timeout(TICK) {
            Ok(Ok(chunk)) => alone.take(&chunk)?,
            Ok(Err(error)) => {
                return Err(Failure::failed(format!(
                    "the input cannot be read: {error}"
                )));
            }
            Err(flume::RecvTimeoutError::Timeout) => {}
            Err(flume::RecvTimeoutError::Disconnected) => break,
        }
        if clock == ClockKind::Wall && ticked.elapsed() >= TICK {
            alone.tick()?;
            ticked = Instant::now();
        }
    }
    alone.finish()?;
    Ok(match alone.has_failed {
        true => Exit::Failed,
        false => Exit::Done,
    })
}

/// Reads the input on a thread of its own, so that time passes while it waits.
fn reader(path: Option<&Path>) -> Result<flume::Receiver<io::Result<Vec<u8>>>, Failure> {
    let mut input: Box<dyn Read + Send> = match path {
        None => Box::new(io::stdin()),
        Some(path) => {
            let file = File::open(path).map_err(|error| unusable("read", path, &error))?;
            Box::new(file)
        }
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
                Err(error) => sender.send(Err(error)),
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

fn unusable(verb: &str, path: &Path, error: &io::Error) -> Failure {
    Failure::wrong(format!("`{}` cannot be {verb}: {error}", path.display()))
        .help("check the path and its permissions")
}

/// What a run consists of.
struct Alone<'p> {
    pipeline: &'p Pipeline,
    state: State,
    scratch: Scratch,
    preprocessors: Vec<Box<dyn DynPreprocessor>>,
    decoder: Box<dyn DynCodec>,
    encoder: Box<dyn DynCodec>,
    postprocessors: Vec<Box<dyn DynPostprocessor>>,
    output: Box<dyn Write>,
    clock: ClockKind,
    /// The number of events so far.
    events: u64,
    has_failed: bool,
}

impl<'p> Alone<'p> {
    fn new(
        pipeline: &'p Pipeline,
        options: &AloneOptions,
        clock: ClockKind,
        registry: &Registry,
    ) -> Result<Alone<'p>, Failure> {
        let output: Box<dyn Write> = match &options.output {
            None => Box::new(io::stdout().lock()),
            Some(path) => {
                let file = File::create(path).map_err(|error| unusable("written", path, &error))?;
                Box::new(file)
            }
        };
        let find = |kind, name: &str| {
            let found = registry.find(kind, name);
            found.map_err(|error| catalogue::of_registry(&error))
        };
        let made = |name: &str, error: &temblor_pdk::Error| {
            Failure::wrong(format!("`{name}` cannot be used: {error}"))
        };
        let codec = |name: &str| -> Result<Box<dyn DynCodec>, Failure> {
            let entry: Registered = find(Kind::Codec, name)?;
            entry.make_codec("{}").map_err(|error| made(name, &error))
        };
        let mut preprocessors = Vec::new();
        for name in &options.preprocessors {
            let step = find(Kind::Preprocessor, name)?.make_preprocessor("{}");
            preprocessors.push(step.map_err(|error| made(name, &error))?);
        }
        let mut postprocessors = Vec::new();
        for name in &options.postprocessors {
            let step = find(Kind::Postprocessor, name)?.make_postprocessor("{}");
            postprocessors.push(step.map_err(|error| made(name, &error))?);
        }
        Ok(Alone {
            pipeline,
            state: pipeline.state(),
            scratch: Scratch::default(),
            preprocessors,
            decoder: codec(&options.decoder)?,
            encoder: codec(&options.encoder)?,
            postprocessors,
            output,
            clock,
            events: 0,
            has_failed: false,
        })
    }

    /// Takes a piece of the input.
    fn take(&mut self, chunk: &[u8]) -> Result<(), Failure> {
        let mut frames = vec![chunk.to_vec()];
        for step in 0..self.preprocessors.len() {
            frames = self.preprocess(step, &frames);
        }
        self.run(frames)
    }

    /// The input has ended: takes what the preprocessors still hold.
    fn finish(&mut self) -> Result<(), Failure> {
        let mut frames = Vec::new();
        for step in 0..self.preprocessors.len() {
            frames = self.preprocess(step, &frames);
            let mut failed = Vec::new();
            let done = self.preprocessors[step].finish(&mut FrameSink::new(&mut |frame| {
                keep(frame, &mut frames, &mut failed);
            }));
            failed.extend(done.err());
            self.report(&failed);
        }
        self.run(frames)?;
        // With the logical clock no time passes behind the last event.
        if self.clock == ClockKind::Wall {
            self.flush()?;
        }
        self.output.flush().map_err(|error| lost(&error))
    }

    fn preprocess(&mut self, step: usize, pieces: &[Vec<u8>]) -> Vec<Vec<u8>> {
        let (mut frames, mut failed) = (Vec::new(), Vec::new());
        for piece in pieces {
            let mut take = |frame: Frame<'_, '_>| keep(frame, &mut frames, &mut failed);
            let done = self.preprocessors[step].process(piece, &mut FrameSink::new(&mut take));
            failed.extend(done.err());
        }
        self.report(&failed);
        frames
    }

    fn report(&mut self, failed: &[temblor_pdk::Error]) {
        for error in failed {
            eprintln!("error: the input cannot be taken apart: {error}");
        }
        self.has_failed |= !failed.is_empty();
    }

    /// Decodes frames and runs the events.
    fn run(&mut self, frames: Vec<Vec<u8>>) -> Result<(), Failure> {
        let arena = Arena::new();
        let mut results = Results::new(self.pipeline);
        let mut frames = frames;
        let Some(input) = self.pipeline.input("in").or(Some(0)) else {
            return Ok(());
        };
        {
            let mut run = self
                .pipeline
                .start(&arena, &mut self.scratch, &mut self.state);
            for frame in &mut frames {
                let data = match self.decoder.decode(frame, &arena) {
                    Ok(Some(data)) => data,
                    Ok(None) => continue,
                    Err(error) => {
                        results.failures.push(format!(
                            "error: event {} cannot be decoded: {error}\n",
                            self.events
                        ));
                        self.events += 1;
                        continue;
                    }
                };
                let mut event = Event::new(data);
                event.id.pull = self.events;
                event.ingest_ns = match self.clock {
                    ClockKind::Logical => self.events,
                    ClockKind::Wall => now_ns(),
                };
                self.events += 1;
                let done = run.event(input, event, &mut |port, event| results.take(port, event));
                if let Err(error) = done {
                    results.failures.push(error.to_string());
                }
            }
        }
        write(
            &results,
            &mut *self.encoder,
            &mut self.postprocessors,
            &mut *self.output,
        )?;
        self.has_failed |= !results.failures.is_empty();
        Ok(())
    }

    /// Lets time pass.
    fn tick(&mut self) -> Result<(), Failure> {
        self.without_event(false)
    }

    /// Lets go of what waits for more.
    fn flush(&mut self) -> Result<(), Failure> {
        self.without_event(true)
    }

    fn without_event(&mut self, is_end: bool) -> Result<(), Failure> {
        let arena = Arena::new();
        let mut results = Results::new(self.pipeline);
        {
            let mut run = self
                .pipeline
                .start(&arena, &mut self.scratch, &mut self.state);
            let mut take = |port, event| results.take(port, event);
            let done = match is_end {
                true => run.flush(now_ns(), &mut take),
                false => run.tick(now_ns(), &mut take),
            };
            if let Err(error) = done {
                results.failures.push(error.to_string());
            }
        }
        write(
            &results,
            &mut *self.encoder,
            &mut self.postprocessors,
            &mut *self.output,
        )?;
        self.has_failed |= !results.failures.is_empty();
        Ok(())
    }
}

/// Keeps a frame, or why there is none.
fn keep(frame: Frame<'_, '_>, frames: &mut Vec<Vec<u8>>, failed: &mut Vec<temblor_pdk::Error>) {
    match frame {
        Frame::Part(bytes) | Frame::Made(bytes) => frames.push(bytes.to_vec()),
        Frame::Failed(error) | Frame::FailedPart(_, error) => failed.push(error.clone()),
    }
}

/// What came out, in order.
struct Results<'a> {
    err: Option<usize>,
    values: Vec<Value<'a>>,
    /// What goes to the standard error stream, each ending in a line end.
    failures: Vec<String>,
}

impl<'a> Results<'a> {
    fn new(pipeline: &Pipeline) -> Self {
        Results {
            err: pipeline.output("err"),
            values: Vec::new(),
            failures: Vec::new(),
        }
    }

    fn take(&mut self, port: usize, event: Event<'a>) {
        if Some(port) == self.err {
            self.failures.push(failure(event.data));
            return;
        }
        self.values.extend(event.parts().map(|part| part.data));
    }
}

/// Shows an event of port `err`: the report of a script and its event, or the event as it is.
fn failure(data: Value<'_>) -> String {
    let report = data.get("error").and_then(Value::as_str);
    match (report, data.get("event")) {
        (Some(report), Some(event)) => {
            format!("{}\nevent: {}\n", report.trim_end(), event.to_json())
        }
        _ => format!("{}\n", data.to_json()),
    }
}

/// Encodes and writes results, then shows what failed.
fn write(
    results: &Results<'_>,
    encoder: &mut dyn DynCodec,
    postprocessors: &mut [Box<dyn DynPostprocessor>],
    output: &mut dyn Write,
) -> Result<(), Failure> {
    let mut out = Vec::new();
    for value in &results.values {
        let mut bytes = Vec::new();
        let done = encoder.encode(*value, &mut bytes).and_then(|()| {
            for step in postprocessors.iter_mut() {
                let mut next = Vec::new();
                step.process(&bytes, &mut next)?;
                bytes = next;
            }
            Ok(())
        });
        match done {
            Ok(()) => out.append(&mut bytes),
            Err(error) => {
                return Err(Failure::failed(format!(
                    "a result cannot be encoded: {error}"
                )));
            }
        }
    }
    let written = output.write_all(&out).and_then(|()| output.flush());
    written.map_err(|error| lost(&error))?;
    for failure in &results.failures {
        eprint!("{failure}");
    }
    Ok(())
}

fn lost(error: &io::Error) -> Failure {
    Failure::failed(format!("the output cannot be written: {error}"))
}

fn now_ns() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    })
}
