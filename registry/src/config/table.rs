//! One table of `connectors.toml`, read key by key.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::{ConfigError, Source};
use crate::suggest::closest;

type Span = Range<usize>;

/// A table, its name in messages, and the text that it is part of.
pub(super) struct Table<'t> {
    source: Source<'t>,
    name: &'static str,
    keys: &'t DeTable<'t>,
}

impl<'t> Table<'t> {
    /// Takes the table, if it has no other keys than `known`.
    pub(super) fn new(
        source: Source<'t>,
        name: &'static str,
        keys: &'t DeTable<'t>,
        known: &[&str],
    ) -> Result<Table<'t>, ConfigError> {
        // In the order of the text, so that the first mistake is the one that is shown.
        let mut unknown: Vec<_> = keys
            .keys()
            .filter(|key| !known.contains(&key.get_ref().as_ref()))
            .collect();
        unknown.sort_by_key(|key| key.span().start);
        let Some(key) = unknown.first() else {
            return Ok(Table { source, name, keys });
        };
        let error = source.error(
            key.span(),
            format!("unknown key `{}` in {name}", key.get_ref()),
        );
        Err(
            error.with_help(match closest(key.get_ref(), known.iter().copied()) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!("the keys of {name} are {}", quoted(known)),
            }),
        )
    }

    /// Returns the value of `key`, if there is one.
    pub(super) fn get(&self, key: &str) -> Option<&'t Spanned<DeValue<'t>>> {
        self.keys.get(key)
    }

    /// Returns a text.
    pub(super) fn text(&self, key: &str) -> Result<Option<(&'t str, Span)>, ConfigError> {
        self.get(key)
            .map(|value| self.as_text(key, value))
            .transpose()
    }

    /// Returns a list of texts.
    pub(super) fn texts(&self, key: &str) -> Result<Option<Vec<(&'t str, Span)>>, ConfigError> {
        let Some(value) = self.get(key) else {
            return Ok(None);
        };
        let DeValue::Array(items) = value.get_ref() else {
            return Err(self.wrong_type(key, value, "a list of strings"));
        };
        items
            .iter()
            .map(|item| self.as_text(key, item))
            .collect::<Result<_, _>>()
            .map(Some)
    }

    /// Returns the meaning of one of a few words.
    pub(super) fn choice<T: Copy>(
        &self,
        key: &str,
        choices: &[(&str, T)],
    ) -> Result<Option<T>, ConfigError> {
        let Some((text, span)) = self.text(key)? else {
            return Ok(None);
        };
        if let Some((_, meaning)) = choices.iter().find(|(word, _)| *word == text) {
            return Ok(Some(*meaning));
        }
        let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
        let error = self.source.error(span, format!("`{key}` is {text:?}"));
        Err(error.with_help(match closest(text, words.iter().copied()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("it can be {}", quoted(&words)),
        }))
    }

    fn as_text(
        &self,
        key: &str,
        value: &'t Spanned<DeValue<'t>>,
    ) -> Result<(&'t str, Span), ConfigError> {
        match value.get_ref() {
            DeValue::String(text) => Ok((text.as_ref(), value.span())),
            _ => Err(self.wrong_type(key, value, "a string")),
        }
    }

    fn wrong_type(&self, key: &str, value: &Spanned<DeValue<'_>>, wanted: &str) -> ConfigError {
        let found = value.get_ref().type_str();
        self.source.error(
            value.span(),
            format!(
                "`{key}` in {} takes {wanted}, not a value of type {found}",
                self.name
            ),
        )
    }
}

fn quoted(words: &[&str]) -> String {
    let words: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    words.join(", ")
}
