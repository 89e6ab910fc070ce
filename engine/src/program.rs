//! Compiling a program from text, for embedders who want one call.

use std::sync::Arc;

use temblor_lang::{Deployment, Finding, Options, Rejected, Source, compile_deployment, render};

/// Why a text does not compile: every finding, rendered with its place.
#[derive(Debug)]
pub struct ProgramError(Rejected);

impl ProgramError {
    /// The findings one by one.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.0.findings
    }
}

impl std::fmt::Display for ProgramError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (at, finding) in self.0.findings.iter().enumerate() {
            if at > 0 {
                writeln!(f)?;
            }
            f.write_str(&render(finding, &self.0.sources))?;
        }
        Ok(())
    }
}

impl std::error::Error for ProgramError {}

/// Compiles a deployment, with the operators that come along; `name` stands in its messages.
///
/// # Errors
/// If the text cannot be run.
pub fn compile(name: &str, text: &str) -> Result<Deployment, ProgramError> {
    compile_with(name, text, &Options::default())
}

pub(crate) fn compile_with(
    name: &str,
    text: &str,
    options: &Options,
) -> Result<Deployment, ProgramError> {
    let source = Arc::new(Source::new(name, text));
    compile_deployment(&source, options).map_err(ProgramError)
}
