//! The operators on values of all types.

use std::cmp::Ordering;
use std::collections::HashSet;

use temblor_pdk::value::{Arena, Value, View};

use super::bounds::{MAX_MEMORY, MAX_SIZE};
use super::failure::{self, Eval, Refused};
use super::memory::Memory;
use super::number::Pair;
use crate::ast::{BinaryOp, UnaryOp};
use crate::span::Span;

/// Applies an operator with two operands, other than `and`, `or` and `xor`.
///
/// # Errors
/// Fails where the operator is not defined for the operands, or on overflow, division by zero and long shifts.
pub(crate) fn binary<'a>(
    op: BinaryOp,
    left: Value<'a>,
    right: Value<'a>,
    span: Span,
    arena: &'a Arena,
    memory: &mut Memory<'a>,
) -> Eval<Value<'a>> {
    if is_comparison(op) {
        return compare(op, left, right, span).map(Value::from);
    }
    let result = match Pair::of(left, right) {
        Some(pair) => pair.apply(op),
        None if op == BinaryOp::Add => join(left, right, arena, memory),
        None => match (op, left.as_bool(), right.as_bool()) {
            (BinaryOp::BitAnd, Some(left), Some(right)) => Ok(Value::from(left & right)),
            (BinaryOp::BitXor, Some(left), Some(right)) => Ok(Value::from(left ^ right)),
            _ => Err(Refused::Undefined),
        },
    };
    result.map_err(|refused| failure::binary(refused, op, left, right, span))
}

/// Whether the operator compares, which needs no memory.
pub(crate) fn is_comparison(op: BinaryOp) -> bool {
    matches!(op.level(), 6 | 7)
}

/// Applies `== != < <= > >=`.
///
/// # Errors
/// Fails where an order is asked for that the operands do not have.
pub(crate) fn compare(op: BinaryOp, left: Value<'_>, right: Value<'_>, span: Span) -> Eval<bool> {
    if op == BinaryOp::Equal {
        return Ok(equal(left, right));
    }
    if op == BinaryOp::NotEqual {
        return Ok(!equal(left, right));
    }
    let order = match Pair::of(left, right) {
        Some(pair) => pair.order(),
        None => match (text_or_bytes(left), text_or_bytes(right)) {
            (Some(left), Some(right)) => Some(left.cmp(right)),
            _ => return Err(failure::binary(Refused::Undefined, op, left, right, span)),
        },
    };
    Ok(match op {
        BinaryOp::Less => order == Some(Ordering::Less),
        BinaryOp::LessEqual => matches!(order, Some(Ordering::Less | Ordering::Equal)),
        BinaryOp::Greater => order == Some(Ordering::Greater),
        _ => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
    })
}

/// The language's equality: deep, never fails, and compares numbers by value.
#[inline]
pub(crate) fn equal(left: Value<'_>, right: Value<'_>) -> bool {
    if left.size().min(right.size()) > LARGE {
        return equal_but(left, right, Some(&mut Pairs::default()));
    }
    equal_but(left, right, None)
}

/// Values of more than this may occur in themselves so often that nobody can look at each place.
const LARGE: usize = 4096;

/// The arrays and records, by where their items are, that were found to be equal.
type Pairs = HashSet<(usize, usize)>;

