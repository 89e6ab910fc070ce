//! Fates against a model that does it the slow way: every event by itself.

use proptest::collection::vec;
use proptest::prelude::*;

use temblor_pdk::{EventId, Fate, FateRange};

use super::*;

/// What is said of an event through one share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Said {
    Nothing,
    Delivered,
    Failed,
    DeadLettered,
    Refused,
    DeadEnd,
    Empty,
    Absorbed,
}

/// How a share ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Released,
    Lost,
}

/// What a source is told of a pull.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Pull,
    Events,
    Messages,
}

/// A pull: its lane, how many events its messages became, and its shares, each with what it says of every event.
#[derive(Clone, Debug)]
struct PullCase {
    lane: Lane,
    mode: Mode,
    messages: Vec<u32>,
    shares: Vec<(Vec<Said>, End)>,
    /// An event of a later pull that began here fails.
    spanning_failed: bool,
    /// What operators kept of it fails.
    kept_failed: bool,
}

fn said() -> impl Strategy<Value = Said> {
    prop_oneof![
        2 => Just(Said::Nothing),
        4 => Just(Said::Delivered),
        2 => Just(Said::Failed),
        2 => Just(Said::DeadLettered),
        1 => Just(Said::Refused),
        1 => Just(Said::DeadEnd),
        1 => Just(Said::Empty),
        1 => Just(Said::Absorbed),
    ]
}

fn pull() -> impl Strategy<Value = PullCase> {
    let rarely = || prop::bool::weighted(0.1);
    let mode = prop_oneof![
        1 => Just(Mode::Pull),
        1 => Just(Mode::Events),
        2 => Just(Mode::Messages),
    ];
    // Often each message is one event.
    let messages = prop_oneof![vec(Just(1_u32), 1..8), vec(0_u32..4, 1..8)];
    let kind = (mode, messages, 0_u32..3, rarely(), rarely());
    (kind, 1_usize..4).prop_flat_map(|(kind, shares)| {
        let (mode, messages, lane, spanning_failed, kept_failed) = kind;
        let end = prop_oneof![8 => Just(End::Released), 1 => Just(End::Lost)];
        let events = messages.iter().sum::<u32>() as usize;
        vec((vec(said(), events), end), shares).prop_map(move |shares| PullCase {
            lane,
            mode,
            messages: messages.clone(),
            shares,
            spanning_failed,
            kept_failed,
        })
    })
}

fn id(lane: Lane, pull: u64, event: u32) -> EventId {
    EventId {
        lane,
        pull,
        event,
        ..EventId::default()
    }
}

impl PullCase {
    fn events(&self) -> usize {
        self.shares[0].0.len()
    }

    /// The fate of an event by the rules: failed anywhere is failed, and all are where a share was lost; a dead letter
    /// counts where something was delivered; refused anywhere is refused; delivered anywhere is delivered; then where it
    /// ended; else absorbed or filtered.
    fn outcome(&self, event: usize) -> Said {
        let is = |what| self.shares.iter().any(|(said, _)| said[event] == what);
        if self.is_lost() {
            return Said::Failed;
        }
        if !is(Said::Failed) && is(Said::DeadLettered) && is(Said::Delivered) {
            return Said::DeadLettered;
        }
        let order = [
            Said::Failed,
            Said::Refused,
            Said::Delivered,
            Said::DeadEnd,
            Said::Empty,
        ];
        match order.into_iter().find(|what| is(*what)) {
            Some(what) => what,
            None if is(Said::Absorbed) && self.kept_failed => Said::Failed,
            None if is(Said::Absorbed) => Said::Absorbed,
            None => Said::Nothing,
        }
    }

    fn is_lost(&self) -> bool {
        self.shares.iter().any(|(_, end)| *end == End::Lost)
    }

