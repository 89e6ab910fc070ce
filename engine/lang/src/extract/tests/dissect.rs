//! `dissect`.

use super::{check, compile, extract, is_match, refuse};

#[test]
fn dissect_captures_between_delimiters() {
    check(
        "dissect",
        &[
            ("%{name}", "John", "{\"name\":\"John\"}"),
            ("%{name}", "", "{\"name\":\"\"}"),
            ("%{a} %{b}", "John Doe", "{\"a\":\"John\",\"b\":\"Doe\"}"),
            ("%{a} %{b}", " Doe", "{\"a\":\"\",\"b\":\"Doe\"}"),
            ("%{a} %{b}", "a b c", "{\"a\":\"a\",\"b\":\"b c\"}"),
            ("%{a} %{b}", "John", "none"),
            (
                "%{protocol}://%{host}.%{.tld}/",
                "http://example.com/",
                "{\"protocol\":\"http\",\"host\":\"example\",\".tld\":\"com\"}",
            ),
            ("[%{a}]", "[x]", "{\"a\":\"x\"}"),
            ("[%{a}]", "[x] ", "none"),
            ("[%{a}]", "x]", "none"),
            ("%{a}<", "x", "none"),
            ("snot", "snot", "{}"),
            ("snot", "snot!", "none"),
            ("snot", "sno", "none"),
            ("", "", "{}"),
            ("", "a", "none"),
            ("%{a}→%{b}", "x→y", "{\"a\":\"x\",\"b\":\"y\"}"),
            ("50% %{a}", "50% off", "{\"a\":\"off\"}"),
            ("%{a b-c/d}", "x", "{\"a b-c/d\":\"x\"}"),
            ("%{_id} %{_b}", "x y", "{\"_id\":\"x\",\"_b\":\"y\"}"),
            ("%{a} %{a}", "x y", "{\"a\":\"y\"}"),
            // Escapes in delimiters.
            ("%{a}\\n%{b}", "x\ny", "{\"a\":\"x\",\"b\":\"y\"}"),
            (
                "%{a}\\t%{b}\\r%{c}\\\\%{d}",
                "x\ty\rz\\w",
                "{\"a\":\"x\",\"b\":\"y\",\"c\":\"z\",\"d\":\"w\"}",
            ),
        ],
    );
}

#[test]
fn dissect_converts() {
    check(
        "dissect",
        &[
            ("%{a:int}", "22", "{\"a\":22}"),
            ("%{a:int}", "-22", "{\"a\":-22}"),
            (
                "%{a:int}",
                "18446744073709551615",
                "{\"a\":18446744073709551615}",
            ),
            ("%{a:int}", "22.0", "none"),
            ("%{a:int}", "", "none"),
            ("%{a:int} %{b}", "x y", "none"),
            ("%{a:float}", "1.5", "{\"a\":1.5}"),
            ("%{a:float}", "2", "{\"a\":2.0}"),
            ("%{a:float}", "x", "none"),
            ("%{a:string}", "x", "{\"a\":\"x\"}"),
        ],
    );
}

#[test]
fn dissect_skips_and_names() {
    check(
        "dissect",
        &[
            ("%{} %{b}", "John Doe", "{\"b\":\"Doe\"}"),
            ("%{?a} %{b}", "John Doe", "{\"b\":\"Doe\"}"),
            ("%{?k} %{&k}", "DE Germany", "{\"DE\":\"Germany\"}"),
            ("%{?k} %{x} %{&k:int}", "n - 5", "{\"x\":\"-\",\"n\":5}"),
            ("%{?k} %{&k:int}", "n x", "none"),
            (
                "%{?a},%{?b},%{&b},%{&a}",
                "1,2,3,4",
                "{\"2\":\"3\",\"1\":\"4\"}",
            ),
            // The text is consumed, the last one counts, and an empty one is none.
            ("%{?k} %{&k} %{&k}", "a b c", "none"),
            ("%{?k} %{?k} %{&k}", "a b c", "{\"b\":\"c\"}"),
            ("%{?k} %{?k} %{&k} %{&k}", "a b c d", "none"),
            ("%{?k} %{&k}", " b", "none"),
            ("%{&k}", "b", "none"),
            ("%{&k} %{?k}", "a b", "none"),
        ],
    );
}

