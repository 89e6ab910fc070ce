//! Compiling and folding expressions.

use temblor_pdk::value::{Field, Value};

use super::statement::Position;
use super::{Compiled, Compiler, Context, Folded};
use crate::ast::{Expr, ExprKind, Interpolated, Text};
use crate::code::Code as FindingCode;
use crate::eval::Code;
use crate::eval::code::{RecordCode, TextCode};
use crate::finding::Finding;
use crate::span::Span;

impl<'c> Compiler<'c, '_> {
    /// Compiles an expression and folds what is constant.
    ///
    /// # Errors
    /// Reports what can be seen to fail.
    pub(crate) fn fold(&mut self, expr: &Expr) -> Compiled<Folded<'c>> {
        if let Some(item) = self.group_item(expr) {
            return Ok(Folded::Code(item));
        }
        let value = match &expr.kind {
            ExprKind::Null => Value::NULL,
            ExprKind::Bool(value) => Value::from(*value),
            ExprKind::Int(value) => Value::from(*value),
            ExprKind::Float(value) => Value::from(*value),
            ExprKind::Text(text) => return self.text(text),
            ExprKind::Bytes(parts) => return self.bytes(parts, expr.span),
            ExprKind::List(items) => return self.list(items),
            ExprKind::Record(fields) => return self.record(fields),
            ExprKind::Path(path) => return self.path(path),
            ExprKind::Present { path, negated } => {
                let path = Box::new(self.unfolded_path(path)?);
                let negated = *negated;
                return Ok(Folded::Code(Code::Present { path, negated }));
            }
            ExprKind::Unary { op, operand } => return self.unary(*op, operand, expr.span),
            ExprKind::Chain { first, rest } => return self.chain(expr.span.start, first, rest),
            ExprKind::Call(call) => return self.call(call, expr.span),
            ExprKind::Recur(args) => {
                return self.recur(args, expr.span, false).map(Folded::Code);
            }
            ExprKind::Match(inner) => {
                let code = self.matching(inner, expr.span, Position::VALUE);
                return code.map(Folded::Code);
            }
            ExprKind::For(inner) => {
                let code = self.looping(inner, expr.span, Position::VALUE);
                return code.map(Folded::Code);
            }
            ExprKind::Merge(inner) => return self.merge(inner, expr.span).map(Folded::Code),
            ExprKind::Patch(inner) => return self.patch(inner, expr.span).map(Folded::Code),
        };
        Ok(Folded::Value(value))
    }

    /// In the target of a select with windows, an expression of the `group by` stands for its value in the group.
    fn group_item(&self, expr: &Expr) -> Option<Code> {
        if !matches!(self.context, Context::Windowed(_)) || self.in_aggregate {
            return None;
        }
        let is_same = |group: &&&Expr| super::same::same(group, expr);
        let place = self.groups.iter().position(|group| is_same(&group))?;
        Some(Code::GroupItem(place))
    }

    /// Evaluates code whose parts are all constant, unless that takes too long.
    pub(super) fn evaluate(&mut self, code: Code, context: Span) -> Compiled<Folded<'c>> {
        if !self.pool.has_room() {
            return self.too_large(context);
        }
        if !self.pool.may_fold() {
            return Ok(Folded::Code(code));
        }
        match self.pool.evaluate(&code) {
            Some(value) => self.folded(value, context),
            None => Ok(Folded::Code(code)),
        }
    }

    /// Compiles each of several expressions, so that the errors of all are reported.
    pub(super) fn fold_all(&mut self, exprs: &[Expr]) -> Compiled<Vec<Folded<'c>>> {
        let folded: Vec<_> = exprs.iter().map(|expr| self.fold(expr)).collect();
        folded.into_iter().collect()
    }

    // --- values that are built ---

    fn list(&mut self, items: &[Expr]) -> Compiled<Folded<'c>> {
        let folded = self.fold_all(items)?;
        let values: Vec<_> = folded.iter().filter_map(Folded::value).collect();
        if values.len() == folded.len() {
            return Ok(Folded::Value(self.arena.array(&values)));
        }
        let codes = folded.into_iter().map(|item| self.emit(item)).collect();
        Ok(Folded::Code(Code::List(codes)))
    }

    fn record(&mut self, fields: &[(Text, Expr)]) -> Compiled<Folded<'c>> {
        let folded: Vec<_> = fields
            .iter()
            .map(|(key, value)| (self.text(key), self.fold(value)))
            .collect();
        let mut constant = Vec::new();
        let mut computed = Vec::new();
        for (key, value) in folded {
            match (key?, value?) {
                (Folded::Value(key), Folded::Value(value)) => {
                    constant.push(Field::new(key.as_str().unwrap_or_default(), value));
                }
                (key, value) => computed.push((self.emit(key), self.emit(value))),
            }
        }
        let base = Folded::Value(self.arena.object(&constant));
        if computed.is_empty() {
            return Ok(base);
        }
        let base = match self.emit(base) {
            Code::Constant(id) if !constant.is_empty() => Some(id),
            _ => None,
        };
        let record = RecordCode {
            base,
            fields: computed.into(),
        };
        Ok(Folded::Code(Code::Record(Box::new(record))))
    }

    pub(super) fn text(&mut self, text: &Text) -> Compiled<Folded<'c>> {
        if let [Interpolated::Text(text)] = text.parts.as_slice() {
            return Ok(Folded::Value(Value::from(self.arena.str(text))));
        }
        let parts: Vec<_> = text.parts.iter().map(|part| self.text_part(part)).collect();
        let parts = parts.into_iter().collect::<Compiled<Vec<_>>>()?;
        let mut codes = Vec::new();
        let base = self.pool.memory.stacks.bytes.len();
        for part in parts {
            match part {
                Folded::Value(value) => self.pool.memory.stacks.write(value),
                Folded::Code(code) => {
                    codes.extend(self.fixed_text(base));
                    codes.push(TextCode::Value(code));
                }
            }
        }
        if codes.is_empty() {
            let text = self.pool.memory.stacks.text(base, self.arena);
            return Ok(Folded::Value(Value::from(text)));
        }
        codes.extend(self.fixed_text(base));
        Ok(Folded::Code(Code::Text(codes.into())))
    }

    fn text_part(&mut self, part: &Interpolated) -> Compiled<Folded<'c>> {
        match part {
            Interpolated::Text(text) => Ok(Folded::Value(Value::from(self.arena.str(text)))),
            Interpolated::Value(value) => self.fold(value),
        }
    }

    /// Takes the text that was collected since the last part that is not constant.
    fn fixed_text(&mut self, base: usize) -> Option<TextCode> {
        let text = self.pool.memory.stacks.text(base, self.arena);
        (!text.is_empty()).then(|| TextCode::Text(text.into()))
    }

    /// Reports something that stands where it must not.
    pub(super) fn misplaced<T>(&mut self, span: Span, message: &str, help: &str) -> Compiled<T> {
        let finding = Finding::error(FindingCode::Misplaced, span, message);
        self.report(finding.margin(2).help(help))
    }
}
