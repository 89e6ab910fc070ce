//! What the specification computes at compile time, and what it refuses there.

use std::collections::HashMap;

use crate::machine::{Frame, MAX_STEPS, Machine, Stop};
use crate::operators;
use crate::paths::is_fixed;
use crate::tree::{
    Binary, Body, Edit, Expr, For, Match, Path, Pattern, Piece, Root, Script, Segment, Statement,
    Test, Text,
};
use crate::value::Val;

/// The script does not compile; or the specification does not say whether it does.
#[derive(Debug)]
pub(crate) enum Refused {
    Rejected,
    Open,
}

type Checked<T> = Result<T, Refused>;

/// Checks a script; the result are its constants.
pub(crate) fn check(script: &Script) -> Checked<HashMap<&'static str, Val>> {
    let mut constants = HashMap::new();
    for (name, value) in &script.constants {
        let found = checker(script, &constants).fold(value)?;
        constants.insert(*name, found.ok_or(Refused::Rejected)?);
    }
    let mut checker = checker(script, &constants);
    for function in &script.functions {
        match &function.body {
            Body::With(body) => checker.fold_block(body)?,
            Body::Of { cases, default } => {
                for (elements, guard, body) in cases {
                    elements
                        .iter()
                        .try_for_each(|element| checker.fold_pattern(element))?;
                    guard
                        .iter()
                        .try_for_each(|guard| checker.fold(guard).map(drop))?;
                    checker.fold_block(body)?;
                }
                checker.fold_block(default)?;
            }
        }
    }
    checker.fold_block(&script.statements)?;
    Ok(constants)
}

fn checker<'s>(script: &'s Script, constants: &'s HashMap<&'static str, Val>) -> Machine<'s> {
    let frame = Frame::new(Val::Null, Val::Null, Val::Null);
    Machine {
        script,
        constants,
        frame,
        steps: MAX_STEPS,
    }
}

fn known<T>(result: Result<T, Stop>) -> Checked<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(Stop::Open) => Err(Refused::Open),
        Err(_) => Err(Refused::Rejected),
    }
}

