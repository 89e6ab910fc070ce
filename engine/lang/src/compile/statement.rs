//! Compiling statements.

use super::path::Compiling;
use super::{Compiled, Compiler, Context, Folded};
use crate::ast::{Expr, ExprKind, Path, Root, Segment, Statement, StatementKind, Text};
use crate::eval::Code;
use crate::eval::code::{EmitCode, LetCode, LetStep, LetStepKind, LetTarget, UnassignableCode};
use crate::span::Span;

/// What becomes of a statement's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Position {
    /// Whether somebody looks at it.
    pub(super) is_needed: bool,
    /// Whether it is that of the function, so that `recur` can stand here.
    pub(super) is_tail: bool,
    /// Whether expressions are evaluated although nobody looks at their values, as those in front of the last one
    /// are in a body that is itself an expression.
    pub(super) keeps_all: bool,
}

impl Position {
    /// Of an expression within another one.
    pub(super) const VALUE: Position = Position {
        is_needed: true,
        is_tail: false,
        keeps_all: true,
    };
    /// Of a statement whose value is used.
    pub(super) const STATEMENT: Position = Position {
        is_needed: true,
        is_tail: false,
        keeps_all: false,
    };
    /// Of the last statement of a function.
    pub(super) const TAIL: Position = Position {
        is_needed: true,
        is_tail: true,
        keeps_all: false,
    };

    /// Of what stands in front of a last statement in this position.
    fn before(self) -> Position {
        Position {
            is_needed: self.keeps_all,
            is_tail: false,
            keeps_all: self.keeps_all,
        }
    }
}

impl Compiler<'_, '_> {
    /// Compiles statements of which the last gives the value. Those that nobody would notice are left out.
    pub(super) fn block(&mut self, statements: &[Statement], position: Position) -> Compiled<Code> {
        let last = statements.len().saturating_sub(1);
        let codes: Vec<_> = statements
            .iter()
            .enumerate()
            .map(|(at, statement)| {
                let is_last = at == last;
                self.statement(
                    statement,
                    if is_last { position } else { position.before() },
                )
            })
            .collect();
        let codes = codes.into_iter().collect::<Compiled<Vec<_>>>()?;
        Ok(block_of(codes.into_iter().flatten().collect()))
    }

    /// Compiles a statement; none if it does nothing but give a value that nobody looks at.
    pub(super) fn statement(
        &mut self,
        statement: &Statement,
        position: Position,
    ) -> Compiled<Option<Code>> {
        let span = statement.span;
        match &statement.kind {
            StatementKind::Expr(expr) => self.expression_statement(expr, position),
            StatementKind::Let {
                path,
                value,
                assignment,
            } => self
                .assignment(path, value, *assignment, position)
                .map(Some),
            StatementKind::Emit { value, port } => self
                .emit_statement(value.as_ref(), port.as_ref(), span)
                .map(Some),
            StatementKind::Drop => {
                self.check_end(span, "drop")?;
                Ok(Some(Code::Drop))
            }
        }
    }

    fn expression_statement(&mut self, expr: &Expr, position: Position) -> Compiled<Option<Code>> {
        match &expr.kind {
            ExprKind::Match(inner) => self.matching(inner, expr.span, position).map(Some),
            ExprKind::For(inner) => self.looping(inner, expr.span, position).map(Some),
            ExprKind::Recur(args) => self.recur(args, expr.span, position.is_tail).map(Some),
            _ => {
                let code = self.code(expr)?;
                Ok(position.is_needed.then_some(code))
            }
        }
    }

    // --- emit and drop ---

    fn emit_statement(
        &mut self,
        value: Option<&Expr>,
        port: Option<&Text>,
        span: Span,
    ) -> Compiled<Code> {
        let place = self.check_end(span, "emit");
        let value = value.map(|value| self.code(value)).transpose();
        let port = port.map(|port| self.text(port)).transpose();
        place?;
        let emit = EmitCode {
            value: value?,
            port: port?.map(|port| self.emit(port)),
        };
        Ok(Code::Emit(Box::new(emit)))
    }

