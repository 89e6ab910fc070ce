//! Functions on strings.

use temblor_pdk::value::Value;
use temblor_pdk::{Call, Function, FunctionResult};

use super::argument::{bytes, unsigned};
use super::{scratch, template};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("format", 1, template::format).args(1, Function::ANY),
    Function::new("is_empty", 1, is_empty),
    Function::new("len", 1, len),
    Function::new("bytes", 1, byte_len),
    Function::new("replace", 3, replace),
    Function::new("trim", 1, |call| part(call, str::trim)),
    Function::new("trim_start", 1, |call| part(call, str::trim_start)),
    Function::new("trim_end", 1, |call| part(call, str::trim_end)),
    Function::new("lowercase", 1, lowercase),
    Function::new("uppercase", 1, uppercase),
    Function::new("capitalize", 1, capitalize),
    Function::new("substr", 3, substr),
    Function::new("split", 2, split),
    Function::new("contains", 2, contains),
    Function::new("from_utf8_lossy", 1, from_utf8_lossy),
    Function::new("into_binary", 1, into_binary),
    Function::new("reverse", 1, reverse),
];

fn is_empty<'a>(call: &Call<'_, 'a>) -> FunctionResult<'a> {
    Ok(Value::from(call.str(0)?.is_empty()))
}

fn len<'a>(call: &Call<'_, 'a>) -> FunctionResult<'a> {
    Ok(Value::from(call.str(0)?.chars().count()))
}

fn byte_len<'a>(call: &Call<'_, 'a>) -> FunctionResult<'a> {
    Ok(Value::from(call.str(0)?.len()))
}

fn part<'a>(call: &Call<'_, 'a>, trim: fn(&str) -> &str) -> FunctionResult<'a> {
    Ok(Value::from(trim(call.str(0)?)))
}

fn replace<'a>(call: &Call<'_, 'a>) -> FunctionResult<'a> {
    let (text, from, to) = (call.str(0)?, call.str(1)?, call.str(2)?);
    if !text.contains(from) {
        return Ok(call.arg(0));
    }
    Ok(scratch::string(call.arena, |out| {
        let mut end = 0;
        for (at, found) in text.match_indices(from) {
            out.extend_from_slice(&text.as_bytes()[end..at]);
            out.extend_from_slice(to.as_bytes());
            end = at + found.len();
        }
        out.extend_from_slice(&text.as_bytes()[end..]);
    }))
}

fn lowercase<'a>(call: &Call<'_, 'a>) -> FunctionResult<'a> {
    let text = call.str(0)?;
    if text.is_ascii() {
        return Ok(ascii(call, text, u8::to_ascii_lowercase));
    }
    // Of a whole string, because a final sigma is written in another way than others.
    Ok(Value::from(call.arena.str(&text.to_lowercase())))
}

fn uppercase<'a>(call: &Call<'_, 'a>) -> FunctionResult<'a> {
    let text = call.str(0)?;
    if text.is_ascii() {
        return Ok(ascii(call, text, u8::to_ascii_uppercase));
    }
    Ok(Value::from(call.arena.str(&text.to_uppercase())))
}

fn ascii<'a>(call: &Call<'_, 'a>, text: &'a str, change: fn(&u8) -> u8) -> Value<'a> {
    if text.bytes().all(|byte| change(&byte) == byte) {
        return Value::from(text);
    }
    scratch::string(call.arena, |out| {
        out.extend(text.as_bytes().iter().map(change))
    })
}

fn capitalize<'a>(call: &Call<'_, 'a>) -> FunctionResult<'a> {
    let text = call.str(0)?;
    let mut chars = text.chars();
    let Some(first) = chars.next() else {
        return Ok(call.arg(0));
    };
    let rest = chars.as_str();
    Ok(scratch::string(call.arena, |out| {
        for upper in first.to_uppercase() {
            push(upper, out);
        }
        out.extend_from_slice(rest.as_bytes());
    }))
}

/// Writes a character.
pub(super) fn push(character: char, out: &mut Vec<u8>) {
    out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
}

fn substr<'a>(call: &Call<'_, 'a>) -> FunctionResult<'a> {
    let text = call.str(0)?;
    let (start, end) = (unsigned(call, 1)?, unsigned(call, 2)?);
    // Where a character begins; none behind the last one.
    let offset = |index: u64| {
        let index = usize::try_from(index).ok()?;
        text.char_indices().nth(index).map(|(offset, _)| offset)
    };
    let start = offset(start).unwrap_or(0);
    let end = offset(end).unwrap_or(text.len());
    Ok(Value::from(text.get(start..end).unwrap_or(text)))
}

fn split<'a>(call: &Call<'_, 'a>) -> FunctionResult<'a> {
    let (text, separator) = (call.str(0)?, call.str(1)?);
    Ok(scratch::array(call.arena, |parts| {
        parts.extend(text.split(separator).map(Value::from));
    }))
}

fn contains<'a>(call: &Call<'_, 'a>) -> FunctionResult<'a> {
    let (text, part) = (call.str(0)?, call.str(1)?);
    Ok(Value::from(text.contains(part)))
}

fn from_utf8_lossy<'a>(call: &Call<'_, 'a>) -> FunctionResult<'a> {
    let bytes = bytes(call, 0)?;
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Ok(Value::from(text));
    }
    Ok(scratch::text(call.arena, bytes))
}

fn into_binary<'a>(call: &Call<'_, 'a>) -> FunctionResult<'a> {
    Ok(Value::bytes(call.str(0)?.as_bytes()))
}

fn reverse<'a>(call: &Call<'_, 'a>) -> FunctionResult<'a> {
    let text = call.str(0)?;
    Ok(scratch::string(call.arena, |out| {
        for character in text.chars().rev() {
            push(character, out);
        }
    }))
}
