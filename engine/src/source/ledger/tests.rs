//! What a source is told, against a model that remembers everything.

use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;
use temblor_pdk::{Command, ErrorKind, EventId, Fate, FateRange, Lane, LaneNotice};

use super::{Answer, Keep, Ledger};
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
        ledger.opened(lane, pull, Some(pull + 1));
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

/// A lane of which nothing is kept begins.
fn begun(ledger: &mut Ledger, lane: Lane) {
    let answer = ledger.take_notice(begin(lane)).unwrap();
    let name = format!("lane/{lane}");
    assert_eq!(answer, Answer::Begin(lane, name.clone(), None));
    ledger.begin(lane, name, None);
}

fn told(ledger: &mut Ledger, now_ns: u64) -> Vec<String> {
    let to_do = ledger.take(now_ns);
    let commands = to_do.commands.iter();
    commands.map(|command| format!("{command:?}")).collect()
}

#[test]
fn what_a_source_must_not_say_is_refused_with_its_lane() {
    let mut ledger = Ledger::default();
    let refused = |result: temblor_pdk::Result<_>| {
        let error = result.map(|_: Answer| ()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Bug);
        error.message().to_owned()
    };
    let message = refused(ledger.check(3, None).map(|()| Answer::Later));
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
    begun(&mut ledger, 3);
    ledger.check(3, None).unwrap();
    let twin = LaneNotice::Begin {
        lane: 5,
        name: "lane/3".to_owned(),
        committed: None,
    };
    let message = refused(ledger.take_notice(twin));
    assert!(message.contains("`lane/3`, which lane 3 has"), "{message}");
    // The same again is a lane that goes back.
    begun(&mut ledger, 3);
    ledger.take_notice(end(3, 5)).unwrap();
    let message = refused(ledger.check(3, None).map(|()| Answer::Later));
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
    begun(&mut ledger, 1);
    begun(&mut ledger, 2);
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
    ledger.check(2, None).unwrap();
    pulls.end(&mut ledger, (2, 1), other, false);
    assert_eq!(told(&mut ledger, 1000).len(), 1);
}

#[test]
fn a_lane_whose_time_is_up_is_lost_with_its_fates() {
    let (pulls, mut ledger) = (Pulls::new(), Ledger::default());
    begun(&mut ledger, 1);
    let tickets = [0, 1].map(|pull| pulls.open(&mut ledger, 1, pull));
    let [first, second] = tickets;
    ledger.take_notice(end(1, 90)).unwrap();
    pulls.end(&mut ledger, (1, 0), first, false);
    let to_do = ledger.take(90);
    assert!(matches!(
        to_do.commands[..],
        [Command::Fates(_), Command::Lost(1)]
    ));
    assert_eq!(
        (to_do.given_up, to_do.gone),
        (vec!["lane/1".to_owned()], vec![1])
    );
    pulls.end(&mut ledger, (1, 1), second, false);
    assert_eq!(told(&mut ledger, 100), [""; 0]);
    // What the source says when it hears of the loss itself.
    let answer = ledger.take_notice(LaneNotice::Lose { lane: 1 }).unwrap();
    assert_eq!(answer, Answer::Gone(1));
}

#[test]
fn a_lane_that_is_kept_has_to_say_where_it_is() {
    let mut ledger = Ledger::default();
    ledger.take_notice(begin(1)).unwrap();
    ledger.begin(1, "lane/1".to_owned(), Some(Keep::new(10, 0)));
    ledger.check(1, Some(7)).unwrap();
    let error = ledger.check(1, None).unwrap_err();
    assert!(
        error
            .message()
            .contains("`lane/1`, whose state is kept, came without a position"),
        "{error}"
    );
}

mod model;
