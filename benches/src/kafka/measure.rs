//! What is run, in which order, and what is printed of it.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use temblor_pdk::serde::{Deserialize, Serialize};
use temblor_pdk::serde_json;

use crate::Options;
use crate::bare;
use crate::cluster::Cluster;
use crate::process::{Result, children, median};

/// Where the records are.
const FROM: &str = "bench-from";
/// How often is looked how far they are.
const LOOK: Duration = Duration::from_millis(100);
/// For so long none may arrive.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a child does.
#[derive(Serialize, Deserialize)]
#[serde(crate = "temblor_pdk::serde")]
pub(crate) struct Job {
    pub(crate) bootstrap: String,
    pub(crate) group: String,
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) records: usize,
    /// Whether a field is set in each record; otherwise it is passed on.
    pub(crate) sets: bool,
    pub(crate) workers: Option<usize>,
    /// How many partitions it gets if it is one of several members.
    pub(crate) share: Option<usize>,
}

impl Job {
    pub(crate) fn read(text: &OsStr) -> Result<Self> {
        Ok(serde_json::from_str(text.to_str().ok_or("not a job")?)?)
    }

    fn command(&self, side: &str) -> Result<Command> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args([side, "--job", &serde_json::to_string(self)?]);
        Ok(command)
    }

    /// What a consumer of librdkafka is told; the connector has the same.
    pub(crate) fn consumer_config(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        let options = crate::broker::options();
        for (name, value) in options.as_object().into_iter().flatten() {
            let text = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            config.set(name, text);
        }
        config
            .set("bootstrap.servers", &self.bootstrap)
            .set("group.id", &self.group)
            .set("auto.offset.reset", "earliest")
            .set("partition.assignment.strategy", "cooperative-sticky")
            .set("enable.auto.commit", "true")
            .set("enable.auto.offset.store", "false");
        config
    }
}

/// Starts the broker and fills the topic.
fn filled(options: &Options, partitions: usize) -> Result<Cluster> {
    let cluster = Cluster::start()?;
    cluster.make(FROM, partitions)?;
    cluster.fill(FROM, partitions, options.records)?;
    Ok(cluster)
}

/// Keeps the broker and the topic until the input ends.
pub(crate) fn serve(options: &Options) -> Result<()> {
    let cluster = filled(options, options.partitions)?;
    cluster.make("bench-to", options.partitions)?;
    println!("{}", cluster.bootstrap());
    let mut rates = Vec::new();
    for round in 0..options.rounds {
        let job = Job {
            bootstrap: cluster.bootstrap().to_owned(),
            group: format!("reader-{round}"),
            from: FROM.to_owned(),
            to: String::new(),
            records: options.records,
            sets: false,
            workers: None,
            share: None,
        };
        rates.push(options.records as f64 / bare::read(&job)?.as_secs_f64());
    }
    println!("a bare consumer takes {:.0} records/s", median(&mut rates));
    std::io::copy(&mut std::io::stdin(), &mut std::io::sink())?;
    Ok(())
}

