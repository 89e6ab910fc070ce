//! Partitions come and go, fates come late, and no offset moves that should not.

use temblor_pdk::{LaneNotice, LaneStart};

use super::*;

const FIRST: i64 = 100;

fn place(partition: i32) -> Place {
    Place {
        topic: "t".into(),
        partition,
    }
}

fn sent(pull: u64, first: i64, records: usize) -> Sent {
    Sent {
        pull,
        first,
        next: first + records as i64,
        records,
        offsets: None,
        settled: 0,
    }
}

/// The fate of some events of one pull.
fn events(lane: Lane, fate: Fate, pull: u64, events: std::ops::RangeInclusive<u32>) -> FateRange {
    FateRange {
        first_event: *events.start(),
        last_event: *events.end(),
        ..range(lane, fate, pull..=pull)
    }
}

fn range(lane: Lane, fate: Fate, pulls: std::ops::RangeInclusive<u64>) -> FateRange {
    FateRange {
        lane,
        fate,
        first_pull: *pulls.start(),
        last_pull: *pulls.end(),
        first_event: 0,
        last_event: u32::MAX,
    }
}

/// The answer of an engine that keeps the lane if it has stored a position.
fn start(lane: Lane, position: Option<u64>) -> LaneStart {
    LaneStart {
        lane,
        position,
        is_kept: position.is_some(),
    }
}

/// Says everything to an engine that has stored nothing.
fn say_all(lanes: &mut Lanes) -> Vec<LaneNotice> {
    let mut said = Vec::new();
    while let Some(notice) = lanes.notice("g") {
        if let LaneNotice::Begin { lane, .. } = &notice {
            assert!(lanes.assigned(start(*lane, None)).is_none());
        }
        said.push(notice);
    }
    said
}

/// The lane begins anew, where the engine has stored nothing: how it is consumed again.
fn goes_back(lanes: &mut Lanes, deeds: &[Deed]) -> Rewind {
    assert!(matches!(deeds, [Deed::Rewind(..)]), "{deeds:?}");
    let Some(LaneNotice::Begin { lane, .. }) = lanes.notice("g") else {
        panic!("it does not begin anew")
    };
    match lanes.assigned(start(lane, None)) {
        Some(rewind) => rewind,
        None => panic!("it is not consumed again"),
    }
}

/// Lanes with one partition, of which three pulls of ten records are out.
fn three_pulls() -> (Lanes, Lane, u64) {
    let mut lanes = Lanes::default();
    lanes.assign(&place(7));
    let (lane, generation) = lanes.open(&place(7)).unwrap_or_default();
    assert!(
        !lanes.send(lane, generation, sent(0, FIRST, 10)),
        "the engine does not know it yet"
    );
    say_all(&mut lanes);
    for pull in 0..3 {
        let first = FIRST + 10 * pull as i64;
        assert!(lanes.send(lane, generation, sent(pull, first, 10)));
    }
    (lanes, lane, generation)
}

#[test]
fn what_is_acked_in_order_is_reached() {
    let (mut lanes, lane, _) = three_pulls();
    assert!(lanes.news().is_empty());
    assert!(
        lanes
            .settle(&[range(lane, Fate::Acked, 0..=1)], OnFailed::Retry)
            .is_empty()
    );
    assert_eq!(lanes.news(), [(place(7), FIRST + 20)]);
    assert!(lanes.news().is_empty(), "it is told once");
    assert_eq!(lanes.in_flight(&place(7)), 10);
    assert_eq!(lanes.reached(&place(7)), Some(FIRST + 20));
}

#[test]
fn fates_of_an_earlier_assignment_move_nothing() {
    let (mut lanes, lane, generation) = three_pulls();
    lanes.release(&place(7));
    lanes.assign(&place(7));
    assert!(
        lanes
            .settle(&[range(lane, Fate::Acked, 0..=2)], OnFailed::Retry)
            .is_empty()
    );
    assert_eq!(lanes.reached(&place(7)), None);
    assert!(
        !lanes.send(lane, generation, sent(3, FIRST + 30, 1)),
        "fetched before"
    );
    let (same, next) = lanes.open(&place(7)).unwrap_or_default();
    assert_eq!(same, lane, "a partition keeps its number");
    say_all(&mut lanes);
    assert!(lanes.send(lane, next, sent(4, FIRST, 1)));
}

