//! What it costs to keep the state of windows by lane and to store it each second, in CPU seconds.
//!
//! ```text
//! states [--rounds N] [--events N] [--groups N]
//! ```
//!
//! Runs itself as a child for each side, one after the other in every round. A child embeds the engine with one worker:
//! a source with a lane makes events of so many keys, a pipeline counts and sums them in windows of 1,000 by key, and
//! what comes out is encoded and dropped in `blackhole`. The sides differ in the pipeline's `state`, which it has once for
//! all, or by lane; and by lane in whether a checkpoint is made at the end only, or each second too, in a directory below
//! the one in which it runs.

#[allow(dead_code, reason = "other measurements use the rest")]
mod process;

use std::path::Path;
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use process::{Result, children, median, number};
use temblor::{
    Checkpoint, CheckpointError, Checkpoints, Directory, Engine, FoundCheckpoint, LaneName,
};
use temblor_pdk::schemars::JsonSchema;
use temblor_pdk::serde::Deserialize;
use temblor_pdk::{
    BatchWriter, Connector, ConnectorInfo, Context, Event, Field, NoSink, Payload, Pull, Source,
    SourceInfo, register,
};

const USAGE: &str = "usage: states [--rounds N] [--events N] [--groups N]";
const SIDES: [&str; 3] = ["once", "lane", "stored"];
/// Longer than it runs.
const NEVER: Duration = Duration::from_secs(3_600);

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
    events: usize,
    groups: usize,
}

fn options() -> Result<Options> {
    let mut options = Options {
        rounds: 5,
        events: 5_000_000,
        groups: 1_000,
    };
    let mut args = std::env::args_os().skip(1);
    while let Some(arg) = args.next() {
        match arg.to_str() {
            Some("--rounds") => options.rounds = number(args.next())?,
            Some("--events") => options.events = number(args.next())?,
            Some("--groups") => options.groups = number(args.next())?,
            _ => return Err(USAGE.into()),
        }
    }
    Ok(options)
}

/// What a side came to.
#[derive(Clone, Copy, Default)]
struct Cost {
    cpu_seconds: f64,
    /// Checkpoints, and all bytes of states in them.
    checkpoints: u64,
    bytes: u64,
}

fn measure(options: &Options) -> Result<()> {
    let (mut seconds, mut each) = ([(); 3].map(|()| Vec::new()), Vec::new());
    let (mut checkpoints, mut bytes) = (0, 0);
    for round in 0..options.rounds {
        // Each goes first in turn.
        let mut order = [0, 1, 2];
        order.rotate_left(round % 3);
        let mut costs = [Cost::default(); 3];
        for side in order {
            costs[side] = cost(SIDES[side], options)?;
            seconds[side].push(costs[side].cpu_seconds);
        }
        let [_, lane, stored] = costs;
        let more = stored.checkpoints.saturating_sub(lane.checkpoints).max(1);
        each.push((stored.cpu_seconds - lane.cpu_seconds) / more as f64 * 1e3);
        checkpoints += stored.checkpoints;
        bytes += stored.bytes;
    }
    let Options { events, groups, .. } = options;
    println!("{events} events, {groups} groups");
    for (side, mut seconds) in SIDES.iter().zip(seconds) {
        println!("{side:<6} {:>10.3} CPU s", median(&mut seconds));
    }
    let middle = median(&mut each);
    let (lowest, highest) = (each.first().unwrap_or(&0.0), each.last().unwrap_or(&0.0));
    println!(
        "{middle:.1} CPU ms more for each checkpoint ({lowest:.1} to {highest:.1}), of {} bytes; {} in a run",
        bytes / checkpoints.max(1),
        checkpoints / options.rounds as u64,
    );
    Ok(())
}

fn cost(side: &str, options: &Options) -> Result<Cost> {
    let before = children()?;
    let output = Command::new(std::env::current_exe()?)
        .args(["--child", side])
        .args([options.events.to_string(), options.groups.to_string()])
        .output()?;
    let cpu_seconds = children()? - before;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    let said = String::from_utf8_lossy(&output.stdout);
    let (checkpoints, bytes) = said.trim().split_once(' ').ok_or("it says nothing")?;
    Ok(Cost {
        cpu_seconds,
        checkpoints: checkpoints.parse()?,
        bytes: bytes.parse()?,
    })
}

