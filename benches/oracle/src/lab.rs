//! Where an experiment takes place: a folder with inputs, outputs, positions and flows, and the engine that runs them.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::Result;
use crate::collect::{Arrived, Output};
use crate::engine::{Engine, LOOK, Launch};
use crate::event::Series;
use crate::feed::Feed;

/// Everything is through within this time, or never.
const PATIENCE: Duration = Duration::from_secs(60);

/// The key of the position as it stands in the flows.
const POSITION: &str = "\"position\":";

/// What all scenarios are told.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) temblor: PathBuf,
    /// The library of the connector that goes wrong.
    pub(crate) plugin: PathBuf,
    /// The library of the connectors of Kafka.
    pub(crate) kafka: PathBuf,
    pub(crate) seed: u64,
    pub(crate) rate: u64,
    /// What times are multiplied by within which something has to happen.
    pub(crate) slack: u32,
    /// Whether faults last half as long.
    pub(crate) is_brief: bool,
}

impl Settings {
    /// How long a fault lasts that usually lasts so long.
    pub(crate) fn lasts(&self, time: Duration) -> Duration {
        match self.is_brief {
            true => time / 2,
            false => time,
        }
    }

    /// Whether something happened in time.
    pub(crate) fn is_soon(&self, took: Duration, most: Duration) -> bool {
        took <= most * self.slack
    }
}

/// What arrived, for all who take it in.
pub(crate) type SharedArrived = Arc<Mutex<Arrived>>;

/// A flow: a file that is read, and what comes of it.
pub(crate) struct Line {
    name: &'static str,
    pub(crate) feed: Feed,
    arrived: SharedArrived,
    /// Where it arrives, if that is a file.
    output: Option<Output>,
}

/// A folder, and the flows in it.
pub(crate) struct Lab {
    temblor: PathBuf,
    folder: tempfile::TempDir,
    pub(crate) launch: Launch,
    pub(crate) line: Line,
    /// A flow that has nothing to do with the other one.
    pub(crate) bystander: Option<Line>,
}

impl Line {
    pub(crate) fn arrived(&self) -> MutexGuard<'_, Arrived> {
        self.arrived.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in what came since. Returns how many bytes of half a line stand at the end of the output.
    pub(crate) fn look(&mut self) -> Result<u64> {
        let mut arrived = self.arrived.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut self.output {
            Some(output) => output.look(&mut arrived),
            None => Ok(0),
        }
    }
}

