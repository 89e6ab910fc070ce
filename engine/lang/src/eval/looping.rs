//! `for`: comprehensions and folds.

use temblor_pdk::value::{Draft, Value, View};

use super::code::{ForCaseCode, ForCode};
use super::failure::{self, Eval, Refused};
use super::machine::{Flow, Machine};
use super::number::Pair;
use crate::ast::BinaryOp;

/// What a `for` has collected so far.
enum Total<'a> {
    /// Nobody wants it.
    Nothing,
    /// An array; its items lie on the stack from here on.
    Array(usize),
    Record(Draft<'a>),
    Scalar(Value<'a>),
}

/// Whether there is reason to go on.
#[derive(PartialEq, Eq)]
enum Next {
    Item,
    End,
}

impl<'a> Machine<'_, 'a> {
    pub(super) fn for_each(&mut self, code: &ForCode) -> Flow<Value<'a>> {
        let target = self.eval(&code.target)?;
        let mut result = match &code.into {
            Some(into) => {
                let start = self.eval(into)?;
                self.start(start)
            }
            None => Total::Nothing,
        };
        self.items(code, target, &mut result)?;
        Ok(self.finish(result))
    }

    fn items(&mut self, code: &ForCode, target: Value<'a>, result: &mut Total<'a>) -> Flow<()> {
        match target.view() {
            View::Array(items) => {
                for (at, item) in items.iter().enumerate() {
                    if self.item(code, Value::from(at), item, result)? == Next::End {
                        break;
                    }
                }
            }
            View::Object(record) => {
                for (key, value) in record.iter() {
                    if self.item(code, Value::from(key), value, result)? == Next::End {
                        break;
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Runs the first case that applies to an item.
    fn item(
        &mut self,
        code: &ForCode,
        key: Value<'a>,
        value: Value<'a>,
        result: &mut Total<'a>,
    ) -> Flow<Next> {
        self.item_taken(code.span)?;
        for case in &code.cases {
            self.set_slot(case.key, key);
            self.set_slot(case.value, value);
            if let Some((guard, span)) = &case.guard
                && !self.holds(guard, *span, code.span)?
            {
                continue;
            }
            let value = self.eval(&case.body)?;
            return Ok(self.collect(code, case, value, result)?);
        }
        Ok(Next::Item)
    }

    // --- the result ---

    /// Prepares for what is to be added to the start.
    fn start(&mut self, start: Value<'a>) -> Total<'a> {
        match start.view() {
            View::Array(items) => {
                let base = self.memory.stacks.values.len();
                let items = items.as_slice();
                self.memory.stacks.values.extend_from_slice(items);
                Total::Array(base)
            }
            View::Object(record) => {
                let mut draft = self.memory.draft();
                draft.open(record);
                Total::Record(draft)
            }
            _ => Total::Scalar(start),
        }
    }

    fn finish(&mut self, result: Total<'a>) -> Value<'a> {
        match result {
            Total::Nothing => Value::NULL,
            Total::Array(base) => self.memory.stacks.array(base, self.arena),
            Total::Scalar(value) => value,
            Total::Record(mut draft) => {
                let record = draft.finish(self.arena);
                self.memory.give_back(draft);
                record
            }
        }
    }

    fn collect(
        &mut self,
        code: &ForCode,
        case: &ForCaseCode,
        value: Value<'a>,
        result: &mut Total<'a>,
    ) -> Eval<Next> {
        match result {
            Total::Nothing => {}
            Total::Array(_) if code.fold == BinaryOp::Add => {
                self.memory.stacks.values.push(value);
            }
            Total::Record(draft) if code.fold == BinaryOp::Add => {
                let Some(record) = value.as_object() else {
                    return Err(failure::not_merged(value, case.last, code.span));
                };
                for (key, value) in record.iter() {
                    draft.set(key, value);
                }
            }
            Total::Array(_) | Total::Record(_) => {
                return Err(failure::invalid_fold(code.fold, case.last, code.span));
            }
            Total::Scalar(so_far) => return fold(code, case, so_far, value),
        }
        Ok(Next::Item)
    }
}

/// Applies the operator to what is no array and no record.
fn fold<'a>(
    code: &ForCode,
    case: &ForCaseCode,
    so_far: &mut Value<'a>,
    value: Value<'a>,
) -> Eval<Next> {
    let op = code.fold;
    if matches!(op, BinaryOp::And | BinaryOp::Or | BinaryOp::Xor) {
        let (Some(left), Some(right)) = (so_far.as_bool(), value.as_bool()) else {
            return Err(failure::in_fold(
                failure::binary(Refused::Undefined, op, *so_far, value, case.last),
                code.span,
            ));
        };
        let result = match op {
            BinaryOp::And => left && right,
            BinaryOp::Or => left || right,
            _ => left ^ right,
        };
        *so_far = Value::from(result);
        let is_decided = (op == BinaryOp::And && !result) || (op == BinaryOp::Or && result);
        return Ok(if is_decided { Next::End } else { Next::Item });
    }
    let applied = match Pair::of(*so_far, value) {
        Some(pair) => pair.apply(op),
        None => Err(Refused::Undefined),
    };
    match applied {
        Ok(result) => *so_far = result,
        Err(refused) => {
            let finding = failure::binary(refused, op, *so_far, value, case.head);
            return Err(failure::in_fold(finding, code.span));
        }
    }
    Ok(Next::Item)
}
