//! The checker: names, arguments and connections, for everything that is defined, whether it is deployed or not.

mod deploy;
mod flow;
mod names;
pub(crate) mod ports;
mod query;

use std::collections::HashSet;

use crate::ast::{Assign, Deployment, Ident, Param, Query};
use crate::code::Code;
use crate::finding::Finding;
use crate::options::Options;
use crate::suggest::one_of;

/// Checks a deployment.
pub(crate) fn check_deployment(deployment: &Deployment, options: &Options) -> Vec<Finding> {
    let mut findings = Vec::new();
    deploy::check(deployment, options, &mut findings);
    findings
}

/// Checks a query that stands alone.
pub(crate) fn check_query(query: &Query) -> Vec<Finding> {
    let mut findings = Vec::new();
    query::check(query, None, &mut findings);
    findings
}

/// Reports what is defined twice.
fn check_unique<'t>(
    kind: &str,
    names: impl Iterator<Item = &'t Ident>,
    findings: &mut Vec<Finding>,
) {
    let mut seen = HashSet::new();
    for name in names {
        if !seen.insert(&*name.name) {
            let message = format!("cannot define the {kind} `{}` twice", name.name);
            findings.push(Finding::error(Code::DuplicateName, name.span, message));
        }
    }
}

/// Reports arguments that are declared twice.
fn check_params(params: &[Param], findings: &mut Vec<Finding>) {
    check_unique("argument", params.iter().map(|param| &param.name), findings);
}

/// Reports what is handed over and not declared, or handed over twice.
fn check_with(with: &[Assign], params: &[Param], what: &str, findings: &mut Vec<Finding>) {
    let declared: Vec<&str> = params.iter().map(|param| &*param.name.name).collect();
    for Assign { key, .. } in with {
        if !declared.contains(&&*key.name) {
            let message = format!("{what} has no argument `{}`", key.name);
            let help = one_of(&key.name, "arguments", &declared);
            findings.push(Finding::error(Code::UnknownArgument, key.span, message).help(help));
        }
    }
    check_unique("value of", with.iter().map(|assign| &assign.key), findings);
}
