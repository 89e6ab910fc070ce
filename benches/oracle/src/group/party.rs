//! The processes of a group, beside one that produces what they consume and one that consumes what they produce.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use super::judge::Why;
use super::process::{Broker, OPTIONS, program, run};
use super::windows::{self, Work};
use crate::Result;
use crate::engine::{Engine, Launch, Sum};
use crate::event::Series;
use crate::feed::Feed;
use crate::lab::{Settings, file_sink};
use crate::metrics::Metrics;

pub(crate) const PARTITIONS: u64 = 6;
pub(crate) const KEYS: u64 = 64;
/// How many records may be delivered and not committed.
const UNCOMMITTED: u64 = 1_000;
/// Records that are handed over at once.
const PULL: u64 = 512;
/// Records that wait in a producer.
const PRODUCER: u64 = 1_000;
/// What can be in flight at most: a pull that is worked on, 64 in the queue in front of the producer, and its own.
const IN_FLIGHT: u64 = PULL + 64 * PULL + PRODUCER;
/// After so long without a sign of life a member is taken for dead.
pub(crate) const DEAD_AFTER: Duration = Duration::from_secs(4);
const TAKEN_FOR_DEAD: &str = "was taken for dead";

/// What is special about a group.
#[derive(Default)]
pub(crate) struct Plan {
    /// Where it produces to, if that is another broker.
    pub(crate) output: Option<Broker>,
    /// Whether the broker keeps its records on the disk.
    pub(crate) is_on_disk: bool,
    pub(crate) work: Work,
}

/// How a process ended that did not end as it should.
#[derive(Clone, Copy)]
struct End {
    why: Why,
    /// How much it had made that was not committed, at most.
    window: u64,
    /// How much of what it had in flight may come out when it is another's already, at most.
    late: u64,
}

/// On a busy machine a broker may take long to answer.
const RECONNECT: &str = "reconnect = {\"retry\": {\"interval_ms\": 100}}";

/// A process.
pub(crate) struct Process {
    /// With the number of its start.
    pub(crate) by: String,
    pub(crate) engine: Engine,
    pub(crate) metrics: Metrics,
}

impl Process {
    /// How many records it may have handed over that are not committed: those that are delivered, those that are in
    /// flight as it says itself, and the pulls that may come until the next instant.
    fn window(&self) -> u64 {
        let metrics = self.metrics.get("/metrics").map(|(_, text)| text);
        let text = metrics.unwrap_or_default();
        let name = "temblor_flow_events_in_flight{flow=\"member\"} ";
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        let in_flight = line.and_then(|count| count.trim().parse::<u64>().ok());
        // It may be so busy that it does not answer.
        let in_flight = in_flight.map_or(IN_FLIGHT, |count| (count + 4 * PULL).min(IN_FLIGHT));
        UNCOMMITTED + in_flight
    }
}

/// All of them, and a broker.
pub(crate) struct Party {
    temblor: PathBuf,
    connectors: PathBuf,
    folder: tempfile::TempDir,
    pub(crate) broker: Broker,
    /// Where the group produces to, if that is another.
    output: Option<Broker>,
    pub(crate) work: Work,
    pub(crate) series: Series,
    pub(crate) feed: Feed,
    pub(crate) feeder: Option<Process>,
    pub(crate) collector: Option<Process>,
    pub(crate) members: BTreeMap<usize, Process>,
    /// How often each was started.
    starts: usize,
    /// How those ended that did not end as they should.
    ends: BTreeMap<String, End>,
    /// How much all together had made at any time that was not stored, at most.
    unstored: u64,
    /// Options of consumers, and of producers.
    options: Value,
    producing: Value,
}

