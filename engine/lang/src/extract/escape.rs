//! The escapes in the separators of `kv` and `dissect`.

/// Replaces the escapes of a separator.
///
/// # Errors
/// Names the escape that does not exist.
pub(super) fn unescape(text: &str) -> Result<String, String> {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        out.push(match chars.next() {
            Some('\\') => '\\',
            Some('n') => '\n',
            Some('t') => '\t',
            Some('r') => '\r',
            Some(other) => return Err(no_such(&format!("\\{other}"))),
            None => return Err(no_such("\\")),
        });
    }
    Ok(out)
}

fn no_such(escape: &str) -> String {
    format!(
        "`{escape}` is not an escape of a separator; there are `\\\\`, `\\n`, `\\t` and `\\r`, and between pipes each \
         backslash is written twice"
    )
}
