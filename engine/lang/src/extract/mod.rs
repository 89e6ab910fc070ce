//! Extractors: patterns on strings that are compiled once and then answer yes or no, or take a string apart.

mod base64;
mod cidr;
mod datetime;
mod dissect;
mod escape;
mod glob;
mod grok;
mod groups;
mod influx;
mod json;
mod kv;
mod names;
mod needle;
mod pattern;
mod re;
mod rerg;

#[cfg(test)]
mod tests;

use temblor_pdk::value::{Arena, Value};

pub(crate) use groups::Groups;

use crate::eval::Stacks;
use crate::suggest;

/// The names of all extractors.
const NAMES: [&str; 11] = [
    "base64", "cidr", "datetime", "dissect", "glob", "grok", "influx", "json", "kv", "re", "rerg",
];

/// A compiled extractor: immutable, and shared between threads.
#[derive(Debug)]
pub(crate) struct Extractor(Kind);

/// What each kind was compiled to.
#[derive(Debug)]
enum Kind {
    Base64,
    Cidr(cidr::Cidr),
    Datetime(datetime::Datetime),
    Dissect(dissect::Dissect),
    Glob(glob::Glob),
    Grok(grok::Grok),
    Influx,
    Json,
    Kv(kv::Kv),
    Re(re::Re),
    Rerg(rerg::Rerg),
}

/// What an extractor works with besides the string.
pub(crate) struct Context<'c, 'a> {
    /// Where results are made.
    pub(crate) arena: &'a Arena,
    /// The time at which the event came in.
    pub(crate) ingest_ns: u64,
    /// Working memory; an extractor leaves what lies on the stacks.
    pub(crate) stacks: &'c mut Stacks<'a>,
}

impl Extractor {
    /// Compiles `name|text|`; the case of the name does not matter.
    ///
    /// # Errors
    /// Says what is wrong with the name or the text, in one line or several.
    pub(crate) fn compile(name: &str, text: &str) -> Result<Extractor, String> {
        let lower = name.to_ascii_lowercase();
        Ok(Extractor(match lower.as_str() {
            "base64" => without_text(Kind::Base64, &lower, text)?,
            "cidr" => Kind::Cidr(cidr::Cidr::compile(text)?),
            "datetime" => Kind::Datetime(datetime::Datetime::compile(text)?),
            "dissect" => Kind::Dissect(dissect::Dissect::compile(text)?),
            "glob" => Kind::Glob(glob::Glob::compile(text)?),
            "grok" => Kind::Grok(grok::Grok::compile(text)?),
            "influx" => without_text(Kind::Influx, &lower, text)?,
            "json" => without_text(Kind::Json, &lower, text)?,
            "kv" => Kind::Kv(kv::Kv::compile(text)?),
            "re" => Kind::Re(re::Re::compile(text)?),
            "rerg" => Kind::Rerg(rerg::Rerg::compile(text)?),
            _ => return Err(unknown(name)),
        }))
    }

    /// Whether the extractor matches, where nothing is bound.
    pub(crate) fn is_match<'a>(&self, input: &'a str, context: &mut Context<'_, 'a>) -> bool {
        match &self.0 {
            Kind::Base64 => base64::is_match(input, context),
            Kind::Cidr(cidr) => cidr.is_match(input),
            Kind::Datetime(datetime) => datetime.nanoseconds(input).is_some(),
            Kind::Dissect(dissect) => dissect.is_match(input, context),
            Kind::Glob(glob) => glob.is_match(input),
            Kind::Grok(grok) => grok.is_match(input, context),
            Kind::Influx => influx::extract(input, context).is_some(),
            Kind::Json => json::extract(input, context).is_some(),
            Kind::Kv(kv) => kv.is_match(input),
            Kind::Re(re) => re.is_match(input),
            Kind::Rerg(rerg) => rerg.is_match(input),
        }
    }

    /// What a binding receives; none where the extractor does not match. Strings in it are parts of `input` where
    /// that is possible.
    pub(crate) fn extract<'a>(
        &self,
        input: &'a str,
        context: &mut Context<'_, 'a>,
    ) -> Option<Value<'a>> {
        match &self.0 {
            Kind::Base64 => base64::extract(input, context),
            Kind::Cidr(cidr) => cidr.extract(input, context),
            Kind::Datetime(datetime) => datetime.nanoseconds(input).map(Value::from),
            Kind::Dissect(dissect) => dissect.extract(input, context),
            Kind::Glob(glob) => glob.is_match(input).then_some(Value::TRUE),
            Kind::Grok(grok) => grok.extract(input, context),
            Kind::Influx => influx::extract(input, context),
            Kind::Json => json::extract(input, context),
            Kind::Kv(kv) => kv.extract(input, context),
            Kind::Re(re) => re.extract(input, context),
            Kind::Rerg(rerg) => Some(rerg.extract(input, context)),
        }
    }

    /// The names of all extractors.
    pub(crate) fn names() -> &'static [&'static str] {
        &NAMES
    }
}

/// An extractor that needs nothing between its pipes and would ignore it.
fn without_text(kind: Kind, name: &str, text: &str) -> Result<Kind, String> {
    if text.trim().is_empty() {
        return Ok(kind);
    }
    Err(format!("`{name}` takes no text; write `{name}||`"))
}

fn unknown(name: &str) -> String {
    let help = suggest::one_of(name, "extractors", Extractor::names());
    format!("unsupported extractor `{name}`\n{help}")
}
