//! Operators, as the tables of the specification have them.

use temblor_lang::Code;

use crate::tree::{Binary, Unary};
use crate::value::{Val, on_common_ground};

const SIGNED_MIN: i128 = i64::MIN as i128;
const SIGNED_MAX: i128 = i64::MAX as i128;
const UNSIGNED_MAX: i128 = u64::MAX as i128;

pub(crate) fn unary(op: Unary, operand: &Val) -> Result<Val, Code> {
    Ok(match (op, operand) {
        (Unary::Plus, Val::Int(_) | Val::Float(_)) => operand.clone(),
        (Unary::Minus, Val::Int(n)) if *n > SIGNED_MIN && *n <= -SIGNED_MIN => Val::Int(-n),
        (Unary::Minus, Val::Float(n)) => Val::Float(-n),
        (Unary::Complement, Val::Int(n)) if *n >= 0 => Val::Int(UNSIGNED_MAX - n),
        (Unary::Complement, Val::Int(n)) => Val::Int(-1 - n),
        (Unary::Complement | Unary::Not, Val::Bool(value)) => Val::Bool(!value),
        _ => return Err(Code::Operation),
    })
}

/// Operators that need both sides.
pub(crate) fn binary(op: Binary, left: &Val, right: &Val) -> Result<Val, Code> {
    match op {
        Binary::Equal => return Ok(Val::Bool(left.equals(right))),
        Binary::NotEqual => return Ok(Val::Bool(!left.equals(right))),
        _ => {}
    }
    match (left, right) {
        (Val::Int(a), Val::Int(b)) if *a >= 0 && *b >= 0 => integers(op, *a, *b, true),
        (Val::Int(a), Val::Int(b)) if on_common_ground(*a, *b) => integers(op, *a, *b, false),
        (Val::Int(_) | Val::Float(_), Val::Int(_) | Val::Float(_)) => {
            floats(op, left.float(), right.float())
        }
        (Val::Bool(a), Val::Bool(b)) => match op {
            Binary::BitAnd => Ok(Val::Bool(*a && *b)),
            Binary::BitXor => Ok(Val::Bool(a != b)),
            _ => Err(Code::Operation),
        },
        (Val::Text(a), Val::Text(b)) if op == Binary::Add => Ok(Val::Text(format!("{a}{b}"))),
        (Val::Text(a), Val::Text(b)) => {
            compare(op, a.as_bytes(), b.as_bytes()).ok_or(Code::Operation)
        }
        (Val::List(a), Val::List(b)) if op == Binary::Add => {
            Ok(Val::List([a.as_slice(), b.as_slice()].concat()))
        }
        (Val::Record(a), Val::Record(b)) if op == Binary::Add => {
            let mut sum = a.clone();
            b.0.iter()
                .for_each(|(key, value)| sum.set(key, value.clone()));
            Ok(Val::Record(sum))
        }
        _ => Err(Code::Operation),
    }
}

fn compare<T: PartialOrd>(op: Binary, a: T, b: T) -> Option<Val> {
    Some(Val::Bool(match op {
        Binary::Less => a < b,
        Binary::LessEqual => a <= b,
        Binary::Greater => a > b,
        Binary::GreaterEqual => a >= b,
        _ => return None,
    }))
}

fn integers(op: Binary, a: i128, b: i128, is_unsigned: bool) -> Result<Val, Code> {
    if let Some(result) = compare(op, a, b) {
        return Ok(result);
    }
    let all = if is_unsigned {
        0..=UNSIGNED_MAX
    } else {
        SIGNED_MIN..=SIGNED_MAX
    };
    let checked = |n: Option<i128>| match n {
        Some(n) if all.contains(&n) => Ok(Val::Int(n)),
        _ => Err(Code::Arithmetic),
    };
    match op {
        Binary::Add => checked(a.checked_add(b)),
        Binary::Multiply => checked(a.checked_mul(b)),
        // What is below zero has to be the negative of a signed number.
        Binary::Subtract if is_unsigned && a < b && b - a <= SIGNED_MAX => Ok(Val::Int(a - b)),
        Binary::Subtract => checked(a.checked_sub(b)),
        Binary::Divide | Binary::Remainder if b == 0 => Err(Code::Arithmetic),
        Binary::Divide => Ok(Val::Float(a as f64 / b as f64)),
        Binary::Remainder => Ok(Val::Int(a % b)),
        Binary::BitAnd => Ok(Val::Int(a & b)),
        Binary::BitXor => Ok(Val::Int(a ^ b)),
        Binary::ShiftLeft | Binary::ShiftRight | Binary::ShiftRightUnsigned
            if !(0..64).contains(&b) =>
        {
            Err(Code::Arithmetic)
        }
        Binary::ShiftLeft if is_unsigned => Ok(Val::Int((a << b) & UNSIGNED_MAX)),
        Binary::ShiftLeft => Ok(Val::Int(i128::from((a << b) as i64))),
        Binary::ShiftRight => Ok(Val::Int(a >> b)),
        Binary::ShiftRightUnsigned if is_unsigned => Ok(Val::Int(a >> b)),
        Binary::ShiftRightUnsigned => {
            let pattern = a & UNSIGNED_MAX;
            Ok(Val::Int(i128::from((pattern >> b) as i64)))
        }
        _ => Err(Code::Operation),
    }
}

fn floats(op: Binary, a: f64, b: f64) -> Result<Val, Code> {
    if let Some(result) = compare(op, a, b) {
        return Ok(result);
    }
    Ok(Val::Float(match op {
        Binary::Add => a + b,
        Binary::Subtract => a - b,
        Binary::Multiply => a * b,
        Binary::Divide => a / b,
        _ => return Err(Code::Operation),
    }))
}