impl Lab {
    /// Makes a folder in which a file is read into a file: `out` says where, if not in the folder.
    pub(crate) fn files(settings: &Settings, out: Option<&Path>) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let out = out.map_or_else(|| folder.path().join("main.out"), Path::to_owned);
        let sink = file_sink(&out);
        Lab::build(settings, folder, Some(&out), |lab| {
            Ok(flow("main", &lab.file_source(&lab.line), &sink, ""))
        })
    }

    /// Makes a folder in which a file is read into a file, beside other flows.
    pub(crate) fn files_beside(settings: &Settings, others: &str) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let out = folder.path().join("main.out");
        let sink = file_sink(&out);
        Lab::build(settings, folder, Some(&out), |lab| {
            Ok(flow("main", &lab.file_source(&lab.line), &sink, "") + others)
        })
    }

    /// Makes a folder in which whatever `source` says is written into a file.
    pub(crate) fn with_source(settings: &Settings, source: &str) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let out = folder.path().join("main.out");
        let sink = file_sink(&out);
        Lab::build(settings, folder, Some(&out), |_| {
            Ok(flow("main", source, &sink, ""))
        })
    }

    /// The same, beside a flow from file to file.
    pub(crate) fn with_source_and_bystander(settings: &Settings, source: &str) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let out = folder.path().join("main.out");
        let sink = file_sink(&out);
        Lab::build(settings, folder, Some(&out), |lab| {
            Ok(flow("main", source, &sink, "") + &lab.add_bystander(settings)?)
        })
    }

    /// Adds a flow from file to file, and returns its text.
    fn add_bystander(&mut self, settings: &Settings) -> Result<String> {
        let out = self.path("bystander.out");
        let line = self.make_line("bystander", settings, Some(&out))?;
        let flow = flow(line.name, &self.file_source(&line), &file_sink(&out), "");
        self.bystander = Some(line);
        Ok(flow)
    }

    /// Makes a folder in which a file is read into whatever `sink` says, with more in the flow that may write a file of
    /// letters, beside a flow from file to file. What arrives is put into [`Lab::arrivals`] by somebody else.
    pub(crate) fn with_bystander(
        settings: &Settings,
        sink: &str,
        more: impl FnOnce(&Path) -> String,
    ) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        Lab::build(settings, folder, None, |lab| {
            let more = more(&lab.letters());
            let main = flow("main", &lab.file_source(&lab.line), sink, &more);
            Ok(main + &lab.add_bystander(settings)?)
        })
    }

    fn build(
        settings: &Settings,
        folder: tempfile::TempDir,
        out: Option<&Path>,
        flows: impl FnOnce(&mut Lab) -> Result<String>,
    ) -> Result<Self> {
        let line = Line::make("main", settings, folder.path(), out)?;
        let mut lab = Lab {
            temblor: settings.temblor.clone(),
            folder,
            launch: Launch::default(),
            line,
            bystander: None,
        };
        let flows = flows(&mut lab)?;
        let eager = flows.replace(POSITION, &format!("\"position_interval_ms\":1,{POSITION}"));
        std::fs::write(lab.path("flows.troy"), flows)?;
        std::fs::write(lab.path("eager.troy"), eager)?;
        Ok(lab)
    }

    fn make_line(
        &self,
        name: &'static str,
        settings: &Settings,
        out: Option<&Path>,
    ) -> Result<Line> {
        Line::make(name, settings, self.folder.path(), out)
    }

    /// Where a server puts what arrives.
    pub(crate) fn arrivals(&self) -> SharedArrived {
        Arc::clone(&self.line.arrived)
    }

    /// The file of letters, if there are any.
    pub(crate) fn letters(&self) -> PathBuf {
        self.path("letters")
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The text of a source that follows the input of a line.
    fn file_source(&self, line: &Line) -> String {
        let name = line.name;
        let config = json!({
            "path": self.path(&format!("{name}.in")), "mode": "read", "follow": true,
            "position": self.path(&format!("{name}.position")),
        });
        format!(
            "file with codec = \"json\", preprocessors = [\"separate\"],\n    config = {config}"
        )
    }

    pub(crate) fn start(&self) -> Result<Engine> {
        let (flows, stderr) = (self.path("flows.troy"), self.path("stderr.txt"));
        Engine::start(&self.temblor, &flows, &stderr, &self.launch)
    }

    /// Starts an engine that writes its positions as often as it can: what is acked too early is then lost.
    pub(crate) fn start_eager(&self) -> Result<Engine> {
        let (flows, stderr) = (self.path("eager.troy"), self.path("stderr.txt"));
        Engine::start(&self.temblor, &flows, &stderr, &self.launch)
    }

    /// Starts such an engine, which is killed when it makes the `number`th call of a kind to the system.
    pub(crate) fn start_until(&self, calls: &str, number: u64) -> Result<Engine> {
        let (flows, stderr) = (self.path("eager.troy"), self.path("stderr.txt"));
        Engine::start_until(&self.temblor, &flows, &stderr, calls, number)
    }

    /// The number of events up to which the position says that everything is done.
    pub(crate) fn acked(&self) -> Result<u64> {
        self.acked_of(&self.line)
    }

    /// The same of a line.
    pub(crate) fn acked_of(&self, line: &Line) -> Result<u64> {
        let position = self.path(&format!("{}.position", line.name));
        let text = match std::fs::read_to_string(position) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(0),
            Err(error) => return Err(error.into()),
        };
        let record: Value = serde_json::from_str(&text)?;
        let offset = record["offset"]
            .as_u64()
            .ok_or("no offset in the position")?;
        Ok(line.feed.before(offset))
    }

    /// How long an engine tries to deliver what is on its way when it is asked to end.
    pub(crate) fn drains_within(&mut self, time: Duration) {
        let seconds = time.as_secs_f64().to_string();
        let arguments = ["--drain-timeout".to_owned(), seconds];
        self.launch.arguments.extend(arguments);
    }

    /// How many events at most begin within so many bytes of input behind the first `acked`.
    pub(crate) fn pull_behind(&self, acked: u64, bytes: u64) -> u64 {
        let feed = &self.line.feed;
        feed.before(feed.end_of(acked) + bytes) - acked + 1
    }

    /// Waits until something is so; says how long that took.
    pub(crate) fn until(
        &mut self,
        what: &str,
        engine: &mut Engine,
        is_so: impl Fn(&Lab) -> bool,
    ) -> Result<Duration> {
        let since = Instant::now();
        while since.elapsed() < PATIENCE {
            self.look()?;
            if is_so(self) {
                return Ok(since.elapsed());
            }
            engine.check()?;
            self.line.feed.check()?;
            std::thread::sleep(LOOK);
        }
        Err(format!("{what}: not within {PATIENCE:?}").into())
    }

    /// Waits until an event has arrived; says how long that took.
    pub(crate) fn wait_for(&mut self, id: u64, engine: &mut Engine) -> Result<Duration> {
        let what = format!("event {id} arrives");
        self.until(&what, engine, |lab| lab.line.arrived().has(id))
    }

    /// Takes in what came since. Returns how many bytes of half a line stand at the end of the output.
    pub(crate) fn look(&mut self) -> Result<u64> {
        if let Some(line) = &mut self.bystander {
            line.look()?;
        }
        self.line.look()
    }

    /// Lets time pass while taking in what arrives.
    pub(crate) fn pass(&mut self, time: Duration) -> Result<()> {
        let since = Instant::now();
        while since.elapsed() < time {
            self.look()?;
            std::thread::sleep(LOOK.min(time.saturating_sub(since.elapsed())));
        }
        Ok(())
    }

    /// A fresh event gets through; says how fast.
    pub(crate) fn fresh(&mut self, engine: &mut Engine) -> Result<Duration> {
        let id = self.line.feed.sent();
        self.line.feed.write(1)?;
        self.wait_for(id, engine)
    }
}

