//! `let`: assignments to the event, to metadata, to the state and to local variables.
//!
//! Values in the arena are never written, so an assignment copies the fields of the records on its way, and nothing
//! else. The state is assigned in place.

use temblor_pdk::value::{Field, OwnedValue, Text, Value};

use super::code::{Code, FieldCode, LetCode, LetStep, LetStepKind, LetTarget, UnassignableCode};
use super::failure;
use super::machine::{Flow, Form, Machine};
use super::owned::type_name;
use crate::ast::BinaryOp;

impl<'a> Machine<'_, 'a> {
    pub(super) fn assign(&mut self, code: &LetCode) -> Flow<Value<'a>> {
        if let LetTarget::State = code.target
            && self.append(code)?
        {
            return Ok(Value::NULL);
        }
        let value = self.eval(&code.value)?;
        self.check(value, code.steps.len(), code.span)?;
        match code.target {
            LetTarget::Event => self.assign_event(code, value)?,
            LetTarget::Meta => {
                let old = self.meta();
                self.meta = self.with_step(old, &code.steps, value, code)?;
            }
            LetTarget::State => self.assign_state(code, value)?,
            LetTarget::Local(slot) if code.steps.is_empty() => self.set_slot(slot, value),
            LetTarget::Local(slot) => {
                let Some(old) = self.slot(slot) else {
                    let span = code.path;
                    return Err(self.unset(&super::code::LocalCode { slot, span }));
                };
                let new = self.with_step(old, &code.steps, value, code)?;
                self.set_slot(slot, new);
            }
        }
        Ok(value)
    }

    pub(super) fn unassignable(&mut self, code: &UnassignableCode) -> Flow<Value<'a>> {
        self.eval(&code.value)?;
        Err(failure::unassignable(code).into())
    }

    // --- values in the arena ---

    /// The key of a step.
    fn key(&mut self, step: &LetStep, code: &LetCode) -> Flow<Key<'a>> {
        match &step.kind {
            LetStepKind::Field(_) => Ok(Key::Fixed),
            LetStepKind::Key(key) => {
                let key = self.eval(key)?;
                match key.as_str() {
                    Some(key) => Ok(Key::Computed(key)),
                    None => {
                        let span = code.span;
                        Err(failure::wrong_type_in(key, "string", step.span, span).into())
                    }
                }
            }
            LetStepKind::Element => Err(failure::no_array_assignment(step.span, code.span).into()),
        }
    }

    /// A record with a value some steps below it.
    fn with_step(
        &mut self,
        old: Value<'a>,
        steps: &[LetStep],
        value: Value<'a>,
        code: &LetCode,
    ) -> Flow<Value<'a>> {
        let Some((step, rest)) = steps.split_first() else {
            return Ok(value);
        };
        let key = self.key(step, code)?;
        let Some(record) = old.as_object() else {
            return Err(failure::wrong_type_in(old, "record", step.span, code.span).into());
        };
        let at = self.position(record, step, key);
        let below = at.and_then(|at| record.fields().get(at));
        let value = match below {
            Some(field) => self.with_step(field.value(), rest, value, code)?,
            None => self.new_records(rest, value, code)?,
        };
        let mut draft = self.memory.draft();
        draft.open(record);
        match at {
            Some(at) => draft.set_at(at, value),
            None => draft.set(self.name(step, key), value),
        }
        let record = draft.finish(self.arena);
        self.memory.give_back(draft);
        Ok(record)
    }

    /// Records that do not exist yet, one for each step.
    fn new_records(
        &mut self,
        steps: &[LetStep],
        value: Value<'a>,
        code: &LetCode,
    ) -> Flow<Value<'a>> {
        let Some((step, rest)) = steps.split_first() else {
            return Ok(value);
        };
        let key = self.key(step, code)?;
        let value = self.new_records(rest, value, code)?;
        let field = Field::new(self.name(step, key), value);
        Ok(self.arena.object(&[field]))
    }

    /// Where a step leads to in a record.
    fn position(
        &mut self,
        record: temblor_pdk::value::Object<'a>,
        step: &LetStep,
        key: Key<'a>,
    ) -> Option<usize> {
        match (&step.kind, key) {
            (_, Key::Computed(key)) => record.position(key),
            (LetStepKind::Field(field), Key::Fixed) => {
                let guess = self.memory.guesses.get_mut(field.guess)?;
                let fields = record.fields();
                if fields.get(*guess).is_some_and(|f| f.key() == &*field.key) {
                    return Some(*guess);
                }
                let at = record.position(&field.key)?;
                *guess = at;
                Some(at)
            }
            _ => None,
        }
    }

    /// The name of a field that is new.
    fn name(&self, step: &LetStep, key: Key<'a>) -> &'a str {
        match (&step.kind, key) {
            (_, Key::Computed(key)) => key,
            (LetStepKind::Field(field), Key::Fixed) => self.arena.str(&field.key),
            _ => "",
        }
    }

    // --- the event ---

    fn assign_event(&mut self, code: &LetCode, value: Value<'a>) -> Flow<()> {
        let Some((step, rest)) = code.steps.split_first() else {
            self.event = value;
            self.form = Form::Whole;
            return Ok(());
        };
        if self.frame.is_function {
            self.event = self.with_step(self.event, &code.steps, value, code)?;
            return Ok(());
        }
        let key = self.key(step, code)?;
        if self.form == Form::Whole {
            let Some(record) = self.event.as_object() else {
                let finding = failure::wrong_type_in(self.event, "record", step.span, code.span);
                return Err(finding.into());
            };
            self.memory.event.open(record);
            self.form = Form::Both;
        }
        let at = self.drafted_position(step, key);
        let below = at.and_then(|at| self.memory.event.field_at(at));
        let value = match below.map(|field| field.value()) {
            _ if rest.is_empty() => value,
            Some(old) => self.with_step(old, rest, value, code)?,
            None => self.new_records(rest, value, code)?,
        };
        match at {
            Some(at) => self.memory.event.set_at(at, value),
            None => {
                let name = self.name(step, key);
                self.memory.event.set(name, value);
            }
        }
        self.form = Form::Draft;
        Ok(())
    }

    /// Where a step leads to in the event that is under construction.
    fn drafted_position(&mut self, step: &LetStep, key: Key<'a>) -> Option<usize> {
        let field: &FieldCode = match (&step.kind, key) {
            (_, Key::Computed(key)) => return self.memory.event.position(key),
            (LetStepKind::Field(field), Key::Fixed) => field,
            _ => return None,
        };
        let guess = self.memory.guesses.get_mut(field.guess)?;
        let guessed = self.memory.event.field_at(*guess);
        if guessed.is_some_and(|guessed| guessed.key() == &*field.key) {
            return Some(*guess);
        }
        let at = self.memory.event.position(&field.key)?;
        *guess = at;
        Some(at)
    }

    // --- the state ---

    fn assign_state(&mut self, code: &LetCode, value: Value<'a>) -> Flow<()> {
        let base = self.memory.stacks.values.len();
        for (at, step) in code.steps.iter().enumerate() {
            if let Key::Computed(key) = self.key(step, code)? {
                self.memory.stacks.values.push(Value::from(key));
            }
            // What is wrong with a step is said before the next key is computed.
            if at + 1 < code.steps.len() {
                self.check_state(code, at + 1, base)?;
            }
        }
        self.check_state(code, code.steps.len(), base)?;
        let keys = self.memory.stacks.values.get(base..).unwrap_or_default();
        let mut keys = keys.iter();
        let mut place = &mut *self.state;
        for step in &code.steps {
            let OwnedValue::Object(map) = place else {
                return Ok(());
            };
            let key = step_key(step, &mut keys);
            if !map.contains_key(key) {
                let name = Text::owned(key.to_owned());
                map.insert(name, OwnedValue::Object(Box::default()));
            }
            let Some(next) = map.get_mut(key) else {
                return Ok(());
            };
            place = next;
        }
        place.assign(value);
        self.memory.stacks.values.truncate(base);
        Ok(())
    }

    /// Checks that everything on the way of so many steps, as far as it exists, is a record.
    fn check_state(&self, code: &LetCode, steps: usize, base: usize) -> Flow<()> {
        let keys = self.memory.stacks.values.get(base..).unwrap_or_default();
        let mut keys = keys.iter();
        let mut place = Some(&*self.state);
        for step in code.steps.iter().take(steps) {
            let key = step_key(step, &mut keys);
            place = match place {
                Some(OwnedValue::Object(map)) => map.get(key),
                None => None,
                Some(other) => {
                    let mut finding =
                        failure::wrong_type_name(type_name(other), "record", step.span);
                    finding.context = code.span;
                    return Err(finding.into());
                }
            };
        }
        Ok(())
    }

    /// Does `let state.xs = state.xs + [x]` without copying what is there; says whether that is what it was.
    fn append(&mut self, code: &LetCode) -> Flow<bool> {
        let Some(items) = appended(code) else {
            return Ok(false);
        };
        if !matches!(
            state_at(self.state, &code.steps),
            Some(OwnedValue::Array(_))
        ) {
            return Ok(false);
        }
        let base = self.memory.stacks.values.len();
        for item in items {
            let value = self.eval(item)?;
            self.check(value, code.steps.len() + 1, code.span)?;
            self.memory.stacks.values.push(value);
        }
        if let Some(OwnedValue::Array(array)) = state_at(self.state, &code.steps) {
            let new = self.memory.stacks.values.iter().skip(base);
            array.extend(new.map(|value| value.to_owned_value()));
        }
        self.memory.stacks.values.truncate(base);
        Ok(true)
    }
}

