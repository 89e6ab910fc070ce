//! `dissect`: fields between fixed delimiters.
//!
//! Compiling sorts out all that does not depend on the input: which text is appended to which field and with what
//! between them, and which skipped field names which other one. Matching then cuts the input into texts, from left to
//! right and each place once for every field at most, and makes a record of the texts.

mod compile;
mod convert;

use temblor_pdk::value::Value;

use super::Context;
use super::names::Names;
use super::needle::Needle;
use convert::Type;

/// A compiled pattern.
#[derive(Debug)]
pub(super) struct Dissect {
    steps: Box<[Step]>,
    outputs: Box<[Output]>,
    names: Names,
}

/// One step through the input.
#[derive(Debug)]
enum Step {
    Delimiter(Needle),
    /// Skips any number of repetitions.
    Padding(Needle),
    /// Takes a text.
    Field(End),
}

/// Where a field ends.
#[derive(Debug)]
enum End {
    /// At the end of the input.
    Input,
    /// At the first of these that is found at all.
    Found {
        candidates: Box<[Needle]>,
        /// Whether the field may also go to the end of the input: paddings may be missing, a delimiter may not.
        is_optional: bool,
    },
}

/// A field of the record.
#[derive(Debug)]
struct Output {
    key: Key,
    /// The text that it begins with.
    text: usize,
    type_: Type,
    /// Texts that are appended, each with what goes before it.
    appended: Vec<(Box<str>, usize)>,
}

/// Where the key of a field comes from.
#[derive(Debug)]
enum Key {
    /// The name at this place.
    Name(usize),
    /// The text that an earlier field skipped.
    Text(usize),
    /// The text of a field that there is not.
    Missing,
}

impl Dissect {
    pub(super) fn is_match<'a>(&self, input: &'a str, context: &mut Context<'_, 'a>) -> bool {
        let base = context.stacks.values.len();
        let matches = self.cut(input, context).is_some() && {
            let texts = context.stacks.values.get(base..).unwrap_or_default();
            let possible = |output: &Output| {
                output.key.is_possible(texts)
                    && output.type_.convert(text(texts, output.text)).is_some()
            };
            self.outputs.iter().all(possible)
        };
        context.stacks.values.truncate(base);
        matches
    }

    /// A record of the fields.
    pub(super) fn extract<'a>(
        &self,
        input: &'a str,
        context: &mut Context<'_, 'a>,
    ) -> Option<Value<'a>> {
        let bases = (context.stacks.values.len(), context.stacks.fields.len());
        let made = self
            .cut(input, context)
            .and_then(|()| self.build(bases, context));
        context.stacks.values.truncate(bases.0);
        context.stacks.fields.truncate(bases.1);
        made
    }

    /// Pushes the text of each field, also of skipped ones, in their order.
    fn cut<'a>(&self, input: &'a str, context: &mut Context<'_, 'a>) -> Option<()> {
        let mut rest = input;
        for step in &self.steps {
            match step {
                Step::Delimiter(delimiter) => rest = delimiter.strip(rest)?,
                Step::Padding(padding) => {
                    while let Some(stripped) = padding.strip(rest) {
                        rest = stripped;
                    }
                }
                Step::Field(end) => {
                    let (text, behind) = rest.split_at_checked(end.find(rest)?)?;
                    context.stacks.values.push(Value::from(text));
                    rest = behind;
                }
            }
        }
        rest.is_empty().then_some(())
    }
}

impl End {
    fn find(&self, input: &str) -> Option<usize> {
        match self {
            End::Input => Some(input.len()),
            End::Found {
                candidates,
                is_optional,
            } => {
                let found = candidates.iter().find_map(|needle| needle.find(input));
                found.or(is_optional.then_some(input.len()))
            }
        }
    }
}

impl Key {
    fn is_possible(&self, texts: &[Value<'_>]) -> bool {
        match self {
            Key::Name(_) => true,
            Key::Text(at) => !text(texts, *at).is_empty(),
            Key::Missing => false,
        }
    }
}

/// The text that was cut as the one at this place.
fn text<'a>(texts: &[Value<'a>], at: usize) -> &'a str {
    texts
        .get(at)
        .and_then(|text| text.as_str())
        .unwrap_or_default()
}
