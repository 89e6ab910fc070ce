//! From the text of a pattern to its steps.

use std::collections::HashMap;

use super::convert::Type;
use super::{Dissect, End, Key, Output, Step};
use crate::extract::escape::unescape;
use crate::extract::names::Names;
use crate::extract::needle::Needle;

/// A piece of a pattern.
enum Piece<'t> {
    Delimiter(String),
    Padding(&'t str),
    Field(FieldPiece<'t>),
}

/// What stands between `%{` and `}`, other than a padding.
struct FieldPiece<'t> {
    kind: FieldKind,
    name: &'t str,
    type_: Option<Type>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum FieldKind {
    Plain,
    Skipped,
    Named,
    Appended,
}

impl Dissect {
    pub(in crate::extract) fn compile(text: &str) -> Result<Dissect, String> {
        let pieces = pieces(text)?;
        check(&pieces)?;
        let mut outputs = Outputs::default();
        let mut steps = Vec::new();
        for (at, piece) in pieces.iter().enumerate() {
            steps.push(match piece {
                Piece::Delimiter(text) => Step::Delimiter(Needle::new(text)),
                Piece::Padding(text) => {
                    outputs.padding = text;
                    Step::Padding(Needle::new(text))
                }
                Piece::Field(field) => {
                    outputs.add(field)?;
                    Step::Field(end(pieces.get(at + 1..).unwrap_or_default()))
                }
            });
        }
        Ok(Dissect {
            steps: steps.into(),
            names: Names::new(&outputs.names),
            outputs: outputs.list.into(),
        })
    }
}

/// Cuts a pattern into pieces.
fn pieces(text: &str) -> Result<Vec<Piece<'_>>, String> {
    let mut pieces = Vec::new();
    let mut rest = text;
    loop {
        let (delimiter, behind) = match rest.split_once("%{") {
            Some((delimiter, behind)) => (delimiter, Some(behind)),
            None => (rest, None),
        };
        if !delimiter.is_empty() {
            pieces.push(Piece::Delimiter(unescape(delimiter)?));
        }
        let Some(behind) = behind else {
            return Ok(pieces);
        };
        let Some((inner, behind)) = behind.split_once('}') else {
            return Err(format!(
                "the field `%{{{behind}` has no end; write `}}` behind its name"
            ));
        };
        pieces.push(piece(inner)?);
        rest = behind;
    }
}

/// What stands between `%{` and `}`.
fn piece(inner: &str) -> Result<Piece<'_>, String> {
    if inner == "_" {
        return Ok(Piece::Padding(" "));
    }
    if let Some(open) = inner.strip_prefix("_(") {
        return match open.strip_suffix(')') {
            Some(padding) if !padding.is_empty() => Ok(Piece::Padding(padding)),
            _ => Err(format!(
                "`%{{{inner}}}` is not a padding; write what repeats in parentheses, as in `%{{_(-)}}`"
            )),
        };
    }
    let (kind, rest) = match inner.chars().next() {
        Some('?') => (FieldKind::Skipped, &inner[1..]),
        Some('&') => (FieldKind::Named, &inner[1..]),
        Some('+') => (FieldKind::Appended, &inner[1..]),
        _ => (FieldKind::Plain, inner),
    };
    let (name, type_) = match rest.split_once(':') {
        Some((name, type_)) => (name, Some(parse_type(inner, type_)?)),
        None => (rest, None),
    };
    if name.is_empty() && !inner.is_empty() {
        return Err(format!(
            "the field `%{{{inner}}}` has no name; write `%{{}}` to skip a text"
        ));
    }
    let is_untyped = matches!(kind, FieldKind::Skipped | FieldKind::Appended);
    if is_untyped && type_.is_some_and(|type_| type_ != Type::Str) {
        return Err(format!(
            "the field `%{{{inner}}}` cannot have a type: what is skipped or appended is a string"
        ));
    }
    // A field without a name is skipped, and nothing can ask for it.
    let kind = if inner.is_empty() {
        FieldKind::Skipped
    } else {
        kind
    };
    Ok(Piece::Field(FieldPiece { kind, name, type_ }))
}