#[test]
fn a_lane_that_stops_hands_nothing_over_and_settles_what_is_out() {
    let (mut lanes, lane, generation) = three_pulls();
    lanes.stop(&place(7), 9);
    assert!(!lanes.send(lane, generation, sent(3, FIRST + 30, 1)));
    lanes.settle(&[range(lane, Fate::Acked, 0..=2)], OnFailed::Retry);
    assert_eq!(
        (lanes.in_flight(&place(7)), lanes.reached(&place(7))),
        (0, Some(FIRST + 30))
    );
}

#[test]
fn what_failed_is_found_one_by_one_and_tried_five_times() {
    let (mut lanes, lane, generation) = three_pulls();
    let fates = [
        range(lane, Fate::Acked, 0..=0),
        range(lane, Fate::Failed, 1..=1),
    ];
    let deeds = lanes.settle(&fates, OnFailed::Retry);
    let rewind = &goes_back(&mut lanes, &deeds);
    assert_eq!(
        (rewind.offset, rewind.one_by_one_until),
        (FIRST + 10, FIRST + 20)
    );
    assert_eq!(rewind.wait, Duration::ZERO);
    assert!(
        !lanes.send(lane, generation, sent(3, FIRST + 30, 1)),
        "it is read again"
    );
    let next = sent(3, FIRST + 10, 1);
    assert!(
        !lanes.send(lane, rewind.generation, next),
        "it goes back first"
    );
    assert!(lanes.rewound(rewind));
    let (mut pull, mut generation) = (3, rewind.generation);
    for _ in 1..=TRIES {
        assert!(lanes.send(lane, generation, sent(pull, FIRST + 10, 1)));
        let deeds = lanes.settle(&[range(lane, Fate::Failed, 2..=pull)], OnFailed::Retry);
        let rewind = &goes_back(&mut lanes, &deeds);
        assert!(rewind.wait > Duration::ZERO && rewind.offset == FIRST + 10);
        assert!(lanes.rewound(rewind));
        (pull, generation) = (pull + 1, rewind.generation);
    }
    let last = sent(pull, FIRST + 10, 1);
    assert!(lanes.send(lane, generation, last.clone()));
    let deeds = lanes.settle(&[range(lane, Fate::Failed, pull..=pull)], OnFailed::Retry);
    assert_eq!(deeds, [Deed::GiveUp(place(7), last, TRIES)]);
    assert_eq!(lanes.reached(&place(7)), Some(FIRST + 10));
}

#[test]
fn only_the_record_that_failed_is_skipped() {
    let (mut lanes, lane, _) = three_pulls();
    let deeds = lanes.settle(&[range(lane, Fate::Failed, 0..=0)], OnFailed::Skip);
    let rewind = &goes_back(&mut lanes, &deeds);
    assert!(lanes.rewound(rewind));
    for (pull, offset) in (3..).zip(FIRST..FIRST + 3) {
        assert!(lanes.send(lane, rewind.generation, sent(pull, offset, 1)));
    }
    let fates = [
        range(lane, Fate::Acked, 1..=3),
        range(lane, Fate::Failed, 4..=4),
        range(lane, Fate::Acked, 5..=5),
    ];
    let deeds = lanes.settle(&fates, OnFailed::Skip);
    assert_eq!(deeds, [Deed::Skipped(place(7), FIRST + 1)]);
    assert_eq!(lanes.reached(&place(7)), Some(FIRST + 3));
}

