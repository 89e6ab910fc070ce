//! Checking a configuration against the JSON Schema of what it configures.

use jsonschema::error::ValidationErrorKind as Kind;
use jsonschema::{ValidationError, validator_for};
use serde_json::Value;
use temblor::Secrets;
use temblor_lang::Code;

use super::output::{nearest, quoted};
use super::schema::{keys, resolve, takes};

/// Something that is wrong in a configuration.
#[derive(Debug, PartialEq)]
pub(crate) struct Problem {
    /// Where, as a JSON pointer.
    pub(crate) pointer: String,
    /// Whether it is the key that is wrong, and not the value.
    pub(crate) at_key: bool,
    /// What kind of problem it is.
    pub(crate) code: Code,
    /// What is wrong.
    pub(crate) message: String,
    /// The way out.
    pub(crate) help: Option<String>,
}

/// Finds everything that is wrong in the configuration of `subject`, as in "connector `file`".
///
/// # Errors
///
/// Says why the schema is none.
pub(crate) fn check(schema: &str, config: &Value, subject: &str) -> Result<Vec<Problem>, String> {
    let schema: Value = serde_json::from_str(schema).map_err(|error| error.to_string())?;
    let validator = validator_for(&schema).map_err(|error| error.to_string())?;
    let mut checker = Checker {
        schema: &schema,
        config,
        subject,
        problems: Vec::new(),
    };
    for error in validator.iter_errors(config) {
        checker.explain(&error);
    }
    Ok(checker.problems)
}

struct Checker<'s> {
    schema: &'s Value,
    config: &'s Value,
    subject: &'s str,
    problems: Vec<Problem>,
}

impl Checker<'_> {
    fn explain(&mut self, error: &ValidationError<'_>) {
        if self.may_become_right(error) {
            return;
        }
        match error.kind() {
            Kind::AdditionalProperties { unexpected }
            | Kind::UnevaluatedProperties { unexpected } => {
                for key in unexpected {
                    self.unknown_key(error, key);
                }
            }
            // This is how a schema without any keys refuses the first of them.
            Kind::FalseSchema => {
                let found = self.config.pointer(error.instance_path().as_str());
                let found = found.and_then(Value::as_object);
                for key in found.into_iter().flat_map(|record| record.keys()) {
                    self.unknown_key(error, key);
                }
            }
            Kind::Required { property } => {
                self.missing_key(error, property.as_str().unwrap_or_default());
            }
            Kind::AnyOf { context } | Kind::OneOfNotValid { context } => {
                self.alternatives(error, context);
            }
            Kind::Type { .. } | Kind::Enum { .. } | Kind::Constant { .. } => self.wrong(error),
            _ => {
                let key = self.key(error);
                let message = format!("{key} is out of bounds: {error}");
                self.push(error, Code::Config, message, None);
            }
        }
    }

    /// Whether a string has references, and may be right with what they stand for, which nobody knows here.
    fn may_become_right(&self, error: &ValidationError<'_>) -> bool {
        let has_reference = error.instance().as_str().is_some_and(Secrets::refers);
        has_reference && takes_strings(&takes(self.schema, self.around(error)))
    }

    fn unknown_key(&mut self, error: &ValidationError<'_>, key: &str) {
        let owner = self.owner(error);
        let known: Vec<&str> = self
            .around(error)
            .get("properties")
            .and_then(Value::as_object)
            .map(|properties| properties.keys().map(String::as_str).collect())
            .unwrap_or_default();
        let help = match nearest(key, known.iter().copied()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None if known.is_empty() => "it has no keys".to_owned(),
            None => format!("the keys are {}", quoted(known)),
        };
        self.problems.push(Problem {
            pointer: format!("{}/{}", error.instance_path().as_str(), escape(key)),
            at_key: true,
            code: Code::UnknownKey,
            message: format!("{owner} has no key `{key}`"),
            help: Some(help),
        });
    }

    fn missing_key(&mut self, error: &ValidationError<'_>, key: &str) {
        let owner = self.owner(error);
        let message = format!("{owner} needs the key `{key}`");
        let known = keys(&self.inlined(error));
        let known = known.iter().find(|known| known.key == key);
        let help = known.map(|known| match known.description.is_empty() {
            true => format!("`{key}` takes {}", with_article(&known.takes)),
            false => format!(
                "`{key}` takes {}: {}",
                with_article(&known.takes),
                known.description
            ),
        });
        self.push(error, Code::MissingKey, message, help);
    }

    /// A value is none of several: what fits its shape best says what is wrong.
    fn alternatives(
        &mut self,
        error: &ValidationError<'_>,
        context: &[Vec<ValidationError<'static>>],
    ) {
        let here = error.instance_path().as_str();
        let fits = |branch: &&Vec<ValidationError<'static>>| {
            !branch
                .iter()
                .any(|e| is_mismatch(here, e) || is_tag(here, e))
        };
        if let Some(branch) = context.iter().filter(fits).min_by_key(|b| b.len()) {
            branch.iter().for_each(|error| self.explain(error));
            return;
        }
        let tags: Vec<&ValidationError<'static>> = context
            .iter()
            .filter(|branch| !branch.iter().any(|e| is_mismatch(here, e)))
            .flatten()
            .filter(|e| is_tag(here, e))
            .collect();
        match tags.first() {
            Some(tag) => {
                let takes: Vec<String> = tags.iter().filter_map(|e| constant(e)).collect();
                self.takes_other(tag, &takes.join(" | "));
            }
            None => self.wrong(error),
        }
    }

    /// A value is of the wrong type, or none of those that are allowed.
    fn wrong(&mut self, error: &ValidationError<'_>) {
        let takes = takes(self.schema, self.around(error));
        self.takes_other(error, &takes);
    }

    fn takes_other(&mut self, error: &ValidationError<'_>, takes: &str) {
        let found = error.instance();
        let words = takes.split(" | ").filter_map(unquote);
        let meant = found.as_str().and_then(|text| nearest(text, words));
        let help = match found.as_str().is_some_and(Secrets::refers) {
            true => Some("what a reference stands for is always a string".to_owned()),
            false => meant.map(|meant| format!("did you mean `{meant}`?")),
        };
        let takes = with_article(takes);
        let message = format!("{} takes {takes}, not {}", self.key(error), describe(found));
        self.push(error, Code::Type, message, help);
    }

    fn push(
        &mut self,
        error: &ValidationError<'_>,
        code: Code,
        message: String,
        help: Option<String>,
    ) {
        self.problems.push(Problem {
            pointer: error.instance_path().as_str().to_owned(),
            at_key: false,
            code,
            message,
            help,
        });
    }

    /// The schema that holds the keyword which failed.
    fn around(&self, error: &ValidationError<'_>) -> &Value {
        let path = error.schema_path().as_str();
        let around = path.rsplit_once('/').map_or("", |(around, _)| around);
        self.schema.pointer(around).unwrap_or(self.schema)
    }

    /// The same with what it can refer to.
    fn inlined(&self, error: &ValidationError<'_>) -> Value {
        let mut schema = resolve(self.schema, self.around(error)).clone();
        if let (Some(object), Some(definitions)) =
            (schema.as_object_mut(), self.schema.get("$defs"))
        {
            object.insert("$defs".to_owned(), definitions.clone());
        }
        schema
    }

    /// What a key belongs to.
    fn owner(&self, error: &ValidationError<'_>) -> String {
        match error.instance_path().as_str() {
            "" => self.subject.to_owned(),
            _ => self.key(error),
        }
    }

    /// The key that an error is about.
    fn key(&self, error: &ValidationError<'_>) -> String {
        let path = error.instance_path().as_str();
        match dotted(self.config, path).as_str() {
            "" => format!("the configuration of {}", self.subject),
            key => format!("`{key}` of {}", self.subject),
        }
    }
}

