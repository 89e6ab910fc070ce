//! A stable sort that takes any comparison.
//!
//! The sort of the standard library may panic if a comparison is no total order, and that of the language's values is
//! none (see [`super::compare`]).

use std::cmp::Ordering;

/// Runs of this length are sorted by insertion.
const RUN: usize = 16;

/// Sorts items, where equal ones keep their order. A comparison that is no order gives some permutation of the items.
pub(super) fn sort<T: Copy>(items: &mut [T], compare: impl Fn(&T, &T) -> Ordering) {
    for run in items.chunks_mut(RUN) {
        insert(run, &compare);
    }
    let mut left = Vec::new();
    let mut width = RUN;
    while width < items.len() {
        for pair in items.chunks_mut(width.saturating_mul(2)) {
            if width < pair.len() {
                merge(pair, width, &mut left, &compare);
            }
        }
        width = width.saturating_mul(2);
    }
}

fn insert<T: Copy>(run: &mut [T], compare: &impl Fn(&T, &T) -> Ordering) {
    for end in 1..run.len() {
        let mut at = end;
        while at > 0 && compare(&run[at - 1], &run[at]) == Ordering::Greater {
            run.swap(at - 1, at);
            at -= 1;
        }
    }
}

/// Merges the sorted items before `middle` with the sorted ones from there on.
fn merge<T: Copy>(
    items: &mut [T],
    middle: usize,
    left: &mut Vec<T>,
    compare: &impl Fn(&T, &T) -> Ordering,
) {
    if compare(&items[middle - 1], &items[middle]) != Ordering::Greater {
        return;
    }
    left.clear();
    left.extend_from_slice(&items[..middle]);
    let (mut first, mut second, mut at) = (0, middle, 0);
    while first < left.len() && second < items.len() {
        if compare(&left[first], &items[second]) == Ordering::Greater {
            items[at] = items[second];
            second += 1;
        } else {
            items[at] = left[first];
            first += 1;
        }
        at += 1;
    }
    let rest = &left[first..];
    items[at..at + rest.len()].copy_from_slice(rest);
}
