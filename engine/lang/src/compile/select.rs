//! Compiling the clauses of selects.

use temblor_pdk::value::Value;

use super::check::group_exprs;
use super::graph::Clauses;
use super::{AggregateCall, Compiled, Compiler, Context, PoolBuilder};
use crate::ast::{Expr, GroupBy, Select};
use crate::finding::Finding;
use crate::group::GroupCode;
use crate::pipeline::{Condition, SelectNode};
use crate::scope::Scope;
use crate::span::Span;
use crate::window::{AggregateCode, WindowedSelect};

/// Compiles a select, without its windows.
///
/// # Errors
/// Reports what is wrong with its clauses.
pub(super) fn clauses<'c>(
    select: &Select,
    args: Value<'c>,
    scope: &Scope,
    pool: &mut PoolBuilder<'c>,
    findings: &mut Vec<Finding>,
) -> Compiled<Clauses> {
    let is_windowed = !select.windows.is_empty();
    let mut groups: Vec<&Expr> = Vec::new();
    if let Some(group) = &select.group {
        group_exprs(group, &mut groups);
    }
    let mut compiler = Compiler::new(Context::Select, Some(args), scope, pool, findings);
    compiler.groups = &groups;
    compiler.aggregates = Some(Vec::new());
    if is_windowed {
        compiler.context = Context::Windowed(select.span);
    }
    let target = compiler.clause(&select.target, select.span);
    compiler.context = Context::Select;
    let having = condition(select.having.as_ref(), select.span, &mut compiler);
    let needs_group = compiler.group_use;
    let needs_group_before = compiler.group_use_in_aggregate;
    let aggregates = compiler.aggregates.take().unwrap_or_default();
    let filter = condition(select.filter.as_ref(), select.span, &mut compiler);
    let group = match &select.group {
        Some(group) => group_by(group, select.span, &mut compiler).map(Some),
        None => Ok(None),
    };
    let (target, having, filter, group) = (target?, having?, filter?, group?);
    let span = select.span;
    if !is_windowed {
        return Ok(Clauses::Plain(Box::new(SelectNode {
            filter,
            group,
            target,
            having,
            needs_group,
            aggregate: aggregates.first().map(|call| call.span),
            span,
            to: [].into(),
        })));
    }
    Ok(Clauses::Windowed(Box::new(WindowedSelect {
        filter,
        group,
        group_span: select.group.as_ref().map_or(span, GroupBy::span),
        target,
        having,
        aggregates: aggregates.into_iter().map(aggregate).collect(),
        windows: [].into(),
        max_groups: usize::MAX,
        err: [].into(),
        needs_group: needs_group_before,
        span,
    })))
}

fn aggregate(call: AggregateCall) -> AggregateCode {
    let AggregateCall {
        function,
        args,
        span,
    } = call;
    AggregateCode {
        kind: function.kind,
        args,
        name: format!("aggr::{}::{}", function.module, function.name).into(),
        span,
    }
}

fn condition(
    expr: Option<&Expr>,
    select: Span,
    compiler: &mut Compiler<'_, '_>,
) -> Compiled<Option<Condition>> {
    let Some(expr) = expr else { return Ok(None) };
    let code = compiler.clause(expr, select)?;
    Ok(Some(Condition {
        code,
        span: expr.span,
    }))
}

fn group_by(group: &GroupBy, select: Span, compiler: &mut Compiler<'_, '_>) -> Compiled<GroupCode> {
    let code = group_code(group, compiler);
    compiler.end_clause(group.span(), select)?;
    code
}

fn group_code(group: &GroupBy, compiler: &mut Compiler<'_, '_>) -> Compiled<GroupCode> {
    match group {
        GroupBy::Expr(expr) => compiler.code(expr).map(GroupCode::Expr),
        GroupBy::Each { expr, span } => {
            let code = compiler.code(expr)?;
            Ok(GroupCode::Each(code, *span))
        }
        GroupBy::Set { items, .. } => {
            let codes: Vec<_> = items
                .iter()
                .map(|item| group_code(item, compiler))
                .collect();
            let codes = codes.into_iter().collect::<Compiled<Vec<_>>>()?;
            Ok(GroupCode::Set(codes.into()))
        }
    }
}
