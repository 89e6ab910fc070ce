//! Checking what can be seen of a query without its arguments.

use super::{names, ports};
use crate::ast::{Assign, Param, Query, QueryStatement, Select};
use crate::code::Code;
use crate::finding::Finding;

/// Checks a query. The arguments are none for a query that stands alone.
pub(super) fn check(query: &Query, params: Option<&[Param]>, findings: &mut Vec<Finding>) {
    for Assign { value, .. } in &query.directives {
        names::check(value, params, findings);
    }
    let ports = if params.is_some() {
        ports::all_declared(query)
    } else {
        Vec::new()
    };
    for statement in &query.statements {
        match statement {
            QueryStatement::CreateStream { name, span } => {
                if ports.iter().any(|port| **port == *name.name) {
                    let message = format!("stream `{}` has the name of a port", name.name);
                    let finding = Finding::error(Code::DuplicateName, *span, message);
                    findings.push(finding.help("give it another name"));
                }
            }
            QueryStatement::Use(_) | QueryStatement::Define(_) | QueryStatement::Create { .. } => {}
            QueryStatement::Select(select) => {
                let Select {
                    target,
                    filter,
                    having,
                    ..
                } = &**select;
                for clause in [Some(target), filter.as_ref(), having.as_ref()]
                    .into_iter()
                    .flatten()
                {
                    names::check(clause, params, findings);
                }
            }
        }
    }
}