    /// The events of each thing that the source is told a fate of; one that stands for the whole pull has all.
    fn units(&self) -> Vec<std::ops::Range<usize>> {
        let events = self.events();
        match self.mode {
            Mode::Events if events > 0 => (0..events).map(|event| event..event + 1).collect(),
            Mode::Pull | Mode::Events => std::iter::once(0..events).collect(),
            Mode::Messages => {
                let ends = self.messages.iter().scan(0, |end, size| {
                    *end += *size as usize;
                    Some((*end - *size as usize)..*end)
                });
                ends.collect()
            }
        }
    }

    /// The fate of each of them.
    fn fates(&self) -> Vec<Fate> {
        // What spans several pulls fails each as a whole.
        let spanning = self.spanning_failed || self.kept_failed;
        let all = self.mode == Mode::Pull || self.mode == Mode::Events && self.events() == 0;
        let units = self.units().into_iter();
        let fates = units.map(|mut events| {
            let failed = match all {
                true => {
                    spanning || self.is_lost() || events.any(|e| self.outcome(e) == Said::Failed)
                }
                false => events.any(|e| spanning || self.outcome(e) == Said::Failed),
            };
            if failed { Fate::Failed } else { Fate::Acked }
        });
        fates.collect()
    }

    fn open(&self, source: &Arc<SourceFates>, pull: u64) -> Vec<Ticket> {
        let told = match self.mode {
            Mode::Pull => Told::Pull,
            Mode::Events => Told::Events,
            Mode::Messages => Told::messages(self.messages.iter().copied()),
        };
        let first = Ticket::open(source, self.lane, pull, self.events() as u32, told);
        let mut tickets: Vec<_> = (1..self.shares.len()).map(|_| first.clone()).collect();
        tickets.push(first);
        tickets
    }

    /// Says everything that share `at` has to say, and ends it.
    fn end(&self, ticket: Ticket, at: usize, pull: u64) {
        let (said, end) = &self.shares[at];
        for (event, said) in said.iter().enumerate() {
            let id = id(self.lane, pull, event as u32);
            match said {
                Said::Nothing => {}
                Said::Delivered => ticket.delivered([&id].into_iter()),
                Said::Failed => ticket.failed(&id),
                Said::DeadLettered => ticket.dead_lettered(&id),
                Said::Refused => ticket.refused(&id),
                Said::DeadEnd => ticket.dead_end([&id].into_iter()),
                Said::Empty => ticket.empty(&id),
                Said::Absorbed => ticket.absorbed([&id].into_iter()),
            }
        }
        if at == 0 && self.spanning_failed {
            ticket.failed(&id(self.lane, pull + 1, 0));
        }
        if at == 0 && self.kept_failed {
            ticket.kept_failed();
        }
        match end {
            End::Released => ticket.release(),
            End::Lost => drop(ticket),
        }
    }
}

/// Everything that ranges tell of, in the order of telling.
fn told(ranges: &[FateRange], pulls: &[PullCase]) -> Vec<(Lane, u64, u32, Fate)> {
    let mut told = Vec::new();
    for range in ranges {
        for pull in range.first_pull..=range.last_pull {
            let case = &pulls[pull as usize];
            if case.lane != range.lane {
                continue;
            }
            let size = case.units().len() as u32;
            let first = if pull == range.first_pull {
                range.first_event
            } else {
                0
            };
            let last = match pull == range.last_pull {
                true => range.last_event.min(size - 1),
                false => size - 1,
            };
            told.extend((first..=last).map(|event| (range.lane, pull, event, range.fate)));
        }
    }
    told
}

/// The fates that a source should have learned once these pulls are settled: of each lane, all before the first that is
/// not, in order.
fn expected(pulls: &[PullCase], settled: &[bool]) -> Vec<(Lane, u64, u32, Fate)> {
    let mut expected = Vec::new();
    for lane in 0..3 {
        let mine = pulls
            .iter()
            .enumerate()
            .filter(|(_, case)| case.lane == lane);
        for (pull, case) in mine.take_while(|(pull, _)| settled[*pull]) {
            let fates = (0..).zip(case.fates());
            expected.extend(fates.map(|(at, fate)| (lane, pull as u64, at, fate)));
        }
    }
    expected
}

