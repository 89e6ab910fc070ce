//! The engine is killed at each call to the system of some kinds, the first, the second, and so on.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::Result;
use crate::engine::LOOK;
use crate::lab::{Lab, Settings};
use crate::report::Report;

/// Kinds of calls that change what is on the disk, as strace writes them.
const CALLS: [&str; 5] = ["write", "fsync", "/^rename", "ftruncate", "openat"];
/// New events for each run.
const EVENTS: u64 = 200;
/// One that makes no more calls of a kind is ended after so much time.
const PATIENCE: Duration = Duration::from_millis(1500);

/// Kills it at up to `count` calls of each kind.
pub(crate) fn run(settings: &Settings, count: u64) -> Result<Report> {
    let mut report = Report::new("step");
    let mut strace = Command::new("strace");
    let version = strace.arg("-V").stdout(Stdio::null()).status();
    if !version.is_ok_and(|status| status.success()) {
        return Err("`strace` (package strace) is not there".into());
    }
    let mut lab = Lab::files(settings, None)?;
    let (mut in_flight, mut torn) = (0, 0);
    let mut reached = Vec::new();
    for calls in CALLS {
        let mut number = 0;
        let mut killed = true;
        while killed && number < count {
            number += 1;
            report.rounds += 1;
            killed = kill_at(&mut lab, calls, number)?;
            torn += u64::from(lab.look()? > 0);
            let acked = lab.acked()?;
            let arrived = lab.line.arrived();
            let lost = arrived.missing(acked);
            report.check(lost == 0, || {
                format!("{calls} {number}: {lost} of {acked} acked event(s) had not arrived")
            });
            in_flight += arrived.from(acked);
        }
        reached.push(format!("{calls} {}", number - u64::from(!killed)));
        report.check(number > 1, || format!("void: it makes no call {calls}"));
    }
    let mut engine = lab.start()?;
    lab.fresh(&mut engine)?;
    let (status, _, sums) = engine.drain()?;
    lab.look()?;
    report.check_sums(&sums, 1);
    report.check(status.success(), || {
        format!("the last run ended with {status}")
    });
    report.take(lab.line.feed.sent(), in_flight, &lab.line.arrived());
    let reached = reached.join(", ");
    report.note(format!(
        "killed at calls 1 to: {reached}; half lines cut off {torn}"
    ));
    Ok(report)
}

/// Runs it until it is killed by the call; says whether it was.
fn kill_at(lab: &mut Lab, calls: &str, number: u64) -> Result<bool> {
    lab.line.feed.write(EVENTS)?;
    let mut engine = lab.start_until(calls, number)?;
    let since = Instant::now();
    while since.elapsed() < PATIENCE {
        if let Some(status) = engine.ended()? {
            return match status.code() {
                None => Ok(true),
                Some(_) => Err(format!("{calls} {number}: it ended with {status}").into()),
            };
        }
        lab.look()?;
        std::thread::sleep(LOOK);
    }
    engine.kill()?;
    Ok(false)
}
