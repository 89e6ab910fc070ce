//! What holds for any text and any input.

use proptest::prelude::*;

use super::{extract, is_match};
use crate::extract::Extractor;

/// Texts that are likely to mean something to some extractor.
fn text() -> impl Strategy<Value = String> {
    let pieces = prop_oneof![
        "[%{}\\[\\]():|<>?*+=!&_,.\\\\^$ a-z0-9-]{0,6}",
        "\\PC{0,4}",
        Just("%{key}=%{val}".to_owned()),
        Just("%{a}".to_owned()),
        Just("%{?a} %{&a} %{+b:int}%{_(x)}".to_owned()),
        Just("%{WORD:w}".to_owned()),
        Just("%{IPV4:ip}".to_owned()),
        Just("(?<a>".to_owned()),
        Just("(?=a|^)".to_owned()),
        Just("10.0.0.0/8".to_owned()),
        Just("%Y-%m-%d".to_owned()),
    ];
    prop::collection::vec(pieces, 0..5).prop_map(|pieces| pieces.concat())
}

/// Inputs that are likely to match something.
fn input() -> impl Strategy<Value = String> {
    let pieces = prop_oneof![
        "[a-z0-9:=.,/ \\\\\"#-]{0,8}",
        "\\PC{0,6}",
        "[\\x00-\\x7f]{0,3}",
        Just("a=1 b:2".to_owned()),
        Just("10.0.0.255".to_owned()),
        Just("w,t=1 f=\"x\\\"\",g=1i 5".to_owned()),
        Just("2001:db8::/32".to_owned()),
        Just("{\"a\":[1]}".to_owned()),
    ];
    prop::collection::vec(pieces, 0..5).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// Nothing panics, errors say something, and the two questions get answers that agree.
    #[test]
    fn nothing_panics_and_answers_agree(
        name in prop::sample::select(Extractor::names()),
        text in text(),
        input in input(),
    ) {
        let extractor = match Extractor::compile(name, &text) {
            Ok(extractor) => extractor,
            Err(message) => {
                prop_assert!(!message.is_empty());
                return Ok(());
            }
        };
        let (matches, found) = (is_match(&extractor, &input), extract(&extractor, &input));
        match name {
            "rerg" => prop_assert!(found.is_some()),
            "base64" => prop_assert!(matches || found.is_none()),
            _ => prop_assert_eq!(matches, found.is_some()),
        }
    }

    /// What is joined by a separator is split by it.
    #[test]
    fn kv_finds_what_was_joined(pairs in prop::collection::vec(("[a-z]{1,5}", "[a-z]{0,5}"), 1..8)) {
        let input: Vec<String> = pairs.iter().map(|(key, value)| format!("{key}={value}")).collect();
        let extractor = Extractor::compile("kv", "%{key}=%{val};;").unwrap();
        let found: serde_json::Value =
            serde_json::from_str(&extract(&extractor, &input.join(";;")).unwrap()).unwrap();
        for (key, _) in &pairs {
            let (_, last) = pairs.iter().rfind(|(other, _)| other == key).unwrap();
            prop_assert_eq!(&found[key], last);
        }
    }

    /// A shell pattern matches what a matcher that tries everything matches.
    #[test]
    fn glob_agrees_with_a_slow_matcher(text in "[ab?*]{0,8}", input in "[ab]{0,10}") {
        let extractor = Extractor::compile("glob", &text).unwrap();
        prop_assert_eq!(is_match(&extractor, &input), slow_glob(text.as_bytes(), input.as_bytes()));
    }

    /// What dissect took apart can be put together again.
    #[test]
    fn dissect_finds_what_was_joined(parts in prop::collection::vec("[a-z]{0,5}", 1..8)) {
        let names: Vec<String> = (0..parts.len()).map(|at| format!("%{{f{at}}}")).collect();
        let extractor = Extractor::compile("dissect", &names.join("::")).unwrap();
        let found: serde_json::Value =
            serde_json::from_str(&extract(&extractor, &parts.join("::")).unwrap()).unwrap();
        for (at, part) in parts.iter().enumerate() {
            prop_assert_eq!(&found[format!("f{at}")], part);
        }
    }

    /// Conditions on neighbours hold wherever grok finds something, and it finds something wherever they hold.
    #[test]
    fn conditions_hold_exactly(input in "[ab1 ]{0,12}") {
        let extractor = Extractor::compile("grok", "(?<!a)(?<x>[b1]+?)(?=1|$)(?!1)").unwrap();
        let found = extract(&extractor, &input);
        prop_assert_eq!(found.is_some(), slow_conditions(input.as_bytes()), "{:?}", found);
    }
}

fn slow_glob(text: &[u8], input: &[u8]) -> bool {
    match (text.split_first(), input.split_first()) {
        (None, None) => true,
        (Some((b'*', rest)), _) => (0..=input.len()).any(|taken| slow_glob(rest, &input[taken..])),
        (Some((b'?', rest)), Some((_, behind))) => slow_glob(rest, behind),
        (Some((c, rest)), Some((d, behind))) => c == d && slow_glob(rest, behind),
        _ => false,
    }
}

fn slow_conditions(input: &[u8]) -> bool {
    let holds = |start: usize, end: usize| {
        (start == 0 || input[start - 1] != b'a')
            && input[start..end].iter().all(|c| b"b1".contains(c))
            && end == input.len()
    };
    (0..input.len()).any(|start| (start + 1..=input.len()).any(|end| holds(start, end)))
}