impl Party {
    /// Makes two topics, and starts the two processes beside the group.
    pub(crate) fn start(
        settings: &Settings,
        broker: Broker,
        plan: Plan,
        seed: u64,
    ) -> Result<Self> {
        let Plan {
            output,
            is_on_disk,
            work,
        } = plan;
        let kept = broker_folder()?;
        let onto = output.as_ref().unwrap_or(&broker);
        for (topic, broker) in [("in", &broker), ("out", onto)] {
            let broker = format!("tcp://{}", broker.bootstrap);
            let partitions = PARTITIONS.to_string();
            let mut command = Command::new(program(&kept)?);
            command.args(["topic", "create", "--broker", &broker]);
            run(command.args(["--partitions", &partitions, topic]))?;
        }
        let folder = tempfile::tempdir()?;
        let connectors = folder.path().join("connectors.toml");
        let plugin = std::path::absolute(&settings.kafka)?;
        std::fs::write(
            &connectors,
            format!("[[plugin]]\npath = {}\n", json!(plugin)),
        )?;
        let series = Series { seed };
        let feed = Feed::start(&folder.path().join("in"), series)?;
        let mut party = Party {
            temblor: settings.temblor.clone(),
            connectors,
            folder,
            broker,
            output,
            work,
            series,
            feed,
            feeder: None,
            collector: None,
            members: BTreeMap::new(),
            starts: 0,
            ends: BTreeMap::new(),
            unstored: 0,
            options: options()?,
            producing: json!({"queue.buffering.max.messages": PRODUCER}),
        };
        if is_on_disk {
            party.options["fetch.wait.max.ms"] = json!(500);
            // Its sequence numbers of producers do not hold there: in order it goes one by one.
            party.producing["enable.idempotence"] = json!(false);
            party.producing["max.in.flight.requests.per.connection"] = json!(1);
            party.producing["linger.ms"] = json!(100);
        }
        party.feeder = Some(party.run("feeder", &party.feeder_flow(), &[])?);
        party.collector = Some(party.run("collector", &party.collector_flow(), &[])?);
        Ok(party)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn run(&self, by: &str, flow: &str, arguments: &[String]) -> Result<Process> {
        let file = self.path(&format!("{by}.troy"));
        std::fs::write(&file, flow)?;
        let mut launch = Launch {
            arguments: arguments.to_vec(),
            ..Launch::default()
        };
        if std::env::var("DBG").is_ok() {
            launch
                .arguments
                .extend(["--log-level".to_owned(), "trace".to_owned()]);
        }
        let connectors = self.connectors.to_string_lossy().into_owned();
        launch
            .arguments
            .extend(["--connectors".to_owned(), connectors]);
        let metrics = Metrics::ask_for(&mut launch)?;
        let stderr = self.path(&format!("{by}.err"));
        Ok(Process {
            by: by.to_owned(),
            engine: Engine::start(&self.temblor, &file, &stderr, &launch)?,
            metrics,
        })
    }

    /// The broker that has a topic.
    fn broker_of(&self, topic: &str) -> &str {
        match &self.output {
            Some(output) if topic == "out" => &output.bootstrap,
            _ => &self.broker.bootstrap,
        }
    }

    fn consumer(&self, topic: &str, group: &str) -> String {
        let config = json!({
            "brokers": [self.broker_of(topic)], "group_id": group, "topics": [topic],
            "rdkafka_options": self.options, "uncommitted_records": UNCOMMITTED,
        });
        format!("kafka_consumer with codec = \"json\", {RECONNECT}, config = {config}")
    }

    fn producer(&self, topic: &str) -> String {
        let config = json!({
            "brokers": [self.broker_of(topic)], "topic": topic,
            "rdkafka_options": self.producing,
        });
        format!("kafka_producer with codec = \"json\", {RECONNECT}, config = {config}")
    }

    fn feeder_flow(&self) -> String {
        let config = json!({"path": self.path("in"), "mode": "read", "follow": true});
        let source = format!(
            "file with codec = \"json\", preprocessors = [\"separate\"], config = {config}"
        );
        let script =
            format!("let $kafka_producer = {{\"key\": \"k#{{event.id % {KEYS}}}\"}}; event");
        flow("feeder", &source, &self.producer("in"), &scripted(&script))
    }

    fn collector_flow(&self) -> String {
        let script = "{\"partition\": $kafka_consumer.partition, \"offset\": $kafka_consumer.offset, \"record\": event}";
        let sink = file_sink(&self.path("out"));
        flow(
            "collector",
            &self.consumer("out", "collector"),
            &sink,
            &scripted(script),
        )
    }

    fn member_flow(&self, by: &str) -> String {
        flow(
            "member",
            &self.consumer("in", "group"),
            &self.producer("out"),
            &self.work.pipeline(by),
        )
    }

    /// Starts a member.
    pub(crate) fn join(&mut self, number: usize) -> Result<()> {
        self.starts += 1;
        let by = format!("{number}.{}", self.starts);
        let arguments = match self.work {
            Work::Records => Vec::new(),
            Work::Windows => vec![
                "--state-dir".to_owned(),
                self.states().to_string_lossy().into_owned(),
            ],
        };
        let process = self.run(&by, &self.member_flow(&by), &arguments)?;
        self.members.insert(number, process);
        Ok(())
    }

    fn member(&self, number: usize) -> Result<&Process> {
        Ok(self.members.get(&number).ok_or("no such member")?)
    }

    pub(crate) fn kill(&mut self, number: usize) -> Result<()> {
        let process = self.members.remove(&number).ok_or("no such member")?;
        let (by, window) = (process.by.clone(), process.window());
        process.engine.kill()?;
        let window = self.unstored()?.unwrap_or(window);
        // It may have been taken for dead before.
        let late = self.late(&by);
        let end = End {
            why: Why::Killed,
            window: window + late,
            late,
        };
        self.ends.insert(by, end);
        Ok(())
    }

    /// Nothing of it runs until it is thawed.
    pub(crate) fn freeze(&mut self, number: usize) -> Result<()> {
        let member = self.member(number)?;
        let (by, window) = (member.by.clone(), member.window());
        self.member(number)?.engine.signal(Signal::SIGSTOP)?;
        let window = self.unstored()?.unwrap_or(window);
        let end = End {
            why: Why::TakenForDead,
            window,
            late: window,
        };
        self.ends.insert(by, end);
        Ok(())
    }

    /// Where members store the states of their windows.
    fn states(&self) -> PathBuf {
        self.path("states")
    }

    /// How many windows at most may have come out of what is not stored, where there are windows. Whoever takes lanes
    /// over makes them again.
    fn unstored(&mut self) -> Result<Option<u64>> {
        if self.work == Work::Records {
            return Ok(None);
        }
        let unstored = windows::unstored(self.feed.sent(), &self.states())?;
        self.unstored = self.unstored.max(unstored);
        Ok(Some(unstored))
    }

    pub(crate) fn thaw(&self, number: usize) -> Result<()> {
        self.member(number)?.engine.signal(Signal::SIGCONT)
    }

    /// Asks a member to end; returns how it did.
    pub(crate) fn leave(&mut self, number: usize) -> Result<(ExitStatus, Vec<Sum>)> {
        let process = self.members.remove(&number).ok_or("no such member")?;
        let (status, _, sums) = process.engine.drain()?;
        Ok((status, sums))
    }

    /// Fails if one of them has ended by itself.
    pub(crate) fn check(&mut self) -> Result<()> {
        self.unstored()?;
        let beside = [&mut self.feeder, &mut self.collector];
        let beside = beside.into_iter().flatten();
        for process in beside.chain(self.members.values_mut()) {
            let by = &process.by;
            process
                .engine
                .check()
                .map_err(|reason| format!("{by}: {reason}"))?;
        }
        self.feed.check()
    }

    /// What a metric says of the source of each member.
    pub(crate) fn counts(&self, name: &str) -> Vec<u64> {
        let counts = self.members.values().map(|process| {
            // A process that has just been started shows nothing yet.
            let count = process.metrics.of(name, "member", "input", "");
            count.unwrap_or_default() as u64
        });
        counts.collect()
    }

    /// Why a partition moved away from a process.
    pub(crate) fn why(&self, by: &str) -> Why {
        let said = std::fs::read_to_string(self.path(&format!("{by}.err")));
        match self.ends.get(by) {
            Some(end) => end.why,
            // On a busy machine it may have got no time.
            None if said.is_ok_and(|said| said.contains(TAKEN_FOR_DEAD)) => Why::TakenForDead,
            None => Why::GivenUp,
        }
    }

    /// How much a process had made that was not committed when partitions were taken from it, at most.
    pub(crate) fn window(&self, by: &str) -> u64 {
        match self.ends.get(by) {
            Some(end) => end.window,
            None if self.why(by) == Why::TakenForDead => match self.work {
                Work::Records => UNCOMMITTED + IN_FLIGHT,
                Work::Windows => self.unstored,
            },
            None => 0,
        }
    }

    /// How much of what a process had in flight may come out when it is another's already, at most.
    pub(crate) fn late(&self, by: &str) -> u64 {
        self.ends
            .get(by)
            .map_or_else(|| self.window(by), |end| end.late)
    }

    /// What lies in the output.
    pub(crate) fn output(&self) -> Result<String> {
        match std::fs::read(self.path("out")) {
            Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
            Err(error) => Err(error.into()),
        }
    }

    /// Keeps what all have said, beside what they were told.
    pub(crate) fn keep(self) -> PathBuf {
        let beside = self.feeder.iter().chain(&self.collector);
        for process in beside.chain(self.members.values()) {
            if let Ok((_, text)) = process.metrics.get("/metrics") {
                // Shown where it can be.
                let _ = std::fs::write(self.path(&format!("{}.metrics", process.by)), text);
            }
        }
        self.folder.keep()
    }
}

/// What clients are told: a busy machine gives them no sign of life for longer than where nothing else runs.
fn options() -> Result<Value> {
    let mut options: Value = serde_json::from_str(OPTIONS)?;
    options["session.timeout.ms"] = json!(DEAD_AFTER.as_millis());
    options["heartbeat.interval.ms"] = json!(500);
    options["max.poll.interval.ms"] = json!(6_000);
    Ok(options)
}

/// Starts a broker.
pub(crate) fn broker() -> Result<Broker> {
    Ok(Broker::any(&broker_folder()?)?)
}

/// Where the tests of the connector keep the program of the broker, too.
pub(crate) fn broker_folder() -> Result<PathBuf> {
    let program = std::env::current_exe()?;
    let target = program.ancestors().nth(2).unwrap_or(Path::new("."));
    Ok(target.join("tmp").join("kafka-broker"))
}

fn flow(name: &str, source: &str, sink: &str, pipeline: &str) -> String {
    format!(
        "define flow {name}\nflow\n  define connector input from {source}\n  end;\n  \
         define connector output from {sink}\n  end;\n  \
         define pipeline work\n  pipeline\n    {pipeline}\n  end;\n  \
         create connector input;\n  create connector output;\n  create pipeline work;\n  \
         connect /connector/input to /pipeline/work;\n  \
         connect /pipeline/work to /connector/output;\nend;\ndeploy flow {name};\n"
    )
}

/// A pipeline that runs a script over everything.
pub(crate) fn scripted(script: &str) -> String {
    format!(
        "define script work\n    script\n      {script}\n    end;\n    create script work;\n    \
         select event from in into work;\n    select event from work into out;"
    )
}
