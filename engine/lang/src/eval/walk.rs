//! Following paths.

use temblor_pdk::value::{OwnedValue, Value};

use super::code::{Code, Constant, FieldCode, LocalCode, PathCode, StepCode, StepKind};
use super::failure;
use super::machine::{Flow, Form, Machine, Stop};
use super::owned;
use super::path::{self, Bound, Missed, Place, RootName, Step};

/// A root whose value is not in the arena. What a path leads to is copied there, and nothing else.
#[derive(Clone, Copy)]
enum Owned {
    State,
    Constant(usize),
}

impl<'m, 'a> Machine<'m, 'a> {
    pub(super) fn path(&mut self, path: &PathCode) -> Flow<Value<'a>> {
        match self.walk(path, true) {
            Ok(value) => Ok(value),
            Err(missed) => Err(self.missed(missed, path)),
        }
    }

    #[cold]
    fn missed(&self, missed: Missed<'_>, path: &PathCode) -> Stop {
        match missed {
            Missed::Unset(local) => self.unset(local),
            missed => missed.stop(path.span),
        }
    }

    pub(super) fn present(&mut self, path: &PathCode, negated: bool) -> Flow<Value<'a>> {
        match self.walk(path, false) {
            Ok(_) => Ok(Value::from(!negated)),
            Err(missed @ (Missed::Error(_) | Missed::Stop(_))) => Err(missed.stop(path.span)),
            Err(_) => Ok(Value::from(negated)),
        }
    }

    // --- local variables ---

    pub(super) fn slot(&self, slot: usize) -> Option<Value<'a>> {
        let slot = self.memory.locals.get(self.frame.base + slot);
        slot.copied().flatten()
    }

    pub(super) fn set_slot(&mut self, slot: usize, value: Value<'a>) {
        let slot = self.frame.base + slot;
        // A script or a function has room for its variables; an expression of a select, which has some in patterns
        // only, gets it here.
        if slot >= self.memory.locals.len() {
            self.memory.locals.resize(slot + 1, None);
        }
        if let Some(slot) = self.memory.locals.get_mut(slot) {
            *slot = Some(value);
        }
    }

    pub(super) fn local(&self, local: &LocalCode) -> Flow<Value<'a>> {
        match self.slot(local.slot) {
            Some(value) => Ok(value),
            None => Err(self.unset(local)),
        }
    }

    #[cold]
    pub(super) fn unset(&self, local: &LocalCode) -> Stop {
        let names = self.frame.names.iter().map(|name| &**name);
        let name = names.clone().nth(local.slot).unwrap_or_default();
        let set = names
            .enumerate()
            .filter(|(slot, _)| self.slot(*slot).is_some())
            .map(|(_, name)| name);
        failure::unset(local, name, set).into()
    }

    // --- steps ---

    /// Follows a path. Where the value is not wanted, whatever is returned says only that there is one.
    fn walk<'c>(&mut self, path: &'c PathCode, is_wanted: bool) -> Step<'a, 'c>
    where
        'a: 'c,
    {
        let mut steps = &*path.steps;
        let mut value = match &path.root {
            Code::Event if self.form == Form::Draft => {
                if let [first, rest @ ..] = steps
                    && let StepKind::Field(field) = &first.kind
                {
                    steps = rest;
                    self.drafted(field, place(path, first))?
                } else {
                    self.event()
                }
            }
            Code::Event => self.event,
            Code::Local(local) => match self.slot(local.slot) {
                Some(value) => value,
                None => return Err(Missed::Unset(local)),
            },
            Code::Meta if self.meta.is_null() && !self.frame.is_function => {
                return self.without_meta(path);
            }
            Code::Meta => self.meta,
            Code::State => return self.owned(Owned::State, path, is_wanted),
            Code::Constant(id) => match self.constant_path(*id, path, is_wanted) {
                Some(value) => return Ok(value),
                None => self.constant(*id),
            },
            root => self.nested(root).map_err(Missed::Stop)?,
        };
        for step in steps {
            value = self.step(value, step, place(path, step))?;
        }
        Ok(value)
    }

    fn step<'c>(&mut self, base: Value<'a>, step: &'c StepCode, place: Place) -> Step<'a, 'c>
    where
        'a: 'c,
    {
        match &step.kind {
            StepKind::Field(field) => self.field(base, field, place),
            StepKind::Position(index) => path::position(base, *index, step.span),
            StepKind::Index(code) => {
                let index = self.index(code)?;
                path::index(base, index, place)
            }
            StepKind::Range { from, to } => {
                let from = Bound {
                    value: self.index(&from.0)?,
                    span: from.1,
                };
                let to = Bound {
                    value: self.index(&to.0)?,
                    span: to.1,
                };
                path::range(base, from, to, step.span, self.arena)
            }
        }
    }

    fn index<'c>(&mut self, code: &Code) -> Step<'a, 'c> {
        match code {
            Code::Path(_) => self.nested(code).map_err(Missed::Stop),
            code => self.eval(code).map_err(Missed::Stop),
        }
    }

    #[inline]
    fn field<'c>(&mut self, base: Value<'a>, field: &'c FieldCode, place: Place) -> Step<'a, 'c>
    where
        'a: 'c,
    {
        match self.find(base, field) {
            Some(value) => Ok(value),
            None => path::field(base, &field.key, place),
        }
    }

    /// The field of a record, looked for first where it was last.
    #[inline]
    pub(super) fn find(&mut self, base: Value<'a>, field: &FieldCode) -> Option<Value<'a>> {
        let record = base.as_object()?;
        let fields = record.fields();
        let guess = self.memory.guesses.get_mut(field.guess)?;
        if let Some(guessed) = fields.get(*guess)
            && guessed.key() == &*field.key
        {
            return Some(guessed.value());
        }
        let at = record.position(&field.key)?;
        *guess = at;
        fields.get(at).map(|field| field.value())
    }

    /// A field of the event that is under construction.
    fn drafted<'c>(&mut self, field: &'c FieldCode, place: Place) -> Step<'a, 'c>
    where
        'a: 'c,
    {
        let guess = self.memory.guesses.get(field.guess).copied();
        if let Some(guessed) = guess.and_then(|at| self.memory.event.field_at(at))
            && guessed.key() == &*field.key
        {
            return Ok(guessed.value());
        }
        match self.memory.event.get(&field.key) {
            Some(value) => Ok(value),
            None => path::field(self.event(), &field.key, place),
        }
    }

    /// A path into metadata that there is none of.
    fn without_meta<'c>(&mut self, path: &'c PathCode) -> Step<'a, 'c>
    where
        'a: 'c,
    {
        let mut value = self.meta();
        for step in &path.steps {
            value = self.step(value, step, place(path, step))?;
        }
        Ok(value)
    }

    // --- roots that are not in the arena ---

    /// A path from a constant; none if it leads nowhere, or the whole constant is in the arena already.
    fn constant_path(&mut self, id: usize, path: &PathCode, is_wanted: bool) -> Option<Value<'a>> {
        if matches!(self.memory.bound.get(id), Some(Some(_))) {
            return None;
        }
        self.owned(Owned::Constant(id), path, is_wanted).ok()
    }

    fn owned<'c>(&mut self, root: Owned, path: &'c PathCode, is_wanted: bool) -> Step<'a, 'c>
    where
        'a: 'c,
    {
        let base = self.memory.stacks.values.len();
        let result = self.owned_steps(root, path, base, is_wanted);
        self.memory.stacks.values.truncate(base);
        result
    }

    /// Computes the indices of a path, then follows it.
    fn owned_steps<'c>(
        &mut self,
        root: Owned,
        path: &'c PathCode,
        base: usize,
        is_wanted: bool,
    ) -> Step<'a, 'c>
    where
        'a: 'c,
    {
        let mut behind = path.steps.iter();
        let mut before = 0;
        while let Some(step) = behind.next() {
            match &step.kind {
                StepKind::Field(_) | StepKind::Position(_) => {}
                // What is before an index has to exist before the index is computed.
                StepKind::Index(code) => {
                    self.look(root, path, before, base)?;
                    let index = self.index(code)?;
                    self.memory.stacks.values.push(index);
                }
                StepKind::Range { .. } => {
                    let found = self.look(root, path, before, base)?;
                    let mut value = self.arena.value(found);
                    value = self.step(value, step, place(path, step))?;
                    for step in behind.by_ref() {
                        value = self.step(value, step, place(path, step))?;
                    }
                    return Ok(value);
                }
            }
            before += 1;
        }
        let found = self.look(root, path, before, base)?;
        Ok(if is_wanted {
            self.arena.value(found)
        } else {
            Value::NULL
        })
    }

    /// Follows the first steps of a path, whose computed indices lie on the stack.
    fn look<'c>(
        &self,
        root: Owned,
        path: &'c PathCode,
        steps: usize,
        base: usize,
    ) -> Result<&OwnedValue, Missed<'c>>
    where
        'a: 'c,
    {
        let mut value = match root {
            Owned::State => &*self.state,
            Owned::Constant(id) => match self.pool.constants.get(id) {
                Some(Constant::Other(constant)) => constant,
                _ => &OwnedValue::Null,
            },
        };
        let mut indices = self.memory.stacks.values.iter().skip(base);
        for step in path.steps.iter().take(steps) {
            let place = Place {
                root: RootName::State,
                span: step.span,
            };
            value = match &step.kind {
                StepKind::Field(field) => owned::field(value, &field.key, place)?,
                StepKind::Position(index) => owned::position(value, *index, step.span)?,
                StepKind::Index(_) => {
                    let index = indices.next().copied().unwrap_or_default();
                    owned::index(value, index, place)?
                }
                StepKind::Range { .. } => value,
            };
        }
        Ok(value)
    }
}

fn place(path: &PathCode, step: &StepCode) -> Place {
    Place {
        root: path.name,
        span: step.span,
    }
}
