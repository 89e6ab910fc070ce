//! Comparing expressions by what they are, wherever they are written.

use crate::ast::{
    BytesPart, Call, Expr, ExprKind, For, ForCase, Ident, Interpolated, Match, MatchClause,
    Operation, PatchKind, PatchOperation, Path, Root, Segment, Statement, StatementKind, Text,
};
use crate::ast::{ExtractorLiteral, FieldTest, FieldTestKind, Pattern, PatternKind};

/// Whether two expressions are structurally the same.
pub(super) fn same(a: &Expr, b: &Expr) -> bool {
    match (&a.kind, &b.kind) {
        (ExprKind::Null, ExprKind::Null) => true,
        (ExprKind::Bool(a), ExprKind::Bool(b)) => a == b,
        (ExprKind::Int(a), ExprKind::Int(b)) => a == b,
        (ExprKind::Float(a), ExprKind::Float(b)) => a.to_bits() == b.to_bits(),
        (ExprKind::Text(a), ExprKind::Text(b)) => same_text(a, b),
        (ExprKind::Bytes(a), ExprKind::Bytes(b)) => all(a, b, same_part),
        (ExprKind::List(a), ExprKind::List(b)) | (ExprKind::Recur(a), ExprKind::Recur(b)) => {
            all(a, b, same)
        }
        (ExprKind::Record(a), ExprKind::Record(b)) => {
            all(a, b, |a, b| same_text(&a.0, &b.0) && same(&a.1, &b.1))
        }
        (ExprKind::Path(a), ExprKind::Path(b)) => same_path(a, b),
        (
            ExprKind::Present { path, negated },
            ExprKind::Present {
                path: other,
                negated: other_negated,
            },
        ) => negated == other_negated && same_path(path, other),
        (
            ExprKind::Unary { op, operand },
            ExprKind::Unary {
                op: other_op,
                operand: other,
            },
        ) => op == other_op && same(operand, other),
        (
            ExprKind::Chain { first, rest },
            ExprKind::Chain {
                first: other,
                rest: other_rest,
            },
        ) => same(first, other) && all(rest, other_rest, same_operation),
        (ExprKind::Call(a), ExprKind::Call(b)) => same_call(a, b),
        (ExprKind::Match(a), ExprKind::Match(b)) => same_match(a, b),
        (ExprKind::For(a), ExprKind::For(b)) => same_for(a, b),
        (ExprKind::Merge(a), ExprKind::Merge(b)) => {
            same(&a.target, &b.target) && same(&a.changes, &b.changes)
        }
        (ExprKind::Patch(a), ExprKind::Patch(b)) => {
            same(&a.target, &b.target) && all(&a.operations, &b.operations, same_patch)
        }
        _ => false,
    }
}

fn all<T>(a: &[T], b: &[T], same: impl Fn(&T, &T) -> bool) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
}

fn maybe<T>(a: Option<&T>, b: Option<&T>, same: impl Fn(&T, &T) -> bool) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => same(a, b),
        (None, None) => true,
        _ => false,
    }
}

fn same_name(a: &Ident, b: &Ident) -> bool {
    a.name == b.name
}

fn same_text(a: &Text, b: &Text) -> bool {
    all(&a.parts, &b.parts, |a, b| match (a, b) {
        (Interpolated::Text(a), Interpolated::Text(b)) => a == b,
        (Interpolated::Value(a), Interpolated::Value(b)) => same(a, b),
        _ => false,
    })
}

fn same_part(a: &BytesPart, b: &BytesPart) -> bool {
    a.size == b.size
        && maybe(a.kind.as_ref(), b.kind.as_ref(), same_name)
        && same(&a.value, &b.value)
}

fn same_operation(a: &Operation, b: &Operation) -> bool {
    a.op == b.op && same(&a.right, &b.right)
}

fn same_call(a: &Call, b: &Call) -> bool {
    all(&a.modules, &b.modules, same_name)
        && same_name(&a.name, &b.name)
        && all(&a.args, &b.args, same)
}

fn same_path(a: &Path, b: &Path) -> bool {
    same_root(&a.root, &b.root) && all(&a.segments, &b.segments, same_segment)
}

fn same_root(a: &Root, b: &Root) -> bool {
    match (a, b) {
        (Root::Event, Root::Event)
        | (Root::Meta, Root::Meta)
        | (Root::State, Root::State)
        | (Root::Args, Root::Args)
        | (Root::Group, Root::Group)
        | (Root::Window, Root::Window) => true,
        (Root::Local(a), Root::Local(b)) => same_name(a, b),
        (
            Root::Constant { modules, name },
            Root::Constant {
                modules: other_modules,
                name: other,
            },
        ) => all(modules, other_modules, same_name) && same_name(name, other),
        (Root::Expr(a), Root::Expr(b)) => same(a, b),
        _ => false,
    }
}

