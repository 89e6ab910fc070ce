//! `merge` and `patch`.

use temblor_lang::Code;

use crate::machine::{Eval, Machine};
use crate::tree::{Edit, Expr};
use crate::value::{Record, Val};

/// An operation of a patch whose key and value are known, except for the value of a default.
enum Ready<'e> {
    Insert(String, Val),
    Update(String, Val),
    Upsert(String, Val),
    Erase(String),
    Move(String, String),
    Copy(String, String),
    Merge(String, Val),
    MergeAll(Val),
    Default(String, &'e Expr),
    DefaultAll(&'e Expr),
}

impl Machine<'_> {
    pub(crate) fn merge(&mut self, target: &Expr, changes: &Expr) -> Eval<Val> {
        let mut target = self.must_be_record(target)?;
        let changes = self.must_be_record(changes)?;
        merge_into(&mut target, &changes);
        Ok(Val::Record(target))
    }

    fn must_be_record(&mut self, expr: &Expr) -> Eval<Record> {
        match self.eval(expr)? {
            Val::Record(record) => Ok(record),
            _ => Err(Code::Type.into()),
        }
    }

    pub(crate) fn patch(&mut self, target: &Expr, edits: &[Edit]) -> Eval<Val> {
        let mut copy = self.must_be_record(target)?;
        let edits: Eval<Vec<Ready<'_>>> = edits.iter().map(|edit| self.ready(edit)).collect();
        // The order of fields is left open. The engine keeps the places of fields that go and come back.
        let mut order: Vec<String> = Vec::new();
        for edit in edits? {
            order.extend(copy.0.iter().map(|(key, _)| key.clone()));
            self.edit(&mut copy, edit)?;
        }
        order.extend(copy.0.iter().map(|(key, _)| key.clone()));
        copy.0
            .sort_by_key(|(key, _)| order.iter().position(|other| other == key));
        Ok(Val::Record(copy))
    }

    fn ready<'e>(&mut self, edit: &'e Edit) -> Eval<Ready<'e>> {
        Ok(match edit {
            Edit::Insert(key, value) => Ready::Insert(self.text(key)?, self.eval(value)?),
            Edit::Update(key, value) => Ready::Update(self.text(key)?, self.eval(value)?),
            Edit::Upsert(key, value) => Ready::Upsert(self.text(key)?, self.eval(value)?),
            Edit::Erase(key) => Ready::Erase(self.text(key)?),
            Edit::Move(from, to) => Ready::Move(self.text(from)?, self.text(to)?),
            Edit::Copy(from, to) => Ready::Copy(self.text(from)?, self.text(to)?),
            Edit::Merge(key, value) => Ready::Merge(self.text(key)?, self.eval(value)?),
            Edit::MergeAll(value) => Ready::MergeAll(self.eval(value)?),
            Edit::Default(key, value) => Ready::Default(self.text(key)?, value),
            Edit::DefaultAll(value) => Ready::DefaultAll(value),
        })
    }

    fn edit(&mut self, copy: &mut Record, edit: Ready<'_>) -> Eval<()> {
        match edit {
            Ready::Insert(key, value) => {
                must_be_new(copy, &key)?;
                copy.set(&key, value);
            }
            Ready::Update(key, value) => match copy.get_mut(&key) {
                Some(place) => *place = value,
                None => return Err(Code::MissingKey.into()),
            },
            Ready::Upsert(key, value) => copy.set(&key, value),
            Ready::Erase(key) => {
                copy.remove(&key);
            }
            Ready::Move(from, to) => {
                must_be_new(copy, &to)?;
                if let Some(value) = copy.remove(&from) {
                    copy.set(&to, value);
                }
            }
            Ready::Copy(from, to) => {
                must_be_new(copy, &to)?;
                if let Some(value) = copy.get(&from).cloned() {
                    copy.set(&to, value);
                }
            }
            Ready::Merge(key, value) => match (copy.get_mut(&key), value) {
                (None, value) => copy.set(&key, value),
                (Some(Val::Record(old)), Val::Record(changes)) => merge_into(old, &changes),
                _ => return Err(Code::Type.into()),
            },
            Ready::MergeAll(Val::Record(changes)) => merge_into(copy, &changes),
            Ready::MergeAll(_) => return Err(Code::Type.into()),
            Ready::Default(key, value) => {
                if copy.get(&key).is_none() {
                    let value = self.eval(value)?;
                    copy.set(&key, value);
                }
            }
            Ready::DefaultAll(value) => {
                let defaults = self.must_be_record(value)?;
                default_into(copy, &defaults);
            }
        }
        Ok(())
    }
}

fn must_be_new(record: &Record, key: &str) -> Eval<()> {
    match record.get(key) {
        Some(_) => Err(Code::KeyExists.into()),
        None => Ok(()),
    }
}

fn merge_into(target: &mut Record, changes: &Record) {
    for (key, change) in &changes.0 {
        match (target.get_mut(key), change) {
            (Some(Val::Record(old)), Val::Record(changes)) => merge_into(old, changes),
            _ => target.set(key, change.clone()),
        }
    }
}

fn default_into(target: &mut Record, defaults: &Record) {
    for (key, default) in &defaults.0 {
        match (target.get_mut(key), default) {
            (Some(Val::Record(old)), Val::Record(defaults)) => default_into(old, defaults),
            (Some(_), _) => {}
            (None, _) => target.set(key, default.clone()),
        }
    }
}
