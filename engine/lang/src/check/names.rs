//! Checking the names in expressions.

use crate::ast::{Expr, ExprKind, Ident, Interpolated, Param, Path, Root, Segment, Text};
use crate::code::Code;
use crate::finding::Finding;
use crate::suggest::one_of;

/// Reports local variables, which queries and flows have none of, and arguments that are not declared. Where there
/// is no declaration to compare with, `params` is none.
pub(super) fn check(expr: &Expr, params: Option<&[Param]>, findings: &mut Vec<Finding>) {
    Names { params, findings }.expr(expr);
}

struct Names<'t, 'f> {
    params: Option<&'t [Param]>,
    findings: &'f mut Vec<Finding>,
}

impl Names<'_, '_> {
    fn expr(&mut self, expr: &Expr) {
        match &expr.kind {
            ExprKind::Null
            | ExprKind::Bool(_)
            | ExprKind::Int(_)
            | ExprKind::Float(_)
            | ExprKind::Bytes(_)
            | ExprKind::Call(_)
            | ExprKind::Recur(_)
            | ExprKind::Match(_)
            | ExprKind::For(_)
            | ExprKind::Merge(_)
            | ExprKind::Patch(_)
            | ExprKind::Invalid => {}
            ExprKind::Text(text) => self.text(text),
            ExprKind::List(items) => items.iter().for_each(|item| self.expr(item)),
            ExprKind::Record(fields) => {
                for (key, value) in fields {
                    self.text(key);
                    self.expr(value);
                }
            }
            ExprKind::Path(path) => {
                self.argument(path);
                self.path(path);
            }
            // Whether an argument exists may be asked.
            ExprKind::Present { path, .. } => self.path(path),
            ExprKind::Unary { operand, .. } => self.expr(operand),
            ExprKind::Chain { first, rest } => {
                self.expr(first);
                rest.iter()
                    .for_each(|operation| self.expr(&operation.right));
            }
        }
    }

    fn text(&mut self, text: &Text) {
        for part in &text.parts {
            if let Interpolated::Value(value) = part {
                self.expr(value);
            }
        }
    }

    fn path(&mut self, path: &Path) {
        match &path.root {
            Root::Local(name) => self.local(name),
            Root::Expr(root) => self.expr(root),
            _ => {}
        }
        for segment in &path.segments {
            match segment {
                Segment::Field(_) => {}
                Segment::Index(index) => self.expr(index),
                Segment::Range { from, to, .. } => {
                    self.expr(from);
                    self.expr(to);
                }
            }
        }
    }

    fn local(&mut self, name: &Ident) {
        let Ident { name, span } = name;
        let message = format!("`{name}` would be a local variable, and there are none here");
        let help = match &**name {
            "nil" | "none" | "None" | "NULL" | "Null" => "did you mean `null`?".to_owned(),
            "True" | "TRUE" => "did you mean `true`?".to_owned(),
            "False" | "FALSE" => "did you mean `false`?".to_owned(),
            name => match self.params {
                Some(params) if params.iter().any(|param| *param.name.name == *name) => {
                    format!("did you mean `args.{name}`?")
                }
                _ => format!("a field of the event is `event.{name}`, a string is \"{name}\""),
            },
        };
        self.findings
            .push(Finding::error(Code::LocalVariable, *span, message).help(help));
    }

    fn argument(&mut self, path: &Path) {
        let (Root::Args, Some(Segment::Field(name)), Some(params)) =
            (&path.root, path.segments.first(), self.params)
        else {
            return;
        };
        let declared: Vec<&str> = params.iter().map(|param| &*param.name.name).collect();
        if !declared.contains(&&*name.name) {
            let message = format!("argument `{}` is not declared", name.name);
            let help = one_of(&name.name, "arguments", &declared);
            self.findings
                .push(Finding::error(Code::UnknownArgument, name.span, message).help(help));
        }
    }
}
