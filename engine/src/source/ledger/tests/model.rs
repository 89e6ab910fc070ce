//! Lanes that come, go and fail in any order, against a model that remembers everything.

use std::collections::BTreeMap;

use super::*;
use crate::source::ledger::ToDo;

/// From this lane on, something is kept of each.
const KEPT: Lane = 2;
const INTERVAL_NS: u64 = 5;

/// What happens to a source.
#[derive(Clone, Debug)]
enum Step {
    Begin(Lane),
    End(Lane, u64),
    Lose(Lane),
    Pull(Lane),
    /// Time changes what is kept of a lane.
    Pass(Lane),
    /// One of the open pulls gets its fate.
    Settle(prop::sample::Index, bool),
    /// The states at a mark are collected, or cannot be.
    Collect(prop::sample::Index, bool),
    /// Something is stored, or cannot be.
    Store(prop::sample::Index, bool),
    /// The source goes on.
    GoOn,
    /// So much time passes, and the source is told what it can be told.
    Tell(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let lane = 0_u32..4;
    let (any_of, mostly) = (any::<prop::sample::Index>(), prop::bool::weighted(0.8));
    prop_oneof![
        1 => lane.clone().prop_map(Step::Begin),
        1 => (lane.clone(), 1_u64..40).prop_map(|(lane, after)| Step::End(lane, after)),
        1 => lane.clone().prop_map(Step::Lose),
        1 => lane.clone().prop_map(Step::Pass),
        6 => lane.prop_map(Step::Pull),
        6 => (any_of.clone(), mostly).prop_map(|(at, works)| Step::Settle(at, !works)),
        3 => (any_of.clone(), mostly).prop_map(|(at, works)| Step::Collect(at, works)),
        3 => (any_of, mostly).prop_map(|(at, works)| Step::Store(at, works)),
        2 => Just(Step::GoOn),
        5 => (0_u64..10).prop_map(Step::Tell),
    ]
}

/// A life of a lane, from a begin on: its pulls, what became of them, and how far the source was told.
#[derive(Default)]
struct Life {
    pulls: Vec<u64>,
    fates: BTreeMap<u64, Fate>,
    told: usize,
    deadline_ns: Option<u64>,
    /// The first pull that failed, while the source has not gone on.
    undecided: Option<u64>,
    /// The position of what was stored and told last.
    stored: Option<u64>,
    /// Where it went on, if something of it was stored.
    begin: Option<u64>,
    /// The number of the next mark when time changed something last, and of the last mark that was stored.
    passed: Option<u64>,
    stored_mark: Option<u64>,
}

impl Life {
    fn is_settled(&self) -> bool {
        self.pulls.len() == self.fates.len()
    }

    /// Whether nothing more can be stored of it.
    fn is_stored(&self, lane: Lane) -> bool {
        let last = self.pulls.last().map(|pull| pull + 1);
        let has_nothing = self.begin.is_none() && self.pulls.is_empty();
        let is_news = self.passed.is_some() && self.stored_mark < self.passed && !has_nothing;
        lane < KEPT || self.undecided.is_some() || self.stored == last && !is_news
    }
}

#[derive(Default)]
struct Model {
    pulls: Option<Pulls>,
    ledger: Ledger,
    lives: BTreeMap<Lane, Life>,
    open: Vec<(Lane, u64, Ticket)>,
    /// Marks and what is to be stored, with the lane.
    marks: Vec<(Lane, u64)>,
    stores: Vec<(Lane, u64)>,
    next_pull: u64,
    next_mark: u64,
    now_ns: u64,
}

impl Model {
    fn pulls(&self) -> &Pulls {
        self.pulls.as_ref().expect("there are some")
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Begin(lane) => {
                let answer = self.ledger.take_notice(begin(lane)).unwrap();
                let name = format!("lane/{lane}");
                assert_eq!(answer, Answer::Begin(lane, name.clone(), None));
                // Every other time something is stored of it already.
                let begin = Some(self.next_pull).filter(|pull| pull % 2 == 0);
                let keep = Keep::new(INTERVAL_NS, self.now_ns);
                let keep = keep.going_on(u64::from(lane), begin, self.next_pull);
                let keep = (lane >= KEPT).then_some(keep);
                self.ledger.begin(lane, name, keep);
                let life = Life {
                    begin,
                    ..Life::default()
                };
                self.lives.insert(lane, life);
            }
            Step::End(lane, after) => {
                let deadline_ns = self.now_ns + after;
                let ended = self.ledger.take_notice(end(lane, deadline_ns));
                let life = self.lives.get_mut(&lane);
                let life = life.filter(|life| life.deadline_ns.is_none());
                assert_eq!(ended.is_ok(), life.is_some());
                if let Some(life) = life {
                    life.deadline_ns = Some(deadline_ns);
                }
            }
            Step::Lose(lane) => {
                let answer = self.ledger.take_notice(LaneNotice::Lose { lane });
                assert_eq!(answer, Ok(Answer::Gone(lane)));
                self.lives.remove(&lane);
            }
            Step::Pull(lane) => self.pull(lane),
            Step::Pass(lane) => {
                self.ledger.passed(u64::from(lane));
                let life = self.lives.get_mut(&lane);
                life.into_iter()
                    .for_each(|life| life.passed = Some(self.next_mark));
            }
            Step::Settle(at, fails) if !self.open.is_empty() => {
                let (lane, pull, ticket) = self.open.swap_remove(at.index(self.open.len()));
                self.settle(lane, pull, ticket, fails);
            }
            Step::Collect(at, works) if !self.marks.is_empty() => {
                self.collect(at.index(self.marks.len()), works);
            }
            Step::Store(at, works) if !self.stores.is_empty() => {
                self.store(at.index(self.stores.len()), works);
            }
            Step::Settle(..) | Step::Collect(..) | Step::Store(..) => {}
            Step::GoOn => self.go_on(),
            Step::Tell(passed) => {
                self.now_ns += passed;
                self.tell();
            }
        }
    }

