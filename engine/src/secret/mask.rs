//! Texts that are never shown.

use std::borrow::Cow;
use std::sync::{Arc, PoisonError, RwLock};

use temblor_pdk::Error;

/// What stands in the place of a secret.
const MASK: &str = "***";
/// Shorter texts would be found in any other: they are masked where they stand as words only.
pub(super) const SHORT: usize = 4;
/// Lines of a longer secret, such as a key, are secrets too from this length on.
const LINE: usize = 8;

/// Texts that are never shown: what references of configurations stand for, and what was written for keys that are
/// secret. Clones share them.
///
/// An engine masks its log records and errors by itself. A program that embeds it can add texts of its own, and mask
/// what it writes itself, as in a panic hook.
#[derive(Clone, Default)]
pub struct Secrets(Arc<RwLock<Vec<Known>>>);

struct Known {
    text: String,
    /// What is shown in its place, if that says no more than what stands in the program.
    shown: Option<String>,
}

impl Secrets {
    /// Knows no secrets yet.
    #[must_use]
    pub fn new() -> Self {
        Secrets::default()
    }

    /// Adds a text, also as it looks in JSON and in Rust's own writing. Blanks alone are none.
    pub fn add(&self, secret: &str) {
        self.add_forms(secret, None);
    }

    /// Adds what an environment variable holds. The reference to it is shown in its place, so that a message still says
    /// which host or path it is about, unless the text is secret for another reason too, stands for two variables, or is
    /// so short that it is found where nobody means it.
    pub(super) fn add_variable(&self, name: &str, value: &str) {
        let is_told_apart = value.len() >= SHORT && !value.contains('\n');
        let shown = is_told_apart.then(|| format!("${{env:{name}}}"));
        self.add_forms(value, shown.as_deref());
    }

    fn add_forms(&self, secret: &str, shown: Option<&str>) {
        if secret.trim().is_empty() {
            return;
        }
        let mut forms = vec![secret, secret.trim()];
        if secret.contains('\n') {
            let lines = secret.lines().map(str::trim);
            forms.extend(lines.filter(|line| line.len() >= LINE));
        }
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        for form in forms {
            let quoted = format!("{form:?}");
            let json = serde_json::Value::from(form).to_string();
            let within = |text: &str| text[1..text.len() - 1].to_owned();
            let written = form.escape_debug().to_string();
            for form in [form.to_owned(), within(&quoted), within(&json), written] {
                if !form.is_empty() {
                    insert(&mut all, form, shown);
                }
            }
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
        all.is_empty()
    }

    /// The text with `***` in the place of every secret, or with the reference to the environment variable that holds it.
    /// Secrets of fewer than four bytes are found where they stand as words only.
    #[must_use]
    pub fn mask<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let mut found: Vec<Part<'_>> = Vec::new();
        for Known {
            text: secret,
            shown,
        } in &*all
        {
            let mut from = 0;
            while let Some(at) = text.get(from..).and_then(|rest| rest.find(secret.as_str())) {
                let (start, end) = (from + at, from + at + secret.len());
                if secret.len() >= SHORT || is_word(text, start, end) {
                    // A name may hold what another text, or its own, is.
                    let shown = shown.as_deref();
                    let shown = shown.filter(|shown| all.iter().all(|k| !shown.contains(&k.text)));
                    found.push((start, end, shown.unwrap_or(MASK)));
                }
                // One may begin within another.
                from = start + text[start..].chars().next().map_or(1, char::len_utf8);
            }
        }
        match found.is_empty() {
            true => Cow::Borrowed(text),
            false => Cow::Owned(without(text, found)),
        }
    }

    /// The same for an error.
    pub(crate) fn masked(&self, error: Error) -> Error {
        let masked = match self.mask(error.message()) {
            Cow::Borrowed(_) => None,
            Cow::Owned(message) => Some(message),
        };
        match masked {
            None => error,
            Some(message) => Error::new(error.kind(), message),
        }
    }
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secrets")
    }
}

/// Whether neither a letter nor a digit stands before or behind.
fn is_word(text: &str, start: usize, end: usize) -> bool {
    let before = text[..start].chars().next_back();
    let behind = text[end..].chars().next();
    !before.is_some_and(char::is_alphanumeric) && !behind.is_some_and(char::is_alphanumeric)
}

/// Where a secret begins and ends, and what is shown in its place.
type Part<'s> = (usize, usize, &'s str);

