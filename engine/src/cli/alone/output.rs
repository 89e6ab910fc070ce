//! From results to bytes: codec, postprocessors, and what is said about events that failed.

use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::path::Path;

use temblor_lang::Pipeline;
use temblor_pdk::{DynCodec, DynPostprocessor, Kind, Value};
use temblor_registry::Registry;

use super::super::failure::Failure;
use super::{AloneOptions, Happening, JSON, chain, codec, find, unusable};

/// As much of an event is shown, in bytes.
const SHOWN: usize = 1_000;

/// Where results go.
pub(super) struct Output {
    encoder: Box<dyn DynCodec>,
    postprocessors: Vec<Box<dyn DynPostprocessor>>,
    writer: Box<dyn Write>,
    /// For each port, whether its results are written.
    ports: Vec<bool>,
    /// The port of errors, unless its results are written.
    err: Option<usize>,
    /// What is still to be written.
    bytes: Vec<u8>,
    /// What is still to be said about events that failed.
    failures: String,
    has_failed: bool,
    is_closed: bool,
}

impl Output {
    /// Finds the parts by their names.
    pub(super) fn new(
        options: &AloneOptions,
        ports: Vec<bool>,
        pipeline: &Pipeline,
        registry: &Registry,
    ) -> Result<Output, Failure> {
        let mut postprocessors = Vec::new();
        for name in chain(&options.postprocessors) {
            let step = find(registry, Kind::Postprocessor, name)?.make_postprocessor("{}");
            postprocessors.push(step.map_err(|error| unusable(name, &error))?);
        }
        let err = pipeline.output("err").filter(|port| !ports[*port]);
        Ok(Output {
            encoder: codec(registry, options.encoder.as_deref().unwrap_or(JSON))?,
            postprocessors,
            writer: Box::new(io::sink()),
            ports,
            err,
            bytes: Vec::new(),
            failures: String::new(),
            has_failed: false,
            is_closed: false,
        })
    }

    /// Opens the file, which is overwritten, or the standard output.
    pub(super) fn open(
        &mut self,
        path: Option<&Path>,
        input: Option<&Path>,
    ) -> Result<(), Failure> {
        self.writer = match path {
            None => Box::new(io::stdout().lock()),
            Some(path) => {
                let shown = path.display();
                if is_same(path, input) {
                    let message = format!("`{shown}` cannot be both input and output");
                    return Err(Failure::wrong(message).help(
                        "write to another file: this one would be emptied before it is read",
                    ));
                }
                let file = File::create(path).map_err(|error| {
                    Failure::wrong(format!("`{shown}` cannot be written: {error}"))
                        .help("`--output` names the file that results are written to")
                })?;
                Box::new(file)
            }
        };
        Ok(())
    }

    /// Whether nobody reads the output any more.
    pub(super) fn is_closed(&self) -> bool {
        self.is_closed
    }

    /// Whether an event failed.
    pub(super) fn has_failed(&self) -> bool {
        self.has_failed
    }

    /// Takes what happened; `place` says to what.
    pub(super) fn take(&mut self, happening: Happening<'_>, place: &str) {
        match happening {
            Happening::Result { port, value } if Some(port) == self.err => {
                self.failed(&failure(value));
            }
            Happening::Result { port, value } => {
                if self.ports.get(port) == Some(&true) {
                    self.encode(value, place);
                }
            }
            Happening::Unreadable(error) => {
                self.failed(&format!("error: this is no event: {error}\n --> {place}"));
            }
            Happening::Failed { event, error } => {
                let event = event.map_or_else(String::new, |event| {
                    format!("\nevent: {}", shown(&event.to_json()))
                });
                let report = error.to_string();
                let report = report.trim_end();
                self.failed(&format!("{report}{event}\n --> {place}"));
            }
        }
    }

    fn failed(&mut self, text: &str) {
        self.has_failed = true;
        self.failures.push_str(text);
        self.failures.push('\n');
    }

    fn encode(&mut self, value: Value<'_>, place: &str) {
        let mut bytes = Vec::new();
        let done = self.encoder.encode(value, &mut bytes).and_then(|()| {
            for step in &mut self.postprocessors {
                let mut next = Vec::new();
                step.process(&bytes, &mut next)?;
                bytes = next;
            }
            Ok(())
        });
        match done {
            Ok(()) => self.bytes.append(&mut bytes),
            Err(error) => {
                let value = shown(&value.to_json());
                self.failed(&format!(
                    "error: a result cannot be encoded: {error}\nresult: {value}\n --> {place}"
                ));
            }
        }
    }

    /// Writes what has come so far, results first.
    pub(super) fn write(&mut self) -> Result<(), Failure> {
        let written = self.writer.write_all(&self.bytes);
        self.bytes.clear();
        match written.and_then(|()| self.writer.flush()) {
            // Whoever reads has seen enough, as with `| head`.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => self.is_closed = true,
            Err(error) => {
                return Err(Failure::failed(format!(
                    "the output cannot be written: {error}"
                )));
            }
            Ok(()) => {}
        }
        // There is nobody to tell that the error stream is closed.
        let _ = io::stderr().lock().write_all(self.failures.as_bytes());
        self.failures.clear();
        Ok(())
    }

    /// Writes everything, also what the postprocessors have held back.
    pub(super) fn finish(&mut self) -> Result<(), Failure> {
        let mut bytes = Vec::new();
        let mut problem = None;
        for step in &mut self.postprocessors {
            let mut next = Vec::new();
            let mut done = Ok(());
            if !bytes.is_empty() {
                done = step.process(&bytes, &mut next);
            }
            problem = problem.or(done.and_then(|()| step.finish(&mut next)).err());
            bytes = next;
        }
        self.bytes.append(&mut bytes);
        if let Some(error) = problem {
            self.failed(&format!("error: the end of the output is missing: {error}"));
        }
        self.write()
    }
}

/// Whether two paths lead to the same file.
fn is_same(path: &Path, other: Option<&Path>) -> bool {
    let Some(Ok(other)) = other.map(Path::canonicalize) else {
        return false;
    };
    other.is_file() && path.canonicalize().is_ok_and(|path| path == other)
}

/// Shows an event of port `err`: the report of a script and its event, or the event as it is.
fn failure(data: Value<'_>) -> String {
    let report = data.get("error").and_then(Value::as_str);
    match (report, data.get("event")) {
        (Some(report), Some(event)) => {
            format!("{}\nevent: {}", report.trim_end(), shown(&event.to_json()))
        }
        _ => format!("error: {}", shown(&data.to_json())),
    }
}

/// Cuts a text that would fill the screen.
fn shown(text: &str) -> String {
    if text.len() <= SHOWN {
        return text.to_owned();
    }
    let end = (0..=SHOWN).rev().find(|end| text.is_char_boundary(*end));
    let start = text.get(..end.unwrap_or(0)).unwrap_or_default();
    format!("{start}… ({} bytes)", text.len())
}
