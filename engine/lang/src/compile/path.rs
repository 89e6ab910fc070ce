//! Compiling and folding paths.

use temblor_pdk::value::Value;

use super::{Compiled, Compiler, Context, Folded};
use crate::ast::{Expr, ExprKind, Interpolated, Path, Root, Segment};
use crate::code::Code as FindingCode;
use crate::eval::Code;
use crate::eval::code::{FieldCode, PathCode, StepCode, StepKind};
use crate::eval::path::{self, Bound, Missed, Place, RootName};
use crate::finding::Finding;
use crate::span::Span;

/// A segment whose parts have been compiled.
enum Compiling<'c> {
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
        let mut value = self.root(&path.root, path.span)?;
        let name = root_name(&path.root);
        let mut steps = Vec::new();
        for segment in &path.segments {
            let (step, span) = self.segment(segment)?;
            value = match value {
                Folded::Value(base) if steps.is_empty() => {
                    match self.follow(base, &step, Place { root: name, span }) {
                        Some(result) => self.folded(result)?,
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
        let root = self.root(&path.root, path.span)?;
        let root = self.emit(root);
        let mut steps = Vec::new();
        for segment in &path.segments {
            let (step, span) = self.segment(segment)?;
            steps.push(self.step(step, span));
        }
        Ok(PathCode {
            root,
            name: root_name(&path.root),
            steps: steps.into(),
            span: path.span,
        })
    }

    fn root(&mut self, root: &Root, span: Span) -> Compiled<Folded<'c>> {
        let constant = self.context == Context::Constant;
        let folded = match root {
            Root::Expr(expr) => return self.fold(expr),
            Root::Constant { name, .. } | Root::Local(name) => {
                let message = format!(
                    "`{}` is a local variable, which there are none of here",
                    name.name
                );
                return self.report(Finding::error(
                    FindingCode::LocalVariable,
                    name.span,
                    message,
                ));
            }
            Root::Args => match self.args {
                Some(args) => Folded::Value(args),
                None => return self.no_args(span),
            },
            Root::Event if constant => return self.not_constant("`event`", span),
            Root::Meta if constant => return self.not_constant("`$`", span),
            Root::State if constant => return self.not_constant("`state`", span),
            Root::Group if constant => return self.not_constant("`group`", span),
            Root::Window if constant => return self.not_constant("`window`", span),
            Root::Event => Folded::Code(Code::Event),
            Root::Meta => Folded::Code(Code::Meta),
            Root::State | Root::Window => Folded::Value(Value::NULL),
            Root::Group => {
                // Without `group by` there is one group of nothing, followed as always by its JSON.
                Folded::Value(self.arena.array(&[Value::NULL, Value::from("[null]")]))
            }
        };
        Ok(folded)
    }

    fn no_args<T>(&mut self, span: Span) -> Compiled<T> {
        let finding = Finding::error(FindingCode::NotConstant, span, "`args` cannot be used here");
        self.report(finding.help("defaults of arguments and the `with` of a `deploy` stand outside of what has arguments"))
    }

    fn segment(&mut self, segment: &Segment) -> Compiled<(Compiling<'c>, Span)> {
        match segment {
            Segment::Field(name) => Ok((Compiling::Field(name.name.clone()), name.span)),
            Segment::Index(index) => Ok((self.index(index)?, index.span)),
            Segment::Range { from, to, span } => {
                let from = (self.fold(from)?, from.span);
                let to = (self.fold(to)?, to.span);
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
                let value = self.constant(index)?;
                let message = format!(
                    "found `{}`, expected one of `integer`, `string`",
                    value.type_name()
                );
                self.report(Finding::error(FindingCode::Type, index.span, message))
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
        let from = self.constant_bound(from)?;
        let to = self.constant_bound(to)?;
        if let (Some(from), Some(to)) = (from, to) {
            path::check_order(from, to, span).or_else(|finding| self.report(*finding))?;
        }
        Ok(())
    }

    fn constant_bound(&mut self, (bound, span): &(Folded<'c>, Span)) -> Compiled<Option<u64>> {
        let Folded::Value(value) = bound else {
            return Ok(None);
        };
        let found = value.as_u64();
        if found.is_none() {
            let message = match value.as_i64() {
                Some(value) => format!("bad array index {value}"),
                None => format!("found `{}`, expected `integer`", value.type_name()),
            };
            return self.report(Finding::error(FindingCode::Type, *span, message));
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

    fn step(&mut self, step: Compiling<'c>, span: Span) -> StepCode {
        let kind = match step {
            Compiling::Field(key) => {
                self.guesses += 1;
                StepKind::Field(FieldCode {
                    key,
                    guess: self.guesses - 1,
                })
            }
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

fn root_name(root: &Root) -> RootName {
    match root {
        Root::Event => RootName::Event,
        Root::Meta => RootName::Global,
        _ => RootName::Local,
    }
}