#[test]
fn dissect_appends() {
    check(
        "dissect",
        &[
            ("%{+name} %{+name}", "John Doe", "{\"name\":\"John Doe\"}"),
            ("%{name} %{+name}", "John Doe", "{\"name\":\"John Doe\"}"),
            ("%{name},%{+name},%{+name}", "a,b,c", "{\"name\":\"a b c\"}"),
            ("%{name:string},%{+name}", "a,b", "{\"name\":\"a b\"}"),
            ("%{+a}%{_(|)}%{+a}", "x|||y", "{\"a\":\"x|y\"}"),
            (
                "%{+a}%{_(-)}%{b}%{_}%{+a}",
                "x--y  z",
                "{\"a\":\"x z\",\"b\":\"y\"}",
            ),
            (
                "%{+a}%{_(-)}%{b},%{+a}",
                "x--y,z",
                "{\"a\":\"x-z\",\"b\":\"y\"}",
            ),
            ("%{+a}", "x", "{\"a\":\"x\"}"),
        ],
    );
}

#[test]
fn dissect_skips_paddings() {
    check(
        "dissect",
        &[
            (
                "%{name}%{_}%{age}",
                "John   22",
                "{\"name\":\"John\",\"age\":\"22\"}",
            ),
            (
                "%{name}%{_}|%{age}",
                "John   |22",
                "{\"name\":\"John\",\"age\":\"22\"}",
            ),
            (
                "%{name}%{_}%{_(|)}%{age}",
                "John   ||22",
                "{\"name\":\"John\",\"age\":\"22\"}",
            ),
            (
                "%{name}%{_}%{_(|)}%{age}",
                "John||22",
                "{\"name\":\"John\",\"age\":\"22\"}",
            ),
            ("%{_}%{a}", "   x", "{\"a\":\"x\"}"),
            ("%{_}%{a}", "x", "{\"a\":\"x\"}"),
            ("%{a}%{_}", "x   ", "{\"a\":\"x\"}"),
            ("%{a}%{_}", "x", "{\"a\":\"x\"}"),
            ("%{a}%{_}", "x y", "none"),
            ("%{a}%{_}%{b}", "x", "{\"a\":\"x\",\"b\":\"\"}"),
            ("%{a}%{_(ab)}%{b}", "xababay", "{\"a\":\"x\",\"b\":\"ay\"}"),
            ("%{a}, %{_}%{b}", "x,   y", "{\"a\":\"x\",\"b\":\"y\"}"),
            // A field ends where its padding is found first, a delimiter or not.
            ("%{a}%{_}-%{b}", "x-y", "{\"a\":\"x\",\"b\":\"y\"}"),
            ("%{a}%{_}-%{b}", "x-y z", "none"),
            ("%{date}%{_(-)} %{rest}", "2019-04--- high", "none"),
            (
                "%{date}%{_(*)} %{?priority} %{&priority} %{+snot} %{+snot}",
                "2019-04-20***** high 3 foo bar",
                "{\"date\":\"2019-04-20\",\"high\":\"3\",\"snot\":\"foo*bar\"}",
            ),
        ],
    );
}

#[test]
fn patterns_that_cannot_work_are_refused() {
    refuse(
        "dissect",
        &[
            (
                "%{a}%{b}",
                "between the fields `a` and `b` there must be a delimiter",
            ),
            ("%{a}%{?b}", "there must be a delimiter"),
            ("%{a", "the field `%{a` has no end"),
            ("x %{a} %{", "has no end"),
            (
                "%{a:date}",
                "`date` in `%{a:date}` is not a type; the types are `int`, `float` and `string`",
            ),
            ("%{a:}", "`` in `%{a:}` is not a type"),
            ("%{:int}", "has no name"),
            ("%{?}", "the field `%{?}` has no name; write `%{}`"),
            ("%{&}", "has no name"),
            ("%{+}", "has no name"),
            ("%{+a:int}", "cannot have a type"),
            ("%{?a:int}", "cannot have a type"),
            ("%{a:int} %{+a}", "remove the type of `a`"),
            (
                "%{a}%{_} %{b}",
                "the padding \" \" takes the start of the delimiter \" \" away",
            ),
            ("%{a}%{_(-)}->%{b}", "takes the start"),
            ("%{_()}", "is not a padding"),
            ("%{_(-}", "is not a padding"),
            ("%{a}\\q%{b}", "`\\q` is not an escape"),
        ],
    );
}

#[test]
fn long_inputs_and_patterns_take_linear_time() {
    let dissect = compile("dissect", "%{a}ab%{b}ac%{_}%{c}");
    assert!(!is_match(&dissect, &"a".repeat(10_000_000)));
    let pattern = vec!["%{+a}"; 20_000].join(",");
    let input = vec!["x"; 20_000].join(",");
    let appended = extract(&compile("dissect", &pattern), &input).unwrap();
    assert_eq!(appended.matches('x').count(), 20_000);
}
