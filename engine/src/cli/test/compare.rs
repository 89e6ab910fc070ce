//! Comparing what arrived at the ports with the files of what is expected, line by line and as values.

use std::fs;

use serde::Serialize;
use temblor_pdk::{Arena, DynCodec, OwnedValue};
use temblor_registry::Registry;

use super::super::alone;
use super::super::failure::Failure;
use super::super::output::{nearest, quoted};
use super::case::{Ran, Wrong, decode};
use super::find::{Case, INPUT, Scope};

/// A result, or what is expected of one.
struct Line {
    /// Where it stands in its file, from 1.
    number: usize,
    text: String,
    value: OwnedValue,
}

/// A port, the file of what is expected there, and what arrived.
pub(super) struct Port {
    name: String,
    file: String,
    /// Nothing if there is no such file.
    expected: Option<Vec<Line>>,
    found: Vec<Line>,
}

/// What is not as it was expected.
#[derive(Debug, Serialize)]
pub(super) struct Difference {
    /// The file of what is expected.
    pub(super) file: String,
    /// The line in it.
    pub(super) line: usize,
    /// Where in the value the first difference is, such as `.user.name`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) path: Option<String>,
    /// The line that is expected; nothing if the file ends before.
    pub(super) expected: Option<String>,
    /// The result; nothing if no more arrived.
    pub(super) found: Option<String>,
}

/// What is to be said about a case that could be run.
#[derive(Default)]
pub(super) struct Compared {
    pub(super) differences: Vec<Difference>,
    /// What else is not right.
    pub(super) messages: Vec<String>,
    /// Files that were written, and how many lines each has.
    pub(super) written: Vec<(String, usize)>,
}

/// Reads what is expected at each port, and puts what arrived into the same form.
pub(super) fn expected(
    case: &Case,
    ran: &Ran,
    scope: &Scope,
    registry: &Registry,
) -> Result<Vec<Port>, Wrong> {
    strangers(case, ran, scope)?;
    let mut ports = Vec::new();
    for (name, values) in &ran.ports {
        let files: Vec<(&str, &str)> = case.events(name, scope).collect();
        let (file, codec) = match files.as_slice() {
            [] => (None, ran.encoder.as_str()),
            [(file, codec)] => (Some(*file), *codec),
            many => {
                let names = quoted(many.iter().map(|(file, _)| *file));
                let message = format!(
                    "port `{name}` has several files in `{}`: {names}",
                    case.directory.display()
                );
                return Err(Failure::wrong(message).help("leave one of them").into());
            }
        };
        let mut decoder = alone::codec(registry, codec)?;
        let expected = match file {
            None => None,
            Some(file) => Some(read(case, file, &mut *decoder)?),
        };
        ports.push(Port {
            name: name.clone(),
            file: file.map_or_else(|| format!("{name}.{codec}"), str::to_owned),
            expected,
            found: written(values, codec, &mut *decoder)?,
        });
    }
    Ok(ports)
}

/// Refuses files that look as if something was expected and that nobody would read.
fn strangers(case: &Case, ran: &Ran, scope: &Scope) -> Result<(), Failure> {
    let names = || ran.ports.iter().map(|(name, _)| name.as_str());
    for file in &case.files {
        let Some((stem, codec)) = file.rsplit_once('.') else {
            continue;
        };
        if !scope.is_codec(codec) || stem == INPUT || names().any(|name| name == stem) {
            continue;
        }
        let help = match nearest(stem, names()) {
            Some(meant) => format!("did you mean `{meant}.{codec}`?"),
            None => format!(
                "the ports are {}; keep other files elsewhere",
                quoted(names())
            ),
        };
        let message = format!("`{}` belongs to no output port", case.shown(file));
        return Err(Failure::wrong(message).help(help));
    }
    Ok(())
}

/// Reads a file of what is expected.
fn read(case: &Case, file: &str, codec: &mut dyn DynCodec) -> Result<Vec<Line>, Wrong> {
    let path = case.path(file);
    let bytes = fs::read(&path).map_err(|error| {
        Wrong(format!(
            "error: `{}` cannot be read: {error}",
            path.display()
        ))
    })?;
    let mut lines = Vec::new();
    let text = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
    if bytes.is_empty() {
        return Ok(lines);
    }
    for (at, line) in text.split(|byte| *byte == b'\n').enumerate() {
        let number = at + 1;
        let decoded = decode(codec, line.to_vec()).map_err(|error| {
            let place = format!("{}:{number}", path.display());
            Wrong(format!(
                "error: nothing can be expected here: {error}\n --> {place}"
            ))
        })?;
        // An empty line is none for most codecs.
        lines.extend(decoded.map(|value| Line {
            number,
            text: String::from_utf8_lossy(line).trim().to_owned(),
            value,
        }));
    }
    Ok(lines)
}

