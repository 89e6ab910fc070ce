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

mod flow;
mod process;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use flow::write_flow;
use process::{Result, cpu_seconds, median, number};

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
        match arg.to_str() {
            Some("--rounds") => rounds = number(args.next())?,
            Some("--passes") => passes = number(args.next())?,
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
    let query = "select event from in into out";
    let flow = write_flow("passthrough", query, &options.file, options.passes)?;
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
