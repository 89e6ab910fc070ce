//! The checker: names, arguments and connections, for everything that is defined, whether it is deployed or not.

mod names;
mod ports;
mod query;

use crate::ast::Query;
use crate::finding::Finding;

/// Checks a query that stands alone.
pub(crate) fn check_query(query: &Query) -> Vec<Finding> {
    let mut findings = Vec::new();
    query::check(query, None, &mut findings);
    findings
}