fn parse_type(inner: &str, type_: &str) -> Result<Type, String> {
    match type_ {
        "int" => Ok(Type::Int),
        "float" => Ok(Type::Float),
        "string" => Ok(Type::Str),
        _ => Err(format!(
            "`{type_}` in `%{{{inner}}}` is not a type; the types are `int`, `float` and `string`"
        )),
    }
}

/// Makes sure that every field has an end.
fn check(pieces: &[Piece<'_>]) -> Result<(), String> {
    for pair in pieces.windows(2) {
        match pair {
            [Piece::Field(before), Piece::Field(behind)] => {
                return Err(format!(
                    "between the fields `{}` and `{}` there must be a delimiter or a padding, as in `%{{a}} %{{b}}`",
                    before.name, behind.name
                ));
            }
            [Piece::Padding(padding), Piece::Delimiter(delimiter)]
                if delimiter.starts_with(padding) =>
            {
                return Err(format!(
                    "the padding {padding:?} takes the start of the delimiter {delimiter:?} away; remove it from the \
                     delimiter"
                ));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Where a field ends that is followed by these pieces.
fn end(behind: &[Piece<'_>]) -> End {
    let mut candidates = Vec::new();
    for piece in behind {
        match piece {
            Piece::Padding(text) => candidates.push(Needle::new(text)),
            Piece::Delimiter(text) => {
                candidates.push(Needle::new(text));
                return End::Found {
                    candidates: candidates.into(),
                    is_optional: false,
                };
            }
            Piece::Field(_) => break,
        }
    }
    if candidates.is_empty() {
        return End::Input;
    }
    End::Found {
        candidates: candidates.into(),
        is_optional: true,
    }
}

/// The fields of the record, while they are collected.
struct Outputs<'t> {
    list: Vec<Output>,
    names: Vec<&'t str>,
    /// The texts of skipped fields that can give a key.
    skipped: HashMap<&'t str, usize>,
    /// The last field of each name that something can be appended to.
    named: HashMap<&'t str, usize>,
    /// How many texts there are so far.
    texts: usize,
    /// The last padding so far.
    padding: &'t str,
}

impl Default for Outputs<'_> {
    fn default() -> Self {
        Outputs {
            list: Vec::new(),
            names: Vec::new(),
            skipped: HashMap::new(),
            named: HashMap::new(),
            texts: 0,
            padding: " ",
        }
    }
}

impl<'t> Outputs<'t> {
    fn add(&mut self, field: &FieldPiece<'t>) -> Result<(), String> {
        let text = self.texts;
        self.texts += 1;
        let key = match field.kind {
            FieldKind::Skipped => {
                self.skipped.insert(field.name, text);
                return Ok(());
            }
            FieldKind::Appended if self.append(field.name, text)? => return Ok(()),
            FieldKind::Named => self
                .skipped
                .remove(field.name)
                .map_or(Key::Missing, Key::Text),
            FieldKind::Plain | FieldKind::Appended => {
                self.names.push(field.name);
                self.named.insert(field.name, self.list.len());
                Key::Name(self.names.len() - 1)
            }
        };
        self.list.push(Output {
            key,
            text,
            type_: field.type_.unwrap_or(Type::Str),
            appended: Vec::new(),
        });
        Ok(())
    }

    /// Appends a text to the last field of this name; says whether there is one.
    fn append(&mut self, name: &str, text: usize) -> Result<bool, String> {
        let at = self.named.get(name);
        let Some(output) = at.and_then(|at| self.list.get_mut(*at)) else {
            return Ok(false);
        };
        if output.type_ != Type::Str {
            return Err(format!(
                "`%{{+{name}}}` appends to a field that is not a string; remove the type of `{name}`"
            ));
        }
        output.appended.push((self.padding.into(), text));
        Ok(true)
    }
}
