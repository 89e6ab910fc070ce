//! `grok`.

use super::{check, compile, extract, is_match, refuse, with_context};
use crate::extract::grok::{Grok, Library};

#[test]
fn every_pattern_of_the_library_compiles() {
    let library = Library::builtin();
    let names: Vec<&str> = library.names().collect();
    assert!(names.len() > 300, "{}", names.len());
    for name in names {
        if let Err(message) = Grok::with(&format!("%{{{name}}}"), &library) {
            panic!("{name}: {message}");
        }
    }
}

#[test]
fn grok_captures_what_has_an_alias() {
    check(
        "grok",
        &[
            (
                "%{IP:client} %{WORD:method} %{URIPATHPARAM:request} %{NUMBER:bytes} %{NUMBER:duration}",
                "55.3.244.1 GET /index.html 15824 0.043",
                "{\"client\":\"55.3.244.1\",\"method\":\"GET\",\"request\":\"/index.html\",\"bytes\":\"15824\",\"duration\":\"0.043\"}",
            ),
            ("%{WORD}", "snot", "{}"),
            ("%{WORD}", "", "none"),
            ("^%{WORD:a}$", "snot badger", "none"),
            ("%{INT:n}", "the 42nd", "{\"n\":\"42\"}"),
            ("%{WORD:a}(?: %{INT:n})?", "snot", "{\"a\":\"snot\"}"),
            ("(?<a>s.)(o)", "snot", "{\"a\":\"sn\"}"),
            ("(?<a>[a-z]+) %{INT:b}", "x 1", "{\"a\":\"x\",\"b\":\"1\"}"),
            ("%{WORD:a.b-c[d]}", "x", "{\"a.b-c[d]\":\"x\"}"),
            // A type behind the alias, as logstash has it.
            ("%{INT:n:int}", "7", "{\"n\":\"7\"}"),
            // Of several with one alias the last that took part.
            ("%{INT:n} %{INT:n}", "1 2", "{\"n\":\"2\"}"),
            ("(?:%{INT:n}|%{WORD:n})", "x", "{\"n\":\"x\"}"),
            ("(?:%{WORD:n}|-%{INT:n})", "x", "{\"n\":\"x\"}"),
            // Definitions in place.
            ("%{THREE:t=[0-9]{3}}", "12345", "{\"t\":\"123\"}"),
            ("%{T=[a-c]+}-%{T:t}", "abc-cab", "{\"t\":\"cab\"}"),
            ("%{WORD:w=x+}", "abxx", "{\"w\":\"xx\"}"),
            ("%{P:p=%{INT:i}!}", "1!", "{\"p\":\"1!\",\"i\":\"1\"}"),
            // The syntax of Oniguruma.
            ("^(?<a>b.*)$", "a\nbc\nd", "{\"a\":\"bc\"}"),
            ("(?m)(?<a>a.b)", "a\nb", "{\"a\":\"a\\nb\"}"),
            ("(?<a>a.b)", "a\nb", "none"),
            ("(?<a>(?>a+)b)", "aab", "{\"a\":\"aab\"}"),
            ("(?<a>a++b*+c?+)", "aabb", "{\"a\":\"aabb\"}"),
            ("(?<a>\\h+)", "xyz0aFg", "{\"a\":\"0aF\"}"),
            ("(?<a>[\\h_]+)\\Z", "0a_\n", "{\"a\":\"0a_\"}"),
            ("(?<a>[[:alpha:]]+)", "1äß_", "{\"a\":\"äß\"}"),
            ("(?<a>[[:alnum:]-]+)", "_a1-ä_", "{\"a\":\"a1-ä\"}"),
            ("(?<a>[^[:space:][:digit:]]+)", "1 ab2", "{\"a\":\"ab\"}"),
            ("(?<a>[a-z&&[^x]]+)", "xab", "{\"a\":\"ab\"}"),
            ("(?<a>[+--]+)", "a+,-", "{\"a\":\"+,-\"}"),
            ("(?<a>[]x]+)", "]x", "{\"a\":\"]x\"}"),
            ("(?<a>[\\b])", "\u{8}", "{\"a\":\"\\b\"}"),
            ("(?<a>x{,2}y)", "xxxy", "{\"a\":\"xxy\"}"),
            ("{(?<a>x{2})}", "{xx}", "{\"a\":\"xx\"}"),
            ("(?<a>\\/\\<\\>\\ \\-)", "/<> -", "{\"a\":\"/<> -\"}"),
            ("(?<a>\\x41\\u00e4\\x{2192})", "Aä→", "{\"a\":\"Aä→\"}"),
            ("(?#comment)(?<a>x)", "x", "{\"a\":\"x\"}"),
            ("(?x) (?<a> x [ ] y )", "x y", "{\"a\":\"x y\"}"),
            ("(?'a'x)(?P<b>y)", "xy", "{\"a\":\"x\",\"b\":\"y\"}"),
            ("(?<a>a\\Rb)", "a\r\nb", "{\"a\":\"a\\r\\nb\"}"),
            ("\\%{(?<a>x)", "%{x", "{\"a\":\"x\"}"),
        ],
    );
}