fn same_segment(a: &Segment, b: &Segment) -> bool {
    match (a, b) {
        (Segment::Field(a), Segment::Field(b)) => same_name(a, b),
        (Segment::Index(a), Segment::Index(b)) => same(a, b),
        (
            Segment::Range { from, to, .. },
            Segment::Range {
                from: other_from,
                to: other_to,
                ..
            },
        ) => same(from, other_from) && same(to, other_to),
        _ => false,
    }
}

fn same_match(a: &Match, b: &Match) -> bool {
    same(&a.target, &b.target) && all(&a.clauses, &b.clauses, same_clause)
}

fn same_clause(a: &MatchClause, b: &MatchClause) -> bool {
    same_pattern(&a.pattern, &b.pattern)
        && maybe(a.guard.as_ref(), b.guard.as_ref(), same)
        && all(&a.body, &b.body, same_statement)
}

fn same_for(a: &For, b: &For) -> bool {
    a.fold == b.fold
        && same(&a.target, &b.target)
        && maybe(a.into.as_ref(), b.into.as_ref(), same)
        && all(&a.cases, &b.cases, same_case)
}

fn same_case(a: &ForCase, b: &ForCase) -> bool {
    same_name(&a.key, &b.key)
        && same_name(&a.value, &b.value)
        && maybe(a.guard.as_ref(), b.guard.as_ref(), same)
        && all(&a.body, &b.body, same_statement)
}

/// Statements within expressions are expressions themselves.
fn same_statement(a: &Statement, b: &Statement) -> bool {
    match (&a.kind, &b.kind) {
        (StatementKind::Expr(a), StatementKind::Expr(b)) => same(a, b),
        _ => false,
    }
}

fn same_patch(a: &PatchOperation, b: &PatchOperation) -> bool {
    use PatchKind::{
        Copy, Default, DefaultAll, Erase, Insert, Merge, MergeAll, Move, Update, Upsert,
    };
    match (&a.kind, &b.kind) {
        (Insert { key, value }, Insert { key: k, value: v })
        | (Update { key, value }, Update { key: k, value: v })
        | (Upsert { key, value }, Upsert { key: k, value: v })
        | (Merge { key, value }, Merge { key: k, value: v })
        | (Default { key, value }, Default { key: k, value: v }) => {
            same_text(key, k) && same(value, v)
        }
        (Erase { key: a }, Erase { key: b }) => same_text(a, b),
        (Move { from, to }, Move { from: f, to: t })
        | (Copy { from, to }, Copy { from: f, to: t }) => same_text(from, f) && same_text(to, t),
        (MergeAll { value: a }, MergeAll { value: b })
        | (DefaultAll { value: a }, DefaultAll { value: b }) => same(a, b),
        _ => false,
    }
}

fn same_pattern(a: &Pattern, b: &Pattern) -> bool {
    match (&a.kind, &b.kind) {
        (PatternKind::Ignore, PatternKind::Ignore) => true,
        (PatternKind::Expr(a), PatternKind::Expr(b)) => same(a, b),
        (PatternKind::Extract(a), PatternKind::Extract(b)) => same_extractor(a, b),
        (PatternKind::Record(a), PatternKind::Record(b)) => all(a, b, same_test),
        (PatternKind::Array(a), PatternKind::Array(b)) => all(a, b, same_pattern),
        (
            PatternKind::Tuple { elements, is_open },
            PatternKind::Tuple {
                elements: other,
                is_open: other_is_open,
            },
        ) => is_open == other_is_open && all(elements, other, same_pattern),
        (
            PatternKind::Bind { name, pattern },
            PatternKind::Bind {
                name: other_name,
                pattern: other,
            },
        ) => same_name(name, other_name) && same_pattern(pattern, other),
        _ => false,
    }
}

fn same_extractor(a: &ExtractorLiteral, b: &ExtractorLiteral) -> bool {
    same_name(&a.name, &b.name) && a.text == b.text
}

fn same_test(a: &FieldTest, b: &FieldTest) -> bool {
    let is_same_kind = match (&a.kind, &b.kind) {
        (FieldTestKind::Present, FieldTestKind::Present)
        | (FieldTestKind::Absent, FieldTestKind::Absent) => true,
        (FieldTestKind::Compare(op, value), FieldTestKind::Compare(other_op, other)) => {
            op == other_op && same(value, other)
        }
        (FieldTestKind::Matches(a), FieldTestKind::Matches(b)) => same_pattern(a, b),
        _ => false,
    };
    same_name(&a.field, &b.field) && is_same_kind
}
