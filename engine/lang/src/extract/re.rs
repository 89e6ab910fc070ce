//! `re`: the named groups of a regular expression.

use regex_automata::Input;
use temblor_pdk::value::{Field, Value};

use super::Context;
use super::groups::group;
use super::names::Names;
use super::pattern::{Pattern, search};

/// A compiled regular expression and its named groups.
#[derive(Debug)]
pub(super) struct Re {
    pub(super) pattern: Pattern,
    pub(super) named: Box<[usize]>,
    pub(super) names: Names,
    /// How many groups have to be looked at to see all that have names.
    pub(super) groups: usize,
}

impl Re {
    pub(super) fn compile(text: &str) -> Result<Re, String> {
        let pattern = Pattern::compile(text)?;
        let named: Box<[usize]> = pattern.named_groups().map(|(at, _)| at).collect();
        let names = Names::new(pattern.named_groups().map(|(_, name)| name));
        let groups = named.last().map_or(1, |last| last + 1);
        Ok(Re {
            pattern,
            named,
            names,
            groups,
        })
    }

    pub(super) fn is_match(&self, input: &str) -> bool {
        self.pattern.is_match(input)
    }

    /// A record of the groups that took part.
    pub(super) fn extract<'a>(
        &self,
        input: &'a str,
        context: &mut Context<'_, 'a>,
    ) -> Option<Value<'a>> {
        let regex = self.pattern.for_input(input);
        if self.names.is_empty() {
            return regex.is_match(input).then(|| context.arena.object(&[]));
        }
        let stacks = &mut *context.stacks;
        let slots = stacks.groups.slots(self.groups);
        search(regex, &Input::new(input), slots)?;
        let (base, names) = (stacks.fields.len(), self.names.copy(context.arena));
        for (at, number) in self.named.iter().enumerate() {
            if let Some(text) = group(input, slots, *number) {
                let name = self.names.get(names, at);
                stacks.fields.push(Field::new(name, Value::from(text)));
            }
        }
        Some(stacks.record(base, context.arena))
    }
}
