//! `match`.

use temblor_pdk::value::{OwnedValue, Value};

use super::code::{ClauseCode, ClauseGroup, Code, MatchCode, PatternCode};
use super::failure;
use super::machine::{Flow, Machine};

impl<'a> Machine<'_, 'a> {
    pub(super) fn matching(&mut self, code: &MatchCode) -> Flow<Value<'a>> {
        let target = match &code.target {
            Code::State if code.groups.iter().all(is_of_scalars) => self.outline_of_state(),
            target => self.eval(target)?,
        };
        for group in &code.groups {
            let body = match group {
                ClauseGroup::One(clause) => {
                    if !self.applies(clause, target, code)? {
                        continue;
                    }
                    &clause.body
                }
                ClauseGroup::Strings { bodies, places } => {
                    let text = match target.as_bytes() {
                        Some(bytes) => std::str::from_utf8(bytes).ok(),
                        None => target.as_str(),
                    };
                    let place = text.and_then(|text| places.get(text));
                    match place.and_then(|place| bodies.get(*place)) {
                        Some(body) => body,
                        None => continue,
                    }
                }
            };
            return self.eval(body);
        }
        match &code.default {
            Some(body) => self.eval(body),
            None => Err(failure::no_clause(code.span).into()),
        }
    }

    /// Whether a clause is the one; binds its name if it is.
    fn applies(&mut self, clause: &ClauseCode, target: Value<'a>, code: &MatchCode) -> Flow<bool> {
        if let PatternCode::Params(params) = &clause.pattern {
            return self.params(params, clause, code);
        }
        match clause.binding {
            None => {
                if !self.matches(&clause.pattern, target, code.span)? {
                    return Ok(false);
                }
            }
            Some(slot) => match self.capture(&clause.pattern, target, code.span)? {
                Some(value) => self.set_slot(slot, value),
                None => return Ok(false),
            },
        }
        self.guard(clause, code)
    }

    fn guard(&mut self, clause: &ClauseCode, code: &MatchCode) -> Flow<bool> {
        match &clause.guard {
            Some((guard, span)) => self.holds(guard, *span, code.span),
            None => Ok(true),
        }
    }

    /// Matches the arguments of a function. Only when the case is chosen, parameters get what their elements matched.
    fn params(
        &mut self,
        params: &[(usize, PatternCode)],
        clause: &ClauseCode,
        code: &MatchCode,
    ) -> Flow<bool> {
        let base = self.memory.stacks.values.len();
        for (slot, pattern) in params {
            let Some(argument) = self.slot(*slot) else {
                return Err(self.unset_parameter(*slot, clause.span));
            };
            match self.capture(pattern, argument, code.span)? {
                Some(value) => self.memory.stacks.values.push(value),
                None => {
                    self.memory.stacks.values.truncate(base);
                    return Ok(false);
                }
            }
        }
        let holds = self.guard(clause, code)?;
        if holds {
            for (at, (slot, _)) in params.iter().enumerate() {
                let value = self.memory.stacks.values.get(base + at);
                self.set_slot(*slot, value.copied().unwrap_or_default());
            }
        }
        self.memory.stacks.values.truncate(base);
        Ok(holds)
    }

    /// The state if it is a scalar, and something of its type that is not equal to a scalar if not: to compare a large
    /// state with null, it is not copied.
    fn outline_of_state(&self) -> Value<'a> {
        match &*self.state {
            OwnedValue::Array(_) => self.arena.array(&[]),
            OwnedValue::Object(_) => self.arena.object(&[]),
            scalar => self.arena.value(scalar),
        }
    }
}

/// Whether clauses only compare the target with what is neither an array nor a record.
fn is_of_scalars(group: &ClauseGroup) -> bool {
    match group {
        ClauseGroup::Strings { .. } => true,
        ClauseGroup::One(clause) => {
            clause.binding.is_none()
                && matches!(
                    clause.pattern,
                    PatternCode::Ignore | PatternCode::Equal(Code::Scalar(_))
                )
        }
    }
}