    /// Checks that a statement that ends a script stands in one.
    fn check_end(&mut self, span: Span, word: &str) -> Compiled<()> {
        if self.context != Context::Function {
            return Ok(());
        }
        let message = format!("cannot {word} from this location");
        let help = "a function gives a value; the script that calls it can emit and drop";
        self.misplaced(span, &message, help)
    }

    // --- assignments ---

    fn assignment(
        &mut self,
        path: &Path,
        value: &Statement,
        span: Span,
        position: Position,
    ) -> Compiled<Code> {
        let target = self.assignment_target(path, span);
        let steps: Vec<_> = path.segments.iter().map(|s| self.let_step(s)).collect();
        let value = self.statement(value, Position::STATEMENT);
        let steps = steps.into_iter().collect::<Compiled<Box<[_]>>>();
        let (target, steps, value) = (target?, steps?, value?.unwrap_or(Code::NULL));
        Ok(match target {
            Assigned::To(target) => Code::Let(Box::new(LetCode {
                target,
                steps,
                value,
                span,
                path: path.span,
                is_statement: !position.is_needed,
            })),
            Assigned::Nothing { is_meta } => Code::Unassignable(Box::new(UnassignableCode {
                value,
                is_meta,
                span,
            })),
        })
    }

    fn assignment_target(&mut self, path: &Path, span: Span) -> Compiled<Assigned> {
        let target = match &path.root {
            Root::Event => {
                self.check_assignment("event", span)?;
                LetTarget::Event
            }
            Root::Meta => {
                self.check_assignment("$", span)?;
                if path.segments.is_empty() {
                    return Ok(Assigned::Nothing { is_meta: true });
                }
                LetTarget::Meta
            }
            Root::State => LetTarget::State,
            Root::Local(name) if !self.is_constant(name) => {
                LetTarget::Local(self.locals.slot(&name.name))
            }
            // It fails when it runs; until then its names have to be right.
            Root::Local(_)
            | Root::Args
            | Root::Group
            | Root::Window
            | Root::Constant { .. }
            | Root::Expr(_) => {
                self.root(&path.root, path.span)?;
                return Ok(Assigned::Nothing { is_meta: false });
            }
        };
        Ok(Assigned::To(target))
    }

    fn check_assignment(&mut self, root: &str, span: Span) -> Compiled<()> {
        let (Context::WindowScript(definition) | Context::TickScript(definition)) = self.context
        else {
            return Ok(());
        };
        let message = format!("cannot assign to `{root}` here");
        let help = "the script of a window can change only `state` and variables of its own";
        let finding = crate::finding::Finding::error(crate::code::Code::Misplaced, span, message);
        self.report(finding.context(definition).help(help))
    }

    fn let_step(&mut self, segment: &Segment) -> Compiled<LetStep> {
        let (step, span) = self.segment(segment)?;
        let kind = match step {
            Compiling::Field(key) => LetStepKind::Field(self.field(key)),
            Compiling::Index(Folded::Value(key)) => match key.as_str() {
                Some(key) => LetStepKind::Field(self.field(key.into())),
                None => LetStepKind::Key(self.emit(Folded::Value(key))),
            },
            Compiling::Index(Folded::Code(key)) => LetStepKind::Key(key),
            Compiling::Position(_) | Compiling::Range { .. } => LetStepKind::Element,
        };
        Ok(LetStep { kind, span })
    }
}

/// Puts statements together.
pub(super) fn block_of(mut codes: Vec<Code>) -> Code {
    match (codes.pop(), codes.is_empty()) {
        (Some(only), true) => only,
        (Some(last), false) => {
            codes.push(last);
            Code::Block(codes.into())
        }
        (None, _) => Code::NULL,
    }
}

/// What an assignment changes.
enum Assigned {
    To(LetTarget),
    /// It fails when it runs.
    Nothing {
        is_meta: bool,
    },
}
