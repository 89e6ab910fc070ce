//! What is said about cases: one line each, with what differs below it, and a sum.

use std::fmt;

use serde_json::{Value, json};

use super::case::Wrong;
use super::compare::{Compared, Difference, counted};
use super::find::Case;

/// As many differences of a case are shown.
const DIFFERENCES: usize = 3;
/// As much of a line is shown, in characters.
const WIDTH: usize = 400;

/// How a case ended, the worst last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Verdict {
    /// Everything was as expected.
    Passed,
    /// What is expected was written anew.
    Updated,
    /// Something was not as expected.
    Failed,
    /// It could not be run.
    Wrong,
}

/// What is said about a case.
pub(super) struct Report {
    case: Case,
    pub(super) verdict: Verdict,
    compared: Compared,
}

impl Report {
    /// Reports on a case that could be run.
    pub(super) fn of(case: Case, compared: Compared) -> Report {
        let verdict = if !compared.differences.is_empty() || !compared.messages.is_empty() {
            Verdict::Failed
        } else if compared.written.is_empty() {
            Verdict::Passed
        } else {
            Verdict::Updated
        };
        Report {
            case,
            verdict,
            compared,
        }
    }

    /// Reports on a case that could not be run.
    pub(super) fn wrong(case: Case, wrong: Wrong) -> Report {
        let compared = Compared {
            messages: vec![wrong.0],
            ..Compared::default()
        };
        Report {
            case,
            verdict: Verdict::Wrong,
            compared,
        }
    }

    /// Returns what goes to the standard error stream: reports on programs and cases that cannot be run.
    pub(super) fn reports(&self) -> impl Iterator<Item = &str> {
        let messages = self.compared.messages.iter();
        let is_wrong = self.verdict == Verdict::Wrong;
        messages.filter(move |_| is_wrong).map(String::as_str)
    }

    fn name(&self) -> &'static str {
        match self.verdict {
            Verdict::Passed => "ok",
            Verdict::Updated => "updated",
            Verdict::Failed => "FAILED",
            Verdict::Wrong => "WRONG",
        }
    }

    fn as_json(&self) -> Value {
        let written = self.compared.written.iter();
        json!({
            "name": self.case.name,
            "directory": self.case.directory,
            "result": self.name().to_ascii_lowercase(),
            "differences": self.compared.differences,
            "messages": self.compared.messages,
            "written": written.map(|(file, _)| file).collect::<Vec<_>>(),
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<7} {}", self.name(), self.case.directory.display())?;
        if self.verdict == Verdict::Failed {
            for message in &self.compared.messages {
                writeln!(f, "  {}", message.replace('\n', "\n  "))?;
            }
        }
        let differences = &self.compared.differences;
        for difference in differences.iter().take(DIFFERENCES) {
            show(difference, f)?;
        }
        if differences.len() > DIFFERENCES {
            let more = differences.len() - DIFFERENCES;
            writeln!(f, "  and {} more", counted(more, "difference"))?;
        }
        for (file, lines) in &self.compared.written {
            writeln!(f, "  wrote {file}: {}", counted(*lines, "line"))?;
        }
        Ok(())
    }
}

fn show(difference: &Difference, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let Difference {
        file,
        line,
        path,
        expected,
        found,
    } = difference;
    let place = match path {
        Some(path) => format!(", at {path}"),
        None => String::new(),
    };
    let text = |text: &Option<String>| text.as_deref().map_or("nothing".to_owned(), cut);
    writeln!(f, "  {file}:{line}{place}")?;
    writeln!(f, "    expected: {}", text(expected))?;
    writeln!(f, "       found: {}", text(found))
}

/// Cuts a line that would fill the screen.
fn cut(text: &str) -> String {
    match text.char_indices().nth(WIDTH) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

/// Sums the cases up.
pub(super) fn summary(reports: &[Report]) -> String {
    let count = |verdict| {
        reports
            .iter()
            .filter(|report| report.verdict == verdict)
            .count()
    };
    let parts = [
        (count(Verdict::Passed), "ok"),
        (count(Verdict::Updated), "updated"),
        (count(Verdict::Failed), "failed"),
        (count(Verdict::Wrong), "wrong"),
    ];
    let parts = parts.iter().filter(|(count, _)| *count > 0);
    let parts: Vec<String> = parts
        .map(|(count, name)| format!("{count} {name}"))
        .collect();
    format!("{}: {}\n", counted(reports.len(), "case"), parts.join(", "))
}

/// Everything, for machines.
pub(super) fn as_json(reports: &[Report]) -> Value {
    let count = |verdict| {
        reports
            .iter()
            .filter(|report| report.verdict == verdict)
            .count()
    };
    json!({
        "cases": reports.iter().map(Report::as_json).collect::<Vec<_>>(),
        "ok": count(Verdict::Passed),
        "updated": count(Verdict::Updated),
        "failed": count(Verdict::Failed),
        "wrong": count(Verdict::Wrong),
    })
}
