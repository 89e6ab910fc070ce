//! Patterns: whether they match, and what a binding of them receives.

use temblor_pdk::value::{Field, Value};

use super::code::{FieldTestCode, FieldTestCodeKind, PatternCode};
use super::failure;
use super::machine::{Flow, Machine};
use super::ops;
use crate::extract::{Context, Extractor};
use crate::span::Span;

impl<'a> Machine<'_, 'a> {
    /// Whether a pattern matches, where nothing is bound. The span is that of the whole match.
    pub(super) fn matches(
        &mut self,
        pattern: &PatternCode,
        target: Value<'a>,
        span: Span,
    ) -> Flow<bool> {
        match pattern {
            PatternCode::Ignore => Ok(true),
            PatternCode::Equal(code) => {
                if let Some(text) = self.constant_text(code) {
                    return Ok(ops::equal(target, Value::from(text)));
                }
                let value = self.eval(code)?;
                Ok(ops::equal(target, value))
            }
            PatternCode::Extract(extractor) => Ok(self.is_match(extractor, target)),
            PatternCode::Record(tests) => self.matches_record(tests, target, span),
            PatternCode::Array(patterns) => {
                let Some(items) = target.as_array() else {
                    return Ok(false);
                };
                for pattern in patterns {
                    if !self.matches_any(pattern, items.as_slice(), span)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            PatternCode::Tuple { elements, is_open } => {
                let Some(items) = tuple(target, elements.len(), *is_open) else {
                    return Ok(false);
                };
                for (pattern, item) in elements.iter().zip(items) {
                    if !self.matches(pattern, *item, span)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            PatternCode::Nested(matching) => Err(failure::bound_twice(*matching).into()),
            PatternCode::Params(_) => Err(failure::internal(span).into()),
        }
    }

    fn matches_any(
        &mut self,
        pattern: &PatternCode,
        items: &[Value<'a>],
        span: Span,
    ) -> Flow<bool> {
        for item in items {
            if self.matches(pattern, *item, span)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn matches_record(
        &mut self,
        tests: &[FieldTestCode],
        target: Value<'a>,
        span: Span,
    ) -> Flow<bool> {
        if target.as_object().is_none() {
            return Ok(false);
        }
        for test in tests {
            let value = self.find(target, &test.field);
            let matches = match (&test.kind, value) {
                (FieldTestCodeKind::Matches(pattern), Some(value)) => {
                    self.matches(pattern, value, span)?
                }
                _ => self.tests(test, value, span)?,
            };
            if !matches {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// A test that contributes nothing but a yes or no. The value is none if there is no such field.
    fn tests(&mut self, test: &FieldTestCode, value: Option<Value<'a>>, span: Span) -> Flow<bool> {
        match (&test.kind, value) {
            (FieldTestCodeKind::Absent, value) => Ok(value.is_none()),
            (_, None) => Ok(false),
            (FieldTestCodeKind::Compare(op, code), Some(value)) => {
                let right = match self.constant_text(code) {
                    Some(text) => Value::from(text),
                    None => self.eval(code)?,
                };
                Ok(ops::compare(*op, value, right, span)?)
            }
            (FieldTestCodeKind::Present | FieldTestCodeKind::Matches(_), Some(_)) => Ok(true),
        }
    }

    /// What a binding of a pattern receives; none if the pattern does not match.
    pub(super) fn capture(
        &mut self,
        pattern: &PatternCode,
        target: Value<'a>,
        span: Span,
    ) -> Flow<Option<Value<'a>>> {
        match pattern {
            PatternCode::Ignore => Ok(Some(target)),
            PatternCode::Equal(code) => {
                let value = self.eval(code)?;
                Ok(ops::equal(target, value).then_some(value))
            }
            PatternCode::Extract(extractor) => Ok(self.extract(extractor, target)),
            PatternCode::Record(tests) => self.capture_record(tests, target, span),
            PatternCode::Array(patterns) => self.capture_array(patterns, target, span),
            PatternCode::Tuple { elements, is_open } => {
                let Some(items) = tuple(target, elements.len(), *is_open) else {
                    return Ok(None);
                };
                let base = self.memory.stacks.values.len();
                for (pattern, item) in elements.iter().zip(items) {
                    match self.capture(pattern, *item, span)? {
                        Some(value) => self.memory.stacks.values.push(value),
                        None => {
                            self.memory.stacks.values.truncate(base);
                            return Ok(None);
                        }
                    }
                }
                Ok(Some(self.memory.stacks.array(base, self.arena)))
            }
            PatternCode::Nested(matching) => Err(failure::bound_twice(*matching).into()),
            PatternCode::Params(_) => Err(failure::internal(span).into()),
        }
    }

    fn capture_record(
        &mut self,
        tests: &[FieldTestCode],
        target: Value<'a>,
        span: Span,
    ) -> Flow<Option<Value<'a>>> {
        let Some(record) = target.as_object() else {
            return Ok(None);
        };
        let base = self.memory.stacks.fields.len();
        for test in tests {
            let value = self.find(target, &test.field);
            let captured = match (&test.kind, value) {
                (FieldTestCodeKind::Present, value) => value,
                (FieldTestCodeKind::Matches(pattern), Some(value)) => {
                    self.capture(pattern, value, span)?
                }
                _ if self.tests(test, value, span)? => continue,
                _ => None,
            };
            let Some(value) = captured else {
                self.memory.stacks.fields.truncate(base);
                return Ok(None);
            };
            let at = record.position(&test.field.key);
            if let Some(field) = at.and_then(|at| record.fields().get(at)) {
                self.memory
                    .stacks
                    .fields
                    .push(Field::new(field.key(), value));
            }
        }
        // Of several tests of one key the last wins.
        Ok(Some(self.memory.stacks.record(base, self.arena)))
    }

    /// Collects a pair of index and value for each item that matches a pattern; `_` contributes nothing.
    fn capture_array(
        &mut self,
        patterns: &[PatternCode],
        target: Value<'a>,
        span: Span,
    ) -> Flow<Option<Value<'a>>> {
        let Some(items) = target.as_array() else {
            return Ok(None);
        };
        let base = self.memory.stacks.values.len();
        for pattern in patterns {
            let mut is_found = matches!(pattern, PatternCode::Ignore) && !items.is_empty();
            for (at, item) in items.iter().enumerate() {
                if is_found && matches!(pattern, PatternCode::Ignore) {
                    break;
                }
                if let Some(value) = self.capture(pattern, item, span)? {
                    let pair = self.arena.array(&[Value::from(at), value]);
                    self.memory.stacks.values.push(pair);
                    is_found = true;
                }
            }
            if !is_found {
                self.memory.stacks.values.truncate(base);
                return Ok(None);
            }
        }
        Ok(Some(self.memory.stacks.array(base, self.arena)))
    }

    // --- extractors ---

    fn is_match(&mut self, extractor: &Extractor, target: Value<'a>) -> bool {
        let Some(text) = target.as_str() else {
            return false;
        };
        extractor.is_match(text, &mut self.context())
    }

    fn extract(&mut self, extractor: &Extractor, target: Value<'a>) -> Option<Value<'a>> {
        let text = target.as_str()?;
        extractor.extract(text, &mut self.context())
    }

    fn context(&mut self) -> Context<'_, 'a> {
        Context {
            arena: self.arena,
            ingest_ns: self.ingest_ns,
            stacks: &mut self.memory.stacks,
        }
    }
}

/// The items of an array that a tuple pattern of so many elements is compared with; none if it cannot match.
fn tuple<'a>(target: Value<'a>, elements: usize, is_open: bool) -> Option<&'a [Value<'a>]> {
    let items = target.as_array()?.as_slice();
    let fits = items.len() == elements || (is_open && items.len() > elements);
    fits.then_some(items)
}
