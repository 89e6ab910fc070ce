//! `rerg`: the named groups of a regular expression over all its matches.

use regex_automata::Input;
use regex_automata::util::iter::Searcher;
use temblor_pdk::value::{Arena, Field, Value};

use super::Context;
use super::groups::group;
use super::pattern::search;
use super::re::Re;

/// A compiled regular expression and its named groups.
#[derive(Debug)]
pub(super) struct Rerg(Re);

impl Rerg {
    pub(super) fn compile(text: &str) -> Result<Rerg, String> {
        Re::compile(text).map(Rerg)
    }

    pub(super) fn is_match(&self, input: &str) -> bool {
        self.0.is_match(input)
    }

    /// A record with an array for each group that took part at least once; empty where nothing is found.
    pub(super) fn extract<'a>(&self, input: &'a str, context: &mut Context<'_, 'a>) -> Value<'a> {
        let (re, arena) = (&self.0, context.arena);
        let regex = re.pattern.for_input(input);
        let stacks = &mut *context.stacks;
        let slots = stacks.groups.slots(re.groups);
        let base = stacks.values.len();
        let mut searcher = Searcher::new(Input::new(input));
        // One row of values for each match: the groups in their order, null for those that took no part.
        while !re.names.is_empty()
            && searcher
                .advance(|rest| Ok(search(regex, rest, slots)))
                .is_some()
        {
            let row = re.named.iter().map(|number| group(input, slots, *number));
            let row = row.map(|text| text.map_or(Value::NULL, Value::from));
            stacks.values.extend(row);
        }
        let found = stacks.values.get(base..).unwrap_or_default();
        let first_field = stacks.fields.len();
        let names = if found.is_empty() {
            ""
        } else {
            re.names.copy(arena)
        };
        for at in 0..re.named.len() {
            if let Some(column) = column(found, at, re.named.len(), arena) {
                stacks
                    .fields
                    .push(Field::new(re.names.get(names, at), column));
            }
        }
        stacks.values.truncate(base);
        stacks.record(first_field, arena)
    }
}

/// What a group found, over all rows.
fn column<'a>(rows: &[Value<'a>], at: usize, width: usize, arena: &'a Arena) -> Option<Value<'a>> {
    let found = || rows.iter().skip(at).step_by(width).copied();
    let found = || found().filter(|value| !value.is_null());
    let count = found().count();
    if count == 0 {
        return None;
    }
    let next = |found: &mut _| Iterator::next(found).unwrap_or_default();
    Some(arena.array_of(count, &mut found(), next, |_| None))
}