impl Line {
    fn make(
        name: &'static str,
        settings: &Settings,
        folder: &Path,
        out: Option<&Path>,
    ) -> Result<Self> {
        let series = Series {
            seed: settings.seed,
        };
        Ok(Line {
            name,
            feed: Feed::start(&folder.join(format!("{name}.in")), series)?,
            arrived: Arc::new(Mutex::new(Arrived::new(series))),
            output: out.map(Output::new),
        })
    }
}

/// The text of a flow: a source through a pipeline into a sink.
fn flow(name: &str, source: &str, sink: &str, more: &str) -> String {
    format!(
        "define flow {name}\nflow\n  define connector input from {source}\n  end;\n  \
         define connector output from {sink}\n  end;\n  \
         define pipeline pass pipeline select event from in into out; end;\n  \
         create connector input;\n  create connector output;\n  create pipeline pass;\n  \
         connect /connector/input to /pipeline/pass;\n  \
         connect /pipeline/pass to /connector/output;\n{more}end;\ndeploy flow {name};\n"
    )
}

/// The text of a sink that appends lines to a file.
pub(crate) fn file_sink(out: &Path) -> String {
    let config = json!({"path": out, "mode": "append", "separator": "\n"});
    format!("file with codec = \"json\", postprocessors = [\"separate\"],\n    config = {config}")
}
