//! From a datagram to a record.

use temblor_pdk::{Arena, Field, Value};

use super::{CHECK_SECTIONS, EVENT_SECTIONS, METRIC_SECTIONS, check_type};
use crate::text::number;

pub(super) struct Decoder<'a> {
    pub(super) arena: &'a Arena,
    pub(super) fields: Vec<Field<'a>>,
    pub(super) items: Vec<Value<'a>>,
}

impl<'a> Decoder<'a> {
    pub(super) fn line(&mut self, line: &'a str) -> Result<Value<'a>, String> {
        let kind = if let Some(event) = line.strip_prefix("_e{") {
            self.event(event)?;
            "event"
        } else if let Some(check) = line.strip_prefix("_sc|") {
            self.check(check)?;
            "service_check"
        } else {
            self.metric(line)?;
            "metric"
        };
        let inner = self.arena.object(&self.fields);
        Ok(self.arena.object(&[Field::new(kind, inner)]))
    }

    fn push(&mut self, key: &'static str, value: impl Into<Value<'a>>) {
        self.fields.push(Field::new(key, value.into()));
    }

    fn metric(&mut self, line: &'a str) -> Result<(), String> {
        let expected = "`metric:value|type`, `_e{…}:…` or `_sc|…` is expected";
        let (metric, rest) = line.split_once(':').ok_or(expected)?;
        let (values, rest) = rest.split_once('|').ok_or(expected)?;
        let (kind, rest) = rest.split_once('|').unwrap_or((rest, ""));
        if metric.is_empty() {
            return Err("the metric has no name".to_owned());
        }
        check_type(kind)?;
        self.push("type", kind);
        self.push("metric", metric);
        let is_set = kind == "s";
        if is_set || !values.contains(':') {
            self.push("value", amount(values, is_set)?);
        } else {
            for value in values.split(':') {
                self.items.push(amount(value, false)?);
            }
            let values = self.take_items();
            self.push("values", values);
        }
        self.sections(rest, &METRIC_SECTIONS)
    }

    fn event(&mut self, text: &'a str) -> Result<(), String> {
        let expected = "`_e{5,4}:title|text` is expected, with the lengths of both in bytes";
        let (lengths, rest) = text.split_once("}:").ok_or(expected)?;
        let (title, text) = lengths.split_once(',').ok_or(expected)?;
        let lengths = title.parse::<usize>().ok().zip(text.parse::<usize>().ok());
        let (title, text) = lengths.ok_or(expected)?;
        let (title, rest) = rest.split_at_checked(title).ok_or(expected)?;
        let rest = rest.strip_prefix('|').ok_or(expected)?;
        let (text, rest) = rest.split_at_checked(text).ok_or(expected)?;
        self.push("title", title);
        self.push("text", text);
        match rest.strip_prefix('|') {
            Some(rest) => self.sections(rest, &EVENT_SECTIONS),
            None if rest.is_empty() => Ok(()),
            None => Err(expected.to_owned()),
        }
    }

    fn check(&mut self, text: &'a str) -> Result<(), String> {
        let (name, rest) = text
            .split_once('|')
            .ok_or("`_sc|name|status` is expected")?;
        let (status, rest) = rest.split_once('|').unwrap_or((rest, ""));
        let number = status.parse::<u64>().ok().filter(|status| *status <= 3);
        let status = number.ok_or_else(|| {
            format!("`{status}` is no status; there are 0 (ok), 1 (warning), 2 (critical) and 3 (unknown)")
        })?;
        self.push("name", name);
        self.push("status", status);
        self.sections(rest, &CHECK_SECTIONS)
    }

    /// Sections between pipes, each with a mark at its start.
    fn sections(
        &mut self,
        mut rest: &'a str,
        sections: &[(&'static str, &'static str)],
    ) -> Result<(), String> {
        while !rest.is_empty() {
            let (section, behind) = rest.split_once('|').unwrap_or((rest, ""));
            let found = sections.iter().find(|(mark, _)| section.starts_with(mark));
            let Some((mark, key)) = found else {
                let known: Vec<&str> = sections.iter().map(|(mark, _)| *mark).collect();
                return Err(format!(
                    "the section `{section}` begins with none of `{}`",
                    known.join("`, `")
                ));
            };
            let text = &section[mark.len()..];
            match *key {
                "message" => {
                    self.push(key, &rest[mark.len()..]);
                    return Ok(());
                }
                "tags" => {
                    self.items.extend(text.split(',').map(Value::from));
                    let tags = self.take_items();
                    self.push(key, tags);
                }
                "timestamp" | "sample_rate" => {
                    let number =
                        number(text).ok_or_else(|| format!("`{section}` has no number"))?;
                    self.push(key, number);
                }
                _ => self.push(key, text),
            }
            rest = behind;
        }
        Ok(())
    }

    fn take_items(&mut self) -> Value<'a> {
        let items = self.arena.array(&self.items);
        self.items.clear();
        items
    }
}

fn amount(text: &str, is_set: bool) -> Result<Value<'_>, String> {
    match number(text) {
        Some(number) => Ok(number),
        None if is_set => Ok(Value::from(text)),
        None => Err(format!("the value `{text}` is no number")),
    }
}
