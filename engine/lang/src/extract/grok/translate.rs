//! From the syntax of Oniguruma to the one of the `regex` crate; see the parent for what differs.

use std::str::Chars;

use super::class::{Atom, class, escape};
use super::guard::{Guard, Item, characters};

/// A translated expression and what its groups are for, in their order.
pub(super) struct Translated {
    pub(super) text: String,
    pub(super) groups: Vec<Group>,
}

/// What a group is for.
pub(super) enum Group {
    Name(String),
    /// An empty group that marks a place.
    Guard(Guard),
}

impl Group {
    pub(super) fn name(&self) -> Option<&str> {
        match self {
            Group::Name(name) => Some(name),
            Group::Guard(_) => None,
        }
    }

    pub(super) fn guard(self) -> Option<Guard> {
        match self {
            Group::Name(_) => None,
            Group::Guard(guard) => Some(guard),
        }
    }
}

/// Translates an expression.
///
/// # Errors
/// Names what there is no equivalent for. What is not an expression at all can pass.
pub(super) fn translate(text: &str) -> Result<Translated, String> {
    let mut translator = Translator {
        chars: text.chars(),
        // Anchors are those of lines in Oniguruma.
        out: String::from("(?m)"),
        groups: Vec::new(),
    };
    while let Some(c) = translator.chars.next() {
        translator.item(c)?;
    }
    Ok(Translated {
        text: translator.out,
        groups: translator.groups,
    })
}

struct Translator<'t> {
    chars: Chars<'t>,
    out: String,
    groups: Vec<Group>,
}

