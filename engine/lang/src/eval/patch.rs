//! `patch` and `merge`.

use temblor_pdk::value::{Draft, Object, Value};

use super::code::{Code, MergeCode, PatchCode, PatchCodeKind, PatchOperationCode};
use super::failure;
use super::machine::{Flow, Machine};
use super::memory::Memory;
use crate::span::Span;
use temblor_pdk::value::Arena;

impl<'a> Machine<'_, 'a> {
    pub(super) fn merge(&mut self, code: &MergeCode) -> Flow<Value<'a>> {
        let target = self.record_of(&code.target, code.span)?;
        let changes = self.record_of(&code.changes, code.span)?;
        Ok(merged(
            target,
            changes,
            Over::Replaces,
            self.arena,
            self.memory,
        ))
    }

    /// Evaluates what has to be a record.
    fn record_of(&mut self, (code, span): &(Code, Span), context: Span) -> Flow<Object<'a>> {
        let value = self.eval(code)?;
        match value.as_object() {
            Some(record) => Ok(record),
            None => Err(failure::wrong_type_in(value, "record", *span, context).into()),
        }
    }

    pub(super) fn patch(&mut self, code: &PatchCode) -> Flow<Value<'a>> {
        let record = self.record_of(&code.target, code.span)?;
        let base = self.memory.stacks.values.len();
        for operation in &code.operations {
            self.prepare(&operation.kind)?;
        }
        let mut draft = self.memory.draft();
        draft.open(record);
        let result = self.apply_all(code, base, &mut draft);
        let record = draft.finish(self.arena);
        self.memory.give_back(draft);
        self.memory.stacks.values.truncate(base);
        result.map(|()| record)
    }

    /// Evaluates the keys and values of an operation onto the stack, two for each operation. Nothing was changed yet,
    /// so none of them sees a change.
    fn prepare(&mut self, kind: &PatchCodeKind) -> Flow<()> {
        let (first, second) = match kind {
            PatchCodeKind::Insert { key, value }
            | PatchCodeKind::Update { key, value }
            | PatchCodeKind::Upsert { key, value }
            | PatchCodeKind::Merge { key, value } => (Some(key), Some(value)),
            PatchCodeKind::Move { from, to } | PatchCodeKind::Copy { from, to } => {
                (Some(from), Some(to))
            }
            PatchCodeKind::MergeAll { value } => (None, Some(value)),
            // The values of defaults wait for their turn.
            PatchCodeKind::Erase { key } | PatchCodeKind::Default { key, .. } => (Some(key), None),
            PatchCodeKind::DefaultAll { .. } => (None, None),
        };
        for part in [first, second] {
            let value = match part {
                Some(code) => self.eval(code)?,
                None => Value::NULL,
            };
            self.memory.stacks.values.push(value);
        }
        Ok(())
    }

    fn apply_all(&mut self, code: &PatchCode, base: usize, draft: &mut Draft<'a>) -> Flow<()> {
        for (at, operation) in code.operations.iter().enumerate() {
            let prepared = |place| {
                let value = self.memory.stacks.values.get(base + 2 * at + place);
                value.copied().unwrap_or_default()
            };
            let (first, second) = (prepared(0), prepared(1));
            self.apply(operation, first, second, code.span, draft)?;
        }
        Ok(())
    }

    fn apply(
        &mut self,
        operation: &PatchOperationCode,
        first: Value<'a>,
        second: Value<'a>,
        context: Span,
        draft: &mut Draft<'a>,
    ) -> Flow<()> {
        let span = operation.span;
        let key = first.as_str().unwrap_or_default();
        match &operation.kind {
            PatchCodeKind::Insert { .. } => {
                if !draft.insert(key, second) {
                    return Err(failure::key_exists(key, span, context).into());
                }
            }
            PatchCodeKind::Update { .. } => match draft.position(key) {
                Some(at) => draft.set_at(at, second),
                None => return Err(failure::no_key(key, draft, span, context).into()),
            },
            PatchCodeKind::Upsert { .. } => draft.set(key, second),
            PatchCodeKind::Erase { .. } => {
                draft.remove(key);
            }
            PatchCodeKind::Move { .. } => {
                let to = second.as_str().unwrap_or_default();
                let moved = match draft.remove(key) {
                    Some(_) if key == to => false,
                    Some(value) => draft.insert(to, value),
                    None => draft.position(to).is_none(),
                };
                if !moved {
                    return Err(failure::name_taken(to, span, context).into());
                }
            }
            PatchCodeKind::Copy { .. } => {
                let to = second.as_str().unwrap_or_default();
                let inserted = match draft.get(key) {
                    Some(value) => draft.insert(to, value),
                    None => draft.position(to).is_none(),
                };
                if !inserted {
                    return Err(failure::name_taken(to, span, context).into());
                }
            }
            PatchCodeKind::Merge { .. } => self.merge_key(key, second, draft, span, context)?,
            PatchCodeKind::MergeAll { .. } => match second.as_object() {
                Some(changes) => {
                    merge_into(draft, changes, Over::Replaces, self.arena, self.memory);
                }
                None => return Err(failure::merge_conflict(None, second, span, context).into()),
            },
            PatchCodeKind::Default { value, .. } => {
                if draft.position(key).is_none() {
                    let value = self.eval(value)?;
                    draft.set(key, value);
                }
            }
            PatchCodeKind::DefaultAll { value } => {
                let value = self.eval(value)?;
                match value.as_object() {
                    Some(defaults) => {
                        merge_into(draft, defaults, Over::Stays, self.arena, self.memory);
                    }
                    None => {
                        let finding = failure::wrong_type_in(value, "record", span, context);
                        return Err(finding.into());
                    }
                }
            }
        }
        Ok(())
    }

    fn merge_key(
        &mut self,
        key: &'a str,
        value: Value<'a>,
        draft: &mut Draft<'a>,
        span: Span,
        context: Span,
    ) -> Flow<()> {
        let Some(old) = draft.get(key) else {
            draft.set(key, value);
            return Ok(());
        };
        match (old.as_object(), value.as_object()) {
            (Some(target), Some(changes)) => {
                let over = Over::Replaces;
                let new = merged(target, changes, over, self.arena, self.memory);
                draft.set(key, new);
                Ok(())
            }
            _ => Err(failure::merge_conflict(Some(key), old, span, context).into()),
        }
    }
}

/// What happens to a field that is there, unless both it and the change are records.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Over {
    Replaces,
    Stays,
}

/// A record with changes. Depth is bounded, since that of all values is.
fn merged<'a>(
    target: Object<'a>,
    changes: Object<'a>,
    over: Over,
    arena: &'a Arena,
    memory: &mut Memory<'a>,
) -> Value<'a> {
    let mut draft = memory.draft();
    draft.open(target);
    merge_into(&mut draft, changes, over, arena, memory);
    let result = draft.finish(arena);
    memory.give_back(draft);
    result
}

fn merge_into<'a>(
    draft: &mut Draft<'a>,
    changes: Object<'a>,
    over: Over,
    arena: &'a Arena,
    memory: &mut Memory<'a>,
) {
    for (key, change) in changes.iter() {
        let Some(at) = draft.position(key) else {
            draft.set(key, change);
            continue;
        };
        let old = draft.field_at(at).map(|field| field.value());
        match (old.and_then(Value::as_object), change.as_object()) {
            (Some(target), Some(changes)) => {
                let new = merged(target, changes, over, arena, memory);
                draft.set_at(at, new);
            }
            _ if over == Over::Replaces => draft.set_at(at, change),
            _ => {}
        }
    }
}
