//! Compiling `match`.

use halfbrown::HashMap;

use super::statement::Position;
use super::{Compiled, Compiler};
use crate::ast::{Expr, Match, MatchClause, PatternKind};
use crate::code::Code as FindingCode;
use crate::eval::code::{ClauseCode, ClauseGroup, MatchCode, PatternCode};
use crate::eval::{Code, Constant};
use crate::finding::Finding;
use crate::span::Span;

/// How many clauses in a row have to compare with strings for a look-up to be worth it.
const MIN_STRINGS: usize = 4;

impl Compiler<'_, '_> {
    pub(super) fn matching(
        &mut self,
        inner: &Match,
        span: Span,
        position: Position,
    ) -> Compiled<Code> {
        let Match { target, clauses } = inner;
        let target = self.code(target);
        let codes: Vec<_> = clauses
            .iter()
            .map(|clause| self.clause_code(clause, span, position))
            .collect();
        self.warn_of_defaults(clauses, span);
        let (target, codes) = (target?, codes.into_iter().collect::<Compiled<Vec<_>>>()?);
        Ok(self.match_code(target, codes, span))
    }

    /// Makes a match of its clauses: a last one that always matches becomes the default, and runs of comparisons
    /// with strings become one look-up.
    pub(super) fn match_code(
        &mut self,
        target: Code,
        mut clauses: Vec<ClauseCode>,
        span: Span,
    ) -> Code {
        let is_default = |clause: &ClauseCode| {
            matches!(clause.pattern, PatternCode::Ignore)
                && clause.guard.is_none()
                && clause.binding.is_none()
        };
        let default = clauses.pop_if(|last| is_default(last));
        let matching = MatchCode {
            target,
            groups: self.groups_of(clauses).into(),
            default: default.map(|clause| clause.body),
            span,
        };
        Code::Match(Box::new(matching))
    }

    fn groups_of(&self, clauses: Vec<ClauseCode>) -> Vec<ClauseGroup> {
        let mut groups = Vec::new();
        let mut run: Vec<(Box<str>, ClauseCode)> = Vec::new();
        for clause in clauses {
            match self.compared_string(&clause) {
                Some(text) => run.push((text, clause)),
                None => {
                    flush(&mut run, &mut groups);
                    groups.push(ClauseGroup::One(clause));
                }
            }
        }
        flush(&mut run, &mut groups);
        groups
    }

    /// The string that a clause compares with, if it does nothing else.
    fn compared_string(&self, clause: &ClauseCode) -> Option<Box<str>> {
        let PatternCode::Equal(Code::Constant(place)) = clause.pattern else {
            return None;
        };
        if clause.guard.is_some() || clause.binding.is_some() {
            return None;
        }
        match self.pool.pool.constants.get(place)? {
            Constant::Text(text) => Some(text.clone()),
            Constant::Other(_) => None,
        }
    }

    fn clause_code(
        &mut self,
        clause: &MatchClause,
        matching: Span,
        position: Position,
    ) -> Compiled<ClauseCode> {
        let (name, pattern) = match &clause.pattern.kind {
            PatternKind::Bind { name, pattern } => (Some(name), &**pattern),
            _ => (None, &clause.pattern),
        };
        let pattern = self.pattern(pattern, matching);
        let binding = name.map(|name| self.locals.bind(&name.name));
        let guard = self.guard(clause.guard.as_ref());
        let body = self.block(&clause.body, position);
        self.locals.unbind(binding.iter().len());
        Ok(ClauseCode {
            pattern: pattern?,
            binding,
            guard: guard?,
            body: body?,
            span: clause.span,
        })
    }

    pub(super) fn guard(&mut self, guard: Option<&Expr>) -> Compiled<Option<(Code, Span)>> {
        let Some(guard) = guard else { return Ok(None) };
        Ok(Some((self.code(guard)?, guard.span)))
    }

    fn warn_of_defaults(&mut self, clauses: &[MatchClause], span: Span) {
        let defaults = clauses.iter().filter(|clause| {
            clause.guard.is_none() && matches!(clause.pattern.kind, PatternKind::Ignore)
        });
        let mut count = 0;
        for clause in defaults {
            if count > 0 {
                let message = "there is a `case _` before this one, which is never reached";
                let finding = Finding::warning(FindingCode::Unreachable, clause.span, message);
                let help = "leave one `case _`, as the last one";
                self.findings.push(finding.context(span).help(help));
            }
            count += 1;
        }
        if count == 0 {
            let message = "this match has no clause for everything else";
            let finding = Finding::warning(FindingCode::NoDefault, span, message);
            let help = "where no clause matches it fails; add `case _ => null` as the last one if that is not wanted";
            self.findings.push(finding.help(help));
        }
    }
}

/// Ends a run of comparisons with strings.
fn flush(run: &mut Vec<(Box<str>, ClauseCode)>, groups: &mut Vec<ClauseGroup>) {
    if run.len() < MIN_STRINGS {
        let clauses = run.drain(..).map(|(_, clause)| ClauseGroup::One(clause));
        groups.extend(clauses);
        return;
    }
    let mut places = HashMap::new();
    let mut bodies = Vec::new();
    for (text, clause) in run.drain(..) {
        // Of two comparisons with one string the first one counts.
        places.entry(text).or_insert(bodies.len());
        bodies.push(clause.body);
    }
    let bodies = bodies.into();
    groups.push(ClauseGroup::Strings { bodies, places });
}
