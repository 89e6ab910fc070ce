//! The repository's own rules, as tests: who may depend on whom, what may stand where, and that lists agree.

mod connectors;
mod dependencies;
mod examples;
mod features;
mod licences;
mod limits;
mod packaging;
mod rust;
mod sources;
mod words;
mod workspace;
