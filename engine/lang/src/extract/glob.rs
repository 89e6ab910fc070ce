//! `glob`: shell patterns on the whole string.

use std::fmt::Write;

use regex_automata::meta::Regex;

use super::pattern::Pattern;

/// A compiled shell pattern.
#[derive(Debug)]
pub(super) enum Glob {
    Exact(Box<str>),
    Prefix(Box<str>),
    Suffix(Box<str>),
    /// Everything else, as a regular expression, so that many stars cost no more than one.
    Regex(Box<Regex>),
}

impl Glob {
    pub(super) fn compile(text: &str) -> Result<Glob, String> {
        // In a text that only begins or ends with a star, brackets have no meaning.
        let is_plain = |part: &str| !part.is_empty() && !part.contains(['*', '?']);
        if let Some(prefix) = text.strip_suffix('*').filter(|part| is_plain(part)) {
            return Ok(Glob::Prefix(prefix.into()));
        }
        if let Some(suffix) = text.strip_prefix('*').filter(|part| is_plain(part)) {
            return Ok(Glob::Suffix(suffix.into()));
        }
        if !text.contains(['*', '?', '[']) {
            return Ok(Glob::Exact(text.into()));
        }
        let regex = Pattern::compile_test(&translate(text)?)?;
        Ok(Glob::Regex(Box::new(regex)))
    }

    pub(super) fn is_match(&self, input: &str) -> bool {
        match self {
            Glob::Exact(text) => input == &**text,
            Glob::Prefix(prefix) => input.starts_with(&**prefix),
            Glob::Suffix(suffix) => input.ends_with(&**suffix),
            Glob::Regex(regex) => regex.is_match(input),
        }
    }
}

/// The regular expression that says the same.
fn translate(text: &str) -> Result<String, String> {
    let mut out = String::from(r"\A(?s:");
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        match c {
            '*' => {
                rest = rest.trim_start_matches('*');
                out.push_str(".*");
            }
            '?' => out.push('.'),
            '[' => rest = class(rest, &mut out)?,
            c => literal(c, &mut out),
        }
    }
    out.push_str(r")\z");
    Ok(out)
}

/// Translates a class whose bracket was taken; returns what follows it.
fn class<'t>(text: &'t str, out: &mut String) -> Result<&'t str, String> {
    let (negated, body) = match text.strip_prefix('!') {
        Some(body) => (true, body),
        None => (false, text),
    };
    // A closing bracket at the very start is one of the characters.
    let first = body.chars().next().map_or(0, char::len_utf8);
    let end = body.get(first..).and_then(|rest| rest.find(']'));
    let Some(end) = end.map(|end| first + end) else {
        return Err(format!(
            "the class `[{text}` has no end; write `]` behind its characters, or `[[]` for a bracket"
        ));
    };
    let (members, rest) = body.split_at(end);
    out.push_str(if negated { "[^" } else { "[" });
    let mut chars = members.chars().peekable();
    while let Some(low) = chars.next() {
        literal(low, out);
        let mut ahead = chars.clone();
        if ahead.next() == Some('-')
            && let Some(high) = ahead.next()
        {
            if low > high {
                return Err(format!(
                    "the range `{low}-{high}` is empty; write `{high}-{low}`"
                ));
            }
            out.push('-');
            literal(high, out);
            chars = ahead;
        }
    }
    out.push(']');
    Ok(&rest[1..])
}

/// A character that stands for itself, within a class or outside.
fn literal(c: char, out: &mut String) {
    // Writing to a string does not fail.
    let _ = write!(out, "\\x{{{:x}}}", u32::from(c));
}
