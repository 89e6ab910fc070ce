//! Names, `glob`, `json`, `base64` and `datetime`.

use super::{check, compile, is_match, refuse};
use crate::extract::Extractor;

#[test]
fn names_have_no_case_and_unknown_ones_are_refused() {
    for name in Extractor::names() {
        let text = if *name == "grok" { "%{INT}" } else { "" };
        assert!(
            Extractor::compile(&name.to_uppercase(), text).is_ok(),
            "{name}"
        );
    }
    assert_eq!(Extractor::names().len(), 11);
    refuse(
        "dissct",
        &[(
            "",
            "unsupported extractor `dissct`\ndid you mean `dissect`?",
        )],
    );
    refuse("suffix", &[("", "the extractors are `base64`, `cidr`")]);
}

#[test]
fn glob_matches_the_whole_string() {
    check(
        "glob",
        &[
            // Without anything special.
            ("", "", "true"),
            ("", "a", "none"),
            ("INFO", "INFO", "true"),
            ("INFO", "INFO ", "none"),
            ("INFO", "info", "none"),
            // Prefixes and suffixes; brackets are ordinary in them.
            ("INFO*", "INFO", "true"),
            ("INFO*", "INFO: a/b\nc", "true"),
            ("INFO*", " INFO", "none"),
            ("*.log", "x.log", "true"),
            ("*.log", ".log", "true"),
            ("*.log", "x.logs", "none"),
            ("[a]*", "[a]b", "true"),
            ("[a]*", "ab", "none"),
            ("*[a]", "b[a]", "true"),
            ("*[a]", "ba", "none"),
            // Stars.
            ("*", "", "true"),
            ("*", "a/b", "true"),
            ("**", "a/b", "true"),
            ("a*c", "ac", "true"),
            ("a*c", "a/b\nc", "true"),
            ("a*c", "acd", "none"),
            ("*b*", "abc", "true"),
            ("*b*", "ac", "none"),
            ("a*b*c", "a-b-b-c", "true"),
            ("a**c", "abc", "true"),
            // Question marks.
            ("?", "", "none"),
            ("?", "ä", "true"),
            ("?", "\n", "true"),
            ("a?c", "abc", "true"),
            ("a?c", "abbc", "none"),
            ("?*", "abc", "true"),
            ("?*", "", "none"),
            // Classes.
            ("[abc]", "b", "true"),
            ("[abc]", "d", "none"),
            ("[a-c]?", "b1", "true"),
            ("[a-c]?", "B1", "none"),
            ("[!a-c]", "d", "true"),
            ("[!a-c]", "a", "none"),
            ("[!a]", "\n", "true"),
            ("[0-9a-fX]", "e", "true"),
            ("[0-9a-fX]", "X", "true"),
            ("[]]", "]", "true"),
            ("[!]]", "]", "none"),
            ("[!]]", "a", "true"),
            ("[*]?", "*a", "true"),
            ("[*]?", "ba", "none"),
            ("[a-]", "-", "true"),
            ("[-a]", "-", "true"),
            ("[^a]", "^", "true"),
            ("[^a]", "b", "none"),
            ("[\\d]", "\\", "true"),
            ("[\\d]", "5", "none"),
            ("[ä-ö]", "ö", "true"),
            ("x.?", "xay", "none"),
            ("x.?", "x.y", "true"),
        ],
    );
    refuse(
        "glob",
        &[
            ("[", "the class `[` has no end"),
            ("[]", "the class `[]` has no end"),
            ("[!]", "has no end"),
            ("[!", "has no end"),
            ("a[b?", "the class `[b?` has no end"),
            ("[z-a]", "the range `z-a` is empty; write `a-z`"),
            ("?[a-[", "has no end"),
        ],
    );
}

#[test]
fn many_stars_cost_no_more_than_one() {
    let pattern = format!("{}b", "a*".repeat(1000));
    let glob = compile("glob", &pattern);
    assert!(!is_match(&glob, &"a".repeat(1_000_000)));
}

#[test]
fn json_decodes() {
    check(
        "json",
        &[
            ("", "{\"a\": [1, 2.0, null]}", "{\"a\":[1,2.0,null]}"),
            ("", " 1 ", "1"),
            ("", "18446744073709551615", "18446744073709551615"),
            ("", "\"x\"", "\"x\""),
            ("", "null", "null"),
            ("", "", "none"),
            ("", "{\"a\"}", "none"),
            ("", "1 2", "none"),
            ("", "snot", "none"),
        ],
    );
    refuse("json", &[("x", "`json` takes no text; write `json||`")]);
}

#[test]
fn base64_decodes_text() {
    check(
        "base64",
        &[
            ("", "", "\"\""),
            ("", "c25vdCBiYWRnZXI=", "\"snot badger\""),
            ("", "c25vdCBiYWRnZXI", "\"snot badger\""),
            ("", "w6TDtg==", "\"äö\""),
            ("", "a", "none"),
            ("", "c25vd!==", "none"),
            ("", "c25v dA==", "none"),
            ("", "-_8=", "none"),
        ],
    );
    refuse("base64", &[("x", "`base64` takes no text")]);
    // What is not text matches only where nothing is bound.
    let base64 = compile("base64", "");
    assert!(is_match(&base64, "/w=="));
    assert_eq!(super::extract(&base64, "/w=="), None);
}

#[test]
fn datetime_gives_nanoseconds() {
    check(
        "datetime",
        &[
            (
                "%Y-%m-%d %H:%M:%S",
                "2019-06-17 13:15:40",
                "1560777340000000000",
            ),
            (
                "%Y-%m-%d %H:%M:%S %z",
                "1970-01-01 02:00:01 +0200",
                "1000000000",
            ),
            ("%Y-%m-%d %H:%M:%S", "2019-06-17", "none"),
            ("%Y-%m-%d %H:%M:%S", "2019-06-17 13:15:40 ", "none"),
            ("%Y-%m-%d %H:%M:%S", "tomorrow", "none"),
        ],
    );
}