/// Both sides in turn, in CPU seconds of the child.
pub(crate) fn throughput(options: &Options) -> Result<()> {
    let cluster = filled(options, 1)?;
    println!(
        "{:<9} {:>13} {:>13} {:>22} {:>16} {:>16}",
        "task", "bare ns", "flow ns", "bare / flow", "bare records/s", "flow records/s"
    );
    for sets in [false, true] {
        let (mut bare, mut flow, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
        let mut rates = [Vec::new(), Vec::new()];
        for round in 0..options.rounds {
            let mut took = [0.0; 2];
            // Whoever goes first goes second in the next round.
            for at in [round % 2, 1 - round % 2] {
                let side = ["bare", "flow"][at];
                let to = format!("to-{side}-{sets}-{round}");
                cluster.make(&to, 1)?;
                let job = Job {
                    bootstrap: cluster.bootstrap().to_owned(),
                    group: to.clone(),
                    from: FROM.to_owned(),
                    to,
                    records: options.records,
                    sets,
                    workers: options.workers,
                    share: None,
                };
                let begin = Instant::now();
                let before = children()?;
                let status = job.command(side)?.status()?;
                if !status.success() {
                    return Err(format!("side `{side}` failed: {status}").into());
                }
                let seconds = children()? - before;
                rates[at].push(options.records as f64 / begin.elapsed().as_secs_f64());
                took[at] = seconds / options.records as f64 * 1e9;
                // Every record must have come, and each once, as nobody was interrupted.
                cluster.expect(&job.to, 1, job.records)?;
            }
            bare.push(took[0]);
            flow.push(took[1]);
            ratios.push(took[0] / took[1]);
        }
        let middle = median(&mut ratios);
        let (lowest, highest) = (ratios.first(), ratios.last());
        let (lowest, highest) = (*lowest.unwrap_or(&0.0), *highest.unwrap_or(&0.0));
        println!(
            "{:<9} {:>13.0} {:>13.0} {:>22} {:>16.0} {:>16.0}",
            if sets { "set" } else { "pass" },
            median(&mut bare),
            median(&mut flow),
            format!("{middle:.2} ({lowest:.2} to {highest:.2})"),
            median(&mut rates[0]),
            median(&mut rates[1]),
        );
    }
    Ok(())
}

/// One, two and four processes of a group.
pub(crate) fn scale(options: &Options) -> Result<()> {
    let cluster = filled(options, options.partitions)?;
    println!(
        "{:<9} {:>12} {:>22} {:>14} {:>16}",
        "processes", "records/s", "lowest to highest", "flow CPU s", "broker CPU s"
    );
    let sizes = [1, 2, 4];
    let mut all: Vec<[Vec<f64>; 3]> = sizes.iter().map(|_| Default::default()).collect();
    for round in 0..options.rounds {
        for (size, measured) in sizes.iter().zip(&mut all) {
            let numbers = members(&cluster, options, *size, round)?;
            for (numbers, number) in measured.iter_mut().zip(numbers) {
                numbers.push(number);
            }
        }
    }
    for (size, [rates, cpu, broker]) in sizes.iter().zip(&mut all) {
        let rate = median(rates);
        let (lowest, highest) = (rates.first().unwrap_or(&0.0), rates.last().unwrap_or(&0.0));
        println!(
            "{size:<9} {rate:>12.0} {:>22} {:>14.2} {:>16.2}",
            format!("{lowest:.0} to {highest:.0}"),
            median(cpu),
            median(broker)
        );
    }
    Ok(())
}

/// Runs so many processes; returns records per second, and CPU seconds of them and of the broker.
fn members(cluster: &Cluster, options: &Options, size: usize, round: usize) -> Result<[f64; 3]> {
    let to = format!("to-{size}-{round}");
    cluster.make(&to, options.partitions)?;
    let job = Job {
        bootstrap: cluster.bootstrap().to_owned(),
        group: to.clone(),
        from: FROM.to_owned(),
        to,
        records: options.records,
        sets: true,
        workers: options.workers,
        share: Some(options.partitions / size),
    };
    let before = children()?;
    let mut members = Vec::new();
    for _ in 0..size {
        members.push(Member::start(&job)?);
    }
    for member in &mut members {
        member.hear()?;
    }
    let begin = Instant::now();
    let broker = cluster.cpu_seconds();
    for member in &mut members {
        member.tell()?;
    }
    wait(cluster, &job, options.partitions)?;
    let took = begin.elapsed().as_secs_f64();
    let broker = broker.zip(cluster.cpu_seconds());
    for mut member in members {
        member.tell()?;
        let status = member.0.wait()?;
        if !status.success() {
            return Err(format!("a member failed: {status}").into());
        }
    }
    cluster.expect(&job.to, options.partitions, job.records)?;
    Ok([
        options.records as f64 / took,
        children()? - before,
        broker.map_or(0.0, |(before, after)| after - before),
    ])
}

/// Waits until all records have arrived.
fn wait(cluster: &Cluster, job: &Job, partitions: usize) -> Result<()> {
    let (mut last, mut since) = (0, Instant::now());
    loop {
        let count = cluster.count(&job.to, partitions)?;
        if count >= job.records {
            return Ok(());
        }
        if count > last {
            (last, since) = (count, Instant::now());
        }
        if since.elapsed() > PATIENCE {
            return Err(format!("{count} of {} records have arrived", job.records).into());
        }
        std::thread::sleep(LOOK);
    }
}

/// A process of a group.
struct Member(Child);

impl Member {
    fn start(job: &Job) -> Result<Self> {
        let mut command = job.command("flow")?;
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        Ok(Member(command.spawn()?))
    }

    /// Waits until it has its partitions.
    fn hear(&mut self) -> Result<()> {
        let out = self.0.stdout.as_mut().ok_or("it says nothing")?;
        let mut line = String::new();
        BufReader::new(out).read_line(&mut line)?;
        match line.trim() {
            "ready" => Ok(()),
            other => Err(format!("a member says {other:?}").into()),
        }
    }

    /// Tells it to begin, or to end.
    fn tell(&mut self) -> Result<()> {
        let input = self.0.stdin.as_mut().ok_or("it hears nothing")?;
        writeln!(input)?;
        Ok(input.flush()?)
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        // One that has ended is not there any more.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
