//! The brokers that a group produces to do not answer for a while, for longer than a member may take between two polls.

use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::process::Broker;
use super::{PATIENCE, Plan, Round, party};
use crate::Result;
use crate::lab::Settings;
use crate::report::Report;

/// How long after all have noticed.
const BLOCKED: Duration = Duration::from_secs(10);
const MEMBERS: usize = 2;

/// Blocks the sinks `count` times.
pub(crate) fn run(settings: &Settings, count: u64) -> Result<Report> {
    super::run_with(settings, count, "blocked", one)
}

fn one(settings: &Settings, broker: Broker, seed: u64, report: &mut Report) -> Result<()> {
    let output = party::broker()?;
    let pid = output.child.as_ref().map(std::process::Child::id);
    let pid = pid.ok_or(
        "`blocked` stops a broker, so it needs one of its own\nhelp: unset KAFKA_BOOTSTRAP",
    )?;
    let pid = Pid::from_raw(i32::try_from(pid)?);
    let plan = Plan {
        output: Some(output),
        ..Plan::default()
    };
    let mut round = Round::start(settings, broker, plan, seed)?;
    let ran = play(&mut round, pid, report);
    // It ends only when it runs.
    kill(pid, Signal::SIGCONT)?;
    let left = ran.and_then(|()| round.end(MEMBERS, report));
    round.finish(left, seed, report)
}

fn play(round: &mut Round, output: Pid, report: &mut Report) -> Result<()> {
    round.party.feed.set_rate(super::RATE);
    for number in 0..MEMBERS {
        round.party.join(number)?;
    }
    round.shared_out()?;
    round.until("the first records come out", |out| !out.is_empty())?;
    let before = round.party.counts("temblor_cell_rebalances_total");
    round.tell("the output is blocked".into());
    kill(output, Signal::SIGSTOP)?;
    let since = Instant::now();
    while round.party.counts("temblor_cell_paused") != [1; MEMBERS] {
        if since.elapsed() > PATIENCE {
            let paused = round.party.counts("temblor_cell_paused");
            return Err(format!("not all are paused within {PATIENCE:?}: {paused:?}").into());
        }
        round.pass(Duration::from_millis(100))?;
    }
    round.tell("all are paused".into());
    round.pass(BLOCKED)?;
    let paused = round.party.counts("temblor_cell_paused");
    report.check(paused == [1; MEMBERS], || {
        format!("the partitions are not paused all the time: {paused:?}")
    });
    round.tell("the output goes on".into());
    kill(output, Signal::SIGCONT)?;
    round.party.feed.set_rate(0);
    round.settle()?;
    let after = round.party.counts("temblor_cell_rebalances_total");
    report.check(before == after, || {
        format!("rebalances: {before:?} before, and {after:?} after the output was blocked")
    });
    let paused = round.party.counts("temblor_cell_paused");
    report.check(paused == [0; MEMBERS], || {
        format!("still paused: {paused:?}")
    });
    Ok(())
}
