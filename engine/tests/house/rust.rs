//! Rust files as tokens, so that a word in a comment or in a string is not taken for code.

use std::str::FromStr;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use crate::workspace::read;

/// The tokens of a file.
#[track_caller]
pub(crate) fn tokens(path: &str) -> TokenStream {
    let text = read(path);
    TokenStream::from_str(&text).unwrap_or_else(|error| panic!("`{path}` is not Rust: {error}"))
}

/// An identifier, where it stands, and whether it opens an attribute such as `#[unsafe(…)]`.
pub(crate) struct Word {
    pub(crate) text: String,
    pub(crate) line: usize,
    pub(crate) attribute: bool,
}

/// All identifiers in reading order, those in macro bodies too. Documentation comments hold none.
pub(crate) fn words(tokens: TokenStream) -> Vec<Word> {
    let mut found = Vec::new();
    collect(tokens, false, &mut found);
    found
}

fn collect(tokens: TokenStream, attribute: bool, found: &mut Vec<Word>) {
    let mut after_hash = false;
    let mut first = true;
    for token in tokens {
        match &token {
            TokenTree::Ident(ident) => found.push(Word {
                text: ident.to_string(),
                line: ident.span().start().line,
                attribute: attribute && first,
            }),
            TokenTree::Group(group) => {
                let bracket = group.delimiter() == Delimiter::Bracket;
                collect(group.stream(), after_hash && bracket, found);
            }
            TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
        after_hash = matches!(&token, TokenTree::Punct(p) if p.as_char() == '#');
        first = false;
    }
}

/// The arguments of every `cfg(…)`, `cfg!(…)` and `cfg_attr(…)`, with the line.
pub(crate) fn conditions(tokens: TokenStream) -> Vec<(usize, TokenStream)> {
    let mut found = Vec::new();
    let mut cfg = false;
    for token in tokens {
        if let TokenTree::Group(group) = &token {
            if cfg {
                found.push((group.span_open().start().line, group.stream()));
            }
            found.extend(conditions(group.stream()));
        }
        cfg = match &token {
            TokenTree::Ident(ident) => ident == "cfg" || ident == "cfg_attr",
            TokenTree::Punct(punct) => cfg && punct.as_char() == '!',
            TokenTree::Group(_) | TokenTree::Literal(_) => false,
        };
    }
    found
}

#[test]
fn code_is_told_from_text() {
    let source = r##"
        //! unsafe
        /// unsafe
        #[unsafe(no_mangle)]
        fn f() { let text = r#"unsafe"#; /* unsafe */ m!(unsafe); }
        #[cfg(feature = "x")]
        const A: bool = cfg!(panic = "unwind");
    "##;
    let tokens = TokenStream::from_str(source).unwrap();
    let unsafes = words(tokens.clone()).into_iter();
    let unsafes: Vec<(usize, bool)> = unsafes
        .filter(|word| word.text == "unsafe")
        .map(|word| (word.line, word.attribute))
        .collect();
    assert_eq!(unsafes, [(4, true), (5, false)]);
    let lines: Vec<usize> = conditions(tokens)
        .into_iter()
        .map(|(line, _)| line)
        .collect();
    assert_eq!(lines, [6, 7]);
}
