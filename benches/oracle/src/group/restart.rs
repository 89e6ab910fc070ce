//! The broker of a group is killed under load, and started again with its disk.

use std::time::Duration;

use super::disk::Disk;
use super::process::Broker;
use super::{Plan, RATE, Round};
use crate::Result;
use crate::lab::Settings;
use crate::report::Report;

const MEMBERS: usize = 2;

/// Restarts it `count` times.
pub(crate) fn run(settings: &Settings, count: u64) -> Result<Report> {
    super::run_with(settings, count, "restart", one)
}

fn one(settings: &Settings, _in_memory: Broker, seed: u64, report: &mut Report) -> Result<()> {
    let mut disk = Disk::new()?;
    let broker = disk.start()?;
    let plan = Plan {
        is_on_disk: true,
        ..Plan::default()
    };
    let mut round = Round::start(settings, broker, plan, seed)?;
    let ran = play(&mut round, &mut disk);
    let ran = ran.and_then(|()| round.end(MEMBERS, report));
    round.finish(ran, seed, report)
}

fn play(round: &mut Round, disk: &mut Disk) -> Result<()> {
    round.party.feed.set_rate(RATE / 4);
    for number in 0..MEMBERS {
        round.party.join(number)?;
    }
    round.shared_out()?;
    round.until("the first records come out", |out| !out.is_empty())?;
    round.moment(3_000)?;
    round.tell("kills the broker".into());
    disk.kill(&mut round.party.broker)?;
    round.moment(5_000)?;
    round.tell("starts the broker".into());
    round.party.broker = disk.start()?;
    round.pass(Duration::from_secs(3))
}
