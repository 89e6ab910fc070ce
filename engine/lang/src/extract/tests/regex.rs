//! `re` and `rerg`.

use super::{check, compile, extract, is_match, refuse};

#[test]
fn re_gives_named_groups() {
    check(
        "re",
        &[
            ("snot", "a snot b", "{}"),
            ("snot", "badger", "none"),
            ("", "", "{}"),
            ("^snot", "a snot", "none"),
            ("(snot)", "snot", "{}"),
            (
                "(?P<a>[a-z]+) (?<b>\\d+)",
                "x ab 12 cd 34",
                "{\"a\":\"ab\",\"b\":\"12\"}",
            ),
            ("(?P<a>x)?(?P<b>y)", "y", "{\"b\":\"y\"}"),
            ("(?P<a>x*)y", "y", "{\"a\":\"\"}"),
            ("(?P<a>x)|(?P<b>y)", "y", "{\"b\":\"y\"}"),
            ("(a)(?P<b>b)(c)(?P<d>d)?", "abc", "{\"b\":\"b\"}"),
            ("^(?P<all>.*)$", "a\nb", "none"),
            ("(?m)^(?P<line>b.*)$", "a\nbc\nd", "{\"line\":\"bc\"}"),
            // The same on ASCII and beyond.
            ("(?P<w>\\w+)$", "a über", "{\"w\":\"über\"}"),
            ("(?P<w>\\w+)$", "a b", "{\"w\":\"b\"}"),
            ("(?i)(?P<w>straße)", "STRAßE", "{\"w\":\"STRAßE\"}"),
            ("(?i)(?P<k>\u{212a})", "k", "{\"k\":\"k\"}"),
            ("(?P<l>\\p{Lu})", "aB", "{\"l\":\"B\"}"),
            ("(?P<any>.)", "→", "{\"any\":\"→\"}"),
        ],
    );
}

#[test]
fn rerg_gathers_all_matches() {
    check(
        "rerg",
        &[
            (
                "(?P<n>\\d+)",
                "1 and 22 and 3",
                "{\"n\":[\"1\",\"22\",\"3\"]}",
            ),
            (
                "(?P<k>\\w+)=(?P<v>\\w+)?",
                "a=1 b= c=3",
                "{\"k\":[\"a\",\"b\",\"c\"],\"v\":[\"1\",\"3\"]}",
            ),
            (
                "(?P<a>a)|(?P<b>b)|(?P<c>c)",
                "bab",
                "{\"a\":[\"a\"],\"b\":[\"b\",\"b\"]}",
            ),
            ("(?P<e>x*)", "axb", "{\"e\":[\"\",\"x\",\"\"]}"),
            ("(?P<e>x*)", "äö", "{\"e\":[\"\",\"\",\"\"]}"),
            ("a", "aa", "{}"),
        ],
    );
    // With a binding it always matches, without one only if something is found.
    let rerg = compile("rerg", "(?P<n>\\d+)");
    assert_eq!(extract(&rerg, "none").as_deref(), Some("{}"));
    assert!(!is_match(&rerg, "none"));
    assert!(is_match(&rerg, "1"));
}

#[test]
fn expressions_that_cannot_be_used_are_refused() {
    for name in ["re", "rerg"] {
        refuse(
            name,
            &[
                ("(", "unclosed group"),
                ("a(?=b)", "look-around"),
                ("(a)\\1", "backreferences are not supported"),
                ("(?P<a>x)(?P<a>y)", "duplicate capture group name"),
                ("\\w{1000000}", "larger than 10 MiB"),
                ("((a{1000}){1000}){1000}", "larger than 10 MiB"),
            ],
        );
    }
}

#[test]
fn searching_takes_linear_time() {
    let re = compile("re", "^(?P<a>(a*)*)*b$");
    assert!(!is_match(&re, &"a".repeat(100_000)));
    let rerg = compile("rerg", "(?P<a>a)");
    let found = extract(&rerg, &"a".repeat(100_000)).unwrap();
    assert_eq!(found.matches("\"a\"").count(), 100_001);
}
