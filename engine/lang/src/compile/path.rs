//! Compiling and folding paths.

use temblor_pdk::value::Value;

use super::root::root_name;
use super::{Compiled, Compiler, Folded};
use crate::ast::{Expr, ExprKind, Interpolated, Path, Segment};
use crate::code::Code as FindingCode;
use crate::eval::Code;
use crate::eval::code::{FieldCode, PathCode, StepCode, StepKind};
use crate::eval::path::{self, Bound, Missed, Place};
use crate::finding::{Finding, Phase};
use crate::span::Span;

/// A segment whose parts have been compiled.
pub(super) enum Compiling<'c> {
    Field(Box<str>),
    Position(u64),
    Index(Folded<'c>),
    Range {
        from: (Folded<'c>, Span),
        to: (Folded<'c>, Span),
    },
}

impl<'c> Compiler<'c, '_> {
    /// Compiles a path. What is constant from the root on is followed now.
    pub(super) fn path(&mut self, path: &Path) -> Compiled<Folded<'c>> {
        let value = self.root(&path.root, path.span);
        let segments = self.segments(&path.segments);
        let (mut value, segments) = (value?, segments?);
        let name = root_name(&path.root);
        let mut steps = Vec::new();
        for (step, span) in segments {
            value = match value {
                Folded::Value(base) if steps.is_empty() => {
                    match self.follow(base, &step, Place { root: name, span }) {
                        Some(Ok(value)) => Folded::Value(value),
                        Some(Err(finding)) => self.folded(Err(finding), path.span)?,
                        None => {
                            steps.push(self.step(step, span));
                            Folded::Value(base)
                        }
                    }
                }
                other => {
                    steps.push(self.step(step, span));
                    other
                }
            };
        }
        if steps.is_empty() {
            return Ok(value);
        }
        let root = self.emit(value);
        let path = PathCode {
            root,
            name,
            steps: steps.into(),
            span: path.span,
        };
        Ok(Folded::Code(Code::Path(Box::new(path))))
    }

    /// Compiles the path of a `present`, which fails at no segment.
    pub(super) fn unfolded_path(&mut self, path: &Path) -> Compiled<PathCode> {
        let root = self.root(&path.root, path.span);
        let segments = self.segments(&path.segments);
        let (root, segments) = (root?, segments?);
        let root = self.emit(root);
        let steps = segments.into_iter();
        let steps = steps.map(|(step, span)| self.step(step, span)).collect();
        Ok(PathCode {
            root,
            name: root_name(&path.root),
            steps,
            span: path.span,
        })
    }

    fn segments(&mut self, segments: &[Segment]) -> Compiled<Vec<(Compiling<'c>, Span)>> {
        let segments: Vec<_> = segments
            .iter()
            .map(|segment| self.segment(segment))
            .collect();
        segments.into_iter().collect()
    }

    pub(super) fn segment(&mut self, segment: &Segment) -> Compiled<(Compiling<'c>, Span)> {
        match segment {
            Segment::Field(name) => Ok((Compiling::Field(name.name.clone()), name.span)),
            Segment::Index(index) => Ok((self.index(index)?, index.span)),
            Segment::Range { from, to, span } => {
                let (folded_from, folded_to) = (self.fold(from), self.fold(to));
                let from = (folded_from?, from.span);
                let to = (folded_to?, to.span);
                self.check_range(&from, &to, *span)?;
                Ok((Compiling::Range { from, to }, *span))
            }
        }
    }

    fn index(&mut self, index: &Expr) -> Compiled<Compiling<'c>> {
        match &index.kind {
            ExprKind::Int(index) => Ok(Compiling::Position(*index)),
            ExprKind::Text(text) => match text.parts.as_slice() {
                [] => Ok(Compiling::Field("".into())),
                [Interpolated::Text(key)] => Ok(Compiling::Field(key.clone())),
                _ => Ok(Compiling::Index(self.text(text)?)),
            },
            ExprKind::Null | ExprKind::Bool(_) | ExprKind::Float(_) => {
                let found = self.constant(index)?.type_name();
                let message = format!("found `{found}`, expected one of `integer`, `string`");
                self.report(Finding::error(FindingCode::Type, index.span, message).margin(2))
            }
            _ => Ok(Compiling::Index(self.fold(index)?)),
        }
    }

    /// Reports constant bounds that can bound nothing, whatever they are applied to.
    fn check_range(
        &mut self,
        from: &(Folded<'c>, Span),
        to: &(Folded<'c>, Span),
        span: Span,
    ) -> Compiled<()> {
        let (from, to) = (
            self.constant_bound(from, span)?,
            self.constant_bound(to, span)?,
        );
        if let (Some(from), Some(to)) = (from, to)
            && let Err(finding) = path::check_order(from, to, span)
        {
            return self.report(finding.phase(Phase::Folding).context(span));
        }
        Ok(())
    }

    fn constant_bound(
        &mut self,
        (bound, span): &(Folded<'c>, Span),
        range: Span,
    ) -> Compiled<Option<u64>> {
        let Folded::Value(value) = bound else {
            return Ok(None);
        };
        let found = value.as_u64();
        if found.is_none() {
            let message = match value.as_i64() {
                Some(value) => format!("bad array index {value}"),
                None => format!("found `{}`, expected `integer`", value.type_name()),
            };
            let finding = Finding::error(FindingCode::Type, *span, message);
            return self.report(finding.phase(Phase::Folding).context(range));
        }
        Ok(found)
    }

    /// Follows a constant segment from a constant; none if the segment is not constant.
    fn follow(
        &mut self,
        base: Value<'c>,
        step: &Compiling<'c>,
        place: Place,
    ) -> Option<crate::eval::Eval<Value<'c>>> {
        let result = match step {
            Compiling::Field(key) => path::field(base, key, place),
            Compiling::Position(index) => path::position(base, *index, place.span),
            Compiling::Index(Folded::Value(index)) => path::index(base, *index, place),
            Compiling::Range {
                from: (Folded::Value(from), from_span),
                to: (Folded::Value(to), to_span),
            } => {
                let from = Bound {
                    value: *from,
                    span: *from_span,
                };
                let to = Bound {
                    value: *to,
                    span: *to_span,
                };
                path::range(base, from, to, place.span, self.arena)
            }
            _ => return None,
        };
        Some(result.map_err(Missed::failure))
    }

    /// A field that is stepped into.
    pub(super) fn field(&mut self, key: Box<str>) -> FieldCode {
        FieldCode {
            key,
            guess: self.pool.next_guess(),
        }
    }

    fn step(&mut self, step: Compiling<'c>, span: Span) -> StepCode {
        let kind = match step {
            Compiling::Field(key) => StepKind::Field(self.field(key)),
            Compiling::Position(index) => StepKind::Position(index),
            Compiling::Index(index) => StepKind::Index(self.emit(index)),
            Compiling::Range { from, to } => StepKind::Range {
                from: (self.emit(from.0), from.1),
                to: (self.emit(to.0), to.1),
            },
        };
        StepCode { kind, span }
    }
}
