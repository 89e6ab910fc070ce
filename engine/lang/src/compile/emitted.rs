//! The ports that a script emits to.

use crate::ast::{ExprKind, Interpolated, Item, Script, Statement, StatementKind, Text};

/// The port for all whose names are computed while a script runs.
pub(crate) const COMPUTED: &str = "*";

/// Lists the ports whose names stand in a script as they are, each once, in the order of the text. Where a name is
/// computed, this is [`COMPUTED`].
pub(crate) fn emitted_ports(script: &Script) -> Vec<Box<str>> {
    let mut ports = Vec::new();
    for item in &script.items {
        if let Item::Statement(statement) = item {
            collect(statement, &mut ports);
        }
    }
    ports
}

fn collect(statement: &Statement, ports: &mut Vec<Box<str>>) {
    match &statement.kind {
        StatementKind::Expr(expr) => match &expr.kind {
            ExprKind::Match(inner) => {
                let bodies = inner.clauses.iter().flat_map(|clause| &clause.body);
                bodies.for_each(|statement| collect(statement, ports));
            }
            ExprKind::For(inner) => {
                let bodies = inner.cases.iter().flat_map(|case| &case.body);
                bodies.for_each(|statement| collect(statement, ports));
            }
            _ => {}
        },
        StatementKind::Let { value, .. } => collect(value, ports),
        StatementKind::Emit { port, .. } => {
            let name = port
                .as_ref()
                .map(|port| literal(port).unwrap_or_else(|| COMPUTED.into()));
            ports.extend(name.filter(|name| !ports.contains(name)));
        }
        StatementKind::Drop => {}
    }
}

/// A string without interpolations.
fn literal(text: &Text) -> Option<Box<str>> {
    match text.parts.as_slice() {
        [] => Some("".into()),
        [Interpolated::Text(text)] => Some(text.clone()),
        _ => None,
    }
}