/// Writes results as they would stand in a file, and reads them again: both sides went through the codec then.
fn written(
    values: &[OwnedValue],
    name: &str,
    codec: &mut dyn DynCodec,
) -> Result<Vec<Line>, Wrong> {
    let mut lines = Vec::new();
    for (at, value) in values.iter().enumerate() {
        let mut bytes = Vec::new();
        let cannot = |reason: String| {
            let message = format!(
                "codec `{name}` has no line for {}: {reason}",
                value.to_json()
            );
            Wrong(
                Failure::wrong(message)
                    .help("expect it in a file that ends in `.json`")
                    .to_string(),
            )
        };
        codec
            .encode(Arena::new().value(value), &mut bytes)
            .map_err(|error| cannot(error.to_string()))?;
        let text =
            String::from_utf8(bytes.clone()).map_err(|_| cannot("it is no text".to_owned()))?;
        if text.contains('\n') {
            return Err(cannot("it would be several".to_owned()));
        }
        let decoded = decode(codec, bytes).map_err(|error| cannot(error.to_string()))?;
        lines.extend(decoded.map(|value| Line {
            number: at + 1,
            text,
            value,
        }));
    }
    Ok(lines)
}

/// Compares all ports.
pub(super) fn compare(case: &Case, ran: Ran, ports: Vec<Port>) -> Result<Compared, Wrong> {
    let mut compared = Compared {
        messages: ran.failures,
        ..Compared::default()
    };
    let update = format!(
        "`temblor test --update {}` writes it",
        case.directory.display()
    );
    let is_new = ports.iter().all(|port| port.expected.is_none());
    if is_new {
        let file = ports.first().map_or("out.json", |port| port.file.as_str());
        let message =
            format!("nothing says what is expected: there is no `{file}`\nhelp: {update}");
        compared.messages.push(message);
    }
    for port in &ports {
        match &port.expected {
            Some(expected) => port.compare(case, expected, &mut compared.differences),
            None if is_new || port.found.is_empty() => {}
            None => {
                // Whoever expects something at one port expects nothing at those without a file.
                let Port {
                    name, file, found, ..
                } = port;
                let count = counted(found.len(), "result");
                let message = format!("there is no `{file}`, and port `{name}` has {count}");
                compared.messages.push(format!("{message}\nhelp: {update}"));
                port.compare(case, &[], &mut compared.differences);
            }
        }
    }
    Ok(compared)
}

/// Writes what arrived into the files of what is expected, where that makes a difference.
pub(super) fn update(case: &Case, ran: Ran, ports: Vec<Port>) -> Result<Compared, Wrong> {
    let mut compared = Compared {
        messages: ran.failures,
        ..Compared::default()
    };
    let is_new = ports.iter().all(|port| port.expected.is_none());
    for (at, port) in ports.iter().enumerate() {
        let values = |lines: &[Line]| {
            lines
                .iter()
                .map(|line| line.value.clone())
                .collect::<Vec<_>>()
        };
        let is_same = match &port.expected {
            Some(expected) => values(expected) == values(&port.found),
            // A case that expects nothing says so in one file.
            None => port.found.is_empty() && !(is_new && at == 0),
        };
        if is_same {
            continue;
        }
        let path = case.path(&port.file);
        let text: String = port
            .found
            .iter()
            .map(|line| format!("{}\n", line.text))
            .collect();
        fs::write(&path, text).map_err(|error| {
            Wrong(format!(
                "error: `{}` cannot be written: {error}",
                path.display()
            ))
        })?;
        compared
            .written
            .push((path.display().to_string(), port.found.len()));
    }
    Ok(compared)
}

impl Port {
    fn compare(&self, case: &Case, expected: &[Line], differences: &mut Vec<Difference>) {
        let file = case.shown(&self.file);
        let end = expected.last().map_or(0, |line| line.number);
        for at in 0..expected.len().max(self.found.len()) {
            let (wanted, found) = (expected.get(at), self.found.get(at));
            let path = match (wanted, found) {
                (Some(wanted), Some(found)) if wanted.value == found.value => continue,
                (Some(wanted), Some(found)) => Some(place(&wanted.value, &found.value)),
                _ => None,
            };
            let beyond = end + 1 + at.saturating_sub(expected.len());
            differences.push(Difference {
                file: file.clone(),
                line: wanted.map_or(beyond, |line| line.number),
                path: path.filter(|path| !path.is_empty()),
                expected: wanted.map(|line| line.text.clone()),
                found: found.map(|line| line.text.clone()),
            });
        }
    }
}

/// Returns the path to the first place where two values differ, empty if they differ as a whole.
fn place(a: &OwnedValue, b: &OwnedValue) -> String {
    match (a, b) {
        (OwnedValue::Object(a), OwnedValue::Object(b)) => {
            let mut keys: Vec<&str> = a.keys().chain(b.keys()).map(|key| &**key).collect();
            keys.sort_unstable();
            let differ = |key: &&str| a.get(*key) != b.get(*key);
            let Some(key) = keys.into_iter().find(differ) else {
                return String::new();
            };
            match (a.get(key), b.get(key)) {
                (Some(a), Some(b)) => format!(".{key}{}", place(a, b)),
                _ => format!(".{key}"),
            }
        }
        (OwnedValue::Array(a), OwnedValue::Array(b)) => {
            let mut pairs = a.iter().zip(b);
            let at = pairs.position(|(a, b)| a != b);
            let at = at.unwrap_or_else(|| a.len().min(b.len()));
            match (a.get(at), b.get(at)) {
                (Some(a), Some(b)) => format!("[{at}]{}", place(a, b)),
                _ => format!("[{at}]"),
            }
        }
        _ => String::new(),
    }
}

/// Writes a number with its noun.
pub(super) fn counted(count: usize, noun: &str) -> String {
    match count {
        1 => format!("1 {noun}"),
        _ => format!("{count} {noun}s"),
    }
}
