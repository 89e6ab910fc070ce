//! Pipelines beside passthrough: CPU seconds per GB, whole processes, in turn; and instructions per event.
//!
//! ```text
//! language [--rounds N] [--passes N] [--instructions] FILE [PIPELINE]...
//! ```
//!
//! Each `benches/pipelines/PIPELINE.trickle` is run by `temblor run` in a flow in which `blaster` replays the file
//! from memory, each event is decoded, goes through the pipeline, is encoded and measured by `blackhole`. Without a
//! name all are run, one after the other in every round. The ratio is that of one round's figures to the figure of
//! `passthrough` in the same round. With `--instructions` the program is also run under callgrind, for one and for
//! three passes, and the difference of the two is divided by the events of two passes.

mod flow;
mod process;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use flow::write_flow;
use process::{Result, cpu_seconds, median, number};

const BASELINE: &str = "passthrough";

struct Options {
    rounds: usize,
    passes: usize,
    instructions: bool,
    file: PathBuf,
    names: Vec<String>,
}

/// A pipeline and what was measured of it.
struct Measured {
    name: String,
    query: String,
    seconds: Vec<f64>,
    ratios: Vec<f64>,
}

fn main() -> ExitCode {
    match options().and_then(|options| measure(&options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn options() -> Result<Options> {
    let (mut rounds, mut passes, mut instructions) = (9, 5, false);
    let mut rest = Vec::new();
    let mut args = std::env::args_os().skip(1);
    while let Some(arg) = args.next() {
        match arg.to_str() {
            Some("--rounds") => rounds = number(args.next())?,
            Some("--passes") => passes = number(args.next())?,
            Some("--instructions") => instructions = true,
            _ => rest.push(arg),
        }
    }
    let mut rest = rest.into_iter();
    let file = rest
        .next()
        .ok_or("usage: language [--rounds N] [--passes N] [--instructions] FILE [PIPELINE]...")?;
    let names = rest.map(|name| name.into_string().map_err(|_| "not a name".into()));
    Ok(Options {
        rounds,
        passes,
        instructions,
        file: file.into(),
        names: names.collect::<Result<_>>()?,
    })
}

/// The pipelines that were asked for, and always the baseline, which comes first.
fn pipelines(names: &[String]) -> Result<Vec<Measured>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("pipelines");
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_stem().and_then(|name| name.to_str());
        let name = name.ok_or("a file name is not UTF-8")?.to_owned();
        if name == BASELINE || names.is_empty() || names.contains(&name) {
            let query = std::fs::read_to_string(&path)?;
            found.push(Measured {
                name,
                query,
                seconds: Vec::new(),
                ratios: Vec::new(),
            });
        }
    }
    if let Some(unknown) = names.iter().find(|n| found.iter().all(|m| m.name != **n)) {
        return Err(format!("there is no pipeline `{unknown}`").into());
    }
    found.sort_by_key(|measured| (measured.name != BASELINE, measured.name.clone()));
    Ok(found)
}

fn measure(options: &Options) -> Result<()> {
    let mut pipelines = pipelines(&options.names)?;
    let gigabytes = std::fs::metadata(&options.file)?.len() as f64 * options.passes as f64 / 1e9;
    for _ in 0..options.rounds {
        let mut baseline = 0.0;
        for measured in &mut pipelines {
            let flow = write_flow(
                &measured.name,
                &measured.query,
                &options.file,
                options.passes,
            )?;
            let seconds = cpu_seconds(temblor()?.arg("run").arg(&flow))? / gigabytes;
            std::fs::remove_file(flow)?;
            if measured.name == BASELINE {
                baseline = seconds;
            }
            measured.seconds.push(seconds);
            measured.ratios.push(seconds / baseline);
        }
    }
    println!(
        "{:<14} {:>8} {:>8} {:>18} {:>14}",
        "pipeline", "CPU s/GB", "ratio", "(lowest..highest)", "instr./event"
    );
    for measured in &mut pipelines {
        let seconds = median(&mut measured.seconds);
        let ratio = median(&mut measured.ratios);
        let lowest = measured.ratios.first().copied().unwrap_or_default();
        let highest = measured.ratios.last().copied().unwrap_or_default();
        let range = format!("({lowest:.3}..{highest:.3})");
        let instructions = match options.instructions {
            true => instructions(measured, &options.file)?.to_string(),
            false => String::new(),
        };
        println!(
            "{:<14} {seconds:>8.3} {ratio:>8.3} {range:>18} {instructions:>14}",
            measured.name
        );
    }
    Ok(())
}

/// The program, from the folder of this one.
fn temblor() -> Result<Command> {
    let program = std::env::current_exe()?;
    let folder = program.parent().ok_or("this program lies nowhere")?;
    Ok(Command::new(folder.join("temblor")))
}

/// Instructions for each event.
fn instructions(measured: &Measured, file: &Path) -> Result<u64> {
    let events = std::fs::read(file)?.split(|byte| *byte == b'\n').count() as u64 - 1;
    let mut counts = [0; 2];
    for (count, passes) in counts.iter_mut().zip([1, 3]) {
        *count = callgrind(measured, file, passes)?;
    }
    Ok((counts[1] - counts[0]) / (2 * events).max(1))
}

/// The instructions of a whole run.
fn callgrind(measured: &Measured, file: &Path, passes: usize) -> Result<u64> {
    let flow = write_flow(&measured.name, &measured.query, file, passes)?;
    let temblor = temblor()?;
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]);
    command.arg(temblor.get_program()).arg("run").arg(&flow);
    let output = command.args(["--workers", "1"]).output()?;
    std::fs::remove_file(flow)?;
    let text = String::from_utf8_lossy(&output.stderr);
    let refs = text
        .lines()
        .find_map(|line| line.split_once("Collected : "));
    let refs = refs.ok_or_else(|| format!("callgrind counted nothing: {text}"))?;
    Ok(refs.1.trim().parse()?)
}
