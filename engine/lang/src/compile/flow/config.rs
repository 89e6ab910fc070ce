//! Reading configuration values, with the places they are written at.

use temblor_pdk::value::{OwnedValue, Value, View};

use crate::ast::{Expr, ExprKind, Interpolated, Text};
use crate::code::Code;
use crate::deployment::{ConfigSpans, Named};
use crate::finding::Finding;
use crate::suggest::one_of;

/// Finds where the parts of a configuration are written.
pub(super) fn spans_of(expr: &Expr) -> ConfigSpans {
    let mut spans = ConfigSpans::new(expr.span);
    insert_parts(expr, "", &mut spans);
    spans
}

fn insert_parts(expr: &Expr, pointer: &str, spans: &mut ConfigSpans) {
    match &expr.kind {
        ExprKind::Record(fields) => {
            for (key, value) in fields {
                if let Some(name) = literal(key) {
                    let pointer =
                        format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"));
                    insert_parts(value, &pointer, spans);
                    spans.insert(pointer, key.span, value.span);
                }
            }
        }
        ExprKind::List(items) => {
            for (index, item) in items.iter().enumerate() {
                let pointer = format!("{pointer}/{index}");
                insert_parts(item, &pointer, spans);
                spans.insert(pointer, item.span, item.span);
            }
        }
        _ => {}
    }
}

fn literal(text: &Text) -> Option<&str> {
    match text.parts.as_slice() {
        [] => Some(""),
        [Interpolated::Text(text)] => Some(text),
        _ => None,
    }
}

/// A configuration value, the place where it is written, and what its errors call it.
pub(super) struct Setting<'e, 'c> {
    pub(super) value: Value<'c>,
    /// The expression, if this very value is written as one.
    pub(super) expr: Option<&'e Expr>,
    pub(super) spans: ConfigSpans,
    pub(super) name: String,
}

/// The result of reading a value.
type Read<T> = Result<T, Finding>;

impl<'e, 'c> Setting<'e, 'c> {
    pub(super) fn new(name: &str, value: Value<'c>, expr: &'e Expr) -> Self {
        Setting {
            value,
            expr: Some(expr),
            spans: spans_of(expr),
            name: name.to_owned(),
        }
    }

    /// A field of this record or an item of this array.
    fn part(&self, key: &str, value: Value<'c>) -> Setting<'e, 'c> {
        let expr = self.expr.and_then(|expr| part_of(expr, key));
        let spans = match expr {
            Some(expr) => spans_of(expr),
            None => ConfigSpans::new(self.spans.value("")),
        };
        let name = format!("{}/{key}", self.name);
        Setting {
            value,
            expr,
            spans,
            name,
        }
    }

    pub(super) fn wrong(&self, expected: &str) -> Finding {
        let message = format!(
            "`{}` is `{}`, expected {expected}",
            self.name,
            self.value.type_name()
        );
        Finding::error(Code::Config, self.spans.value(""), message)
    }

    /// Reads a record of which only these fields are allowed.
    pub(super) fn fields(
        &self,
        allowed: &[&str],
        expected: &str,
    ) -> Read<temblor_pdk::value::Object<'c>> {
        let record = self.value.as_object().ok_or_else(|| self.wrong(expected))?;
        match record.iter().find(|(key, _)| !allowed.contains(key)) {
            None => Ok(record),
            Some((key, _)) => {
                let span = self.spans.key(&format!("/{key}"));
                let message = format!("`{}` has no field `{key}`", self.name);
                Err(Finding::error(Code::UnknownKey, span, message)
                    .help(one_of(key, "fields", allowed)))
            }
        }
    }

    pub(super) fn field(&self, key: &str) -> Option<Setting<'e, 'c>> {
        self.value
            .get(key)
            .filter(|value| !value.is_null())
            .map(|value| self.part(key, value))
    }

    /// Reads a record of any fields.
    pub(super) fn record(&self) -> Read<OwnedValue> {
        match self.value.as_object() {
            Some(_) => Ok(self.value.to_owned_value()),
            None => Err(self.wrong("a record")),
        }
    }

    pub(super) fn unsigned(&self) -> Read<u64> {
        self.value
            .as_u64()
            .ok_or_else(|| self.wrong("an integer that is not negative"))
    }

    pub(super) fn number(&self) -> Read<f64> {
        match self.value.view() {
            View::F64(number) => Ok(number),
            View::I64(number) => Ok(number as f64),
            _ => Err(self.wrong("a number")),
        }
    }

    pub(super) fn boolean(&self) -> Read<bool> {
        self.value
            .as_bool()
            .ok_or_else(|| self.wrong("`true` or `false`"))
    }

    /// Reads a codec or processor: its name, or a record of name and configuration.
    pub(super) fn named(&self) -> Read<Named> {
        if let Some(name) = self.value.as_str() {
            let name_span = self.spans.value("");
            return Ok(Named {
                name: name.to_owned(),
                name_span,
                config: OwnedValue::Object(Box::default()),
                config_spans: ConfigSpans::new(name_span),
            });
        }
        let expected = "a string, or a record of `name` and `config`";
        self.fields(&["name", "config"], expected)?;
        let name = self.field("name").ok_or_else(|| {
            let message = format!("`{}` has no `name`", self.name);
            Finding::error(Code::Config, self.spans.value(""), message)
                .help(format!("write {expected}"))
        })?;
        let text = name.value.as_str().ok_or_else(|| name.wrong("a string"))?;
        let config = self.field("config");
        Ok(Named {
            name: text.to_owned(),
            name_span: name.spans.value(""),
            config: config
                .as_ref()
                .map_or(Ok(OwnedValue::Object(Box::default())), Setting::record)?,
            config_spans: config.map_or_else(
                || ConfigSpans::new(self.spans.value("")),
                |config| config.spans,
            ),
        })
    }

    /// Reads a chain of processors.
    pub(super) fn chain(&self) -> Read<Vec<Named>> {
        let items = self
            .value
            .as_array()
            .ok_or_else(|| self.wrong("an array"))?;
        let items = items.iter().enumerate();
        items
            .map(|(index, item)| self.part(&index.to_string(), item).named())
            .collect()
    }
}

/// The expression of a field or item, if it is written as one. Of fields with one key the last counts.
fn part_of<'e>(expr: &'e Expr, key: &str) -> Option<&'e Expr> {
    match &expr.kind {
        ExprKind::Record(fields) => {
            let mut fields = fields.iter().rev();
            fields
                .find(|(name, _)| literal(name) == Some(key))
                .map(|(_, value)| value)
        }
        ExprKind::List(items) => items.get(key.parse::<usize>().ok()?),
        _ => None,
    }
}