/// Compares values. A pair that is known to be equal is not looked at again.
fn equal_but(left: Value<'_>, right: Value<'_>, mut known: Option<&mut Pairs>) -> bool {
    let (places, is_equal) = match (left.view(), right.view()) {
        (View::Null, View::Null) => return true,
        (View::Bool(left), View::Bool(right)) => return left == right,
        (View::Array(left), View::Array(right)) => {
            let (left, right) = (left.as_slice(), right.as_slice());
            let places = (left.as_ptr().addr(), right.as_ptr().addr());
            if known.as_ref().is_some_and(|known| known.contains(&places)) {
                return left.len() == right.len();
            }
            let mut items = left.iter().zip(right);
            let is_equal = left.len() == right.len()
                && items.all(|(left, right)| equal_but(*left, *right, known.as_deref_mut()));
            (places, is_equal)
        }
        (View::Object(left), View::Object(right)) => {
            let places = (
                left.fields().as_ptr().addr(),
                right.fields().as_ptr().addr(),
            );
            if known.as_ref().is_some_and(|known| known.contains(&places)) {
                return left.len() == right.len();
            }
            let same = |(key, left)| {
                let right = right.get(key);
                right.is_some_and(|right| equal_but(left, right, known.as_deref_mut()))
            };
            let is_equal = left.len() == right.len() && left.iter().all(same);
            (places, is_equal)
        }
        _ => {
            return match (text_or_bytes(left), text_or_bytes(right)) {
                (Some(left), Some(right)) => left == right,
                _ => Pair::of(left, right).is_some_and(Pair::equal),
            };
        }
    };
    // One difference ends all, so only what is equal is worth knowing; and of it what is not looked at in no time.
    if let Some(known) = known
        && is_equal
        && left.size() > 16
    {
        known.insert(places);
    }
    is_equal
}

fn text_or_bytes(value: Value<'_>) -> Option<&[u8]> {
    value
        .as_str()
        .map(str::as_bytes)
        .or_else(|| value.as_bytes())
}

/// `+` on strings, arrays and records.
fn join<'a>(
    left: Value<'a>,
    right: Value<'a>,
    arena: &'a Arena,
    memory: &mut Memory<'a>,
) -> Result<Value<'a>, Refused> {
    if left.size().saturating_add(right.size()) > MAX_SIZE {
        return Err(Refused::TooLarge);
    }
    if arena.bytes() > MAX_MEMORY {
        return Err(Refused::NoMemory);
    }
    let stacks = &mut memory.stacks;
    match (left.view(), right.view()) {
        (View::Str(left), View::Str(right)) => {
            let base = stacks.bytes.len();
            stacks.bytes.extend_from_slice(left.as_bytes());
            stacks.bytes.extend_from_slice(right.as_bytes());
            Ok(Value::from(stacks.text(base, arena)))
        }
        (View::Array(left), View::Array(right)) => {
            let base = stacks.values.len();
            stacks.values.extend_from_slice(left.as_slice());
            stacks.values.extend_from_slice(right.as_slice());
            Ok(stacks.array(base, arena))
        }
        (View::Object(left), View::Object(right)) => {
            let mut draft = memory.draft();
            draft.open(left);
            for (key, value) in right.iter() {
                draft.set(key, value);
            }
            let record = draft.finish(arena);
            memory.give_back(draft);
            Ok(record)
        }
        _ => Err(Refused::Undefined),
    }
}

/// Applies an operator with one operand, whose span is given.
///
/// # Errors
/// Fails where the operator is not defined for the operand.
pub(crate) fn unary<'a>(op: UnaryOp, operand: Value<'a>, span: Span) -> Eval<Value<'a>> {
    const MIN_MAGNITUDE: u64 = i64::MIN.unsigned_abs();
    let result = match (op, operand.view()) {
        (UnaryOp::Plus, View::I64(_) | View::U64(_) | View::F64(_)) => Some(operand),
        (UnaryOp::Minus, View::I64(n)) => n.checked_neg().map(Value::from),
        (UnaryOp::Minus, View::U64(MIN_MAGNITUDE)) => Some(Value::from(i64::MIN)),
        (UnaryOp::Minus, View::F64(n)) => Some(Value::from(-n)),
        (UnaryOp::Complement, View::I64(n)) if n >= 0 => Some(Value::from(!(n as u64))),
        (UnaryOp::Complement, View::I64(n)) => Some(Value::from(!n)),
        (UnaryOp::Complement, View::U64(n)) => Some(Value::from(!n)),
        (UnaryOp::Complement | UnaryOp::Not, View::Bool(b)) => Some(Value::from(!b)),
        _ => None,
    };
    result.ok_or_else(|| failure::unary(op, operand, span))
}