impl Machine<'_> {
    pub(crate) fn is_constant(&self, expr: &Expr) -> bool {
        let (script, constants) = (self.script, self.constants);
        matches!(checker(script, constants).fold(expr), Ok(Some(_)))
    }

    pub(crate) fn is_constant_text(&self, text: &Text) -> bool {
        text.iter().all(|piece| match piece {
            Piece::Fixed(_) => true,
            Piece::Value(value) => self.is_constant(value),
        })
    }

    /// The value of a constant expression; none if it is not constant.
    pub(crate) fn fold(&mut self, expr: &Expr) -> Checked<Option<Val>> {
        let is_constant = match expr {
            Expr::Null | Expr::Bool(_) | Expr::Int(_) | Expr::Float(_) => true,
            Expr::Text(text) => self.fold_text(text)?,
            Expr::List(items) | Expr::Call(_, items) => self.fold_all(items)?,
            Expr::Record(fields) => {
                let mut all = true;
                for (key, value) in fields {
                    all &= self.fold_text(key)?;
                    all &= self.fold(value)?.is_some();
                }
                all
            }
            Expr::Path(path) => return self.fold_path(path, true),
            Expr::Present { path, .. } => {
                self.fold_path(path, false)?;
                false
            }
            Expr::Unary(_, operand) => self.fold(operand)?.is_some(),
            Expr::Binary(op, left, right) => return self.fold_binary(*op, left, right),
            Expr::Recur(args) => {
                self.fold_all(args)?;
                false
            }
            Expr::Match(inner) => self.fold_match(inner).map(|()| false)?,
            Expr::For(inner) => self.fold_for(inner).map(|()| false)?,
            Expr::Merge(target, changes) => {
                self.fold(target)?;
                self.fold(changes)?;
                false
            }
            Expr::Patch(target, edits) => {
                self.fold(target)?;
                edits.iter().try_for_each(|edit| self.fold_edit(edit))?;
                false
            }
        };
        if is_constant {
            known(self.eval(expr))
        } else {
            Ok(None)
        }
    }

    fn fold_all(&mut self, exprs: &[Expr]) -> Checked<bool> {
        let mut all = true;
        for expr in exprs {
            all &= self.fold(expr)?.is_some();
        }
        Ok(all)
    }

    fn fold_text(&mut self, text: &Text) -> Checked<bool> {
        let mut all = true;
        for piece in text {
            if let Piece::Value(value) = piece {
                let value = self.fold(value)?;
                if value
                    .as_ref()
                    .is_some_and(|value| value.rendered().is_none())
                {
                    return Err(Refused::Open);
                }
                all &= value.is_some();
            }
        }
        Ok(all)
    }

    /// `and`, `or` and `xor` are computed if both sides are booleans.
    fn fold_binary(&mut self, op: Binary, left: &Expr, right: &Expr) -> Checked<Option<Val>> {
        let (Some(a), Some(b)) = (self.fold(left)?, self.fold(right)?) else {
            return Ok(None);
        };
        Ok(match (op, &a, &b) {
            (Binary::And, Val::Bool(a), Val::Bool(b)) => Some(Val::Bool(*a && *b)),
            (Binary::Or, Val::Bool(a), Val::Bool(b)) => Some(Val::Bool(*a || *b)),
            (Binary::Xor, Val::Bool(a), Val::Bool(b)) => Some(Val::Bool(a != b)),
            (Binary::And | Binary::Or | Binary::Xor, ..) => None,
            _ => known(operators::binary(op, &a, &b).map_err(Stop::from))?,
        })
    }

    /// Follows a path from a constant as long as its segments are constant.
    fn fold_path(&mut self, path: &Path, is_followed: bool) -> Checked<Option<Val>> {
        let mut value = match &path.root {
            Root::Expr(root) => self.fold(root)?,
            Root::Name(name) => self.constants.get(name).cloned(),
            Root::Event | Root::Meta | Root::State => None,
        };
        for segment in &path.segments {
            let is_constant = self.fold_segment(segment)?;
            value = value.filter(|_| is_constant && is_followed);
            if let Some(base) = value {
                let root = Root::Expr(Box::new(Expr::Path(Path {
                    root: Root::Name("base"),
                    segments: Vec::new(),
                })));
                let step = Path {
                    root,
                    segments: vec![segment.clone()],
                };
                self.frame.locals.insert("base", base);
                value = known(self.path(&step))?;
            }
        }
        Ok(value.filter(|_| is_followed))
    }

    /// Whether a segment is constant.
    fn fold_segment(&mut self, segment: &Segment) -> Checked<bool> {
        match segment {
            Segment::Field(_) => Ok(true),
            Segment::Index(Expr::Null | Expr::Bool(_) | Expr::Float(_)) => Err(Refused::Rejected),
            Segment::Index(Expr::Text(text)) if text.iter().all(is_fixed) => Ok(true),
            Segment::Index(index) => Ok(self.fold(index)?.is_some()),
            Segment::Range(from, to) => {
                let (from, to) = (self.fold(from)?, self.fold(to)?);
                let is_wrong = |bound: &Option<Val>| match bound {
                    Some(Val::Int(n)) => *n < 0,
                    Some(_) => true,
                    None => false,
                };
                if is_wrong(&from) || is_wrong(&to) {
                    return Err(Refused::Rejected);
                }
                match (from, to) {
                    (Some(Val::Int(from)), Some(Val::Int(to))) if to < from => {
                        Err(Refused::Rejected)
                    }
                    (from, to) => Ok(from.is_some() && to.is_some()),
                }
            }
        }
    }

    fn fold_match(&mut self, inner: &Match) -> Checked<()> {
        self.fold(&inner.target)?;
        for clause in &inner.clauses {
            self.fold_pattern(&clause.pattern)?;
            clause
                .guard
                .iter()
                .try_for_each(|guard| self.fold(guard).map(drop))?;
            self.fold_block(&clause.body)?;
        }
        Ok(())
    }

    fn fold_for(&mut self, inner: &For) -> Checked<()> {
        self.fold(&inner.target)?;
        for case in &inner.cases {
            case.guard
                .iter()
                .try_for_each(|guard| self.fold(guard).map(drop))?;
            self.fold_block(&case.body)?;
        }
        inner
            .into
            .iter()
            .try_for_each(|into| self.fold(into).map(drop))
    }

    fn fold_pattern(&mut self, pattern: &Pattern) -> Checked<()> {
        match pattern {
            Pattern::Ignore => Ok(()),
            Pattern::Expr(inner) => self.fold(inner).map(drop),
            Pattern::Record(tests) => tests.iter().try_for_each(|(_, test)| match test {
                Test::Present | Test::Absent => Ok(()),
                Test::Compare(_, value) => self.fold(value).map(drop),
                Test::Matches(inner) => self.fold_pattern(inner),
            }),
            Pattern::Array(elements) | Pattern::Tuple { elements, .. } => elements
                .iter()
                .try_for_each(|element| self.fold_pattern(element)),
            Pattern::Bind(_, inner) => self.fold_pattern(inner),
        }
    }

    fn fold_block(&mut self, body: &[Statement]) -> Checked<()> {
        body.iter()
            .try_for_each(|statement| self.fold_statement(statement))
    }

    fn fold_statement(&mut self, statement: &Statement) -> Checked<()> {
        match statement {
            Statement::Expr(inner) => self.fold(inner).map(drop),
            Statement::Let(path, value) => {
                if let Root::Expr(root) = &path.root {
                    self.fold(root)?;
                }
                for segment in &path.segments {
                    self.fold_segment(segment)?;
                }
                self.fold_statement(value)
            }
            Statement::Emit { value, port } => {
                value
                    .iter()
                    .try_for_each(|value| self.fold(value).map(drop))?;
                port.iter()
                    .try_for_each(|port| self.fold_text(port).map(drop))
            }
            Statement::Drop => Ok(()),
        }
    }

    fn fold_edit(&mut self, edit: &Edit) -> Checked<()> {
        match edit {
            Edit::Insert(key, value)
            | Edit::Update(key, value)
            | Edit::Upsert(key, value)
            | Edit::Merge(key, value)
            | Edit::Default(key, value) => {
                self.fold_text(key)?;
                self.fold(value).map(drop)
            }
            Edit::Erase(key) => self.fold_text(key).map(drop),
            Edit::Move(from, to) | Edit::Copy(from, to) => {
                self.fold_text(from)?;
                self.fold_text(to).map(drop)
            }
            Edit::MergeAll(value) | Edit::DefaultAll(value) => self.fold(value).map(drop),
        }
    }
}
