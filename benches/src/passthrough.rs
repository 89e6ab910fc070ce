//! The whole engine beside the least that JSON costs: CPU seconds per GB, whole processes, in turn.
//!
//! ```text
//! passthrough [--rounds N] [--passes N] FILE
//! ```
//!
//! Side *engine* is `temblor run` of a flow in which `blaster` replays the file from memory, each event is decoded,
//! goes through a pipeline, is encoded and measured by `blackhole`. Side *loop* is `json_limit --mode tape`: it reads
//! the file, splits lines, fills simd-json's tape and writes it again, in one thread and without an engine. Each goes
//! over the file `passes` times. Both programs are taken from the folder of this one.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

struct Options {
    rounds: usize,
    passes: usize,
    file: PathBuf,
}

fn main() -> ExitCode {
    match options().and_then(|options| run(&options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn options() -> Result<Options> {
    let (mut rounds, mut passes, mut file) = (9, 10, None);
    let mut args = std::env::args_os().skip(1);
    while let Some(arg) = args.next() {
        let mut number = || -> Result<usize> {
            let value = args.next().ok_or("a number is missing")?;
            Ok(value
                .to_str()
                .ok_or("not a number")?
                .parse::<usize>()?
                .max(1))
        };
        match arg.to_str() {
            Some("--rounds") => rounds = number()?,
            Some("--passes") => passes = number()?,
            _ => file = Some(PathBuf::from(arg)),
        }
    }
    let file = file.ok_or("usage: passthrough [--rounds N] [--passes N] FILE")?;
    Ok(Options {
        rounds,
        passes,
        file,
    })
}

fn run(options: &Options) -> Result<()> {
    let gigabytes = std::fs::metadata(&options.file)?.len() as f64 * options.passes as f64 / 1e9;
    let programs = std::env::current_exe()?;
    let programs = programs.parent().ok_or("this program lies nowhere")?;
    let flow = write_flow(&options.file, options.passes)?;
    let mut ratios = Vec::new();
    let (mut engine, mut bare) = (Vec::new(), Vec::new());
    println!("CPU seconds per GB ({gigabytes:.2} GB a run)");
    println!(
        "{:>6} {:>8} {:>8} {:>8}",
        "round", "engine", "loop", "ratio"
    );
    for round in 1..=options.rounds {
        let a = cpu_seconds(Command::new(programs.join("temblor")).arg("run").arg(&flow))?;
        let b = cpu_seconds(&mut limit(programs, options))?;
        let (a, b) = (a / gigabytes, b / gigabytes);
        println!("{round:>6} {a:>8.3} {b:>8.3} {:>8.3}", a / b);
        engine.push(a);
        bare.push(b);
        ratios.push(a / b);
    }
    println!(
        "median {:>8.3} {:>8.3} {:>8.3}  (ratio {:.3}..{:.3})",
        median(&mut engine),
        median(&mut bare),
        median(&mut ratios),
        ratios.first().copied().unwrap_or_default(),
        ratios.last().copied().unwrap_or_default(),
    );
    std::fs::remove_file(flow)?;
    Ok(())
}

fn limit(programs: &Path, options: &Options) -> Command {
    let mut command = Command::new(programs.join("json_limit"));
    let passes = options.passes.to_string();
    command.args(["--mode", "tape", "--rounds", &passes]);
    command.arg(&options.file);
    command
}

/// Writes the flow of side *engine* to a file of its own.
fn write_flow(file: &Path, passes: usize) -> Result<PathBuf> {
    let file = std::fs::canonicalize(file)?;
    let file = file.to_str().ok_or("the file's name is not UTF-8")?;
    let text = format!(
        r#"define flow passthrough
flow
  define connector blaster from blaster
  with codec = "json", config = {{ "file": {file:?}, "iterations": {passes} }} end;
  define connector blackhole from blackhole
  with codec = "json", config = {{ "report": "none" }} end;
  define pipeline passthrough pipeline select event from in into out end;
  create connector blaster;
  create connector blackhole;
  create pipeline passthrough;
  connect /connector/blaster to /pipeline/passthrough;
  connect /pipeline/passthrough to /connector/blackhole;
end;
deploy flow passthrough;
"#
    );
    let path = std::env::temp_dir().join(format!("passthrough-{}.troy", std::process::id()));
    std::fs::write(&path, text)?;
    Ok(path)
}

/// Runs a program and returns the user and system seconds that it took.
fn cpu_seconds(command: &mut Command) -> Result<f64> {
    let before = children()?;
    let status = command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .map_err(|error| format!("cannot run {:?}: {error}", command.get_program()))?;
    if !status.success() {
        return Err(format!("{:?} failed: {status}", command.get_program()).into());
    }
    Ok(children()? - before)
}

/// User and system seconds of all children that have ended.
fn children() -> Result<f64> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let seconds = |time: TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
    Ok(seconds(usage.user_time()) + seconds(usage.system_time()))
}

/// Sorts and picks the middle.
fn median(numbers: &mut [f64]) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied().unwrap_or_default()
}