proptest! {
    /// In whatever order shares end, a source learns of each event exactly one fate, in order, no later and no earlier
    /// than all before it are settled; and the counts add up.
    #[test]
    fn agrees_with_the_model(
        pulls in vec(pull(), 1..12),
        order in vec(any::<prop::sample::Index>(), 40),
    ) {
        let tally = Arc::new(Tally::default());
        let (source, settled) = SourceFates::new(0, "", Arc::clone(&tally), true);
        let mut prefix = Prefix::default();
        let mut open: Vec<(usize, usize, Ticket)> = Vec::new();
        for (pull, case) in pulls.iter().enumerate() {
            prefix.opened(case.lane, pull as u64);
            let tickets = case.open(&source, pull as u64).into_iter().enumerate();
            open.extend(tickets.map(|(at, ticket)| (pull, at, ticket)));
        }
        let mut shares: Vec<usize> = pulls.iter().map(|case| case.shares.len()).collect();
        let mut learned = Vec::new();
        let mut order = order.iter().cycle();
        while !open.is_empty() {
            let at = order.next().map_or(0, |index| index.index(open.len()));
            let (pull, share, ticket) = open.swap_remove(at);
            pulls[pull].end(ticket, share, pull as u64);
            shares[pull] -= 1;
            settled.try_iter().for_each(|settled| prefix.settled(settled));
            learned.extend(told(&prefix.take(), &pulls));
            let done: Vec<bool> = shares.iter().map(|left| *left == 0).collect();
            let mut sorted = learned.clone();
            // Lanes are independent; within one the order counts.
            sorted.sort_by_key(|(lane, ..)| *lane);
            prop_assert_eq!(sorted, expected(&pulls, &done));
            let counts = tally.counts();
            let open_events = pulls.iter().zip(&done).filter(|(_, done)| !**done);
            let in_flight: usize = open_events.map(|(case, _)| case.events()).sum();
            prop_assert_eq!(counts.in_flight, in_flight as u64);
        }
        let count = |what| {
            let events = |case: &PullCase| (0..case.events()).filter(|e| case.outcome(*e) == what).count();
            pulls.iter().map(events).sum::<usize>() as u64
        };
        let counts = tally.counts();
        prop_assert_eq!(counts.delivered, count(Said::Delivered));
        prop_assert_eq!(counts.failed, count(Said::Failed));
        prop_assert_eq!(counts.dead_lettered, count(Said::DeadLettered));
        prop_assert_eq!(counts.refused, count(Said::Refused));
        prop_assert_eq!(counts.dead_ends, count(Said::DeadEnd));
        prop_assert_eq!(counts.empty, count(Said::Empty));
        prop_assert_eq!(counts.absorbed, count(Said::Absorbed));
        prop_assert_eq!(counts.filtered, count(Said::Nothing));
        prop_assert_eq!(source.open.load(Ordering::Acquire), 0);
        prop_assert_eq!(prefix.lanes(), 0);
    }
}

#[test]
fn what_came_of_no_pull_is_counted_and_not_told() {
    let tally = Arc::new(Tally::default());
    let (source, settled) = SourceFates::new(0, "", Arc::clone(&tally), true);
    let ticket = Ticket::open_rest(&source, 0, 7, 2);
    ticket.delivered([&id(0, 7, 0)].into_iter());
    ticket.release();
    assert!(settled.try_recv().is_err());
    let counts = tally.counts();
    assert_eq!(
        (counts.events_in, counts.delivered, counts.filtered),
        (2, 1, 1)
    );
}

#[test]
fn shares_end_on_any_thread() {
    let tally = Arc::new(Tally::default());
    let (source, settled) = SourceFates::new(0, "", Arc::clone(&tally), true);
    for pull in 0..200 {
        let ticket = Ticket::open(&source, 0, pull, 8, Told::Events);
        let threads: Vec<_> = (0..4_u32)
            .map(|at| {
                let ticket = ticket.clone();
                std::thread::spawn(move || {
                    let ids = [id(0, pull, at * 2), id(0, pull, at * 2 + 1)];
                    ticket.delivered(ids.iter());
                    ticket.release();
                })
            })
            .collect();
        ticket.release();
        threads
            .into_iter()
            .for_each(|thread| thread.join().expect("no panic"));
        assert!(settled.try_recv().is_ok() && settled.try_recv().is_err());
    }
    assert_eq!(tally.counts().delivered, 1600);
}

