//! `grok`: regular expressions with named parts from a library, as logstash has them.
//!
//! References like `%{IP:client}` are replaced by what the library says (`expand`); the result, a regular expression
//! in the syntax of Oniguruma, is translated to the one of the `regex` crate (`translate`), which matches in linear
//! time. Conditions on what stands before or behind a place, which that crate does not have, become empty groups
//! (`guard`). Where a match is found whose groups lie at places that break a condition, the search is repeated by a
//! machine that checks conditions on its way (`machine`): slower, but linear too.
//!
//! What differs from Oniguruma:
//! - Atomic groups and possessive repetitions are plain ones. Both only forbid to give back what was taken, so where
//!   Oniguruma finds something, the same or more is found here.
//! - A condition (`(?=…)`, `(?!…)`, `(?<=…)`, `(?<!…)`) is a list of alternatives of fixed length, made of characters,
//!   classes and `^`, `$`; anything else in it is refused. In a repetition, a condition of the last round counts.
//! - References to groups (`\1`, `\k<x>`), subexpression calls and conditionals are refused.

mod class;
mod expand;
mod guard;
mod library;
mod machine;
mod translate;

use std::sync::OnceLock;

use regex_automata::Input;
use regex_automata::nfa::thompson::NFA;
use temblor_pdk::value::{Field, Value};

use super::Context;
use super::groups::{Groups, group};
use super::names::Names;
use super::pattern::{self, Pattern};
use guard::Guard;
pub(super) use library::Library;
pub(crate) use machine::Threads;

/// A compiled pattern.
#[derive(Debug)]
pub(super) struct Grok {
    pattern: Pattern,
    /// The expression that the pattern was compiled from.
    text: Box<str>,
    /// The numbers of the groups with an alias, in the order of the names.
    named: Box<[usize]>,
    names: Names,
    /// For each group its condition, if that is what it is for; the first is the whole match.
    guards: Box<[Option<Guard>]>,
    /// What the slower machine runs, for ASCII and for any text; made when it is needed.
    programs: [OnceLock<Option<NFA>>; 2],
}

impl Grok {
    /// Compiles a pattern, with the patterns of the machine's files if it compiles with them.
    pub(super) fn compile(text: &str) -> Result<Grok, String> {
        let (builtin, files) = (Library::builtin(), Library::with_files());
        let with_files = files
            .as_ref()
            .and_then(|files| Grok::with(text, files).ok());
        match with_files {
            Some(grok) => Ok(grok),
            None => Grok::with(text, &builtin),
        }
    }

    /// Compiles a pattern with a library.
    pub(super) fn with(text: &str, library: &Library) -> Result<Grok, String> {
        if text.is_empty() {
            return Err("the pattern is empty; write one as in `grok|%{IP:client}|`".to_owned());
        }
        let expanded = expand::expand(text, library)?;
        let translated = translate::translate(&expanded)?;
        let pattern = Pattern::compile(&translated.text).map_err(|error| {
            // The expression in the message would be one that nobody wrote.
            let reason = error.lines().last().unwrap_or_default();
            let reason = reason.strip_prefix("error: ").unwrap_or(reason);
            format!("the pattern is no regular expression that can be used: {reason}")
        })?;
        let named = translated.groups.iter().enumerate();
        let named = named.filter_map(|(at, group)| group.name().map(|name| (at + 1, name)));
        let (named, names): (Vec<_>, Vec<_>) = named.unzip();
        let names = Names::new(names);
        let guards = translated.groups.into_iter().map(translate::Group::guard);
        Ok(Grok {
            pattern,
            text: translated.text.into(),
            named: named.into(),
            names,
            guards: std::iter::once(None).chain(guards).collect(),
            programs: Default::default(),
        })
    }

    pub(super) fn is_match(&self, input: &str, context: &mut Context<'_, '_>) -> bool {
        if self.guards.iter().all(Option::is_none) {
            return self.pattern.is_match(input);
        }
        self.search(input, &mut context.stacks.groups)
    }

    /// A record of the groups with an alias that took part; of several with one alias the last.
    pub(super) fn extract<'a>(
        &self,
        input: &'a str,
        context: &mut Context<'_, 'a>,
    ) -> Option<Value<'a>> {
        let stacks = &mut *context.stacks;
        if !self.search(input, &mut stacks.groups) {
            return None;
        }
        let (base, names) = (stacks.fields.len(), self.names.copy(context.arena));
        for (at, number) in self.named.iter().enumerate() {
            if let Some(text) = group(input, &stacks.groups.slots, *number) {
                let name = self.names.get(names, at);
                stacks.fields.push(Field::new(name, Value::from(text)));
            }
        }
        Some(stacks.record(base, context.arena))
    }

    /// Searches; where that succeeds, the groups lie in the slots.
    fn search(&self, input: &str, groups: &mut Groups) -> bool {
        let slots = groups.slots(self.guards.len());
        let regex = self.pattern.for_input(input);
        if pattern::search(regex, &Input::new(input), slots).is_none() {
            return false;
        }
        let holds = |(at, guard): (usize, &Option<Guard>)| match (guard, slots.get(at * 2)) {
            (Some(guard), Some(Some(place))) => guard.holds(input, place.get()),
            _ => true,
        };
        // A match without the conditions that keeps them is the first of all that keep them.
        if self.guards.iter().enumerate().all(holds) {
            return true;
        }
        let is_ascii = self.pattern.is_ascii_form(input);
        let program = self.programs[usize::from(is_ascii)]
            .get_or_init(|| pattern::program(&self.text, !is_ascii));
        program.as_ref().is_some_and(|program| {
            let Groups { slots, threads } = groups;
            threads.search(program, &self.guards, input, slots)
        })
    }
}