#[test]
fn conditions_on_neighbours_hold() {
    check(
        "grok",
        &[
            // Octets beyond 199 at the end, where a condition decides how long they are.
            ("%{IPV4:ip}", "10.0.0.250", "{\"ip\":\"10.0.0.250\"}"),
            ("%{IPV4:ip}", "110.0.0.2501", "none"),
            ("%{IPV4:ip}", "1234.0.0.1", "none"),
            ("%{IPV4:ip}", "x1.2.3.4y", "{\"ip\":\"1.2.3.4\"}"),
            // A greedy text in front leaves a whole number.
            (
                "%{GREEDYDATA:text}%{NUMBER:n}",
                "took 123",
                "{\"text\":\"took \",\"n\":\"123\"}",
            ),
            (
                "%{GREEDYDATA:text}%{NUMBER:n}",
                "täglich 1.5",
                "{\"text\":\"täglich \",\"n\":\"1.5\"}",
            ),
            ("user%{NUMBER:n}", "user42", "{\"n\":\"42\"}"),
            ("%{TIME:t}", "10:20:60", "{\"t\":\"10:20:60\"}"),
            ("%{TIME:t}", "10:20:30Z", "{\"t\":\"10:20:30\"}"),
            ("%{TIME:t}", "10:20:301", "none"),
            ("(?<a>\\w+)(?= |$)", "x-y zz", "{\"a\":\"y\"}"),
            ("(?<a>\\w+)(?=,|$)", "x zz", "{\"a\":\"zz\"}"),
            ("(?<a>\\w+?)(?=\\d\\d)", "ab123", "{\"a\":\"ab\"}"),
            ("(?<=^|\\s)(?<a>\\d+)(?!\\w)", "a1 2b 3", "{\"a\":\"3\"}"),
            ("(?<=\\[)(?<a>[^\\]]*)", "x [ab] y", "{\"a\":\"ab\"}"),
            ("(?<!ab)(?<c>c+)", "abc cc", "{\"c\":\"cc\"}"),
            ("(?<=ä)(?<a>.)", "xäö", "{\"a\":\"ö\"}"),
            ("(?:(?<= )(?<w>CE|DF) ?)*x", " CE DFx", "{\"w\":\"DF\"}"),
        ],
    );
}