    fn go_on(&mut self) {
        self.ledger.went_on();
        let stay = self.lives.values_mut();
        stay.filter(|life| life.deadline_ns.is_none())
            .for_each(|life| life.undecided = None);
    }

    fn collect(&mut self, at: usize, works: bool) {
        let (lane, mark) = self.marks.swap_remove(at);
        let states = works.then(|| vec![(format!("p{lane}"), Vec::new())]);
        self.ledger.collected(mark, states, self.now_ns);
    }

    fn store(&mut self, at: usize, works: bool) {
        let (lane, mark) = self.stores.swap_remove(at);
        let counts = self.ledger.stored(mark, works, self.now_ns).is_some();
        let life = self.lives.get_mut(&lane).filter(|_| works && counts);
        life.into_iter()
            .for_each(|life| life.stored_mark = Some(mark));
    }

    fn pull(&mut self, lane: Lane) {
        let life = self.lives.get_mut(&lane);
        let life = life.filter(|life| life.deadline_ns.is_none());
        let checked = self.ledger.check(lane, Some(0));
        assert_eq!(checked.is_ok(), life.is_some());
        let Some(life) = life else { return };
        life.pulls.push(self.next_pull);
        let pulls = self.pulls.as_ref().expect("there are some");
        let ticket = pulls.open(&mut self.ledger, lane, self.next_pull);
        self.open.push((lane, self.next_pull, ticket));
        self.next_pull += 1;
    }

    fn settle(&mut self, lane: Lane, pull: u64, ticket: Ticket, fails: bool) {
        let mut ledger = std::mem::take(&mut self.ledger);
        self.pulls().end(&mut ledger, (lane, pull), ticket, fails);
        self.ledger = ledger;
        let fate = if fails { Fate::Failed } else { Fate::Acked };
        // Of a life that is over it is not told.
        let life = self.lives.get_mut(&lane);
        if let Some(life) = life.filter(|life| life.pulls.contains(&pull)) {
            life.fates.insert(pull, fate);
        }
    }

    fn tell(&mut self) {
        let to_do = self.ledger.take(self.now_ns);
        let ToDo {
            commands,
            gone,
            marks,
            stores,
            ..
        } = to_do;
        let mut let_go = Vec::new();
        for command in commands {
            let_go.extend(self.told(command));
        }
        let_go.sort_unstable();
        assert_eq!(gone, let_go);
        for lane in marks {
            let life = self.lives.get(&lane).expect("a lane that is there");
            assert!(lane >= KEPT && !life.is_stored(lane));
            self.ledger.marked(lane, self.next_mark);
            self.marks.push((lane, self.next_mark));
            self.next_mark += 1;
        }
        for (name, store) in stores {
            let lane: Lane = name.strip_prefix("lane/").unwrap().parse().unwrap();
            self.check_store(lane, store.position);
            assert_eq!(store.states, [(format!("p{lane}"), Vec::new())]);
            self.stores.push((lane, store.number));
        }
        self.check_lives();
    }

