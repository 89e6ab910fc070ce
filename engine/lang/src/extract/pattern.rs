//! Regular expressions: compiled within bounds, searched in linear time.

use crate::limits::REGEX_BYTES as SIZE_LIMIT;
use regex_automata::meta::{BuildError, Regex};
use regex_automata::nfa::thompson::{NFA, WhichCaptures};
use regex_automata::util::primitives::NonMaxUsize;
use regex_automata::util::syntax;
use regex_automata::{Input, Match};

/// A regular expression, compiled once for any text and once for ASCII alone.
///
/// On ASCII both say the same, but `\w` as a set of 63 characters makes an automaton that is smaller by orders of
/// magnitude than the one with all letters of Unicode, and most of what is searched is ASCII.
#[derive(Debug)]
pub(super) struct Pattern {
    any: Regex,
    ascii: Option<Regex>,
}

impl Pattern {
    /// Compiles an expression in the syntax of the `regex` crate.
    ///
    /// # Errors
    /// Says what is wrong with the expression, in several lines.
    pub(super) fn compile(text: &str) -> Result<Pattern, String> {
        let any = build(text, true, WhichCaptures::All).map_err(|error| describe(&error))?;
        // Two letters are ASCII only in the other case: `(?i)` makes them match `s` and `k`.
        let folds_to_ascii = text.contains(['\u{17f}', '\u{212a}']);
        let ascii = if folds_to_ascii {
            None
        } else {
            build(text, false, WhichCaptures::All).ok()
        };
        Ok(Pattern { any, ascii })
    }

    /// Compiles an expression that is only asked for a yes or no.
    ///
    /// # Errors
    /// See [`Pattern::compile`].
    pub(super) fn compile_test(text: &str) -> Result<Regex, String> {
        build(text, true, WhichCaptures::None).map_err(|error| describe(&error))
    }

    /// The form for this input.
    pub(super) fn for_input(&self, input: &str) -> &Regex {
        match &self.ascii {
            Some(ascii) if input.is_ascii() => ascii,
            _ => &self.any,
        }
    }

    /// Whether the form for this input is the one for ASCII.
    pub(super) fn is_ascii_form(&self, input: &str) -> bool {
        self.ascii.is_some() && input.is_ascii()
    }

    pub(super) fn is_match(&self, input: &str) -> bool {
        self.for_input(input).is_match(input)
    }

    /// The groups of the expression that have a name, by their number.
    pub(super) fn named_groups(&self) -> impl Iterator<Item = (usize, &str)> {
        let names = self.any.group_info().all_names();
        names.filter_map(|(_, at, name)| Some((at, name?)))
    }
}

/// Searches from where the input starts; the slots of groups that take no part are empty afterwards.
pub(super) fn search(
    regex: &Regex,
    input: &Input<'_>,
    slots: &mut [Option<NonMaxUsize>],
) -> Option<Match> {
    slots.fill(None);
    let id = regex.search_slots(input, slots)?;
    let start = slots.first().copied().flatten()?;
    let end = slots.get(1).copied().flatten()?;
    Some(Match::new(id, start.get()..end.get()))
}

/// The program of an expression that compiles, for machines other than the engine's.
pub(super) fn program(text: &str, unicode: bool) -> Option<NFA> {
    let config = NFA::config().utf8(unicode).nfa_size_limit(Some(SIZE_LIMIT));
    let mut compiler = NFA::compiler();
    compiler.configure(config).syntax(syntax(unicode));
    compiler.build(text).ok()
}

/// How the engine parses an expression.
fn syntax(unicode: bool) -> syntax::Config {
    syntax::Config::new().unicode(unicode).utf8(unicode)
}

#[expect(clippy::result_large_err, reason = "only while something is compiled")]
fn build(text: &str, unicode: bool, captures: WhichCaptures) -> Result<Regex, BuildError> {
    let config = Regex::config()
        .nfa_size_limit(Some(SIZE_LIMIT))
        .which_captures(captures);
    Regex::builder()
        .configure(config)
        .syntax(syntax(unicode))
        .build(text)
}

fn describe(error: &BuildError) -> String {
    if let Some(syntax) = error.syntax_error() {
        return syntax.to_string();
    }
    if error.size_limit().is_some() {
        return format!(
            "the regular expression becomes larger than {} MiB when compiled; repeat less, or write `[a-z0-9]` for `\\w`",
            SIZE_LIMIT >> 20
        );
    }
    format!("the regular expression cannot be compiled: {error}")
}
