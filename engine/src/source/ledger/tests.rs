//! What a source is told, against a model that remembers everything.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;
use temblor_pdk::{Command, ErrorKind, EventId, Fate, FateRange, Lane, LaneNotice, LaneStart};

use super::Ledger;
use crate::fate::{Settled, SourceFates, Ticket, Told};

/// Pulls whose tickets a test ends when it likes.
struct Pulls {
    fates: Arc<SourceFates>,
    settled: flume::Receiver<Settled>,
}

impl Pulls {
    fn new() -> Self {
        let (fates, settled) = SourceFates::new(0, "s", Arc::default(), true);
        Pulls { fates, settled }
    }

    /// Opens a pull of one event.
    fn open(&self, ledger: &mut Ledger, lane: Lane, pull: u64) -> Ticket {
        ledger.opened(lane, pull);
        Ticket::open(&self.fates, lane, pull, 1, Told::Events)
    }

    /// Ends a pull.
    fn end(&self, ledger: &mut Ledger, (lane, pull): (Lane, u64), ticket: Ticket, fails: bool) {
        if fails {
            ticket.failed(&EventId {
                lane,
                pull,
                ..EventId::default()
            });
        }
        ticket.release();
        self.settled
            .try_iter()
            .for_each(|settled| ledger.settled(settled));
    }
}

fn begin(lane: Lane) -> LaneNotice {
    LaneNotice::Begin {
        lane,
        name: format!("lane/{lane}"),
        committed: None,
    }
}

fn end(lane: Lane, deadline_ns: u64) -> LaneNotice {
    LaneNotice::End { lane, deadline_ns }
}

fn told(ledger: &mut Ledger, now_ns: u64) -> Vec<String> {
    let (commands, _) = ledger.take(now_ns);
    commands
        .iter()
        .map(|command| format!("{command:?}"))
        .collect()
}

#[test]
fn what_a_source_must_not_say_is_refused_with_its_lane() {
    let mut ledger = Ledger::default();
    let refused = |result: temblor_pdk::Result<_>| {
        let error = result.map(|_: Option<Command>| ()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Bug);
        error.message().to_owned()
    };
    let message = refused(ledger.check(3).map(|()| None));
    assert!(message.contains("lane 3, which has not begun"), "{message}");
    let message = refused(ledger.take_notice(end(3, 5)));
    assert!(message.contains("it ended lane 3"), "{message}");
    let nameless = LaneNotice::Begin {
        lane: 4,
        name: String::new(),
        committed: None,
    };
    let message = refused(ledger.take_notice(nameless));
    assert!(message.contains("lane 4 without a name"), "{message}");
    ledger.take_notice(begin(3)).unwrap();
    ledger.check(3).unwrap();
    let twin = LaneNotice::Begin {
        lane: 5,
        name: "lane/3".to_owned(),
        committed: None,
    };
    let message = refused(ledger.take_notice(twin));
    assert!(message.contains("`lane/3`, which lane 3 has"), "{message}");
    // The same again is a lane that goes back.
    ledger.take_notice(begin(3)).unwrap();
    ledger.take_notice(end(3, 5)).unwrap();
    let message = refused(ledger.check(3).map(|()| None));
    assert!(
        message.contains("lane 3, `lane/3`, which it had ended"),
        "{message}"
    );
    let message = refused(ledger.take_notice(end(3, 6)));
    assert!(message.contains("ended before"), "{message}");
}

#[test]
fn a_lane_that_ends_is_let_go_when_its_last_fate_is_told() {
    let (pulls, mut ledger) = (Pulls::new(), Ledger::default());
    ledger.take_notice(begin(1)).unwrap();
    ledger.take_notice(begin(2)).unwrap();
    let (one, other) = (pulls.open(&mut ledger, 1, 0), pulls.open(&mut ledger, 2, 1));
    ledger.take_notice(end(1, 90)).unwrap();
    assert_eq!(ledger.due_ns(), Some(90));
    assert_eq!(told(&mut ledger, 10), [""; 0]);
    pulls.end(&mut ledger, (1, 0), one, false);
    let said = told(&mut ledger, 10);
    assert!(said[0].contains("Acked"), "{said:?}");
    assert_eq!(said[1..], ["Revoke(1, 90)"]);
    assert_eq!(ledger.due_ns(), None);
    // The other one stays as it was.
    ledger.check(2).unwrap();
    pulls.end(&mut ledger, (2, 1), other, false);
    assert_eq!(told(&mut ledger, 1000).len(), 1);
}

#[test]
fn a_lane_whose_time_is_up_is_lost_with_its_fates() {
    let (pulls, mut ledger) = (Pulls::new(), Ledger::default());
    ledger.take_notice(begin(1)).unwrap();
    let tickets = [0, 1].map(|pull| pulls.open(&mut ledger, 1, pull));
    let [first, second] = tickets;
    ledger.take_notice(end(1, 90)).unwrap();
    pulls.end(&mut ledger, (1, 0), first, false);
    let (commands, lost) = ledger.take(90);
    assert!(matches!(
        commands[..],
        [Command::Fates(_), Command::Lost(1)]
    ));
    assert_eq!(lost, ["lane/1"]);
    pulls.end(&mut ledger, (1, 1), second, false);
    assert_eq!(told(&mut ledger, 100), [""; 0]);
    // What the source says when it hears of the loss itself.
    let answer = ledger.take_notice(LaneNotice::Lose { lane: 1 }).unwrap();
    assert!(matches!(answer, Some(Command::Lost(1))));
}