    /// Checks what was told, and brings the lane's life up to date; returns the lane if it is over.
    fn told(&mut self, command: Command) -> Option<Lane> {
        match command {
            Command::Fates(ranges) => {
                ranges.iter().for_each(|range| self.told_fates(range));
                None
            }
            Command::Stored(lane, position) => {
                let life = self.lives.get_mut(&lane).expect("a lane that is there");
                assert!(life.pulls.contains(&(position - 1)));
                assert!(life.stored.is_none_or(|before| before < position));
                life.stored = Some(position);
                None
            }
            Command::Revoke(lane, deadline_ns) => {
                let life = self.lives.remove(&lane).expect("a lane that is there");
                assert_eq!(life.deadline_ns, Some(deadline_ns));
                assert_eq!(life.told, life.pulls.len(), "all was told before");
                assert!(life.is_stored(lane), "and stored");
                Some(lane)
            }
            Command::Lost(lane) => {
                let life = self.lives.remove(&lane).expect("a lane that is there");
                assert!(life.deadline_ns.is_some_and(|at| at <= self.now_ns));
                assert!(lane >= KEPT || !life.is_settled());
                Some(lane)
            }
            other => panic!("{other:?}"),
        }
    }

    fn told_fates(&mut self, range: &FateRange) {
        let life = self
            .lives
            .get_mut(&range.lane)
            .expect("a lane that is there");
        let within = |pull: &&u64| (range.first_pull..=range.last_pull).contains(*pull);
        let pulls: Vec<u64> = life.pulls.iter().filter(within).copied().collect();
        let next = &life.pulls[life.told..life.told + pulls.len()];
        assert_eq!(pulls, next, "in order, once, without gaps");
        for pull in &pulls {
            assert_eq!(life.fates.get(pull), Some(&range.fate));
        }
        life.told += pulls.len();
        if range.fate == Fate::Failed {
            life.undecided.get_or_insert(range.first_pull);
        }
    }

    /// What is stored holds nothing that has no fate, and nothing that the source may want to do again.
    fn check_store(&self, lane: Lane, position: u64) {
        let life = self.lives.get(&lane).expect("a lane that is there");
        let before = life.pulls.iter().filter(|pull| **pull < position);
        let before: Vec<&u64> = before.collect();
        if before.is_empty() {
            return assert_eq!(life.begin, Some(position), "where it went on");
        }
        assert_eq!(before.last(), Some(&&(position - 1)));
        assert!(before.len() <= life.told);
        assert!(life.undecided.is_none_or(|pull| pull >= position));
    }

    fn check_lives(&self) {
        for (lane, life) in &self.lives {
            let prefix = life.pulls.iter().take_while(|p| life.fates.contains_key(p));
            assert_eq!(prefix.count(), life.told, "all that can be told is told");
            let is_late = life.deadline_ns.is_some_and(|at| at <= self.now_ns);
            assert!(!is_late, "a lane is let go when its time is up");
            let is_done = life.is_settled() && *lane < KEPT;
            assert!(life.deadline_ns.is_none() || !is_done);
        }
    }

    /// Everything works from here on: all that was pulled is settled and stored.
    fn finish(&mut self) {
        for (lane, pull, ticket) in std::mem::take(&mut self.open) {
            self.settle(lane, pull, ticket, false);
        }
        for _ in 0..20 {
            self.now_ns += INTERVAL_NS;
            self.go_on();
            self.tell();
            while !self.marks.is_empty() {
                self.collect(0, true);
            }
            while !self.stores.is_empty() {
                self.store(0, true);
            }
        }
        for (lane, life) in &self.lives {
            assert_eq!(life.told, life.pulls.len());
            assert!(life.deadline_ns.is_none() && life.is_stored(*lane));
        }
        assert!(!self.ledger.is_busy());
        assert_eq!(self.ledger.due_ns(), None);
    }
}

proptest! {
    #[test]
    fn a_source_with_lanes_is_told_what_it_has_to_know(steps in vec(step(), 1..300)) {
        let mut model = Model { pulls: Some(Pulls::new()), ..Model::default() };
        for step in steps {
            model.step(step);
        }
        model.finish();
    }
}