/// How a step of an assignment names its field.
#[derive(Clone, Copy)]
enum Key<'a> {
    /// In the code.
    Fixed,
    Computed(&'a str),
}

/// The key of a step; computed ones are taken from a list.
fn step_key<'k>(step: &'k LetStep, computed: &mut std::slice::Iter<'_, Value<'k>>) -> &'k str {
    match &step.kind {
        LetStepKind::Field(field) => &field.key,
        _ => computed
            .next()
            .and_then(|key| key.as_str())
            .unwrap_or_default(),
    }
}

/// The items that an assignment appends to the array in the state that it assigns to, if it does that.
fn appended(code: &LetCode) -> Option<&[Code]> {
    let Code::Chain { first, rest } = &code.value else {
        return None;
    };
    let [operation] = &**rest else { return None };
    let (BinaryOp::Add, Code::List(items)) = (operation.op, &operation.right) else {
        return None;
    };
    let is_same = match &**first {
        Code::State => code.steps.is_empty(),
        Code::Path(path) => {
            matches!(path.root, Code::State)
                && path.steps.len() == code.steps.len()
                && path.steps.iter().zip(&code.steps).all(|(read, assigned)| {
                    match (&read.kind, &assigned.kind) {
                        (super::code::StepKind::Field(read), LetStepKind::Field(assigned)) => {
                            read.key == assigned.key
                        }
                        _ => false,
                    }
                })
        }
        _ => false,
    };
    (is_same && code.is_statement).then_some(items)
}

/// What lies in the state at the end of some steps that are all fields.
fn state_at<'s>(state: &'s mut OwnedValue, steps: &[LetStep]) -> Option<&'s mut OwnedValue> {
    let mut place = state;
    for step in steps {
        let (LetStepKind::Field(field), OwnedValue::Object(map)) = (&step.kind, place) else {
            return None;
        };
        place = map.get_mut(&*field.key)?;
    }
    Some(place)
}
