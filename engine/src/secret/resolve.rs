//! The configurations of a flow: whether their references are well written, and what they stand for.

use std::io::Read as _;
use std::sync::Arc;

use temblor_lang::{ConfigSpans, ConnectorSpec, Named};
use temblor_pdk::{Kind, OwnedValue};

use super::mask::{SHORT, Secrets};
use super::template::{Mistake, Part, Reference, parse};
use super::written;
use crate::flow::StartError;
use crate::limits::SECRET_FILE_BYTES;

type Variables = dyn Fn(&str) -> Result<Option<String>, String> + Send + Sync;

/// Where references of the form `${env:NAME}` are looked up.
#[derive(Clone)]
pub(crate) struct Environment(Arc<Variables>);

impl Environment {
    /// The variables of this process.
    pub(crate) fn of_process() -> Self {
        Environment(Arc::new(|name| match std::env::var(name) {
            Ok(value) => Ok(Some(value)),
            Err(std::env::VarError::NotPresent) => Ok(None),
            Err(std::env::VarError::NotUnicode(_)) => Err("which is no UTF-8 text".to_owned()),
        }))
    }

    pub(crate) fn of(look_up: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        Environment(Arc::new(move |name| Ok(look_up(name))))
    }
}

/// Finds references that are not well written, in all configurations of a connector.
pub(crate) fn check(spec: &ConnectorSpec) -> Vec<StartError> {
    let mut errors = Vec::new();
    let mut look = |subject: &str, config: &OwnedValue, spans: &ConfigSpans| {
        walk(config, &mut String::new(), &mut |text, pointer| {
            if let Err(mistake) = parse(text) {
                errors.push(error(subject, config, spans, pointer, mistake));
            }
        });
    };
    for (kind, named) in parts(spec) {
        look(&of_named(kind, named), &named.config, &named.config_spans);
    }
    look(&of_connector(spec), &spec.config, &spec.config_spans);
    errors
}

/// The codec and the processors of a connector.
fn parts(spec: &ConnectorSpec) -> impl Iterator<Item = (Kind, &Named)> {
    let before = spec.preprocessors.iter();
    let after = spec.postprocessors.iter();
    let codec = spec.codec.iter().map(|named| (Kind::Codec, named));
    codec
        .chain(before.map(|named| (Kind::Preprocessor, named)))
        .chain(after.map(|named| (Kind::Postprocessor, named)))
}

fn of_connector(spec: &ConnectorSpec) -> String {
    format!("connector `{}`", spec.name)
}

fn of_named(kind: Kind, named: &Named) -> String {
    format!("{} `{}`", kind.name(), named.name)
}

/// What stands behind the references of a flow's configurations.
pub(crate) struct Resolver<'r> {
    pub(crate) environment: &'r Environment,
    pub(crate) secrets: &'r Secrets,
}

impl Resolver<'_> {
    /// A connector's configuration with everything in its place, as JSON; what is secret of it is known from here on.
    /// `schema` says which keys are.
    pub(crate) fn connector(
        &self,
        spec: &ConnectorSpec,
        schema: &str,
    ) -> Result<String, StartError> {
        self.resolve(
            &of_connector(spec),
            &spec.config,
            &spec.config_spans,
            schema,
        )
    }

    /// The same for a codec or a processor.
    pub(crate) fn named(
        &self,
        kind: Kind,
        named: &Named,
        schema: &str,
    ) -> Result<String, StartError> {
        let subject = of_named(kind, named);
        self.resolve(&subject, &named.config, &named.config_spans, schema)
    }

    fn resolve(
        &self,
        subject: &str,
        config: &OwnedValue,
        spans: &ConfigSpans,
        schema: &str,
    ) -> Result<String, StartError> {
        let mut resolved = config.clone();
        let mut first = None;
        change(
            &mut resolved,
            &mut String::new(),
            &mut |text, pointer| match self.text(text) {
                Ok(text) => text,
                Err(mistake) => {
                    first.get_or_insert_with(|| error(subject, config, spans, pointer, mistake));
                    None
                }
            },
        );
        if let Some(error) = first {
            return Err(error);
        }
        let texts = written::secrets(schema, &resolved);
        texts.iter().for_each(|text| self.secrets.add(text));
        Ok(resolved.to_json())
    }

    /// What a text becomes; none if it stays as it is.
    fn text(&self, text: &str) -> Result<Option<String>, Mistake> {
        if !text.contains("${") {
            return Ok(None);
        }
        let mut resolved = String::new();
        let mut has_short = false;
        for part in parse(text)? {
            match part {
                Part::Text(text) => resolved += text,
                Part::Reference(reference) => {
                    let (value, is_secret) = self.value(reference)?;
                    if is_secret {
                        match reference {
                            Reference::Env { name, .. } => self.secrets.add_variable(name, &value),
                            Reference::File(_) => self.secrets.add(&value),
                        }
                        has_short |= value.len() < SHORT && !value.is_empty();
                    }
                    resolved += &value;
                }
            }
        }
        // Where it does not stand as a word, only what it was put into can be found.
        if has_short {
            self.secrets.add(&resolved);
        }
        Ok(Some(resolved))
    }

    /// What a reference stands for, and whether that is secret: a default is written in the program for all to see.
    fn value(&self, reference: Reference<'_>) -> Result<(String, bool), Mistake> {
        match reference {
            Reference::File(path) => read(path).map(|text| (text, true)),
            Reference::Env { name, default } => match ((self.environment.0)(name), default) {
                (Err(reason), _) => Err(Mistake {
                    message: format!("refers to the environment variable `{name}`, {reason}"),
                    help: "set it to text, or put the value into a file and write `${file:PATH}`"
                        .to_owned(),
                }),
                (Ok(Some(value)), None) => Ok((value, true)),
                (Ok(Some(value)), Some(_)) if !value.is_empty() => Ok((value, true)),
                (Ok(_), Some(default)) => Ok((default.to_owned(), false)),
                (Ok(None), None) => Err(Mistake {
                    message: format!(
                        "refers to the environment variable `{name}`, which is not set"
                    ),
                    help: format!(
                        "set it before the start, or write a default, as in `${{env:{name}:-default}}`"
                    ),
                }),
            },
        }
    }
}

