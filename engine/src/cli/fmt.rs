//! `temblor fmt`: files in one style.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use temblor_lang::{Source, SourceKind, format, render};

use super::failure::{Exit, Failure, Outcome};
use super::output::{complain, print};

/// Which files to format.
#[derive(Args, Debug)]
pub(crate) struct FmtOptions {
    /// The files: `.troy`, `.trickle`, `.tremor`
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Writes nothing, and fails if a file is in another style
    #[arg(long)]
    check: bool,
}

/// Runs the command.
pub(crate) fn run(options: &FmtOptions) -> Outcome {
    let mut exit = Exit::Done;
    for file in &options.files {
        match one(file, options.check) {
            Ok(true) => {}
            Ok(false) => {
                print(&format!("{} is in another style\n", file.display()))?;
                exit = Exit::Failed;
            }
            Err(failure) => {
                complain(failure);
                exit = Exit::Wrong;
            }
        }
    }
    Ok(exit)
}

/// Formats a file, or says whether it is formatted.
fn one(path: &Path, check: bool) -> Result<bool, Failure> {
    let suffix = path.extension().and_then(|suffix| suffix.to_str());
    let kind = suffix.and_then(SourceKind::of).ok_or_else(|| {
        let message = format!("`{}` is no file of the language", path.display());
        Failure::wrong(message).help("its name ends in `.troy`, `.trickle` or `.tremor`")
    })?;
    let text = fs::read_to_string(path)
        .map_err(|error| Failure::wrong(format!("`{}` cannot be read: {error}", path.display())))?;
    let source = Arc::new(Source::new(path.display().to_string(), text.as_str()));
    let formatted = format(&source, kind).map_err(|rejected| {
        let shown = rejected.findings.iter();
        let shown: Vec<String> = shown.map(|f| render(f, &rejected.sources)).collect();
        let message = format!(
            "`{}` is left as it is:\n{}",
            path.display(),
            shown.join("\n")
        );
        Failure::wrong(message)
    })?;
    if formatted == text || check {
        return Ok(formatted == text);
    }
    replace(path, &formatted).map_err(|error| {
        Failure::failed(format!("`{}` cannot be written: {error}", path.display()))
    })?;
    Ok(true)
}

/// Writes a file beside the old one and puts it in its place, so that nothing is lost on the way. What a link leads to
/// is replaced, not the link.
fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    let path = path.canonicalize()?;
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".formatted");
    let beside = path.with_file_name(name);
    fs::write(&beside, text)?;
    fs::set_permissions(&beside, fs::metadata(&path)?.permissions())?;
    fs::rename(&beside, path)
}
