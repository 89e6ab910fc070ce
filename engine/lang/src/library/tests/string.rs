//! Functions on strings, regular expressions and percent encoding.

use super::check;

#[test]
fn strings() {
    check(
        r#"
        string::is_empty("") ==> true
        string::is_empty(" ") ==> false
        string::is_empty([]) ==> bad type
        string::len("") ==> 0
        string::len("grün") ==> 4
        string::len("e\u0301") ==> 2
        string::len({"$bytes": [97]}) ==> bad type
        string::bytes("grün") ==> 5
        string::bytes(1) ==> bad type
        string::replace("a-b-c", "-", "") ==> "abc"
        string::replace("aaa", "aa", "b") ==> "ba"
        string::replace("ab", "", "-") ==> "-a-b-"
        string::replace("ab", "x", "y") ==> "ab"
        string::replace("ab", "x", 1) ==> bad type
        string::trim("\u00a0 a b\t\n") ==> "a b"
        string::trim_start("  a ") ==> "a "
        string::trim_end("  a ") ==> "  a"
        string::trim(null) ==> bad type
        string::trim_start(null) ==> bad type
        string::trim_end(null) ==> bad type
        string::lowercase("ABC d") ==> "abc d"
        string::lowercase("abc") ==> "abc"
        string::lowercase("ÄΣ") ==> "äς"
        string::lowercase(1) ==> bad type
        string::uppercase("abc D") ==> "ABC D"
        string::uppercase("straße") ==> "STRASSE"
        string::uppercase(1) ==> bad type
        string::capitalize("") ==> ""
        string::capitalize("hello WORLD") ==> "Hello WORLD"
        string::capitalize("ßa") ==> "SSa"
        string::capitalize("1a") ==> "1a"
        string::capitalize([]) ==> bad type
        string::split("a,b,,c", ",") ==> ["a","b","","c"]
        string::split("", ",") ==> [""]
        string::split("abc", ",") ==> ["abc"]
        string::split("a", 1) ==> bad type
        string::contains("abc", "bc") ==> true
        string::contains("abc", "") ==> true
        string::contains("abc", "cb") ==> false
        string::contains("abc", 1) ==> bad type
        string::from_utf8_lossy({"$bytes": [97, 98]}) ==> "ab"
        string::from_utf8_lossy({"$bytes": [97, 255, 98]}) ==> "a�b"
        string::from_utf8_lossy("ab") ==> bad type
        string::into_binary("aä") ==> bytes [97, 195, 164]
        string::into_binary({"$bytes": [97]}) ==> bad type
        string::reverse("añb") ==> "bña"
        string::reverse("") ==> ""
        string::reverse(1) ==> bad type
        "#,
    );
}

#[test]
fn parts_of_strings() {
    check(
        r#"
        string::substr("abcdef", 1, 3) ==> "bc"
        string::substr("äöü", 1, 2) ==> "ö"
        string::substr("abc", 0, 0) ==> ""
        string::substr("abc", 1, 1) ==> ""
        # An end beyond the string counts as its length, a start beyond it as 0.
        string::substr("abc", 1, 99) ==> "bc"
        string::substr("abc", 7, 99) ==> "abc"
        string::substr("abc", 7, 2) ==> "ab"
        string::substr("", 0, 1) ==> ""
        # A start behind the end gives everything.
        string::substr("abc", 2, 1) ==> "abc"
        string::substr("abc", -1, 1) ==> bad type
        string::substr("abc", 0, 1.0) ==> bad type
        string::substr(1, 0, 1) ==> bad type
        string::substr("abc", 0, 18446744073709551615) ==> "abc"
        "#,
    );
}

#[test]
fn formats() {
    check(
        r#"
        string::format("") ==> ""
        string::format("a") ==> "a"
        string::format("{} and {}", "x", 1) ==> "x and 1"
        string::format("{}{}{}{}", 1.0, null, [1, "a"], {"k": true}) ==> "1.0null[1,\"a\"]{\"k\":true}"
        string::format("{}", {"$bytes": [1]}) ==> "\"AQ==\""
        string::format("{{}}") ==> "{}"
        string::format("{{{}}}", 1) ==> "{1}"
        string::format("\\{\\}") ==> "{}"
        string::format("\\n\\\\{}", 1) ==> "\\n\\\\1"
        string::format() ==> bad arity
        string::format(1) ==> error: the format is of type integer, expected a string
        string::format("ä{}") ==> error: the format is wrong at position 1: too few arguments: there is no value for this placeholder, only 0
        string::format("{}", 1, 2) ==> error: too many arguments: the format ends at position 2 with 1 placeholders for 2 values
        string::format("a{b}", 1) ==> error: the format is wrong at position 1: `{` has to be followed by `}` or `{`; write `{{` for a brace
        string::format("{", 1) ==> error: the format is wrong at position 0: `{` has to be followed by `}` or `{`; write `{{` for a brace
        string::format("a}") ==> error: the format is wrong at position 1: `}` stands alone; write `}}` for a brace
        string::format("a\\") ==> error: the format is wrong at position 1: nothing follows the backslash
        "#,
    );
}

#[test]
fn regular_expressions() {
    check(
        r#"
        re::replace("o", "foo", "0") ==> "f0o"
        re::replace("x", "foo", "0") ==> "foo"
        re::replace("(?<a>f)(o)", "foo", "$a-$2-${a}-$$") ==> "f-o-f-$o"
        re::replace_all("o", "foo", "0") ==> "f00"
        re::replace_all("\\d+", "a1b22", "_") ==> "a_b_"
        re::is_match("^f.o$", "foo") ==> true
        re::is_match("^o", "foo") ==> false
        re::is_match("\\p{Greek}", "λ") ==> true
        re::split("[,;]", "a,b;c") ==> ["a","b","c"]
        re::split(",", "") ==> [""]
        re::split(1, "a") ==> bad type
        re::is_match("a", 1) ==> bad type
        re::replace("a", "a", 1) ==> bad type
        re::replace_all("a", null, "a") ==> bad type
        "#,
    );
    for call in [
        r#"re::is_match("(", "a")"#,
        r#"re::split("\\w{500}{500}", "a")"#,
    ] {
        let found = super::run(call);
        assert!(found.starts_with("error: "), "{found}");
    }
}

/// More patterns than are kept, each used twice, and one that is always used in between.
#[test]
fn forgotten_patterns_are_compiled_again() {
    for _ in 0..2 {
        for number in 0..100 {
            let call = format!(r#"re::is_match("^{number}$", "{number}")"#);
            assert_eq!(super::run(&call), "true");
            assert_eq!(super::run(r#"re::is_match("a", "a")"#), "true");
        }
    }
}

#[test]
fn percent_encoding() {
    check(
        r#"
        url::encode("aZ09") ==> "aZ09"
        url::encode("a b/ä-_.~") ==> "a%20b%2F%C3%A4%2D%5F%2E%7E"
        url::encode("") ==> ""
        url::encode(1) ==> bad type
        url::decode("a%20b%2f%C3%A4+%zz%") ==> "a b/ä+%zz%"
        url::decode(null) ==> bad type
        url::decode("%ff") ==> error: the decoded text is not UTF-8: invalid utf-8 sequence of 1 bytes from index 0
        "#,
    );
}
