//! What delivery that is accounted for costs: the same source, transactional and not, in CPU seconds per event.
//!
//! ```text
//! fates [--rounds N] [--passes N] [--instructions] FILE
//! ```
//!
//! Runs itself as a child for each side, one after the other in every round. A child embeds the engine, replays the
//! lines of the file from memory, decodes them as JSON, passes them through a pipeline, encodes them and drops them in
//! `blackhole`. The sides differ in one constant: whether the source wants to learn the fates of its events. With
//! `--instructions` each side is also run under callgrind, for one and for three passes.

mod process;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::Arc;

use process::{Result, cpu_seconds, median, number};
use temblor::Engine;
use temblor_pdk::schemars::JsonSchema;
use temblor_pdk::serde::Deserialize;
use temblor_pdk::{
    BatchWriter, Buffer, Connector, ConnectorInfo, Context, Error, Event, FateRange, Host, NoSink,
    Payload, Pull, Source, SourceInfo, Value, io, register,
};

/// The connectors that the sides use.
const PLAIN: &str = "lines_plain";
const ACKED: &str = "lines_acked";

fn main() -> ExitCode {
    let done = match std::env::args().nth(1).as_deref() {
        Some("--child") => child(),
        _ => options().and_then(|options| measure(&options)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

struct Options {
    rounds: usize,
    passes: usize,
    instructions: bool,
    file: PathBuf,
}

fn options() -> Result<Options> {
    let (mut rounds, mut passes, mut instructions, mut file) = (9, 5, false, None);
    let mut args = std::env::args_os().skip(1);
    while let Some(arg) = args.next() {
        match arg.to_str() {
            Some("--rounds") => rounds = number(args.next())?,
            Some("--passes") => passes = number(args.next())?,
            Some("--instructions") => instructions = true,
            _ => file = Some(arg.into()),
        }
    }
    let file = file.ok_or("usage: fates [--rounds N] [--passes N] [--instructions] FILE")?;
    Ok(Options {
        rounds,
        passes,
        instructions,
        file,
    })
}

fn measure(options: &Options) -> Result<()> {
    let lines = std::fs::read(&options.file)?
        .split(|byte| *byte == b'\n')
        .count() as f64
        - 1.0;
    let events = lines * options.passes as f64;
    let (mut plain, mut acked, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..options.rounds {
        // Whoever goes first goes second in the next round.
        let order = match round % 2 {
            0 => [PLAIN, ACKED],
            _ => [ACKED, PLAIN],
        };
        let mut seconds = [0.0; 2];
        for side in order {
            let took = cpu_seconds(&mut side_command(side, options.passes, &options.file)?)?;
            seconds[usize::from(side == ACKED)] = took / events * 1e9;
        }
        plain.push(seconds[0]);
        acked.push(seconds[1]);
        ratios.push(seconds[1] / seconds[0]);
    }
    println!("{:<14} {:>12}", "source", "CPU ns/event");
    println!("{:<14} {:>12.0}", "plain", median(&mut plain));
    println!("{:<14} {:>12.0}", "transactional", median(&mut acked));
    let ratio = median(&mut ratios);
    let (lowest, highest) = (ratios.first(), ratios.last());
    let (lowest, highest) = (*lowest.unwrap_or(&0.0), *highest.unwrap_or(&0.0));
    println!("ratio {ratio:.3} ({lowest:.3} to {highest:.3})");
    if options.instructions {
        let per_event = |side| instructions(side, &options.file, lines);
        let (plain, acked) = (per_event(PLAIN)?, per_event(ACKED)?);
        println!(
            "instructions an event: {plain:.0} and {acked:.0}, ratio {:.4}",
            acked / plain
        );
    }
    Ok(())
}

fn side_command(side: &str, passes: usize, file: &Path) -> Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command
        .args(["--child", side, &passes.to_string()])
        .arg(file);
    Ok(command)
}

fn instructions(side: &str, file: &Path, lines: f64) -> Result<f64> {
    let mut counts = [0.0; 2];
    for (count, passes) in counts.iter_mut().zip([1, 3]) {
        let child = side_command(side, passes, file)?;
        let mut command = Command::new("valgrind");
        command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]);
        let output = command
            .arg(child.get_program())
            .args(child.get_args())
            .output()?;
        let text = String::from_utf8_lossy(&output.stderr);
        let refs = text
            .lines()
            .find_map(|line| line.split_once("Collected : "));
        let refs = refs.ok_or_else(|| format!("callgrind counted nothing: {text}"))?;
        *count = refs.1.trim().parse::<f64>()?;
    }
    Ok((counts[1] - counts[0]) / (2.0 * lines))
}

/// Runs one side to its end.
fn child() -> Result<()> {
    let mut args = std::env::args().skip(2);
    let mut next = || args.next().ok_or("an argument is missing");
    let (side, passes, file) = (next()?, next()?, next()?);
    let text = format!(
        r#"define flow measured
flow
  define connector lines from {side}
  with codec = "json", config = {{ "file": {file:?}, "passes": {passes} }} end;
  define connector blackhole from blackhole
  with codec = "json", config = {{ "report": "none" }} end;
  define pipeline pass pipeline select event from in into out; end;
  create connector lines;
  create connector blackhole;
  create pipeline pass;
  connect /connector/lines to /pipeline/pass;
  connect /pipeline/pass to /connector/blackhole;
end;
deploy flow measured;
"#
    );
    let engine = Engine::builder().workers(1).build()?;
    let deployment = engine
        .compile("fates.troy", &text)
        .map_err(|error| error.to_string())?;
    for flow in &deployment.flows {
        let report = engine.start(flow)?.wait();
        let counts = report.counts;
        if !report.is_ok() || counts.delivered != counts.events_in || counts.delivered == 0 {
            return Err(format!("the flow did not deliver all: {report:?}").into());
        }
    }
    Ok(())
}

/// Replays the lines of a file from memory.
#[derive(Deserialize, JsonSchema)]
#[serde(crate = "temblor_pdk::serde", deny_unknown_fields)]
#[schemars(crate = "temblor_pdk::schemars")]
struct Config {
    file: PathBuf,
    passes: u64,
}

struct Lines<const FATES: bool> {
    config: Config,
    host: Host,
}

impl<const FATES: bool> Connector for Lines<FATES> {
    type Config = Config;
    type Source = LineSource;
    type Sink = NoSink;

    const INFO: ConnectorInfo = ConnectorInfo {
        name: if FATES { ACKED } else { PLAIN },
        summary: "Replays the lines of a file from memory.",
        example: r#"{"file": "events.json", "passes": 1}"#,
        source: Some(SourceInfo {
            payload: Payload::Bytes,
            transactional: FATES,
            lanes: false,
        }),
        sink: None,
    };

    fn new(config: Config, context: Context) -> temblor_pdk::Result<Self> {
        let host = context.host().clone();
        Ok(Lines { config, host })
    }

    async fn create_source(&mut self) -> temblor_pdk::Result<LineSource> {
        let path = self.config.file.clone();
        let content = io::blocking(&self.host, move || std::fs::read(path)).await?;
        let content = content.map_err(|reason| Error::failed(reason.to_string()))?;
        Ok(LineSource {
            host: self.host.clone(),
            content: Arc::new(content),
            at: 0,
            left: self.config.passes,
        })
    }
}

struct LineSource {
    host: Host,
    content: Arc<Vec<u8>>,
    at: usize,
    left: u64,
}

impl Source for LineSource {
    async fn pull(&mut self, out: &mut BatchWriter) -> temblor_pdk::Result<Pull> {
        if self.at >= self.content.len() {
            self.at = 0;
            self.left = self.left.saturating_sub(1);
        }
        if self.left == 0 {
            return Ok(Pull::End);
        }
        let rest = self.content.get(self.at..).unwrap_or_default();
        let most = out.limit_bytes();
        let mut ends = Vec::new();
        let mut end = 0;
        while ends.len() < out.room_events() && end < most {
            let line = rest.get(end..).unwrap_or_default();
            let Some(length) = line.iter().position(|byte| *byte == b'\n') else {
                break;
            };
            ends.push((end, end + length));
            end += length + 1;
        }
        if ends.is_empty() {
            self.at = self.content.len();
            return Ok(Pull::Idle);
        }
        self.at += end;
        let mut buffer = Buffer::with_capacity(end);
        let had_room = buffer.append(rest.get(..end).unwrap_or_default());
        debug_assert!(had_room, "the buffer was made for these lines");
        let now_ns = self.host.now_ns();
        out.push_buffer(buffer, |bytes, sink| {
            for (from, to) in ends {
                let mut event = Event::new(Value::bytes(bytes.get(from..to).unwrap_or_default()));
                event.ingest_ns = now_ns;
                sink.push(event);
            }
        });
        Ok(Pull::Ready)
    }

    async fn on_fates(&mut self, fates: &[FateRange]) -> temblor_pdk::Result<()> {
        // What a real source does with them differs; this one only looks at each.
        std::hint::black_box(fates);
        Ok(())
    }
}

register!(connector Lines<false>);
register!(connector Lines<true>);
