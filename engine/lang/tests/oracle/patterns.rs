//! Patterns.

use temblor_lang::Code;

use crate::machine::{Eval, Machine};
use crate::operators;
use crate::tree::{Binary, Pattern, Test};
use crate::value::{Record, Val};

impl Machine<'_> {
    /// What a clause binds if its pattern matches; none if it does not.
    pub(crate) fn clause(
        &mut self,
        pattern: &Pattern,
        target: &Val,
    ) -> Eval<Option<Option<(&'static str, Val)>>> {
        match pattern {
            Pattern::Bind(name, inner) => {
                let captured = self.capture(inner, target)?;
                Ok(captured.map(|value| Some((*name, value))))
            }
            _ => Ok(self.matches(pattern, target)?.then_some(None)),
        }
    }

    fn matches(&mut self, pattern: &Pattern, target: &Val) -> Eval<bool> {
        match (pattern, target) {
            (Pattern::Ignore, _) => Ok(true),
            (Pattern::Expr(inner), _) => Ok(target.equals(&self.eval(inner)?)),
            (Pattern::Record(tests), Val::Record(record)) => {
                for (field, test) in tests {
                    if !self.holds_test(record.get(field), test)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            (Pattern::Array(elements), Val::List(items)) => {
                for element in elements {
                    let mut is_found = false;
                    for item in items {
                        is_found = is_found || self.matches(element, item)?;
                    }
                    if !is_found {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            (Pattern::Tuple { elements, is_open }, Val::List(items)) => {
                if !fits(elements.len(), items.len(), *is_open) {
                    return Ok(false);
                }
                for (element, item) in elements.iter().zip(items) {
                    if !self.matches(element, item)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            (Pattern::Bind(..), _) => Err(Code::Internal.into()),
            _ => Ok(false),
        }
    }

    fn holds_test(&mut self, found: Option<&Val>, test: &Test) -> Eval<bool> {
        match (test, found) {
            (Test::Absent, found) => Ok(found.is_none()),
            (_, None) => Ok(false),
            (Test::Present, Some(_)) => Ok(true),
            (Test::Matches(inner), Some(value)) => self.matches(inner, value),
            (Test::Compare(op, right), Some(value)) => {
                let right = self.eval(right)?;
                Ok(compared(*op, value, &right)?)
            }
        }
    }

    /// What a binding of a pattern gets.
    pub(crate) fn capture(&mut self, pattern: &Pattern, target: &Val) -> Eval<Option<Val>> {
        match (pattern, target) {
            (Pattern::Ignore, _) => Ok(Some(target.clone())),
            (Pattern::Expr(inner), _) => {
                let value = self.eval(inner)?;
                Ok(target.equals(&value).then_some(value))
            }
            (Pattern::Record(tests), Val::Record(record)) => {
                let mut captured = Record::default();
                for (field, test) in tests {
                    let found = record.get(field);
                    let value = match (test, found) {
                        (Test::Matches(inner), Some(value)) => self.capture(inner, value)?,
                        (Test::Present, found) => found.cloned(),
                        _ if self.holds_test(found, test)? => continue,
                        _ => None,
                    };
                    match value {
                        Some(value) => captured.set(field, value),
                        None => return Ok(None),
                    }
                }
                Ok(Some(Val::Record(captured)))
            }
            (Pattern::Array(elements), Val::List(items)) => self.capture_array(elements, items),
            (Pattern::Tuple { elements, is_open }, Val::List(items)) => {
                if !fits(elements.len(), items.len(), *is_open) {
                    return Ok(None);
                }
                let mut captured = Vec::new();
                for (element, item) in elements.iter().zip(items) {
                    match self.capture(element, item)? {
                        Some(value) => captured.push(value),
                        None => return Ok(None),
                    }
                }
                Ok(Some(Val::List(captured)))
            }
            (Pattern::Bind(..), _) => Err(Code::Internal.into()),
            _ => Ok(None),
        }
    }

    /// A pair of place and value for every item that matches an element.
    fn capture_array(&mut self, elements: &[Pattern], items: &[Val]) -> Eval<Option<Val>> {
        let mut pairs = Vec::new();
        for element in elements {
            let mut is_found = false;
            for (at, item) in items.iter().enumerate() {
                if let Some(value) = self.capture(element, item)? {
                    is_found = true;
                    if !matches!(element, Pattern::Ignore) {
                        pairs.push(Val::List(vec![Val::Int(at as i128), value]));
                    }
                }
            }
            if !is_found {
                return Ok(None);
            }
        }
        Ok(Some(Val::List(pairs)))
    }
}

fn fits(wanted: usize, found: usize, is_open: bool) -> bool {
    found == wanted || (is_open && found > wanted)
}

fn compared(op: Binary, left: &Val, right: &Val) -> Result<bool, Code> {
    match operators::binary(op, left, right)? {
        Val::Bool(value) => Ok(value),
        _ => Err(Code::Operation),
    }
}
