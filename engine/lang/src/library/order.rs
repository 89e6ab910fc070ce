//! The total order of all values, and the strict equality of `array::contains`. Neither recurses, because values nest
//! as deep as a script likes.

use std::cmp::Ordering;
use std::slice::Iter;

use temblor_pdk::value::{Field, Object, Value, View};

/// How two values compare: records, arrays, strings and bytes, numbers, `false`, `true`, `null`.
///
/// A float is truncated when it is compared with an integer, so that the order of numbers is not transitive: 1.2 and
/// 1.8 both equal 1. Sort with [`super::sort`] only, since the standard library may panic on such an order.
pub(crate) fn compare(left: Value<'_>, right: Value<'_>) -> Ordering {
    let mut open: Vec<Level<'_>> = Vec::new();
    let mut pair = (left, right);
    loop {
        match step(pair.0, pair.1) {
            Step::Decided(Ordering::Equal) => {}
            Step::Decided(order) => return order,
            Step::Open(level) => open.push(level),
        }
        pair = loop {
            let Some(level) = open.last_mut() else {
                return Ordering::Equal;
            };
            match level.next() {
                Some(pair) => break pair,
                None if level.end() != Ordering::Equal => return level.end(),
                None => open.pop(),
            };
        };
    }
}

/// What a look at two values shows.
enum Step<'a> {
    Decided(Ordering),
    Open(Level<'a>),
}

/// Two containers in the middle of their comparison.
enum Level<'a> {
    Arrays(Iter<'a, Value<'a>>, Iter<'a, Value<'a>>),
    /// The values of equal keys, in the order of the keys.
    Records(std::vec::IntoIter<(Value<'a>, Value<'a>)>),
}

impl<'a> Level<'a> {
    fn next(&mut self) -> Option<(Value<'a>, Value<'a>)> {
        match self {
            Level::Arrays(left, right) => {
                // Nothing is taken from the longer one once the shorter one has ended.
                let (first, second) = (left.as_slice().first()?, right.as_slice().first()?);
                left.next();
                right.next();
                Some((*first, *second))
            }
            Level::Records(pairs) => pairs.next(),
        }
    }

    /// How the containers compare if all pairs are equal.
    fn end(&self) -> Ordering {
        match self {
            Level::Arrays(left, right) => left.len().cmp(&right.len()),
            Level::Records(_) => Ordering::Equal,
        }
    }
}

fn step<'a>(left: Value<'a>, right: Value<'a>) -> Step<'a> {
    let order = match (left.view(), right.view()) {
        (View::Object(left), View::Object(right)) => return records(left, right),
        (View::Array(left), View::Array(right)) => {
            return Step::Open(Level::Arrays(
                left.as_slice().iter(),
                right.as_slice().iter(),
            ));
        }
        (left_view, right_view) => match (text_or_bytes(left), text_or_bytes(right)) {
            (Some(left), Some(right)) => left.cmp(right),
            _ => numbers(left_view, right_view).unwrap_or_else(|| rank(left).cmp(&rank(right))),
        },
    };
    Step::Decided(order)
}

fn records<'a>(left: Object<'a>, right: Object<'a>) -> Step<'a> {
    let order = left.len().cmp(&right.len());
    if order != Ordering::Equal {
        return Step::Decided(order);
    }
    let (left, right) = (by_key(left), by_key(right));
    let keys = left.iter().map(Field::key);
    let order = keys.cmp(right.iter().map(Field::key));
    if order != Ordering::Equal {
        return Step::Decided(order);
    }
    let values = left
        .iter()
        .zip(&right)
        .map(|(left, right)| (left.value(), right.value()));
    Step::Open(Level::Records(values.collect::<Vec<_>>().into_iter()))
}

/// The fields of a record, sorted by key.
fn by_key<'a>(record: Object<'a>) -> Vec<Field<'a>> {
    let mut fields = record.fields().to_vec();
    fields.sort_unstable_by_key(Field::key);
    fields
}

fn rank(value: Value<'_>) -> u8 {
    match value.view() {
        View::Object(_) => 0,
        View::Array(_) => 1,
        View::Str(_) | View::Bytes(_) => 2,
        View::I64(_) | View::U64(_) | View::F64(_) => 3,
        View::Bool(false) => 4,
        View::Bool(true) => 5,
        View::Null => 6,
    }
}

fn numbers(left: View<'_>, right: View<'_>) -> Option<Ordering> {
    let order = match (left, right) {
        (View::F64(left), View::F64(right)) => left
            .partial_cmp(&right)
            .unwrap_or_else(|| left.total_cmp(&right)),
        (View::F64(left), right) => float_to_integer(left, integer(right)?),
        (left, View::F64(right)) => float_to_integer(right, integer(left)?).reverse(),
        (left, right) => integer(left)?.cmp(&integer(right)?),
    };
    Some(order)
}

fn integer(view: View<'_>) -> Option<i128> {
    match view {
        View::I64(n) => Some(i128::from(n)),
        View::U64(n) => Some(i128::from(n)),
        _ => None,
    }
}

/// Compares a truncated float with an integer. NaN is above all.
fn float_to_integer(float: f64, integer: i128) -> Ordering {
    if float.is_nan() {
        return Ordering::Greater;
    }
    // Saturates far outside of what an integer of the language can be.
    (float as i128).cmp(&integer)
}

fn text_or_bytes(value: Value<'_>) -> Option<&[u8]> {
    value
        .as_str()
        .map(str::as_bytes)
        .or_else(|| value.as_bytes())
}

/// How two numbers compare as the operators see it; none if one is not a number or NaN.
pub(super) fn compare_numbers(left: Value<'_>, right: Value<'_>) -> Option<Ordering> {
    match (integer(left.view()), integer(right.view())) {
        (Some(left), Some(right)) => Some(left.cmp(&right)),
        _ => super::argument::real(left)?.partial_cmp(&super::argument::real(right)?),
    }
}

/// Whether two values are equal, where integers never equal floats nor strings bytes.
pub(super) fn identical(left: Value<'_>, right: Value<'_>) -> bool {
    let mut open = Vec::new();
    let mut pair = Some((left, right));
    while let Some((left, right)) = pair {
        let same = match (left.view(), right.view()) {
            (View::Array(left), View::Array(right)) => {
                open.extend(left.iter().zip(right.iter()));
                left.len() == right.len()
            }
            (View::Object(left), View::Object(right)) => {
                let find = |(key, value)| right.get(key).map(|other| (value, other));
                open.extend(left.iter().filter_map(find));
                left.len() == right.len() && left.iter().all(|(key, _)| right.get(key).is_some())
            }
            (View::F64(left), View::F64(right)) => (left - right).abs() < f64::EPSILON,
            _ => left == right,
        };
        if !same {
            return false;
        }
        pair = open.pop();
    }
    true
}