#[test]
fn events_that_are_not_of_the_pull_are_not_counted_for_it() {
    let tally = Arc::new(Tally::default());
    let (source, _settled) = SourceFates::new(3, "s", Arc::clone(&tally), true);
    let ticket = Ticket::open(&source, 0, 7, 2, Told::Events);
    let of = |source, event| EventId {
        source,
        event,
        ..id(0, 7, 0)
    };
    // Another source has a pull of that number too, and an operator may make up any id.
    let ids = [of(3, 0), of(4, 1), of(3, 2), of(3, u32::MAX)];
    ticket.delivered(ids.iter());
    ticket.release();
    let counts = tally.counts();
    assert_eq!(
        (counts.events_in, counts.delivered, counts.filtered),
        (2, 1, 1)
    );
}

proptest! {
    /// Pulls of many lanes, of which some are never settled: each lane is told up to its first gap and no further, in
    /// order and once; only lanes with a gap are kept, whatever there were.
    #[test]
    fn gaps_hold_up_their_own_lanes_only(
        pulls in vec((0_u32..40, any::<bool>(), 0_u32..4), 1..200),
        order in vec(any::<prop::sample::Index>(), 200),
        looks in vec(any::<bool>(), 200),
    ) {
        let (source, settled) = SourceFates::new(0, "", Arc::default(), true);
        let mut prefix = Prefix::default();
        let mut tickets = Vec::new();
        for (at, (lane, settles, events)) in pulls.iter().enumerate() {
            prefix.opened(*lane, at as u64);
            let ticket = Ticket::open(&source, *lane, at as u64, *events, Told::Events);
            tickets.push((*settles, ticket));
        }
        let (mut ends, gaps): (Vec<_>, Vec<_>) = tickets.into_iter().partition(|(settles, _)| *settles);
        let mut told = Vec::new();
        for (index, look) in order.iter().zip(looks) {
            if ends.is_empty() {
                break;
            }
            ends.swap_remove(index.index(ends.len())).1.release();
            if look {
                settled.try_iter().for_each(|settled| prefix.settled(settled));
                told.extend(prefix.take());
            }
        }
        ends.into_iter().for_each(|(_, ticket)| ticket.release());
        settled.try_iter().for_each(|settled| prefix.settled(settled));
        told.extend(prefix.take());
        for lane in 0..40 {
            let mine = pulls.iter().enumerate().filter(|(_, (of, ..))| *of == lane);
            let mine: Vec<(u64, bool)> = mine.map(|(at, (_, settles, _))| (at as u64, *settles)).collect();
            let before_gap: Vec<u64> = mine.iter().take_while(|(_, settles)| *settles).map(|(at, _)| *at).collect();
            let ranges: Vec<&FateRange> = told.iter().filter(|range| range.lane == lane).collect();
            let last = ranges.iter().map(|range| range.last_pull).collect::<Vec<_>>();
            prop_assert!(last.is_sorted_by(|a, b| a < b), "{:?}", ranges);
            prop_assert_eq!(ranges.first().map(|range| range.first_pull), before_gap.first().copied());
            prop_assert_eq!(last.last(), before_gap.last());
        }
        let mut with_gaps: Vec<u32> = pulls.iter().filter(|(_, settles, _)| !settles).map(|(lane, ..)| *lane).collect();
        with_gaps.sort_unstable();
        with_gaps.dedup();
        prop_assert_eq!(prefix.lanes(), with_gaps.len());
        gaps.into_iter().for_each(|(_, ticket)| ticket.release());
        settled.try_iter().for_each(|settled| prefix.settled(settled));
        prefix.take();
        prop_assert_eq!(prefix.lanes(), 0);
    }
}
