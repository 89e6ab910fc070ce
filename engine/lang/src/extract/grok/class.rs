//! Translating character classes and escapes.

use std::str::Chars;

/// How deep classes may be nested.
const MAX_DEPTH: usize = 50;

/// A part of a class, or an escape.
pub(super) struct Atom {
    pub(super) text: String,
    /// Whether it stands for one character, so that a range can begin or end with it.
    pub(super) is_char: bool,
}

impl Atom {
    fn set(text: &str) -> Atom {
        Atom {
            text: text.to_owned(),
            is_char: false,
        }
    }

    /// A character that stands for itself.
    pub(super) fn char(c: char) -> Atom {
        let text = match c {
            // With the flag `x` blanks would be ignored.
            c if c.is_whitespace() => format!("\\x{{{:x}}}", u32::from(c)),
            c if regex_syntax::is_meta_character(c) => format!("\\{c}"),
            c => c.to_string(),
        };
        Atom {
            text,
            is_char: true,
        }
    }
}

/// Translates a class whose opening bracket was taken, up to its closing one.
pub(super) fn class(chars: &mut Chars<'_>, depth: usize) -> Result<String, String> {
    if depth == MAX_DEPTH {
        return Err(format!("classes are nested more than {MAX_DEPTH} deep"));
    }
    let mut out = String::from("[");
    if chars.as_str().starts_with('^') {
        chars.next();
        out.push('^');
    }
    // A closing bracket at the very start is one of the characters.
    let mut is_first = true;
    loop {
        let c = chars
            .next()
            .ok_or("a class has no end; write `]` behind its characters")?;
        if c == ']' && !is_first {
            out.push(']');
            return Ok(out);
        }
        is_first = false;
        if c == '&' && chars.as_str().starts_with('&') {
            chars.next();
            out.push_str("&&");
            continue;
        }
        let low = atom(c, chars, depth)?;
        out.push_str(&low.text);
        let mut ahead = chars.clone();
        if !low.is_char || ahead.next() != Some('-') || ahead.as_str().starts_with(']') {
            continue;
        }
        let Some(c) = ahead.next() else { continue };
        let high = atom(c, &mut ahead, depth)?;
        out.push_str(if high.is_char { "-" } else { "\\-" });
        out.push_str(&high.text);
        *chars = ahead;
    }
}

fn atom(c: char, chars: &mut Chars<'_>, depth: usize) -> Result<Atom, String> {
    match c {
        '[' => match posix(chars) {
            Some(name) => Ok(Atom::set(&name)),
            None => class(chars, depth + 1).map(|nested| Atom::set(&nested)),
        },
        '\\' if chars.as_str().starts_with('b') => {
            chars.next();
            Ok(Atom {
                text: "\\x08".to_owned(),
                is_char: true,
            })
        }
        '\\' => escape(chars),
        c => Ok(Atom::char(c)),
    }
}

/// Translates `[:name:]`, whose bracket was taken. Letters and digits are those of Unicode in Oniguruma.
fn posix(chars: &mut Chars<'_>) -> Option<String> {
    let (name, rest) = chars.as_str().strip_prefix(':')?.split_once(":]")?;
    let (negated, name) = match name.strip_prefix('^') {
        Some(name) => ("^", name),
        None => ("", name),
    };
    let set = match name {
        "alnum" => r"\w--_",
        "alpha" => r"\w--[\d_]",
        "digit" => r"\d",
        "space" => r"\s",
        "word" => r"\w",
        "ascii" | "blank" | "cntrl" | "graph" | "lower" | "print" | "punct" | "upper"
        | "xdigit" => {
            *chars = rest.chars();
            return Some(format!("[:{negated}{name}:]"));
        }
        _ => return None,
    };
    *chars = rest.chars();
    Some(format!("[{negated}{set}]"))
}

/// Translates an escape whose backslash was taken.
pub(super) fn escape(chars: &mut Chars<'_>) -> Result<Atom, String> {
    let c = chars
        .next()
        .ok_or("nothing follows the last backslash; write `\\\\` for a backslash")?;
    let atom = match c {
        'd' | 'D' | 'w' | 'W' | 's' | 'S' => Atom::set(&format!("\\{c}")),
        'p' | 'P' => {
            let braced = chars.as_str().starts_with('{');
            let end = chars.as_str().find('}').filter(|_| braced);
            let end = end.ok_or(format!("write a property as in `\\{c}{{Greek}}`"))?;
            let (name, rest) = chars.as_str().split_at(end + 1);
            *chars = rest.chars();
            Atom::set(&format!("\\{c}{name}"))
        }
        'h' => Atom::set("[0-9A-Fa-f]"),
        'H' => Atom::set("[^0-9A-Fa-f]"),
        'a' | 'f' | 'n' | 'r' | 't' | 'v' => Atom {
            text: format!("\\{c}"),
            is_char: true,
        },
        'e' => Atom::char('\u{1b}'),
        'x' | 'u' => code(c, chars)?,
        '0' => Atom::char('\0'),
        '1'..='9' | 'k' | 'g' => {
            return Err(format!(
                "`\\{c}` refers to another group, which cannot be matched in linear time; write out what it stands for"
            ));
        }
        'G' | 'K' | 'X' => return Err(format!("`\\{c}` is not supported; leave it out")),
        c => Atom::char(c),
    };
    Ok(atom)
}

/// A character by its code: `\x4f`, `\x{1f600}` or `\u00e4`.
fn code(kind: char, chars: &mut Chars<'_>) -> Result<Atom, String> {
    let text = chars.as_str();
    let (digits, taken) = match text.strip_prefix('{').and_then(|text| text.split_once('}')) {
        Some((digits, _)) => (digits, digits.len() + 2),
        None => {
            let longest = if kind == 'x' { 2 } else { 4 };
            let is_digit = |byte: &u8| byte.is_ascii_hexdigit();
            let len = text.bytes().take(longest).take_while(is_digit).count();
            (&text[..len], len)
        }
    };
    let code = u32::from_str_radix(digits, 16)
        .ok()
        .and_then(char::from_u32);
    let c = code.ok_or(format!(
        "`\\{kind}` needs the code of a character, as in `\\x41`"
    ))?;
    *chars = text[taken..].chars();
    Ok(Atom::char(c))
}