#[test]
fn common_patterns_match_what_they_are_for() {
    let whole = [
        ("IP", "2001:db8::ff00:42:8329"),
        ("IP", "192.168.255.255"),
        ("HOSTNAME", "web-1.example.com"),
        ("IPORHOST", "localhost"),
        ("HOSTPORT", "example.com:8080"),
        ("NUMBER", "-1.5"),
        ("INT", "+12"),
        ("BASE16NUM", "0xdeadBEEF"),
        ("QUOTEDSTRING", "\"say \\\"hi\\\"\""),
        ("QS", "'x'"),
        ("PATH", "/usr/local/bin"),
        ("PATH", "C:\\Program Files\\x"),
        ("UNIXPATH", "/usr/lib/x_1.2-3"),
        ("URI", "https://user:pw@example.com/a/b?c=d&e=f"),
        ("UUID", "123e4567-e89b-12d3-a456-426614174000"),
        ("MAC", "01:23:45:67:89:ab"),
        ("MAC", "0123.4567.89ab"),
        ("LOGLEVEL", "WARNING"),
        ("HTTPDATE", "10/Oct/2000:13:55:36 -0700"),
        ("TIMESTAMP_ISO8601", "2021-03-04T05:06:07.891+01:00"),
        ("TIMESTAMP_ISO8601", "2021-03-04 05:06:07Z"),
        ("SYSLOGTIMESTAMP", "Feb  3 10:20:30"),
        ("DATESTAMP_RFC2822", "Thu, 4 Mar 2021 05:06:07 +0000"),
        ("EMAILADDRESS", "a.b+c@example.com"),
        ("MONTH", "März"),
        ("DAY", "Tue"),
        ("URN", "urn:isbn:0451450523"),
        ("TTY", "/dev/pts/1"),
        ("JAVACLASS", "org.example.Main"),
    ];
    for (name, text) in whole {
        let grok = compile("grok", &format!("\\A%{{{name}:it}}\\z"));
        let expected = format!("{{\"it\":{}}}", serde_json::to_string(text).unwrap());
        assert_eq!(extract(&grok, text), Some(expected), "{name}");
    }
}

