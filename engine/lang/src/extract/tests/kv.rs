//! `kv`.

use super::{check, compile, extract, is_match, refuse};

#[test]
fn kv_splits_pairs() {
    let snot = "{\"foo\":\"bar\",\"snot\":\"badger\"}";
    check(
        "kv",
        &[
            // A blank and a colon where nothing else is said.
            ("", "foo:bar snot:badger", snot),
            (" ", "foo:bar snot:badger", snot),
            ("%{key}:%{val}", "foo:bar snot:badger", snot),
            ("%{key}:%{val} ", "foo:bar snot:badger", snot),
            (" %{key}:%{val}", "foo:bar snot:badger", snot),
            (
                "%{key}:%{val} %{key}:%{val} %{key}:%{val}",
                "foo:bar snot:badger",
                snot,
            ),
            ("&", "foo:bar&snot:badger", snot),
            ("%{key}=%{val}&", "foo=bar&snot=badger", snot),
            ("%{key}=%{val},", "foo=bar,snot=badger,", snot),
            // Several separators of one kind.
            ("%{key}=%{val};%{key}:%{val}", "foo=bar;snot:badger", snot),
            ("%{key}=%{val};%{key}=%{val},", "foo=bar,snot=badger", snot),
            (
                "%{key}=%{val};%{key}->%{val}, ",
                "foo=bar;snot->badger, a=b",
                "{\"foo\":\"bar\",\"snot\":\"badger\",\"a\":\"b\"}",
            ),
            (
                "%{key}%{%{val}",
                "this%{is a%{test",
                "{\"this\":\"is\",\"a\":\"test\"}",
            ),
            // Pieces that are not pairs are dropped.
            ("", "foo foo:bar a:b:c snot:badger", snot),
            ("", "foo:", "{\"foo\":\"\"}"),
            ("", ":foo", "{\"\":\"foo\"}"),
            ("", ":", "{\"\":\"\"}"),
            ("", "", "none"),
            ("", "foo", "none"),
            ("", "a:b:c", "none"),
            ("", "a::c", "none"),
            ("%{key}=%{val}", "foo:bar", "none"),
            ("", "a:1 a:2", "{\"a\":\"2\"}"),
            ("", "ä:ö", "{\"ä\":\"ö\"}"),
            // Escapes.
            ("%{key}=%{val}\\n", "a=1\nb=2", "{\"a\":\"1\",\"b\":\"2\"}"),
            (
                "%{key}\\t%{val}\\r\\n",
                "a\t1\r\nb\t2",
                "{\"a\":\"1\",\"b\":\"2\"}",
            ),
            ("%{key}\\\\%{val}", "a\\1 b\\2", "{\"a\":\"1\",\"b\":\"2\"}"),
        ],
    );
}

#[test]
fn patterns_that_are_ambiguous_are_refused() {
    let many: String = (0..200).map(|n| format!("%{{key}}={n}=%{{val}}")).collect();
    refuse(
        "kv",
        &[
            ("%{key}", "`%{key}` is not followed by `%{val}`"),
            ("%{key}=%{key}=%{val}", "is not followed"),
            ("%{key}%{val}", "there must be a separator"),
            (
                "%{key}=%{val}=%{key}=%{val}",
                "\"=\" cannot separate pairs and also",
            ),
            ("%{key} %{val}", "\" \" cannot separate"),
            (
                "%{key}:%{val}%{key}::%{val}",
                "\":\" is a part of the separator \"::\"",
            ),
            (
                "%{key}=%{val};%{key}=%{val};;",
                "\";\" is a part of the separator \";;\"",
            ),
            ("%{key}:=%{val}=", "\"=\" is a part of the separator \":=\""),
            ("%{key}\\x%{val}", "`\\x` is not an escape of a separator"),
            ("\\", "`\\` is not an escape"),
            (&many, "more than 100 separators"),
        ],
    );
}

#[test]
fn long_inputs_are_split_in_linear_time() {
    let kv = compile("kv", "%{key}=%{val};%{key}->%{val}&&");
    assert!(!is_match(&kv, &"&-".repeat(1_000_000)));
    let input = "k=v;".repeat(100_000);
    assert_eq!(extract(&kv, &input).as_deref(), Some("{\"k\":\"v\"}"));
}