/// Adds a text. One that is known for two reasons is masked: what is shown for one would tell about the other.
fn insert(all: &mut Vec<Known>, text: String, shown: Option<&str>) {
    match all.iter_mut().find(|known| known.text == text) {
        Some(known) if known.shown.as_deref() != shown => known.shown = None,
        Some(_) => {}
        None => all.push(Known {
            text,
            shown: shown.map(str::to_owned),
        }),
    }
}

/// Replaces these parts. Those that touch are one, of which nothing is shown.
fn without(text: &str, mut parts: Vec<Part<'_>>) -> String {
    parts.sort_unstable();
    let mut whole: Vec<Part<'_>> = Vec::with_capacity(parts.len());
    for part in parts {
        match whole.last_mut() {
            Some(last) if part.0 <= last.1 => *last = (last.0, last.1.max(part.1), MASK),
            _ => whole.push(part),
        }
    }
    let mut masked = String::with_capacity(text.len());
    let mut done = 0;
    for (start, end, shown) in whole {
        masked += &text[done..start];
        masked += shown;
        done = end;
    }
    masked + &text[done..]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(secrets: &[&str], text: &str, expected: &str) {
        let all = Secrets::new();
        secrets.iter().for_each(|secret| all.add(secret));
        assert_eq!(all.mask(text), expected, "{secrets:?} in {text:?}");
    }

    #[test]
    fn secrets_are_found_wherever_they_stand() {
        check(&["hunter2"], "it is hunter2, xhunter2x", "it is ***, x***x");
        check(&["abcd", "cdef"], "abcdef.", "***.");
        check(&["abab"], "ababab", "***");
        check(&["größe"], "ä größe ö", "ä *** ö");
        check(&[""], "text", "text");
        check(&[], "text", "text");
    }

    #[test]
    fn short_ones_are_words() {
        check(
            &["eu"],
            "the queue of eu: eu2, \"eu\"",
            "the queue of ***: eu2, \"***\"",
        );
    }

    #[test]
    fn other_writings_are_found_too() {
        check(&["a\"b\\c"], r#"found "a\"b\\c""#, "found \"***\"");
        check(&["it's me"], r"found it\'s me", "found ***");
        let key = "-----BEGIN-----\nMIIEvQIBADAN\nab\n";
        check(&[key], "line MIIEvQIBADAN, ab", "line ***, ab");
        check(&["pass word \n"], "`pass word`", "`***`");
    }

    #[test]
    fn of_a_variable_the_reference_is_shown() {
        let all = Secrets::new();
        all.add_variable("BROKER", "kafka-1.example:9092");
        all.add_variable("BROKER", "kafka-1.example:9092");
        check_all(
            &all,
            "no broker of `kafka-1.example:9092`",
            "no broker of `${env:BROKER}`",
        );
        all.add_variable("HOST", "kafka-1");
        check_all(&all, "kafka-1.example:9092, kafka-1", "***, ${env:HOST}");
        all.add_variable("USER", "same-text");
        all.add_variable("PASSWORD", "same-text");
        check_all(&all, "same-text", "***");
        all.add_variable("TOKEN", "token-1");
        check_all(&all, "token-1token-1, token-1", "***, ${env:TOKEN}");
        // What a key says that is secret stays so, whichever of both comes first.
        all.add("token-1");
        check_all(&all, "token-1", "***");
        all.add_variable("TOKEN", "token-1");
        check_all(&all, "token-1", "***");
        all.add_variable("REGION", "eu");
        check_all(&all, "the queue of eu", "the queue of ***");
        all.add_variable("PREFIX_eu-west", "eu-west");
        check_all(&all, "the queue of eu-west", "the queue of ***");
        all.add_variable("KEY", "line one\nline two");
        check_all(&all, "line one", "***");
    }

    #[track_caller]
    fn check_all(all: &Secrets, text: &str, expected: &str) {
        assert_eq!(all.mask(text), expected, "{text:?}");
    }

    proptest! {
        #[test]
        fn nothing_of_a_secret_is_left(
            secrets in proptest::collection::vec("[ab]{4,6}|[a-d][a-d ]{3,8}", 1..4),
            text in "[a-d ]{0,40}",
        ) {
            let all = Secrets::new();
            secrets.iter().for_each(|secret| all.add(secret));
            let masked = all.mask(&text);
            for secret in &secrets {
                prop_assert!(!masked.contains(secret.as_str()), "{masked}");
            }
        }
    }
}
