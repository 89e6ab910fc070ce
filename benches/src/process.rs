//! Running programs and measuring what they cost.

use std::process::{Command, Stdio};

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;

/// What can go wrong is shown and ends the program.
pub(crate) type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Runs a program and returns the user and system seconds that it took.
pub(crate) fn cpu_seconds(command: &mut Command) -> Result<f64> {
    let before = children()?;
    run(command)?;
    Ok(children()? - before)
}

/// Runs a program to its end, silently.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .map_err(|error| format!("cannot run {:?}: {error}", command.get_program()))?;
    match status.success() {
        true => Ok(()),
        false => Err(format!("{command:?} failed: {status}").into()),
    }
}

/// User and system seconds of all children that have ended.
pub(crate) fn children() -> Result<f64> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let seconds = |time: TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
    Ok(seconds(usage.user_time()) + seconds(usage.system_time()))
}

/// Sorts and picks the middle.
pub(crate) fn median(numbers: &mut [f64]) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied().unwrap_or_default()
}

/// The number behind an option.
pub(crate) fn number(value: Option<std::ffi::OsString>) -> Result<usize> {
    let value = value.ok_or("a number is missing")?;
    let value = value.to_str().ok_or("not a number")?;
    Ok(value.parse::<usize>()?.max(1))
}