#[test]
fn a_lane_that_went_is_not_consumed_again() {
    let (mut lanes, lane, _) = three_pulls();
    let deeds = lanes.settle(&[range(lane, Fate::Failed, 0..=0)], OnFailed::Retry);
    let rewind = &goes_back(&mut lanes, &deeds);
    lanes.release(&place(7));
    lanes.assign(&place(7));
    assert!(!lanes.is_rewinding(rewind) && !lanes.rewound(rewind));
}

#[test]
fn with_stop_the_first_failure_is_the_last() {
    let (mut lanes, lane, _) = three_pulls();
    let deeds = lanes.settle(&[range(lane, Fate::Failed, 0..=2)], OnFailed::Stop);
    assert_eq!(deeds, [Deed::GiveUp(place(7), sent(0, FIRST, 10), 0)]);
}

#[test]
fn what_is_reached_and_not_committed_is_counted() {
    let (mut lanes, lane, _) = three_pulls();
    assert_eq!(lanes.uncommitted(), 0);
    assert_eq!(lanes.standing(), [(place(7), FIRST)]);
    lanes.settle(&[range(lane, Fate::Acked, 0..=1)], OnFailed::Retry);
    assert_eq!(lanes.uncommitted(), 20);
    assert_eq!(lanes.to_commit(), [(place(7), FIRST + 20)]);
    lanes.committed(&place(7), FIRST + 20);
    // A result that comes late takes nothing back.
    lanes.committed(&place(7), FIRST + 10);
    assert_eq!((lanes.uncommitted(), lanes.to_commit()), (0, Vec::new()));
    assert_eq!(lanes.standing(), [(place(7), FIRST + 20)]);
    lanes.settle(&[range(lane, Fate::Acked, 2..=2)], OnFailed::Retry);
    lanes.release(&place(7));
    assert_eq!((lanes.uncommitted(), lanes.standing()), (0, Vec::new()));
}

#[test]
fn of_lanes_that_are_another_members_nothing_more_is_handed_over() {
    let (mut lanes, lane, generation) = three_pulls();
    lanes.stop_all();
    assert_eq!(lanes.open(&place(7)), None);
    assert!(!lanes.send(lane, generation, sent(3, FIRST + 30, 10)));
    // Nor is anything committed, whatever is delivered.
    lanes.settle(&[range(lane, Fate::Acked, 0..=1)], OnFailed::Retry);
    assert_eq!((lanes.uncommitted(), lanes.to_commit()), (0, Vec::new()));
    assert_eq!((lanes.standing(), lanes.news()), (Vec::new(), Vec::new()));
    // A partition that is not this member's stays nobody's.
    lanes.release(&place(7));
    lanes.stop_all();
    assert!(lanes.standing().is_empty());
}

fn begun(lane: Lane, committed: Option<u64>) -> LaneNotice {
    LaneNotice::Begin {
        lane,
        name: "g/t/7".to_owned(),
        committed,
    }
}

#[test]
fn the_engine_hears_of_each_change_once() {
    let mut lanes = Lanes::default();
    lanes.assign(&place(7));
    assert_eq!(say_all(&mut lanes), [begun(0, None)]);
    assert_eq!(say_all(&mut lanes), []);
    lanes.stop(&place(7), 9);
    let end = LaneNotice::End {
        lane: 0,
        deadline_ns: 9,
    };
    assert_eq!(say_all(&mut lanes), [end]);
    lanes.let_go(0);
    lanes.release(&place(7));
    assert_eq!(say_all(&mut lanes), []);
    // Lost, with or without having been about to go.
    for stops in [false, true] {
        lanes.assign(&place(7));
        say_all(&mut lanes);
        if stops {
            lanes.stop(&place(7), 9);
            say_all(&mut lanes);
        }
        lanes.release(&place(7));
        assert_eq!(say_all(&mut lanes), [LaneNotice::Lose { lane: 0 }]);
    }
    // Come and gone before anybody could say so.
    lanes.assign(&place(7));
    lanes.release(&place(7));
    assert_eq!(say_all(&mut lanes), []);
    // Gone and come back before anybody could say so.
    lanes.assign(&place(7));
    say_all(&mut lanes);
    lanes.release(&place(7));
    lanes.assign(&place(7));
    assert_eq!(say_all(&mut lanes), [begun(0, None)]);
}

