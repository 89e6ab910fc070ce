//! Texts with references: `${env:NAME}`, `${env:NAME:-default}`, `${file:PATH}`, and `$${` for the characters `${`.

/// A part of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part<'t> {
    /// What stands there as it is.
    Text(&'t str),
    /// What stands for something else.
    Reference(Reference<'t>),
}

/// What a reference stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reference<'t> {
    /// An environment variable, and what counts where it is not set or empty.
    Env {
        name: &'t str,
        default: Option<&'t str>,
    },
    /// What is in a file.
    File(&'t str),
}

/// What is wrong with a reference, and the way out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mistake {
    pub(super) message: String,
    pub(super) help: String,
}

const OPENING: &str = "${";
const LITERALLY: &str = "`$${` stands for the characters `${`";

/// Takes a text apart.
pub(super) fn parse(text: &str) -> Result<Vec<Part<'_>>, Mistake> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(OPENING) {
        let is_escaped = rest[..at].ends_with('$');
        if is_escaped {
            // Up to the dollar sign before, and then the two characters without it.
            push(&mut parts, &rest[..at - 1]);
            push(&mut parts, OPENING);
            rest = &rest[at + OPENING.len()..];
            continue;
        }
        push(&mut parts, &rest[..at]);
        let inner = &rest[at + OPENING.len()..];
        let end = inner.find('}').ok_or_else(|| Mistake {
            message: "has a reference that is not closed".to_owned(),
            help: format!("end it with `}}`; {LITERALLY}"),
        })?;
        parts.push(Part::Reference(reference(&inner[..end])?));
        rest = &inner[end + 1..];
    }
    push(&mut parts, rest);
    Ok(parts)
}

fn push<'t>(parts: &mut Vec<Part<'t>>, text: &'t str) {
    if !text.is_empty() {
        parts.push(Part::Text(text));
    }
}

/// Reads what stands between the braces. What it says of a mistake holds nothing of the text but its name: the rest may
/// be meant to be secret.
fn reference(text: &str) -> Result<Reference<'_>, Mistake> {
    let forms = format!(
        "the forms are `${{env:NAME}}`, `${{env:NAME:-default}}` and `${{file:PATH}}`; {LITERALLY}"
    );
    match text.split_once(':') {
        Some(("env", variable)) => env(variable),
        Some(("file", "")) => Err(Mistake {
            message: "refers to a file without a path".to_owned(),
            help: "write the path behind `file:`, as in `${file:/run/secrets/token}`".to_owned(),
        }),
        Some(("file", path)) if path.contains(OPENING) => Err(nested(path)),
        Some(("file", path)) => Ok(Reference::File(path)),
        Some((source, _)) => Err(Mistake {
            message: format!(
                "refers to `{}`, which is no source of values",
                source.escape_debug()
            ),
            help: forms,
        }),
        None if is_name(text) => Err(Mistake {
            message: format!("has a reference `${{{text}}}` that does not say where its value is"),
            help: format!("write `${{env:{text}}}` for the environment variable; {LITERALLY}"),
        }),
        None => Err(Mistake {
            message: "has a reference that does not say where its value is".to_owned(),
            help: forms,
        }),
    }
}

fn env(text: &str) -> Result<Reference<'_>, Mistake> {
    let (name, default) = match text.split_once(":-") {
        Some((name, default)) => (name, Some(default)),
        None => (text, None),
    };
    if default.is_some_and(|default| default.contains(OPENING)) {
        return Err(nested(name));
    }
    match is_name(name) {
        true => Ok(Reference::Env { name, default }),
        false => Err(Mistake {
            message: format!(
                "refers to `{}`, which is no name of an environment variable",
                name.escape_debug()
            ),
            help: format!(
                "a name is made of letters, digits and `_`, and a default comes behind `:-`; {LITERALLY}"
            ),
        }),
    }
}

fn nested(name: &str) -> Mistake {
    Mistake {
        message: format!(
            "has a reference within the reference to `{}`",
            name.escape_debug()
        ),
        help: "a default and a path are plain text".to_owned(),
    }
}

fn is_name(text: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    !text.is_empty() && text.chars().all(is_part) && !text.starts_with(|c: char| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ESCAPED: &str = "$${";

    /// A part that owns its text.
    #[derive(Clone, Debug)]
    enum Piece {
        Text(String),
        Env(String, Option<String>),
        File(String),
    }

    /// Writes a piece as a user has to.
    fn write(piece: &Piece) -> String {
        match piece {
            Piece::Text(text) => text.replace(OPENING, ESCAPED),
            Piece::Env(name, None) => format!("${{env:{name}}}"),
            Piece::Env(name, Some(default)) => format!("${{env:{name}:-{default}}}"),
            Piece::File(path) => format!("${{file:{path}}}"),
        }
    }

    /// What the parts stand for, if each reference stands for what it says in another writing.
    fn read(parts: &[Part<'_>]) -> String {
        let read = |part: &Part<'_>| match part {
            Part::Text(text) => (*text).to_owned(),
            Part::Reference(reference) => format!("<{reference:?}>"),
        };
        parts.iter().map(read).collect()
    }

    fn meaning(piece: &Piece) -> String {
        let reference = match piece {
            Piece::Text(text) => return text.clone(),
            Piece::Env(name, default) => Reference::Env {
                name,
                default: default.as_deref(),
            },
            Piece::File(path) => Reference::File(path),
        };
        format!("<{reference:?}>")
    }

    fn pieces() -> impl Strategy<Value = Vec<Piece>> {
        let piece = prop_oneof![
            // A dollar sign right before a reference would escape it.
            "[${}:a-z -]{0,8}[}:a-z -]".prop_map(Piece::Text),
            (
                "[A-Z_][A-Z0-9_]{0,4}",
                proptest::option::of("[a-z:/ $-]{0,5}")
            )
                .prop_map(|(name, default)| Piece::Env(name, default)),
            "[a-z/.:$-]{1,8}".prop_map(Piece::File),
        ];
        proptest::collection::vec(piece, 0..6)
    }

    proptest! {
        #[test]
        fn what_is_written_is_what_is_read(pieces in pieces()) {
            let text: String = pieces.iter().map(write).collect();
            let meant: String = pieces.iter().map(meaning).collect();
            prop_assert_eq!(read(&parse(&text).expect("it is well written")), meant);
        }

        #[test]
        fn any_text_can_be_written_literally(text in "[${}a:-]{0,12}|.{0,12}") {
            let written = text.replace(OPENING, ESCAPED);
            prop_assert_eq!(read(&parse(&written).expect("there is no reference")), text);
        }

        #[test]
        fn no_text_is_too_strange(text in "[${}:env_file-]{0,24}|.{0,24}") {
            if let Ok(parts) = parse(&text) {
                let is_plain = parts.iter().all(|part| matches!(part, Part::Text(_)));
                prop_assert!(!is_plain || text.replace(ESCAPED, "").find(OPENING).is_none());
            }
        }
    }
}
