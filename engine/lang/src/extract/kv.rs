//! `kv`: pairs of keys and values between separators.

use temblor_pdk::value::{Field, Value};

use super::Context;
use super::escape::unescape;
use super::needle::Needle;

/// What stands for a key in the pattern.
const KEY: &str = "%{key}";
/// What stands for a value in the pattern.
const VALUE: &str = "%{val}";
/// How many separators of one kind there may be: each is looked for at every place.
const MAX_SEPARATORS: usize = 100;

/// A compiled pattern: what separates pairs, and what separates the key of a pair from its value.
#[derive(Debug)]
pub(super) struct Kv {
    pairs: Separators,
    keys: Separators,
}

/// Separators of one kind. None is contained in another, so at most one of them begins at any place.
#[derive(Debug)]
enum Separators {
    One(Needle),
    Many {
        texts: Box<[Box<str>]>,
        /// The bytes that a separator begins with.
        first: Box<[bool; 256]>,
    },
}

impl Kv {
    pub(super) fn compile(text: &str) -> Result<Kv, String> {
        let (mut pairs, mut keys) = (Vec::new(), Vec::new());
        let mut rest = text;
        while let Some((before, behind)) = rest.split_once(KEY) {
            add(before, &mut pairs)?;
            let end = behind.find(VALUE).ok_or_else(no_value)?;
            let (between, behind) = behind.split_at(end);
            if between.contains(KEY) {
                return Err(no_value());
            }
            if between.is_empty() {
                return Err(format!(
                    "between `{KEY}` and `{VALUE}` there must be a separator, as in `{KEY}={VALUE}`"
                ));
            }
            add(between, &mut keys)?;
            rest = &behind[VALUE.len()..];
        }
        add(rest, &mut pairs)?;
        if pairs.is_empty() {
            pairs.push(" ".to_owned());
        }
        if keys.is_empty() {
            keys.push(":".to_owned());
        }
        check(&pairs, &keys)?;
        Ok(Kv {
            pairs: Separators::new(pairs),
            keys: Separators::new(keys),
        })
    }

    pub(super) fn is_match(&self, input: &str) -> bool {
        self.pairs(input).next().is_some()
    }

    /// A record of the pairs; of equal keys the last value wins.
    pub(super) fn extract<'a>(
        &self,
        input: &'a str,
        context: &mut Context<'_, 'a>,
    ) -> Option<Value<'a>> {
        let stacks = &mut *context.stacks;
        let base = stacks.fields.len();
        let pairs = self.pairs(input);
        stacks
            .fields
            .extend(pairs.map(|(key, value)| Field::new(key, Value::from(value))));
        (stacks.fields.len() > base).then(|| stacks.record(base, context.arena))
    }

    /// The pieces that consist of exactly one key and one value.
    fn pairs<'a>(&self, input: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.pairs.split(input).filter_map(|piece| {
            let mut parts = self.keys.split(piece);
            let pair = (parts.next()?, parts.next()?);
            parts.next().is_none().then_some(pair)
        })
    }
}

/// Adds a separator, if there is one, and if it is new.
fn add(text: &str, separators: &mut Vec<String>) -> Result<(), String> {
    let separator = unescape(text)?;
    if !separator.is_empty() && !separators.contains(&separator) {
        separators.push(separator);
    }
    if separators.len() > MAX_SEPARATORS {
        return Err(format!(
            "there are more than {MAX_SEPARATORS} separators; use fewer"
        ));
    }
    Ok(())
}

fn no_value() -> String {
    format!("`{KEY}` is not followed by `{VALUE}`; write a pair as in `{KEY}={VALUE}`")
}

/// Makes sure that no separator is another one or a part of it: it could not be told which one is meant.
fn check(pairs: &[String], keys: &[String]) -> Result<(), String> {
    if let Some(both) = pairs.iter().find(|pair| keys.contains(pair)) {
        return Err(format!(
            "{both:?} cannot separate pairs and also keys from values; use two separators"
        ));
    }
    let all = || pairs.iter().chain(keys);
    for inner in all() {
        let outer = all().find(|outer| *outer != inner && outer.contains(&**inner));
        if let Some(outer) = outer {
            return Err(format!(
                "the separator {inner:?} is a part of the separator {outer:?}; use separators that do not overlap"
            ));
        }
    }
    Ok(())
}

impl Separators {
    fn new(texts: Vec<String>) -> Separators {
        if let [text] = &texts[..] {
            return Separators::One(Needle::new(text));
        }
        let mut first = Box::new([false; 256]);
        for byte in texts.iter().filter_map(|text| text.as_bytes().first()) {
            first[usize::from(*byte)] = true;
        }
        Separators::Many {
            texts: texts.into_iter().map(String::into_boxed_str).collect(),
            first,
        }
    }

    /// The parts between the separators, at least one.
    fn split<'a>(&self, input: &'a str) -> impl Iterator<Item = &'a str> {
        let mut rest = Some(input);
        std::iter::from_fn(move || {
            let input = rest?;
            let Some((at, len)) = self.find(input) else {
                return rest.take();
            };
            rest = input.get(at + len..);
            input.get(..at)
        })
    }

    /// The place and the length of the first separator.
    fn find(&self, input: &str) -> Option<(usize, usize)> {
        match self {
            Separators::One(needle) => Some((needle.find(input)?, needle.len())),
            Separators::Many { texts, first } => {
                let bytes = input.as_bytes();
                let starts = bytes.iter().enumerate();
                let mut starts = starts.filter(|(_, byte)| first[usize::from(**byte)]);
                starts.find_map(|(at, _)| {
                    let here = bytes.get(at..)?;
                    let found = texts
                        .iter()
                        .find(|text| here.starts_with(text.as_bytes()))?;
                    Some((at, found.len()))
                })
            }
        }
    }
}