fn takes_strings(takes: &str) -> bool {
    let mut kinds = takes.split(" | ");
    kinds.any(|kind| kind.starts_with('"') || kind == "string" || kind == "anything")
}

/// Whether an error says that the value at `here` is something else altogether.
fn is_mismatch(here: &str, error: &ValidationError<'_>) -> bool {
    let kind = matches!(
        error.kind(),
        Kind::Type { .. } | Kind::Enum { .. } | Kind::Constant { .. }
    );
    kind && error.instance_path().as_str() == here
}

/// Whether an error is about the key that tells the variants of the record at `here` apart.
fn is_tag(here: &str, error: &ValidationError<'_>) -> bool {
    let below = error.instance_path().as_str().strip_prefix(here);
    let below = below.is_some_and(|rest| rest.matches('/').count() == 1);
    below && matches!(error.kind(), Kind::Constant { .. })
}

fn constant(error: &ValidationError<'_>) -> Option<String> {
    match error.kind() {
        Kind::Constant { expected_value } => Some(expected_value.to_string()),
        _ => None,
    }
}

/// Writes a JSON pointer as people do: `tls.ca`, `brokers[2]`; empty for the whole.
fn dotted(config: &Value, pointer: &str) -> String {
    let mut text = String::new();
    let mut value = Some(config);
    for part in pointer.split('/').skip(1) {
        let part = part.replace("~1", "/").replace("~0", "~");
        if let Some(Value::Array(items)) = value {
            text += &format!("[{part}]");
            value = part.parse().ok().and_then(|index: usize| items.get(index));
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

fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

fn unquote(word: &str) -> Option<&str> {
    word.strip_prefix('"')?.strip_suffix('"')
}

/// Puts an article before a type that is one word or begins with one; alternatives and values have none.
fn with_article(takes: &str) -> String {
    let vowel = takes.starts_with(['a', 'e', 'i', 'o', 'u']);
    match takes {
        takes if takes.contains('|') || takes.starts_with('"') || takes == "anything" => {
            takes.to_owned()
        }
        takes if vowel => format!("an {takes}"),
        takes => format!("a {takes}"),
    }
}

/// Names a value by its type, short ones by themselves.
fn describe(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => format!("`{value}`"),
        Value::Number(number) => format!("`{number}`"),
        Value::String(text) if text.chars().count() <= 40 => format!("{value}"),
        Value::String(_) => "a string".to_owned(),
        Value::Array(_) => "an array".to_owned(),
        Value::Object(_) => "a record".to_owned(),
    }
}

#[cfg(test)]
mod tests;