impl Translator<'_> {
    fn item(&mut self, c: char) -> Result<(), String> {
        match c {
            '\\' => self.escape()?,
            '[' => self.out.push_str(&class(&mut self.chars, 0)?),
            '(' => self.group()?,
            '*' | '+' | '?' => {
                self.out.push(c);
                if self.eat("?") {
                    self.out.push('?');
                } else {
                    // Possessive.
                    self.eat("+");
                }
            }
            '{' => self.repetition(),
            '}' => self.out.push_str("\\}"),
            c => self.out.push(c),
        }
        Ok(())
    }

    fn eat(&mut self, text: &str) -> bool {
        match self.chars.as_str().strip_prefix(text) {
            Some(rest) => {
                self.chars = rest.chars();
                true
            }
            None => false,
        }
    }

    /// `{2}`, `{2,}`, `{,3}` or `{2,3}`; any other brace stands for itself.
    fn repetition(&mut self) {
        let Some((min, max, taken)) = repetition(self.chars.as_str()) else {
            self.out.push_str("\\{");
            return;
        };
        let min = if min.is_empty() { "0" } else { min };
        match max {
            Some(max) => self.out.push_str(&format!("{{{min},{max}}}")),
            None => self.out.push_str(&format!("{{{min}}}")),
        }
        self.chars = self.chars.as_str()[taken..].chars();
    }

    /// An escape outside of classes.
    fn escape(&mut self) -> Result<(), String> {
        let mut ahead = self.chars.clone();
        let translated = match ahead.next() {
            Some('A') => r"\A",
            Some('b') => r"\b",
            Some('B') => r"\B",
            Some('z') => r"\z",
            Some('Z') => r"(?:\n?\z)",
            Some('R') => r"(?:\r\n|[\n\v\f\r\u0085\u2028\u2029])",
            _ => {
                let Atom { text, .. } = escape(&mut self.chars)?;
                self.out.push_str(&text);
                return Ok(());
            }
        };
        self.chars = ahead;
        self.out.push_str(translated);
        Ok(())
    }

    /// What begins with a parenthesis.
    fn group(&mut self) -> Result<(), String> {
        if !self.eat("?") {
            // Plain groups are not captured where there are named ones, and nothing asks for them.
            self.out.push_str("(?:");
            return Ok(());
        }
        for (sign, is_behind, is_negative) in [
            ("=", false, false),
            ("!", false, true),
            ("<=", true, false),
            ("<!", true, true),
        ] {
            if self.eat(sign) {
                return self.guard(is_behind, is_negative);
            }
        }
        if self.eat(":") || self.eat(">") {
            self.out.push_str("(?:");
            return Ok(());
        }
        if self.eat("#") {
            let end = self
                .chars
                .as_str()
                .find(')')
                .ok_or("a comment `(?#…` has no end")?;
            self.chars = self.chars.as_str()[end + 1..].chars();
            return Ok(());
        }
        for (sign, end) in [("<", '>'), ("P<", '>'), ("'", '\'')] {
            if self.eat(sign) {
                return self.named_group(end);
            }
        }
        self.flags()
    }

    fn named_group(&mut self, end: char) -> Result<(), String> {
        let (name, rest) = match self.chars.as_str().split_once(end) {
            Some((name, rest)) if !name.is_empty() => (name, rest),
            _ => return Err("a group has no name; write it as in `(?<name>…)`".to_owned()),
        };
        self.groups.push(Group::Name(name.to_owned()));
        self.chars = rest.chars();
        self.out.push('(');
        Ok(())
    }

    /// `(?i)` or `(?i-m:`. What makes the dot match line ends is `m` in Oniguruma and `s` in `regex`.
    fn flags(&mut self) -> Result<(), String> {
        self.out.push_str("(?");
        for c in self.chars.by_ref() {
            match c {
                'm' => self.out.push('s'),
                'i' | 'x' | '-' => self.out.push(c),
                ':' | ')' => {
                    self.out.push(c);
                    return Ok(());
                }
                _ => break,
            }
        }
        Err("a group begins with `(?` and something that is not supported; there are `(?:…)`, `(?<name>…)`, `(?>…)`, \
             `(?i)`, `(?m)`, `(?x)`, `(?=…)`, `(?!…)`, `(?<=…)` and `(?<!…)`"
            .to_owned())
    }

    /// A condition, up to its parenthesis.
    fn guard(&mut self, is_behind: bool, is_negative: bool) -> Result<(), String> {
        let mut alternatives = vec![Vec::new()];
        loop {
            let item = match self.chars.next() {
                Some(')') => break,
                Some('|') => {
                    alternatives.push(Vec::new());
                    continue;
                }
                c => self.guard_item(c)?,
            };
            if let Some(items) = alternatives.last_mut() {
                items.push(item);
            }
        }
        self.groups.push(Group::Guard(Guard {
            is_behind,
            is_negative,
            alternatives,
        }));
        self.out.push_str("()");
        Ok(())
    }

    /// A character, a class or an anchor.
    fn guard_item(&mut self, c: Option<char>) -> Result<Item, String> {
        let repeats = |text: &str| {
            text.starts_with(['*', '+', '?'])
                || text.strip_prefix('{').and_then(repetition).is_some()
        };
        let item = match c {
            Some('^') => Some(Item::LineStart),
            Some('$') => Some(Item::LineEnd),
            Some('[') => characters(&class(&mut self.chars, 0)?),
            Some('\\') => characters(&escape(&mut self.chars)?.text),
            Some('.') => characters("."),
            Some('(' | '*' | '+' | '?') | None => None,
            Some(c) => characters(&Atom::char(c).text),
        };
        item.filter(|_| !repeats(self.chars.as_str())).ok_or_else(|| {
            "a condition like `(?=…)` or `(?<!…)` can only have characters, classes, `^` and `$` in it, without \
             repetitions and groups; otherwise it cannot be matched in linear time"
                .to_owned()
        })
    }
}

/// The bounds of a repetition whose brace was taken, and its length without that brace.
fn repetition(text: &str) -> Option<(&str, Option<&str>, usize)> {
    let (inner, _) = text.split_once('}')?;
    let (min, max) = match inner.split_once(',') {
        Some((min, max)) => (min, Some(max)),
        None => (inner, None),
    };
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let has_bounds = !min.is_empty() || max.is_some_and(|max| !max.is_empty());
    let is_repetition = has_bounds && is_number(min) && max.is_none_or(is_number);
    is_repetition.then_some((min, max, inner.len() + 1))
}
