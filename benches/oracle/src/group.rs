//! Processes that share the partitions of a topic come late, are killed, frozen and restarted one after the other.

pub(crate) mod blocked;
mod disk;
mod judge;
mod party;
#[path = "../../../connectors/kafka/tests/broker/process.rs"]
mod process;
pub(crate) mod restart;
pub(crate) mod windows;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::Result;
use crate::engine::LOOK;
use crate::lab::Settings;
use crate::report::Report;
use judge::{Judgement, Why, judge};
use party::{DEAD_AFTER, KEYS, PARTITIONS, Party, Plan};
use process::Broker;
use windows::Work;

/// Events a second.
const RATE: u64 = 2_000;
/// Longer than the brokers wait for a sign of life.
const FROZEN: Duration = DEAD_AFTER.saturating_add(Duration::from_secs(1));
/// Everything is through within this time, or never.
const PATIENCE: Duration = Duration::from_secs(60);
const MEMBERS: usize = 3;

/// What happens to the group before all are restarted.
#[derive(Clone, Copy, Debug)]
enum Act {
    Join,
    Kill,
    Freeze,
}

/// Lets a group go through all of it with `count` seeds.
pub(crate) fn run(settings: &Settings, count: u64) -> Result<Report> {
    run_with(settings, count, "group", one)
}

/// One round with a seed.
type One = fn(&Settings, Broker, u64, &mut Report) -> Result<()>;

fn run_with(settings: &Settings, count: u64, name: &'static str, one: One) -> Result<Report> {
    let mut report = Report::new(name);
    if !settings.kafka.is_file() {
        let path = settings.kafka.display();
        return Err(format!(
            "`{path}` is not there\nhelp: build it with `cargo rustc -p temblor-connector-kafka --lib --crate-type \
             cdylib`, or name it with `--kafka`"
        )
        .into());
    }
    for seed in settings.seed..settings.seed + count {
        let broker = match party::broker() {
            Ok(broker) => broker,
            Err(reason) if settings.is_brief => {
                report.note(format!("skipped: there is no broker: {reason}"));
                return Ok(report);
            }
            Err(reason) => return Err(reason),
        };
        report.rounds += 1;
        one(settings, broker, seed, &mut report)?;
    }
    Ok(report)
}

/// One group's time.
struct Round {
    party: Party,
    random: fastrand::Rng,
    began: Instant,
    /// What happened, and when.
    story: Vec<String>,
}

fn one(settings: &Settings, broker: Broker, seed: u64, report: &mut Report) -> Result<()> {
    let round = Round::start(settings, broker, Plan::default(), seed)?;
    round.whole(seed, report)
}

impl Round {
    fn start(settings: &Settings, broker: Broker, plan: Plan, seed: u64) -> Result<Self> {
        Ok(Round {
            party: Party::start(settings, broker, plan, seed)?,
            random: fastrand::Rng::with_seed(seed),
            began: Instant::now(),
            story: Vec::new(),
        })
    }

    /// All of it, from the first member's start to the last one's end.
    fn whole(mut self, seed: u64, report: &mut Report) -> Result<()> {
        let ran = self.play(report);
        let ran = ran.and_then(|()| self.end(MEMBERS, report));
        self.finish(ran, seed, report)
    }

    /// Says how it went, and keeps everything that shows why it went wrong.
    fn finish(self, ran: Result<()>, seed: u64, report: &mut Report) -> Result<()> {
        let mut found = Report::new(report.scenario);
        if let Err(reason) = ran {
            found.findings.push(format!("seed {seed}: {reason}"));
        }
        let judgement = self.judge()?;
        self.take(seed, &judgement, &mut found);
        report.add(found);
        if !report.findings.is_empty() {
            let story = self.story.join(", ");
            let kept = self.party.keep();
            report.note(format!("seed {seed}: {story}; kept in {}", kept.display()));
        }
        Ok(())
    }

    /// Waits until everything has come out, and asks all to end.
    fn end(&mut self, members: usize, report: &mut Report) -> Result<()> {
        self.party.feed.set_rate(0);
        self.tell("the end".into());
        self.pass(Duration::from_millis(100))?;
        self.party.work.round_off(&self.party.feed)?;
        self.settle()?;
        for number in 0..members {
            self.shared_out()?;
            self.leave(number, report)?;
        }
        self.end_of_output()
    }

