//! Writing: results to the standard output as text, JSON, and tables; what went wrong to the standard error stream.

use std::fmt::Display;
use std::io::{self, ErrorKind, Write};
use std::panic::{set_hook, take_hook};
use std::sync::LazyLock;

use serde::Serialize;
use serde_json::Value;
use temblor::Secrets;

use super::failure::Failure;

/// What the program never shows.
static SECRETS: LazyLock<Secrets> = LazyLock::new(Secrets::new);

/// What the program never shows, for whoever finds more of it.
pub(crate) fn secrets() -> &'static Secrets {
    &SECRETS
}

/// Keeps secrets out of what is written of a panic.
pub(crate) fn mask_panics() {
    let usual = take_hook();
    set_hook(Box::new(move |panic| match SECRETS.is_empty() {
        true => usual(panic),
        false => complain(panic),
    }));
}

/// Writes a text to the standard output. A reader that has gone away is no failure.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    write(&SECRETS.mask(text))
}

fn write(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    match written {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Failure::failed(format!(
            "the standard output cannot be written: {error}"
        ))),
        _ => Ok(()),
    }
}

/// Writes a text and a line end to the standard error stream. Where nobody reads it, the exit code has to do.
pub(crate) fn complain(text: impl Display) {
    let line = format!("{text}\n");
    let line = SECRETS.mask(&line);
    let _ = io::stderr().lock().write_all(line.as_bytes());
}

/// Writes a value as indented JSON. What may hold secrets is [`masked`] before.
pub(crate) fn print_json(value: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value).map_err(|error| {
        Failure::failed(format!("the result cannot be written as JSON: {error}"))
    })?;
    write(&(text + "\n"))
}

/// A value with none of the secrets in its texts. Masked as a text it could be no JSON any more.
pub(crate) fn masked(value: Value, secrets: &Secrets) -> Value {
    let mask = |value| masked(value, secrets);
    match value {
        Value::String(text) => secrets.mask(&text).into(),
        Value::Array(items) => items.into_iter().map(mask).collect(),
        Value::Object(fields) => fields.into_iter().map(|(k, v)| (k, mask(v))).collect(),
        other => other,
    }
}

/// Sets rows below each other, with columns as wide as their widest cell.
///
/// Columns in `right` are set flush right. The last column is not padded.
pub(crate) fn table(rows: &[Vec<String>], right: &[usize]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (column, cell) in row.iter().enumerate() {
            if column > 0 {
                line += "  ";
            }
            let padding = " ".repeat(widths[column] - cell.chars().count());
            match right.contains(&column) {
                true => line += &(padding + cell),
                false => line += &(cell.clone() + &padding),
            }
        }
        text += line.trim_end();
        text.push('\n');
    }
    text
}

/// Writes names in backticks, with commas between them.
pub(crate) fn quoted<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

/// Returns the candidate that was probably meant by `name`.
pub(crate) fn nearest<'a>(
    name: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    // A third of the letters may be wrong, and one always.
    let limit = (name.chars().count() / 3).max(1);
    let distance = |candidate: &'a str| (strsim::damerau_levenshtein(name, candidate), candidate);
    let close = candidates.into_iter().map(distance);
    let close = close.filter(|(distance, _)| *distance <= limit);
    close.min().map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(cells: &[&str]) -> Vec<String> {
        cells.iter().map(|cell| (*cell).to_owned()).collect()
    }

    #[test]
    fn columns_are_as_wide_as_they_must_be() {
        let rows = [
            row(&["NAME", "COUNT", "WHY"]),
            row(&["größer", "7", ""]),
            row(&["x", "1000000", "because"]),
        ];
        let expected = "\
NAME      COUNT  WHY
größer        7
x       1000000  because
";
        assert_eq!(table(&rows, &[1]), expected);
        assert_eq!(table(&[], &[]), "");
    }

    #[test]
    fn close_names_are_found() {
        let names = ["interval_ms", "url", "file"];
        assert_eq!(nearest("intervall_ms", names), Some("interval_ms"));
        assert_eq!(nearest("ulr", names), Some("url"));
        assert_eq!(nearest("topic", names), None);
    }
}