#[test]
fn a_partition_goes_when_the_engine_lets_go_or_nothing_is_in_flight() {
    let (mut lanes, lane, _) = three_pulls();
    lanes.stop(&place(7), 9);
    assert!(!lanes.may_go(&place(7)));
    say_all(&mut lanes);
    lanes.give_up(lane);
    assert!(!lanes.may_go(&place(7)), "what is in flight is counted");
    lanes.settle(&[range(lane, Fate::Acked, 0..=2)], OnFailed::Retry);
    assert!(lanes.may_go(&place(7)));
    let (mut lanes, lane, _) = three_pulls();
    lanes.stop(&place(7), 9);
    say_all(&mut lanes);
    lanes.let_go(lane);
    assert!(lanes.may_go(&place(7)));
}

#[test]
fn what_the_engine_has_stored_is_where_a_lane_begins() {
    let mut lanes = Lanes::default();
    lanes.assign(&place(7));
    let (lane, fetched) = lanes.open(&place(7)).unwrap_or_default();
    assert_eq!(lanes.notice("g"), Some(begun(lane, None)));
    let Some(rewind) = lanes.assigned(start(lane, Some(50))) else {
        panic!("it stays where it is")
    };
    assert_eq!((rewind.offset, rewind.is_stored), (50, true));
    assert_eq!(lanes.begins_at(&place(7)), None);
    assert!(!lanes.send(lane, fetched, sent(0, FIRST, 1)));
    assert!(lanes.rewound(&rewind));
    assert_eq!(
        lanes.begins_at(&place(7)),
        Some(50),
        "also if it is asked again"
    );
    assert_eq!(say_all(&mut lanes), [], "it has begun");
    assert!(lanes.send(lane, rewind.generation, sent(0, 50, 1)));
    // It goes back to what is stored, and finds the record that fails on the way.
    let deeds = lanes.settle(&[range(lane, Fate::Failed, 0..=0)], OnFailed::Retry);
    assert_eq!(deeds, [Deed::Rewind(place(7), 50)]);
    assert_eq!(lanes.notice("g"), Some(begun(lane, None)));
    let rewind = lanes.assigned(start(lane, Some(40)));
    let rewind = rewind.map(|rewind| (rewind.offset, rewind.one_by_one_until));
    assert_eq!(rewind, Some((40, 51)));
}

#[test]
fn where_the_group_is_further_the_lane_begins_there() {
    let mut lanes = Lanes::default();
    lanes.assign(&place(7));
    assert_eq!(lanes.notice("g"), Some(begun(0, None)));
    let Some(rewind) = lanes.assigned(start(0, Some(50))) else {
        panic!("it stays where it is")
    };
    let rewind = lanes.is_behind(rewind, 60);
    assert_eq!((rewind.offset, rewind.is_stored), (60, false));
    assert!(lanes.rewound(&rewind));
    assert!(!lanes.send(0, rewind.generation, sent(0, 60, 1)));
    assert_eq!(say_all(&mut lanes), [begun(0, Some(60))]);
    assert!(lanes.send(0, rewind.generation, sent(0, 60, 1)));
}

