//! Where an experiment takes place: a folder with input, output, position and flow, and the engine in it.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::Result;
use crate::collect::Output;
use crate::engine::{Engine, LOOK};
use crate::event::Series;
use crate::feed::Feed;

/// Everything is through within this time, or never.
const PATIENCE: Duration = Duration::from_secs(30);

/// What all scenarios are told.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) temblor: PathBuf,
    pub(crate) seed: u64,
    pub(crate) rate: u64,
}

/// A folder with an input file that is followed.
pub(crate) struct Lab {
    temblor: PathBuf,
    folder: tempfile::TempDir,
    pub(crate) feed: Feed,
    pub(crate) output: Output,
}

impl Lab {
    /// Makes a folder in which a file is read into a file: `out` says where, if not in the folder.
    pub(crate) fn files(settings: &Settings, out: Option<&Path>) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let series = Series {
            seed: settings.seed,
        };
        let out = match out {
            Some(out) => out.to_owned(),
            None => folder.path().join("out.jsonl"),
        };
        let sink = format!(
            "file with codec = \"json\", postprocessors = [\"separate\"],\n    config = {}",
            serde_json::json!({"path": out, "mode": "append", "separator": "\n"})
        );
        let lab = Lab {
            feed: Feed::start(&folder.path().join("in.jsonl"), series)?,
            output: Output::new(&out, series),
            temblor: settings.temblor.clone(),
            folder,
        };
        lab.write_flow(&sink)?;
        Ok(lab)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes the flow: the input through a pipeline into this sink.
    fn write_flow(&self, sink: &str) -> Result<()> {
        let source = serde_json::json!({
            "path": self.path("in.jsonl"), "mode": "read", "follow": true, "position": self.path("position"),
        });
        let flow = format!(
            "define flow main\nflow\n  define connector input from file with codec = \"json\", \
             preprocessors = [\"separate\"],\n    config = {source}\n  end;\n  \
             define connector output from {sink}\n  end;\n  \
             define pipeline pass pipeline select event from in into out; end;\n  \
             create connector input;\n  create connector output;\n  create pipeline pass;\n  \
             connect /connector/input to /pipeline/pass;\n  \
             connect /pipeline/pass to /connector/output;\nend;\ndeploy flow main;\n"
        );
        Ok(std::fs::write(self.path("flow.troy"), flow)?)
    }

    pub(crate) fn start(&self) -> Result<Engine> {
        Engine::start(
            &self.temblor,
            &self.path("flow.troy"),
            &self.path("stderr.txt"),
        )
    }

    /// The number of events up to which the position says that everything is done.
    pub(crate) fn acked(&self) -> Result<u64> {
        let text = match std::fs::read_to_string(self.path("position")) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(0),
            Err(error) => return Err(error.into()),
        };
        let record: Value = serde_json::from_str(&text)?;
        let offset = record["offset"]
            .as_u64()
            .ok_or("no offset in the position")?;
        Ok(self.feed.before(offset))
    }

    /// Waits until an event has arrived; says how long that took.
    pub(crate) fn wait_for(&mut self, id: u64, engine: &mut Engine) -> Result<Duration> {
        let since = Instant::now();
        while since.elapsed() < PATIENCE {
            self.output.look()?;
            if self.output.arrived.has(id) {
                return Ok(since.elapsed());
            }
            engine.check()?;
            self.feed.check()?;
            std::thread::sleep(LOOK);
        }
        Err(format!("event {id} did not arrive within {PATIENCE:?}").into())
    }

    /// Lets time pass while taking in what arrives.
    pub(crate) fn pass(&mut self, time: Duration) -> Result<()> {
        let since = Instant::now();
        while since.elapsed() < time {
            self.output.look()?;
            std::thread::sleep(LOOK.min(time.saturating_sub(since.elapsed())));
        }
        Ok(())
    }

    /// A fresh event gets through; says how fast.
    pub(crate) fn fresh(&mut self, engine: &mut Engine) -> Result<Duration> {
        let id = self.feed.sent();
        self.feed.write(1)?;
        self.wait_for(id, engine)
    }
}