fn child() -> Result<()> {
    let mut args = std::env::args().skip(2);
    let side = args.next().ok_or("a side is missing")?;
    let events: u64 = args.next().ok_or("a number is missing")?.parse()?;
    let groups: u64 = args.next().ok_or("a number is missing")?.parse()?;
    let path = format!("states.{}", std::process::id());
    let counting = Arc::new(Counting {
        directory: Directory::new(&path)?,
        checkpoints: AtomicU64::new(0),
        bytes: AtomicU64::new(0),
    });
    let interval = match side == SIDES[2] {
        true => Duration::from_secs(1),
        false => NEVER,
    };
    let place: Arc<dyn Checkpoints> = counting.clone();
    let engine = Engine::builder()
        .workers(1)
        .checkpoints(place)
        .checkpoint_interval(interval)
        .build()?;
    let ran = run(&engine, &flow(&side, events, groups), events);
    if Path::new(&path).is_dir() {
        std::fs::remove_dir_all(&path)?;
    }
    let count = counting.checkpoints.load(Ordering::Relaxed);
    println!("{count} {}", counting.bytes.load(Ordering::Relaxed));
    ran
}

fn flow(side: &str, events: u64, groups: u64) -> String {
    let state = match side == SIDES[0] {
        true => "",
        false => "#!config state = \"lane\"",
    };
    format!(
        r#"define flow measured
flow
  define connector numbers from numbers
  with config = {{ "events": {events}, "groups": {groups} }} end;
  define connector blackhole from blackhole
  with codec = "json", config = {{ "report": "none" }} end;
  define pipeline count
  pipeline
    {state}
    define window thousand from tumbling with size = 1000 end;
    select {{
      "key": group[0], "count": aggr::stats::count(), "sum": aggr::stats::sum(event.n),
      "first": aggr::win::first(event.n), "last": aggr::win::last(event.n)
    }} from in[thousand] group by event.key into out;
  end;
  create connector numbers;
  create connector blackhole;
  create pipeline count;
  connect /connector/numbers to /pipeline/count;
  connect /pipeline/count to /connector/blackhole;
end;
deploy flow measured;
"#
    )
}

fn run(engine: &Engine, text: &str, events: u64) -> Result<()> {
    let deployment = engine
        .compile("states.troy", text)
        .map_err(|error| error.to_string())?;
    for flow in &deployment.flows {
        let report = engine.start(flow)?.wait();
        if !report.is_ok() || report.counts.events_in < events {
            return Err(format!("the flow did not take all: {report:?}").into());
        }
    }
    Ok(())
}

/// A directory, and what was stored in it.
struct Counting {
    directory: Directory,
    checkpoints: AtomicU64,
    bytes: AtomicU64,
}

impl Checkpoints for Counting {
    fn load(&self, lane: &LaneName) -> std::result::Result<FoundCheckpoint, CheckpointError> {
        self.directory.load(lane)
    }

    fn store(
        &self,
        lane: &LaneName,
        checkpoint: &Checkpoint,
    ) -> std::result::Result<(), CheckpointError> {
        let states = checkpoint.pipelines.iter();
        let bytes: usize = states.map(|(_, state)| state.len()).sum();
        self.checkpoints.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        self.directory.store(lane, checkpoint)
    }
}

/// Makes numbered events, of one key after the other.
#[derive(Deserialize, JsonSchema)]
#[serde(crate = "temblor_pdk::serde", deny_unknown_fields)]
#[schemars(crate = "temblor_pdk::schemars")]
struct Config {
    events: u64,
    groups: u64,
}

struct Numbers {
    config: Config,
}

impl Connector for Numbers {
    type Config = Config;
    type Source = NumberSource;
    type Sink = NoSink;

    const INFO: ConnectorInfo = ConnectorInfo {
        name: "numbers",
        summary: "Makes numbered events, of one key after the other.",
        example: r#"{"events": 1000, "groups": 10}"#,
        source: Some(SourceInfo {
            payload: Payload::Values,
            transactional: true,
            lanes: true,
        }),
        sink: None,
    };

    fn new(config: Config, _context: Context) -> temblor_pdk::Result<Self> {
        Ok(Numbers { config })
    }

    async fn create_source(&mut self) -> temblor_pdk::Result<NumberSource> {
        let Config { events, groups } = self.config;
        Ok(NumberSource {
            events,
            groups,
            next: None,
        })
    }
}

struct NumberSource {
    events: u64,
    groups: u64,
    /// None before the lane has begun.
    next: Option<u64>,
}

impl Source for NumberSource {
    async fn pull(&mut self, out: &mut BatchWriter) -> temblor_pdk::Result<Pull> {
        let Some(next) = self.next else {
            out.begin_lane(0, "numbers", None);
            self.next = Some(0);
            return Ok(Pull::Ready);
        };
        let until = self.events.min(next + out.room_events() as u64);
        for n in next..until {
            let key = n % self.groups;
            out.push(|arena| {
                Event::new(
                    arena.object(&[Field::new("key", key.into()), Field::new("n", n.into())]),
                )
            });
        }
        self.next = Some(until);
        match until == next {
            true => Ok(Pull::End),
            false => {
                out.position(until);
                Ok(Pull::Ready)
            }
        }
    }
}

register!(connector Numbers);
