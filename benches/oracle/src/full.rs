//! The disk of the sink is full for a while.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::Result;
use crate::engine::Engine;
use crate::lab::{Lab, Settings};
use crate::report::Report;

/// The disk has so much room at first.
const ROOM: u64 = 2 * 1024 * 1024;
/// So long it stays full.
const FULL: Duration = Duration::from_secs(3);
/// Within this time after relief events get through again.
const RESUMED: Duration = Duration::from_secs(2);
/// So long it tries to deliver what is on its way.
const DRAIN: Duration = Duration::from_secs(5);
/// Within this time it gives up what cannot be delivered.
const GIVEN_UP: Duration = Duration::from_secs(15);
/// A core is used less than this much by an engine that waits.
const SPIN: f64 = 0.2;
/// What it occupies does not grow by more than this.
const GROWTH_MIB: f64 = 128.0;

/// A place that fills up, and can be relieved.
enum Disk {
    /// A file system of its own.
    Tmpfs(tempfile::TempDir),
    /// A folder, and a limit on the size of files that the engine writes.
    Limit(tempfile::TempDir),
}

impl Disk {
    fn make() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let size = format!("size={ROOM}");
        let mounted = succeeds(
            Command::new("mount")
                .args(["-t", "tmpfs", "-o", &size, "tmpfs"])
                .arg(folder.path()),
        );
        match mounted {
            true => Ok(Disk::Tmpfs(folder)),
            false => Ok(Disk::Limit(folder)),
        }
    }

    fn out(&self) -> PathBuf {
        let (Disk::Tmpfs(folder) | Disk::Limit(folder)) = self;
        folder.path().join("out.jsonl")
    }

    fn name(&self) -> &'static str {
        match self {
            Disk::Tmpfs(_) => "a tmpfs that is full (ENOSPC)",
            Disk::Limit(_) => "RLIMIT_FSIZE (EFBIG), since nothing may be mounted here",
        }
    }

    /// Makes it small for a running engine, where it is not already.
    fn fill(&self, pid: u32) -> Result<()> {
        match self {
            Disk::Tmpfs(_) => Ok(()),
            Disk::Limit(_) => limit(pid, &format!("{ROOM}:unlimited")),
        }
    }

    fn relieve(&self, pid: u32) -> Result<()> {
        match self {
            Disk::Tmpfs(folder) => {
                let mut mount = Command::new("mount");
                mount.args(["-o", "remount,size=1g"]).arg(folder.path());
                match succeeds(&mut mount) {
                    true => Ok(()),
                    false => Err("the tmpfs cannot be made larger".into()),
                }
            }
            Disk::Limit(_) => limit(pid, "unlimited:unlimited"),
        }
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if let Disk::Tmpfs(folder) = self {
            unmount(folder.path());
        }
    }
}

fn unmount(path: &Path) {
    // Whoever still has a file open there loses nothing.
    let _ = succeeds(Command::new("umount").arg("--lazy").arg(path));
}

fn limit(pid: u32, limits: &str) -> Result<()> {
    let mut prlimit = Command::new("prlimit");
    prlimit
        .arg(format!("--pid={pid}"))
        .arg(format!("--fsize={limits}"));
    match succeeds(&mut prlimit) {
        true => Ok(()),
        false => Err("`prlimit` (package util-linux) cannot set a limit".into()),
    }
}