/// What happens to a source.
#[derive(Clone, Debug)]
enum Step {
    Begin(Lane),
    End(Lane, u64),
    Lose(Lane),
    Pull(Lane),
    /// One of the open pulls gets its fate.
    Settle(prop::sample::Index, bool),
    /// So much time passes, and the source is told what it can be told.
    Tell(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let lane = 0_u32..4;
    prop_oneof![
        1 => lane.clone().prop_map(Step::Begin),
        1 => (lane.clone(), 1_u64..40).prop_map(|(lane, after)| Step::End(lane, after)),
        1 => lane.clone().prop_map(Step::Lose),
        6 => lane.prop_map(Step::Pull),
        6 => (any::<prop::sample::Index>(), prop::bool::weighted(0.2)).prop_map(|(at, fails)| Step::Settle(at, fails)),
        3 => (0_u64..10).prop_map(Step::Tell),
    ]
}

/// A life of a lane, from a begin on: its pulls, what became of them, and how far the source was told.
#[derive(Default)]
struct Life {
    pulls: Vec<u64>,
    fates: BTreeMap<u64, Fate>,
    told: usize,
    deadline_ns: Option<u64>,
}

impl Life {
    fn is_settled(&self) -> bool {
        self.pulls.len() == self.fates.len()
    }
}

/// The pulls that a range is about, of those of a lane's life.
fn covered(range: &FateRange, life: &Life) -> Vec<u64> {
    let within = |pull: &&u64| (range.first_pull..=range.last_pull).contains(*pull);
    life.pulls.iter().filter(within).copied().collect()
}

/// Checks what was told against the lives of the lanes, and brings those up to date.
fn check(commands: Vec<Command>, lives: &mut BTreeMap<Lane, Life>, now_ns: u64) {
    let mut gone = BTreeSet::new();
    for command in commands {
        match command {
            Command::Fates(ranges) => {
                for range in ranges {
                    let life = lives.get_mut(&range.lane).expect("a lane that is there");
                    let pulls = covered(&range, life);
                    let next = &life.pulls[life.told..life.told + pulls.len()];
                    assert_eq!(pulls, next, "in order, once, without gaps");
                    for pull in &pulls {
                        assert_eq!(life.fates.get(pull), Some(&range.fate));
                    }
                    life.told += pulls.len();
                }
            }
            Command::Revoke(lane, deadline_ns) => {
                let life = lives.remove(&lane).expect("a lane that is there");
                assert_eq!(life.deadline_ns, Some(deadline_ns));
                assert_eq!(life.told, life.pulls.len(), "all was told before");
                gone.insert(lane);
            }
            Command::Lost(lane) => {
                let life = lives.remove(&lane).expect("a lane that is there");
                assert!(life.deadline_ns.is_some_and(|at| at <= now_ns));
                assert!(!life.is_settled());
                gone.insert(lane);
            }
            other => panic!("{other:?}"),
        }
    }
    for life in lives.values() {
        let prefix = life.pulls.iter().take_while(|p| life.fates.contains_key(p));
        assert_eq!(prefix.count(), life.told, "all that can be told is told");
        let is_late = life.deadline_ns.is_some_and(|at| at <= now_ns);
        assert!(!is_late, "a lane is let go when its time is up");
        assert!(life.deadline_ns.is_none() || !life.is_settled());
    }
}

proptest! {
    #[test]
    fn a_source_with_lanes_is_told_what_it_has_to_know(steps in vec(step(), 1..200)) {
        let (pulls, mut ledger) = (Pulls::new(), Ledger::default());
        let mut lives: BTreeMap<Lane, Life> = BTreeMap::new();
        let mut open: Vec<(Lane, u64, Ticket)> = Vec::new();
        let (mut next, mut now_ns) = (0, 0);
        for step in steps {
            match step {
                Step::Begin(lane) => {
                    let answer = ledger.take_notice(begin(lane)).unwrap();
                    let start = LaneStart { lane, position: None, is_kept: false };
                    prop_assert!(matches!(answer, Some(Command::Assigned(said)) if said == start));
                    lives.insert(lane, Life::default());
                }
                Step::End(lane, after) => {
                    let ended = ledger.take_notice(end(lane, now_ns + after));
                    let life = lives.get_mut(&lane).filter(|life| life.deadline_ns.is_none());
                    prop_assert_eq!(ended.is_ok(), life.is_some());
                    life.into_iter().for_each(|life| life.deadline_ns = Some(now_ns + after));
                }
                Step::Lose(lane) => {
                    let answer = ledger.take_notice(LaneNotice::Lose { lane }).unwrap();
                    prop_assert!(matches!(answer, Some(Command::Lost(of)) if of == lane));
                    lives.remove(&lane);
                }
                Step::Pull(lane) => {
                    let life = lives.get_mut(&lane).filter(|life| life.deadline_ns.is_none());
                    prop_assert_eq!(ledger.check(lane).is_ok(), life.is_some());
                    let Some(life) = life else { continue };
                    open.push((lane, next, pulls.open(&mut ledger, lane, next)));
                    life.pulls.push(next);
                    next += 1;
                }
                Step::Settle(at, fails) => {
                    if open.is_empty() {
                        continue;
                    }
                    let (lane, pull, ticket) = open.swap_remove(at.index(open.len()));
                    pulls.end(&mut ledger, (lane, pull), ticket, fails);
                    let fate = if fails { Fate::Failed } else { Fate::Acked };
                    // Of a life that is over it is not told.
                    let life = lives.get_mut(&lane).filter(|life| life.pulls.contains(&pull));
                    if let Some(life) = life {
                        life.fates.insert(pull, fate);
                    }
                }
                Step::Tell(passed) => {
                    now_ns += passed;
                    let due = ledger.due_ns();
                    prop_assert_eq!(due, lives.values().filter_map(|life| life.deadline_ns).min());
                    check(ledger.take(now_ns).0, &mut lives, now_ns);
                }
            }
        }
    }
}