    fn tell(&mut self, what: String) {
        let at = self.began.elapsed().as_secs_f64();
        self.story.push(format!("{at:.1} s {what}"));
    }

    fn pass(&mut self, time: Duration) -> Result<()> {
        let since = Instant::now();
        while since.elapsed() < time {
            std::thread::sleep(LOOK * 10);
            self.party.check()?;
        }
        Ok(())
    }

    /// A moment that follows from the seed.
    fn moment(&mut self, most: u64) -> Result<()> {
        let time = self.random.u64(0..most);
        self.pass(Duration::from_millis(time))
    }

    fn play(&mut self, report: &mut Report) -> Result<()> {
        self.party.feed.set_rate(RATE);
        for number in 0..MEMBERS - 1 {
            self.party.join(number)?;
            self.moment(1_000)?;
        }
        self.until("the first records come out", |out| !out.is_empty())?;
        let mut acts = [Act::Join, Act::Kill, Act::Freeze];
        self.random.shuffle(&mut acts);
        for act in acts {
            self.moment(3_000)?;
            self.act(act)?;
        }
        self.moment(3_000)?;
        let mut order: Vec<usize> = self.party.members.keys().copied().collect();
        self.random.shuffle(&mut order);
        for number in order {
            self.shared_out()?;
            self.tell(format!("restarts {number}"));
            self.leave(number, report)?;
            self.moment(1_000)?;
            self.party.join(number)?;
            self.moment(2_000)?;
        }
        Ok(())
    }

    fn act(&mut self, act: Act) -> Result<()> {
        match act {
            Act::Join => {
                self.tell(format!("{} joins", MEMBERS - 1));
                self.party.join(MEMBERS - 1)
            }
            Act::Kill => {
                let number = self.anyone()?;
                self.tell(format!("kills {number}"));
                self.party.kill(number)?;
                self.moment(3_000)?;
                self.tell(format!("starts {number}"));
                self.party.join(number)
            }
            Act::Freeze => {
                let number = self.anyone()?;
                self.tell(format!("freezes {number}"));
                self.party.freeze(number)?;
                self.pass(FROZEN)?;
                if self.party.work == Work::Windows {
                    // Long enough for others to go on with what it has in its windows.
                    self.moment(6_000)?;
                }
                self.tell(format!("thaws {number}"));
                self.party.thaw(number)
            }
        }
    }

    /// Waits until each partition has one owner, as whoever restarts one process after the other does. The broker here
    /// needs it too: a member that leaves while others join stays the leader of the group, which then never gets to work.
    fn shared_out(&mut self) -> Result<()> {
        let since = Instant::now();
        let share = PARTITIONS / self.party.members.len().max(1) as u64;
        while self
            .party
            .counts("temblor_cell_partitions")
            .iter()
            .any(|owned| *owned != share)
        {
            if since.elapsed() > PATIENCE {
                return Err(
                    format!("the partitions are not shared out within {PATIENCE:?}").into(),
                );
            }
            self.pass(Duration::from_millis(100))?;
        }
        Ok(())
    }

    /// A member that runs.
    fn anyone(&mut self) -> Result<usize> {
        let members: Vec<usize> = self.party.members.keys().copied().collect();
        Ok(self.random.choice(members).ok_or("nobody is left")?)
    }

    /// Asks a member to end, which it does with everything settled.
    fn leave(&mut self, number: usize, report: &mut Report) -> Result<()> {
        let by = self.party.members[&number].by.clone();
        let (status, sums) = self.party.leave(number)?;
        report.check(status.success(), || format!("{by} ended with {status}"));
        let adds_up = matches!(&sums[..], [sum] if sum.adds_up() && sum.in_flight == 0);
        report.check(adds_up, || format!("{by} says {sums:?}"));
        Ok(())
    }

