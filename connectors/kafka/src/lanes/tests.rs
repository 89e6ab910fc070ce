//! Partitions come and go, fates come late, and no offset moves that should not.

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

/// Lanes with one partition, of which three pulls of ten records are out.
fn three_pulls() -> (Lanes, Lane, u64) {
    let mut lanes = Lanes::default();
    lanes.assign(&place(7));
    let (lane, generation) = lanes.open(&place(7)).unwrap_or_default();
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
    assert!(lanes.send(lane, next, sent(4, FIRST, 1)));
}

#[test]
fn a_lane_that_stops_hands_nothing_over_and_settles_what_is_out() {
    let (mut lanes, lane, generation) = three_pulls();
    lanes.stop(&place(7));
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
    let [Deed::Rewind(rewind)] = &deeds[..] else {
        panic!("{deeds:?}")
    };
    assert_eq!(
        (rewind.offset, rewind.one_by_one_until),
        (FIRST + 10, FIRST + 20)
    );
    assert_eq!(rewind.wait, Duration::ZERO);
    assert!(
        !lanes.send(lane, generation, sent(3, FIRST + 30, 1)),
        "it is read again"
    );
    assert!(lanes.rewound(rewind));
    let (mut pull, mut generation) = (3, rewind.generation);
    for tries in 1..=TRIES {
        assert!(lanes.send(lane, generation, sent(pull, FIRST + 10, 1)));
        let deeds = lanes.settle(&[range(lane, Fate::Failed, 2..=pull)], OnFailed::Retry);
        let [Deed::Rewind(rewind)] = &deeds[..] else {
            panic!("try {tries}: {deeds:?}")
        };
        assert!(rewind.wait > Duration::ZERO && rewind.offset == FIRST + 10);
        assert!(lanes.rewound(rewind));
        (pull, generation) = (pull + 1, rewind.generation);
    }
    let last = sent(pull, FIRST + 10, 1);
    assert!(lanes.send(lane, generation, last));
    let deeds = lanes.settle(&[range(lane, Fate::Failed, pull..=pull)], OnFailed::Retry);
    assert_eq!(deeds, [Deed::GiveUp(place(7), last, TRIES)]);
    assert_eq!(lanes.reached(&place(7)), Some(FIRST + 10));
}

#[test]
fn only_the_record_that_failed_is_skipped() {
    let (mut lanes, lane, _) = three_pulls();
    let deeds = lanes.settle(&[range(lane, Fate::Failed, 0..=0)], OnFailed::Skip);
    let [Deed::Rewind(rewind)] = &deeds[..] else {
        panic!("{deeds:?}")
    };
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
    let [Deed::Rewind(rewind)] = &deeds[..] else {
        panic!("{deeds:?}")
    };
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
    // A partition that is not this member's stays nobody's.
    lanes.release(&place(7));
    lanes.stop_all();
    assert!(lanes.standing().is_empty());
}