/// Reads a file without the end of its last line.
fn read(path: &str) -> Result<String, Mistake> {
    let mistake = |reason: String, help: &str| Mistake {
        message: format!("refers to the file `{}`, {reason}", path.escape_debug()),
        help: help.to_owned(),
    };
    let unreadable = |error: std::io::Error| {
        mistake(
            format!("which cannot be read: {error}"),
            "name a file that this user can read; a path that does not begin with `/` is relative to the directory in \
             which the program runs",
        )
    };
    let file = std::fs::File::open(path).map_err(unreadable)?;
    let mut bytes = Vec::new();
    let bound = SECRET_FILE_BYTES as u64 + 1;
    file.take(bound)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    if bytes.len() > SECRET_FILE_BYTES {
        let reason = format!("which has more than {SECRET_FILE_BYTES} bytes");
        return Err(mistake(
            reason,
            "name a file with the value and nothing else",
        ));
    }
    let mut text = String::from_utf8(bytes).map_err(|_| {
        let help = "name a file with the value as text; what is binary can be written in base64";
        mistake("which is no UTF-8 text".to_owned(), help)
    })?;
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    Ok(text)
}

fn error(
    subject: &str,
    config: &OwnedValue,
    spans: &ConfigSpans,
    pointer: &str,
    mistake: Mistake,
) -> StartError {
    let key = dotted(config, pointer);
    let message = format!("`{key}` of {subject} {}", mistake.message);
    StartError::config(spans.value(pointer), message).help(mistake.help)
}

/// Writes a JSON pointer as people do: `tls.ca`, `brokers[2]`.
fn dotted(config: &OwnedValue, pointer: &str) -> String {
    let mut text = String::new();
    let mut value = Some(config);
    for part in pointer.split('/').skip(1) {
        let part = part.replace("~1", "/").replace("~0", "~");
        if let Some(OwnedValue::Array(items)) = value {
            text += &format!("[{part}]");
            value = part.parse().ok().and_then(|at: usize| items.get(at));
            continue;
        }
        if !text.is_empty() {
            text.push('.');
        }
        text += &part;
        value = value.and_then(|value| value.get(&part));
    }
    text
}

/// Goes through the strings of a value, each with its JSON pointer.
fn walk(value: &OwnedValue, pointer: &mut String, see: &mut impl FnMut(&str, &str)) {
    let length = pointer.len();
    match value {
        OwnedValue::Str(text) => see(text, pointer),
        OwnedValue::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                step(pointer, &at.to_string());
                walk(item, pointer, see);
                pointer.truncate(length);
            }
        }
        OwnedValue::Object(map) => {
            for (key, value) in map.iter() {
                step(pointer, key);
                walk(value, pointer, see);
                pointer.truncate(length);
            }
        }
        _ => {}
    }
}

/// The same, where each can become another.
fn change(
    value: &mut OwnedValue,
    pointer: &mut String,
    replace: &mut impl FnMut(&str, &str) -> Option<String>,
) {
    let length = pointer.len();
    match value {
        OwnedValue::Str(text) => {
            if let Some(other) = replace(text, pointer) {
                *value = OwnedValue::from(other);
            }
        }
        OwnedValue::Array(items) => {
            for (at, item) in items.iter_mut().enumerate() {
                step(pointer, &at.to_string());
                change(item, pointer, replace);
                pointer.truncate(length);
            }
        }
        OwnedValue::Object(map) => {
            for (key, value) in map.iter_mut() {
                step(pointer, key);
                change(value, pointer, replace);
                pointer.truncate(length);
            }
        }
        _ => {}
    }
}

fn step(pointer: &mut String, key: &str) {
    pointer.push('/');
    pointer.push_str(&key.replace('~', "~0").replace('/', "~1"));
}