    /// Waits until something is true of the output.
    fn until(&mut self, what: &str, is_so: impl Fn(&str) -> bool) -> Result<()> {
        let since = Instant::now();
        while since.elapsed() < PATIENCE {
            if is_so(&self.party.output()?) {
                return Ok(());
            }
            self.pass(Duration::from_millis(200))?;
        }
        Err(format!("{what}: not within {PATIENCE:?}").into())
    }

    /// Waits until everything that was sent has come out.
    fn settle(&mut self) -> Result<()> {
        let since = Instant::now();
        while since.elapsed() < PATIENCE {
            self.pass(Duration::from_millis(500))?;
            if self.judge()?.lost == 0 {
                return Ok(());
            }
        }
        Err(format!("not everything came out within {PATIENCE:?}").into())
    }

    /// Waits until nothing more comes out.
    fn end_of_output(&mut self) -> Result<()> {
        let mut before = 0;
        loop {
            self.pass(Duration::from_millis(500))?;
            let now = self.party.output()?.len();
            if now == before {
                return Ok(());
            }
            before = now;
        }
    }

    fn judge(&self) -> Result<Judgement> {
        let party = &self.party;
        let expected = party.work.expected(party.feed.sent());
        let read = |record: &Value| party.work.read(record, party.series);
        judge(&party.output()?, read, (expected, KEYS), |by| party.why(by))
    }

    /// Compares it with what is promised.
    fn take(&self, seed: u64, judgement: &Judgement, report: &mut Report) {
        let sent = self.party.work.expected(self.party.feed.sent());
        report.sent += sent;
        report.delivered += judgement.distinct;
        report.lost += judgement.lost;
        report.duplicates += judgement.duplicates;
        let from = judgement.moves.iter().map(|moved| moved.from.as_str());
        let from: BTreeSet<&str> = from.collect();
        let windows = from.iter().map(|by| self.party.window(by));
        // One that was taken for dead may besides deliver what it had in flight.
        let late = from.iter().map(|by| self.party.late(by)).sum::<u64>();
        let most = windows.sum::<u64>() + late;
        report.check(judgement.late <= late, || {
            let count = judgement.late;
            format!(
                "seed {seed}: {count} event(s) came late, more than the {late} that were in flight"
            )
        });
        report.duplicates_most += most;
        let given_up = judgement
            .moves
            .iter()
            .filter(|moved| moved.why == Why::GivenUp);
        let given_up = given_up.map(|moved| moved.again).sum::<u64>();
        report.check(given_up == 0, || {
            format!("seed {seed}: {given_up} event(s) came again although their partitions were given up in order")
        });
        report.check(judgement.duplicates <= most, || {
            let twice = judgement.duplicates;
            format!("seed {seed}: {twice} event(s) came twice, more than the {most} of the windows")
        });
        report.check(judgement.lost == 0, || {
            format!("seed {seed}: {} event(s) were lost", judgement.lost)
        });
        report.check(judgement.backwards == 0, || {
            format!(
                "seed {seed}: {} event(s) are out of order",
                judgement.backwards
            )
        });
        // A producer without idempotence may have sent the same twice.
        let is_same = judgement.otherwise == 0 || self.party.work == Work::Records;
        report.check(is_same, || {
            let count = judgement.otherwise;
            format!("seed {seed}: {count} window(s) are not the same where they came again")
        });
        report.check(judgement.strange.is_empty(), || {
            let shown = &judgement.strange[..judgement.strange.len().min(3)];
            format!("seed {seed}: strange: {shown:?}")
        });
        let of = |why: Why| {
            let moves = judgement.moves.iter().filter(|moved| moved.why == why);
            let again: Vec<u64> = moves.map(|moved| moved.again).collect();
            let (sum, most) = (again.iter().sum::<u64>(), again.iter().max());
            format!("{} moves {sum} (most {})", again.len(), most.unwrap_or(&0))
        };
        report.note(format!(
            "seed {seed}: sent {sent}, lost {}, twice {} (most {most}): given up {}, killed {}, taken for dead {}, \
             late {}",
            judgement.lost,
            judgement.duplicates,
            of(Why::GivenUp),
            of(Why::Killed),
            of(Why::TakenForDead),
            judgement.late
        ));
    }
}
