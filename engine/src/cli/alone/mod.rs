//! Running a script or a query alone: events from a file or the standard input, results to a file or the standard
//! output, in order and without an engine.

mod input;
mod output;
mod stage;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use temblor_lang::Pipeline;
use temblor_pdk::{DynCodec, Error, Kind};
use temblor_registry::{Registered, Registry};

use super::catalogue;
use super::failure::{Exit, Failure, Outcome};
use super::output::{complain, nearest, quoted};
pub(crate) use input::{Frame, Input};
use output::Output;
pub(crate) use stage::{Happening, Stage};

/// How often time passes for what waits for it.
const TICK: Duration = Duration::from_millis(100);
/// Cuts and joins lines, unless something else is named.
pub(crate) const SEPARATE: &str = "separate";
/// Stands for no processor at all.
pub(crate) const NONE: &str = "none";
/// The codec, unless another is named.
pub(crate) const JSON: &str = "json";

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
#[command(next_help_heading = "Scripts and queries only")]
pub(crate) struct AloneOptions {
    /// Where events are read from; the standard input by default
    #[arg(short, long, value_name = "FILE")]
    input: Option<PathBuf>,
    /// Where results are written to; the standard output by default
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// The codec that makes events of what is read; `json` by default
    #[arg(short, long, value_name = "CODEC")]
    decoder: Option<String>,
    /// The codec that makes bytes of results; `json` by default
    #[arg(short, long, value_name = "CODEC")]
    encoder: Option<String>,
    /// What the input goes through before it is decoded, `separate` by default; can be repeated; with `none` the
    /// whole input is one event
    #[arg(long = "preprocessor", value_name = "NAME")]
    preprocessors: Vec<String>,
    /// What results go through when they are encoded, `separate` by default; can be repeated; `none` for nothing
    #[arg(long = "postprocessor", value_name = "NAME")]
    postprocessors: Vec<String>,
    /// An output port whose results are written, all but `err` by default; can be repeated. Where `err` is not
    /// named, what arrives there is shown as errors
    #[arg(long = "port", value_name = "PORT")]
    ports: Vec<String>,
}

impl AloneOptions {
    /// Returns the first option that is given and that a deployment has no use for.
    pub(crate) fn given(&self) -> Option<&'static str> {
        let all = [
            ("--input", self.input.is_some()),
            ("--output", self.output.is_some()),
            ("--decoder", self.decoder.is_some()),
            ("--encoder", self.encoder.is_some()),
            ("--preprocessor", !self.preprocessors.is_empty()),
            ("--postprocessor", !self.postprocessors.is_empty()),
            ("--port", !self.ports.is_empty()),
        ];
        let given = all.into_iter().find(|(_, is_given)| *is_given);
        given.map(|(name, _)| name)
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
    let ports = written_ports(pipeline, &options.ports)?;
    let decoder = options.decoder.as_deref().unwrap_or(JSON);
    let mut input = Input::new(&options.preprocessors, decoder, registry)?;
    input.name(options.input.as_deref());
    let mut output = Output::new(options, ports, pipeline, registry)?;
    let mut stage = Stage::new(pipeline, pipeline.input("in").unwrap_or(0), clock);
    let chunks = input::open(options.input.as_deref())?;
    // Opened last, so that nothing is overwritten by a run that does not start.
    output.open(options.output.as_deref(), options.input.as_deref())?;
    let mut ticked = Instant::now();
    while !output.is_closed() {
        match chunks.recv_timeout(TICK) {
            Ok(Ok(chunk)) => {
                let frames = input.cut(&chunk);
                through(frames, &mut input, &mut stage, &mut output)?;
            }
            Ok(Err(error)) => {
                return Err(Failure::failed(format!(
                    "the input cannot be read: {error}"
                )));
            }
            Err(flume::RecvTimeoutError::Timeout) => {}
            Err(flume::RecvTimeoutError::Disconnected) => {
                finish(&mut input, &mut stage, &mut output)?;
                break;
            }
        }
        if clock == ClockKind::Wall && ticked.elapsed() >= TICK {
            stage.tick(&mut |happening| output.take(happening, "a tick of the clock"));
            output.write()?;
            ticked = Instant::now();
        }
    }
    Ok(match output.has_failed() {
        true => Exit::Failed,
        false => Exit::Done,
    })
}

/// Sends frames of the input through the pipeline to the output.
fn through(
    frames: Vec<Frame>,
    input: &mut Input,
    stage: &mut Stage<'_>,
    output: &mut Output,
) -> Result<(), Failure> {
    let place = input.places();
    stage.run(frames, input.decoder(), &mut |number, happening| {
        output.take(happening, &place.of(number));
    });
    output.write()
}

/// The input has ended: takes what is held back on the way.
fn finish(input: &mut Input, stage: &mut Stage<'_>, output: &mut Output) -> Result<(), Failure> {
    let frames = input.rest();
    through(frames, input, stage, output)?;
    // With the logical clock no time passes behind the last event.
    match (stage.clock(), stage.held()) {
        (ClockKind::Wall, _) => {
            stage.flush(&mut |happening| output.take(happening, "the end of the input"));
        }
        (ClockKind::Logical, 0) => {}
        (ClockKind::Logical, held) => complain(format!(
            "warning: operators hold {held} event(s) back, and no time passes behind the last event"
        )),
    }
    output.finish()
}

/// Returns for each output port whether its results are written.
fn written_ports(pipeline: &Pipeline, named: &[String]) -> Result<Vec<bool>, Failure> {
    for name in named {
        if pipeline.output(name).is_none() {
            let meant = nearest(name, pipeline.outputs());
            let failure = Failure::wrong(format!("there is no output port `{name}`"));
            return Err(failure.help(match meant {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!("the ports are {}", quoted(pipeline.outputs())),
            }));
        }
    }
    let is_written = |port: &str| match named.is_empty() {
        true => port != "err",
        false => named.iter().any(|name| name == port),
    };
    Ok(pipeline.outputs().map(is_written).collect())
}

/// Looks a codec, preprocessor or postprocessor up.
pub(crate) fn find(registry: &Registry, kind: Kind, name: &str) -> Result<Registered, Failure> {
    let found = registry.find(kind, name);
    found.map_err(|error| catalogue::of_registry(&error))
}

/// Makes a codec that is not configured.
pub(crate) fn codec(registry: &Registry, name: &str) -> Result<Box<dyn DynCodec>, Failure> {
    let made = find(registry, Kind::Codec, name)?.make_codec("{}");
    made.map_err(|error| unusable(name, &error))
}

fn unusable(name: &str, error: &Error) -> Failure {
    Failure::wrong(format!("`{name}` cannot be used: {error}"))
}

/// Returns the processors that are meant, `separate` if none is named.
fn chain(named: &[String]) -> impl Iterator<Item = &str> {
    let default = named.is_empty().then_some(SEPARATE);
    let named = named.iter().map(String::as_str);
    default
        .into_iter()
        .chain(named.filter(|name| *name != NONE))
}
