//! Compiling deployments: the flows that are started, with all arguments filled in.
//!
//! Names are checked in everything that is defined. What concerns the graph of a flow is checked in the flows that are
//! started.

mod args;
mod body;
mod config;
mod connector;
mod deploy;
mod links;
mod policy;
mod start;

pub(crate) use args::check_declared;
pub(crate) use body::check_flow;
pub(crate) use connector::check_keys;
pub(crate) use deploy::compile_flows;