#[test]
fn of_a_lane_that_is_kept_only_what_is_stored_is_committed() {
    let mut lanes = Lanes::default();
    lanes.assign(&place(7));
    assert_eq!(lanes.notice("g"), Some(begun(0, None)));
    let Some(rewind) = lanes.assigned(start(0, Some(50))) else {
        panic!("it stays where it is")
    };
    assert!(lanes.rewound(&rewind));
    assert!(lanes.send(0, rewind.generation, sent(0, 50, 10)));
    lanes.settle(&[range(0, Fate::Acked, 0..=0)], OnFailed::Retry);
    assert_eq!(
        (lanes.reached(&place(7)), lanes.in_flight(&place(7))),
        (None, 0)
    );
    lanes.stop(&place(7), 9);
    assert!(!lanes.may_go(&place(7)), "it is not stored");
    lanes.stored(0, 55);
    assert!(!lanes.may_go(&place(7)), "not all of it is stored");
    assert_eq!(lanes.news(), [(place(7), 55)]);
    lanes.stored(0, 60);
    assert!(lanes.may_go(&place(7)));
    assert_eq!(lanes.reached(&place(7)), Some(60));
    lanes.release(&place(7));
    lanes.stored(0, 70);
    assert_eq!(lanes.reached(&place(7)), None, "it is another's");
}

#[test]
fn a_record_that_fails_in_the_middle_of_a_pull_is_not_passed() {
    let (mut lanes, lane, _) = three_pulls();
    let fates = [
        events(lane, Fate::Acked, 0, 0..=3),
        events(lane, Fate::Failed, 0, 4..=4),
        events(lane, Fate::Acked, 0, 5..=9),
        range(lane, Fate::Acked, 1..=2),
    ];
    let deeds = lanes.settle(&fates, OnFailed::Retry);
    assert_eq!(lanes.reached(&place(7)), Some(FIRST + 4));
    let rewind = goes_back(&mut lanes, &deeds);
    // It is known which one it was: it alone is consumed by itself, after a wait.
    assert_eq!(
        (rewind.offset, rewind.one_by_one_until),
        (FIRST + 4, FIRST + 5)
    );
    assert!(!rewind.wait.is_zero());
}

#[test]
fn a_pull_that_is_settled_in_parts_is_reached_in_parts() {
    let (mut lanes, lane, _) = three_pulls();
    lanes.settle(&[events(lane, Fate::Acked, 0, 0..=3)], OnFailed::Retry);
    assert_eq!(lanes.reached(&place(7)), Some(FIRST + 4));
    assert_eq!(lanes.in_flight(&place(7)), 26);
    // A range that begins in one pull and ends in another.
    let mut over = events(lane, Fate::Acked, 1, 0..=1);
    (over.first_pull, over.first_event) = (0, 4);
    lanes.settle(&[over], OnFailed::Retry);
    assert_eq!(lanes.reached(&place(7)), Some(FIRST + 12));
    assert_eq!(lanes.in_flight(&place(7)), 18);
}

#[test]
fn with_skip_each_record_that_failed_is_passed_over_alone() {
    let (mut lanes, lane, _) = three_pulls();
    let fates = [
        events(lane, Fate::Acked, 0, 0..=3),
        events(lane, Fate::Failed, 0, 4..=5),
        events(lane, Fate::Acked, 0, 6..=9),
    ];
    let deeds = lanes.settle(&fates, OnFailed::Skip);
    let skipped = [4, 5].map(|at| Deed::Skipped(place(7), FIRST + at));
    assert_eq!(deeds, skipped);
    assert_eq!(lanes.reached(&place(7)), Some(FIRST + 10));
}

#[test]
fn offsets_with_gaps_are_those_of_the_records() {
    let mut lanes = Lanes::default();
    lanes.assign(&place(7));
    let (lane, generation) = lanes.open(&place(7)).unwrap_or_default();
    say_all(&mut lanes);
    let pull = Sent {
        next: 31,
        offsets: Some([10, 20, 30].into()),
        ..sent(0, 10, 3)
    };
    assert!(lanes.send(lane, generation, pull));
    lanes.settle(&[events(lane, Fate::Acked, 0, 0..=0)], OnFailed::Retry);
    assert_eq!(lanes.reached(&place(7)), Some(20));
    let deeds = lanes.settle(&[events(lane, Fate::Failed, 0, 1..=1)], OnFailed::Retry);
    let rewind = goes_back(&mut lanes, &deeds);
    assert_eq!((rewind.offset, rewind.one_by_one_until), (20, 21));
}
