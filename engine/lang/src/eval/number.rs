//! Arithmetic, comparison and bit operations on numbers.

use std::cmp::Ordering;

use temblor_pdk::value::{Value, View};

use super::failure::Refused;
use crate::ast::BinaryOp;

/// Two numbers on common ground.
#[derive(Clone, Copy)]
pub(super) enum Pair {
    Unsigned(u64, u64),
    Signed(i64, i64),
    Float(f64, f64),
}

/// A number as the operators see it.
#[derive(Clone, Copy)]
enum Number {
    Signed(i64),
    /// Above the signed range.
    Unsigned(u64),
    Float(f64),
}

impl Number {
    fn of(value: Value<'_>) -> Option<Number> {
        match value.view() {
            View::I64(n) => Some(Number::Signed(n)),
            View::U64(n) => Some(Number::Unsigned(n)),
            View::F64(n) => Some(Number::Float(n)),
            _ => None,
        }
    }

    fn unsigned(self) -> Option<u64> {
        match self {
            Number::Signed(n) => u64::try_from(n).ok(),
            Number::Unsigned(n) => Some(n),
            Number::Float(_) => None,
        }
    }

    fn float(self) -> f64 {
        match self {
            Number::Signed(n) => n as f64,
            Number::Unsigned(n) => n as f64,
            Number::Float(n) => n,
        }
    }
}

impl Pair {
    /// Brings two numbers on common ground; none if one is no number.
    pub(super) fn of(left: Value<'_>, right: Value<'_>) -> Option<Pair> {
        let (left, right) = (Number::of(left)?, Number::of(right)?);
        if let (Some(left), Some(right)) = (left.unsigned(), right.unsigned()) {
            return Some(Pair::Unsigned(left, right));
        }
        match (left, right) {
            (Number::Signed(left), Number::Signed(right)) => Some(Pair::Signed(left, right)),
            _ => Some(Pair::Float(left.float(), right.float())),
        }
    }

    pub(super) fn equal(self) -> bool {
        match self {
            Pair::Unsigned(left, right) => left == right,
            Pair::Signed(left, right) => left == right,
            Pair::Float(left, right) => (left - right).abs() < f64::EPSILON,
        }
    }

    /// How the numbers compare; none if one is NaN.
    pub(super) fn order(self) -> Option<Ordering> {
        match self {
            Pair::Unsigned(left, right) => Some(left.cmp(&right)),
            Pair::Signed(left, right) => Some(left.cmp(&right)),
            Pair::Float(left, right) => left.partial_cmp(&right),
        }
    }

    /// Applies an operator that is neither a comparison nor logical.
    pub(super) fn apply(self, op: BinaryOp) -> Result<Value<'static>, Refused> {
        match self {
            Pair::Unsigned(left, right) => unsigned(op, left, right),
            Pair::Signed(left, right) => signed(op, left, right),
            Pair::Float(left, right) => float(op, left, right),
        }
    }
}

fn unsigned(op: BinaryOp, left: u64, right: u64) -> Result<Value<'static>, Refused> {
    let value = match op {
        BinaryOp::Add => left.checked_add(right).ok_or(Refused::Overflow)?,
        BinaryOp::Multiply => left.checked_mul(right).ok_or(Refused::Overflow)?,
        BinaryOp::Subtract if left < right => {
            let below = i64::try_from(right - left).map_err(|_| Refused::Overflow)?;
            return Ok(Value::from(-below));
        }
        BinaryOp::Subtract => left - right,
        BinaryOp::Divide if right == 0 => return Err(Refused::DivisionByZero),
        BinaryOp::Divide => return Ok(Value::from(left as f64 / right as f64)),
        BinaryOp::Remainder => left.checked_rem(right).ok_or(Refused::DivisionByZero)?,
        BinaryOp::BitAnd => left & right,
        BinaryOp::BitXor => left ^ right,
        BinaryOp::ShiftLeft => left << shift(right)?,
        BinaryOp::ShiftRight | BinaryOp::ShiftRightUnsigned => left >> shift(right)?,
        _ => return Err(Refused::Undefined),
    };
    Ok(Value::from(value))
}

fn signed(op: BinaryOp, left: i64, right: i64) -> Result<Value<'static>, Refused> {
    let value = match op {
        BinaryOp::Add => left.checked_add(right).ok_or(Refused::Overflow)?,
        BinaryOp::Multiply => left.checked_mul(right).ok_or(Refused::Overflow)?,
        BinaryOp::Subtract => left.checked_sub(right).ok_or(Refused::Overflow)?,
        BinaryOp::Divide if right == 0 => return Err(Refused::DivisionByZero),
        BinaryOp::Divide => return Ok(Value::from(left as f64 / right as f64)),
        BinaryOp::Remainder if right == 0 => return Err(Refused::DivisionByZero),
        // The one case that overflows in hardware, the minimum by minus one, leaves no remainder.
        BinaryOp::Remainder => left.wrapping_rem(right),
        BinaryOp::BitAnd => left & right,
        BinaryOp::BitXor => left ^ right,
        BinaryOp::ShiftLeft => left << shift(right)?,
        BinaryOp::ShiftRight => left >> shift(right)?,
        BinaryOp::ShiftRightUnsigned => ((left as u64) >> shift(right)?) as i64,
        _ => return Err(Refused::Undefined),
    };
    Ok(Value::from(value))
}

fn float(op: BinaryOp, left: f64, right: f64) -> Result<Value<'static>, Refused> {
    let value = match op {
        BinaryOp::Add => left + right,
        BinaryOp::Subtract => left - right,
        BinaryOp::Multiply => left * right,
        BinaryOp::Divide => left / right,
        _ => return Err(Refused::Undefined),
    };
    Ok(Value::from(value))
}

fn shift(amount: impl TryInto<u32>) -> Result<u32, Refused> {
    let amount = amount.try_into().map_err(|_| Refused::Shift)?;
    if amount < u64::BITS {
        Ok(amount)
    } else {
        Err(Refused::Shift)
    }
}