#[test]
fn lines_of_logs_are_taken_apart() {
    let fields = |pattern: &str, line: &str, expected: &[(&str, &str)]| {
        let found = extract(&compile("grok", pattern), line);
        let found: serde_json::Value = serde_json::from_str(&found.expect(pattern)).unwrap();
        for (name, value) in expected {
            assert_eq!(found[name], *value, "{pattern}: {name} in {found}");
        }
    };
    let line =
        r#"127.0.0.1 - frank [10/Oct/2000:13:55:36 -0700] "GET /a.gif?x=1 HTTP/1.0" 200 2326"#;
    let common = [
        ("clientip", "127.0.0.1"),
        ("auth", "frank"),
        ("timestamp", "10/Oct/2000:13:55:36 -0700"),
        ("verb", "GET"),
        ("request", "/a.gif?x=1"),
        ("httpversion", "1.0"),
        ("response", "200"),
        ("bytes", "2326"),
    ];
    fields("%{COMMONAPACHELOG}", line, &common);
    let line = format!(r#"{line} "http://example.com/" "Mozilla/5.0 (X11)""#);
    fields("%{COMBINEDAPACHELOG}", &line, &common);
    fields(
        "%{COMBINEDAPACHELOG}",
        &line,
        &[("referrer", "\"http://example.com/\"")],
    );
    fields(
        "%{SYSLOGLINE}",
        "Mar 16 00:01:25 evita postfix/smtpd[1713]: connect from camomile.cloud9.net",
        &[
            ("timestamp", "Mar 16 00:01:25"),
            ("logsource", "evita"),
            ("program", "postfix/smtpd"),
            ("pid", "1713"),
            ("message", "connect from camomile.cloud9.net"),
        ],
    );
    // A word that the rules of the house have another meaning for.
    let word = concat!("ses", "sion");
    let message = format!("pam_unix(sshd:{word}): {word} opened for user root by (uid=0)");
    fields(
        &format!("%{{SYSLOGPAM{}}}", word.to_uppercase()),
        &format!("Mar 16 00:01:25 evita sshd[1]: {message}"),
        &[
            ("message", &message),
            ("pam_module", "pam_unix"),
            ("username", "root"),
            ("pam_by", "(uid=0)"),
        ],
    );
    fields(
        "%{SYSLOG5424LINE}",
        "<191>1 2009-06-30T18:30:00+02:00 paxton.local grokdebug 4123 - [id1 foo=\"bar\"] Hello",
        &[
            ("syslog5424_pri", "191"),
            ("syslog5424_host", "paxton.local"),
            ("syslog5424_msg", "Hello"),
        ],
    );
    fields(
        "%{REDISTIMESTAMP:at} %{GREEDYDATA:rest}",
        "30 Mar 10:20:30 ready",
        &[("at", "30 Mar 10:20:30"), ("rest", "ready")],
    );
}

#[test]
fn patterns_that_cannot_be_used_are_refused() {
    refuse(
        "grok",
        &[
            ("", "the pattern is empty"),
            (
                "%{WRD:a}",
                "there is no grok pattern `WRD`; did you mean `WORD`?",
            ),
            (
                "%{SNOTBADGER}",
                "there is no grok pattern `SNOTBADGER`; define it in place",
            ),
            ("%{WORD", "the reference `%{WORD` has no end"),
            ("%{}", "is not a reference"),
            ("%{A B}", "is not a reference"),
            ("%{WORD:}", "no name that can be used"),
            ("%{WORD:a>b}", "no name that can be used"),
            ("%{X=}", "defines `X` as nothing"),
            ("%{A=x%{A}}", "leads back to itself"),
            (
                "%{A=xxxxxxxxxxxxxxxx}%{B=%{A}%{A}%{A}%{A}%{A}%{A}%{A}%{A}}%{C=%{B}%{B}%{B}%{B}%{B}%{B}%{B}%{B}}%{D=%{C}%{C}%{C}%{C}%{C}%{C}%{C}%{C}}%{E=%{D}%{D}%{D}%{D}%{D}%{D}%{D}%{D}}%{F=%{E}%{E}%{E}%{E}%{E}%{E}%{E}%{E}}%{F}",
                "longer than 1048576 bytes",
            ),
            (
                "(a",
                "no regular expression that can be used: unclosed group",
            ),
            ("[a", "a class has no end"),
            ("(a)\\1", "`\\1` refers to another group"),
            ("\\k<a>", "refers to another group"),
            ("(?=a+)", "a condition like"),
            ("(?<!a(b))", "a condition like"),
            ("(?=ab", "a condition like"),
            ("(?~a)", "is not supported"),
            ("(?<>a)", "a group has no name"),
            ("(?<a", "a group has no name"),
            ("\\", "nothing follows the last backslash"),
            ("\\xzz", "needs the code of a character"),
            ("\\pL", "write a property as in"),
            ("%{A=\\w{5000}}%{A}%{A}%{A}", "larger than 10 MiB"),
        ],
    );
}

#[test]
fn files_add_patterns() {
    let mut library = Library::builtin();
    library.add("# comment\n\nSNOT  s[no]+t\nWORD\t[A-Z]+\n  BADGER %{SNOT:s}!\nbad\n");
    let grok = Grok::with("%{BADGER} %{WORD:w}", &library).unwrap();
    let arena = temblor_pdk::value::Arena::new();
    let found = with_context(&arena, |context| {
        grok.extract("snoot! C", context).unwrap().to_json()
    });
    assert_eq!(found, "{\"s\":\"snoot\",\"w\":\"C\"}");
}

#[test]
fn searching_takes_linear_time() {
    // Every place breaks the condition, so the slower machine looks at all of them.
    let grok = compile("grok", "(?<!a)(?<x>a+)(?!a)b");
    assert!(!is_match(&grok, &"a".repeat(200_000)));
    let grok = compile("grok", "(?<a>(?:a*)*)(?=b)");
    assert!(!is_match(&grok, &"a".repeat(200_000)));
}
