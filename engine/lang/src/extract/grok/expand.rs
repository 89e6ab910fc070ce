//! Replacing references like `%{IP:client}` by what they stand for.

use std::collections::HashMap;

use super::library::Library;
use crate::limits::{GROK_BYTES as MAX_LENGTH, GROK_DEPTH as MAX_DEPTH};

/// A reference taken apart.
struct Reference<'t> {
    name: &'t str,
    alias: Option<&'t str>,
    definition: Option<&'t str>,
}

/// Replaces all references; those with an alias become groups of that name.
///
/// # Errors
/// Names the reference that is wrong.
pub(super) fn expand(text: &str, library: &Library) -> Result<String, String> {
    let mut expansion = Expansion {
        library,
        defined: HashMap::new(),
        out: String::new(),
    };
    expansion.append(text, 0)?;
    Ok(expansion.out)
}

struct Expansion<'l> {
    library: &'l Library,
    /// What the pattern itself has defined so far.
    defined: HashMap<Box<str>, Box<str>>,
    out: String,
}

impl Expansion<'_> {
    fn append(&mut self, text: &str, depth: usize) -> Result<(), String> {
        let mut rest = text;
        while let Some((before, behind)) = rest.split_once("%{") {
            self.out.push_str(before);
            if is_escaped(before) {
                self.out.push_str("%{");
                rest = behind;
                continue;
            }
            let end = closing_brace(behind).ok_or_else(|| {
                format!("the reference `%{{{behind}` has no end; write `}}` behind its name")
            })?;
            self.reference(&parse(&behind[..end])?, depth)?;
            rest = &behind[end + 1..];
        }
        self.out.push_str(rest);
        Ok(())
    }

    fn reference(&mut self, reference: &Reference<'_>, depth: usize) -> Result<(), String> {
        let name = reference.name;
        if let Some(definition) = reference.definition {
            self.defined.insert(name.into(), definition.into());
        }
        if depth == MAX_DEPTH {
            return Err(format!(
                "the grok pattern `{name}` leads back to itself, or through more than {MAX_DEPTH} others"
            ));
        }
        match reference.alias {
            Some(alias) => self.out.push_str(&format!("(?<{alias}>")),
            None => self.out.push_str("(?:"),
        }
        match self.defined.get(name).cloned() {
            Some(definition) => self.append(&definition, depth + 1)?,
            None => self.append(self.library.get(name)?, depth + 1)?,
        }
        self.out.push(')');
        if self.out.len() > MAX_LENGTH {
            return Err(format!(
                "the pattern becomes longer than {MAX_LENGTH} bytes when its references are replaced; use fewer"
            ));
        }
        Ok(())
    }
}

/// Whether what follows a text has its meaning taken away by a backslash.
fn is_escaped(before: &str) -> bool {
    let backslashes = before.bytes().rev().take_while(|byte| *byte == b'\\');
    backslashes.count() % 2 == 1
}

/// Where the brace is that closes one that was opened before; definitions may have braces in them.
fn closing_brace(text: &str) -> Option<usize> {
    let mut open = 0usize;
    let mut is_escaped = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'{' => open += 1,
            b'}' if open == 0 => return Some(at),
            b'}' => open -= 1,
            _ => {}
        }
    }
    None
}

/// `NAME`, `NAME:alias`, `NAME=definition` or `NAME:alias=definition`.
fn parse(inner: &str) -> Result<Reference<'_>, String> {
    let (head, definition) = match inner.split_once('=') {
        Some((head, definition)) => (head, Some(definition)),
        None => (inner, None),
    };
    let (name, alias) = match head.split_once(':') {
        Some((name, alias)) => (name, Some(alias)),
        None => (head, None),
    };
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if name.is_empty() || !name.chars().all(is_word) {
        return Err(format!(
            "`%{{{inner}}}` is not a reference to a grok pattern; write one as in `%{{IP:client}}`, or `\\%{{` for the \
             characters themselves"
        ));
    }
    // Behind the alias logstash has a type; all that is captured here are strings.
    let alias = alias.map(|alias| alias.split(':').next().unwrap_or_default());
    if alias.is_some_and(|alias| alias.is_empty() || alias.contains(['<', '>'])) {
        return Err(format!(
            "`%{{{inner}}}` gives `{name}` no name that can be used; write one as in `%{{{name}:name}}`"
        ));
    }
    if definition.is_some_and(str::is_empty) {
        return Err(format!(
            "`%{{{inner}}}` defines `{name}` as nothing; write a regular expression behind the `=`"
        ));
    }
    Ok(Reference {
        name,
        alias,
        definition,
    })
}