fn succeeds(command: &mut Command) -> bool {
    let command = command.stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// Fills the disk `count` times.
pub(crate) fn run(settings: &Settings, count: u64) -> Result<Report> {
    let mut report = Report::new("full");
    report.rounds = count;
    for round in 0..count {
        let disk = Disk::make()?;
        fill_once(settings, round, &disk, &mut report)?;
        if round == 0 {
            report.note(format!("the disk is {}", disk.name()));
        }
    }
    Ok(report)
}

/// Starts an engine, and feeds it until the disk is full. Returns how many events had arrived by then, and the memory
/// that the engine had at first.
fn fill(settings: &Settings, disk: &Disk, lab: &mut Lab) -> Result<(Engine, u64, f64)> {
    let mut engine = lab.start()?;
    disk.fill(engine.pid())?;
    lab.fresh(&mut engine)?;
    let memory = engine.memory_mib()?;
    lab.line.feed.set_rate(settings.rate);
    // Until nothing arrives any more.
    let mut arrived = 0;
    loop {
        lab.pass(Duration::from_millis(500))?;
        engine.check()?;
        let now = lab.line.arrived().distinct;
        if now == arrived && now > 100 {
            return Ok((engine, arrived, memory));
        }
        arrived = now;
    }
}

/// Asks it to end while the disk is full, `count` times, and lets the next run deliver the rest.
pub(crate) fn stuck(settings: &Settings, count: u64) -> Result<Report> {
    let mut report = Report::new("stuck");
    report.rounds = count;
    for round in 0..count {
        let disk = Disk::make()?;
        let mut lab = Lab::files(settings, Some(&disk.out()))?;
        lab.drains_within(settings.lasts(DRAIN));
        let (engine, arrived, _) = fill(settings, &disk, &mut lab)?;
        lab.line.feed.set_rate(0);
        let pid = engine.pid();
        let (status, took, sums) = engine.drain()?;
        report.check(status.code() == Some(1), || {
            format!("round {round}: it ended with {status}, not with 1")
        });
        report.check(settings.is_soon(took, GIVEN_UP), || {
            format!("round {round}: it took {took:?} to end")
        });
        let left: u64 = sums.iter().map(|sum| sum.failed + sum.in_flight).sum();
        report.check_sums(&sums, 1);
        report.check(left > 0, || {
            format!("round {round}: it does not say what it left: {sums:?}")
        });
        if let Disk::Tmpfs(_) = disk {
            disk.relieve(pid)?;
        }
        let mut engine = lab.start()?;
        lab.fresh(&mut engine)?;
        engine.drain()?;
        lab.look()?;
        let sent = lab.line.feed.sent();
        report.take(sent, sent - arrived.min(sent), &lab.line.arrived());
        report.note(format!(
            "round {round}: it ended after {took:?}, and left {left} event(s)"
        ));
    }
    Ok(report)
}

fn fill_once(settings: &Settings, round: u64, disk: &Disk, report: &mut Report) -> Result<()> {
    let mut lab = Lab::files(settings, Some(&disk.out()))?;
    let (mut engine, arrived, memory) = fill(settings, disk, &mut lab)?;
    let cpu = engine.cpu_seconds()?;
    let lasts = settings.lasts(FULL);
    lab.pass(lasts)?;
    engine.check()?;
    let used = (engine.cpu_seconds()? - cpu) / lasts.as_secs_f64();
    report.check(used < SPIN, || {
        format!("round {round}: it used {used:.2} of a core while it waited")
    });
    let grown = engine.memory_mib()? - memory;
    report.check(grown < GROWTH_MIB, || {
        format!("round {round}: it grew by {grown:.0} MiB")
    });
    let waiting = lab.line.arrived().distinct == arrived && lab.line.feed.sent() > arrived;
    report.check(waiting, || {
        format!("round {round} is void: the disk was never full")
    });
    let half = lab.look()?;
    report.check(half == 0, || {
        format!("round {round}: {half} byte(s) of half an event stand in the file")
    });
    disk.relieve(engine.pid())?;
    let first = lab.wait_for(arrived, &mut engine)?;
    report.check(settings.is_soon(first, RESUMED), || {
        format!("round {round}: it went on after {first:?}")
    });
    lab.line.feed.set_rate(0);
    lab.fresh(&mut engine)?;
    let (status, _, sums) = engine.drain()?;
    lab.look()?;
    report.check(status.success(), || {
        format!("round {round}: it ended with {status}")
    });
    report.check_all_delivered(&sums, "main", lab.line.feed.sent(), 0);
    // What was written whole and not known to be is written again; what fits into the file is not.
    report.take(lab.line.feed.sent(), 0, &lab.line.arrived());
    report.note(format!(
        "round {round}: {used:.2} of a core and {grown:.0} MiB more while full for {lasts:?}, first event {first:?} \
         after relief"
    ));
    Ok(())
}
