//! What an entry says of itself: names, texts, example, schema.

use serde_json::{Map, Value as Json};

use super::TestHost;
use crate::{Entry, Error, ErrorKind, Kind, Result, entries};

/// A key that no configuration has.
const UNKNOWN: &str = "no_such_key_at_all";

/// Checks every entry that the crate registers. The crate must be named somewhere in the test, such as with
/// `use temblor_connector_null as _;`, or the linker drops it.
///
/// # Panics
/// With all findings, or where the crate has registered nothing.
pub fn check(crate_name: &str) {
    let entries: Vec<_> = entries().filter(|e| e.crate_name() == crate_name).collect();
    assert!(
        !entries.is_empty(),
        "`{crate_name}` has no entry in this test\nhelp: add `use {} as _;`",
        crate_name.replace('-', "_")
    );
    let mut findings = Vec::new();
    for entry in entries {
        let mut found = |finding: String| findings.push(format!("{entry:?}: {finding}"));
        check_texts(entry, &mut found);
        check_example(entry, &mut found);
        check_schema(entry, &mut found);
    }
    assert!(findings.is_empty(), "{}", findings.join("\n"));
}

fn check_texts(entry: &'static Entry, found: &mut impl FnMut(String)) {
    let name = entry.name();
    let parts: Vec<&str> = name.split("::").collect();
    if !parts.iter().all(|part| is_plain(part)) {
        found(format!(
            "the name `{name}` is not lower-case letters, digits, `_` and `-`"
        ));
    }
    let wanted = if entry.kind() == Kind::Operator { 2 } else { 1 };
    if parts.len() != wanted {
        let form = ["`kind`", "`module::kind`"][wanted - 1];
        found(format!("the name `{name}` has not the form {form}"));
    }
    let summary = entry.summary();
    if !summary.ends_with('.') || !summary.starts_with(char::is_uppercase) || summary.contains('\n')
    {
        found(format!("the summary is not one sentence: {summary:?}"));
    }
    if entry.kind() == Kind::Connector && entry.source().is_none() && entry.sink().is_none() {
        found("it has neither a source nor a sink".to_owned());
    }
    if entry
        .source()
        .is_some_and(|source| source.lanes && !source.transactional)
    {
        found("its source has lanes and is not transactional, so it learns no fates".to_owned());
    }
    let described = entry.describe();
    if (described.source(), described.sink()) != (entry.source(), entry.sink()) {
        found("its sides get lost on the way through the C ABI".to_owned());
    }
}

fn is_plain(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-".contains(c);
    name.starts_with(|c: char| c.is_ascii_lowercase()) && name.chars().all(plain)
}

/// Makes what the entry describes, as Rust and through the C ABI.
fn make(entry: &'static Entry, config: &str) -> [Result<()>; 2] {
    let host = TestHost::new();
    let described = entry.describe();
    match entry.kind() {
        Kind::Connector => [
            entry
                .make_connector(config, host.context("example"))
                .map(drop),
            described
                .connector(config, host.context("example"))
                .map(drop),
        ],
        Kind::Codec => [
            entry.make_codec(config).map(drop),
            described.codec(config).map(drop),
        ],
        Kind::Preprocessor => [
            entry.make_preprocessor(config).map(drop),
            described.preprocessor(config).map(drop),
        ],
        Kind::Postprocessor => [
            entry.make_postprocessor(config).map(drop),
            described.postprocessor(config).map(drop),
        ],
        Kind::Operator => [
            entry.make_operator(config).map(drop),
            described.operator(config).map(drop),
        ],
        Kind::FunctionModule => [
            entry.make_functions().map(drop),
            described.functions().map(drop),
        ],
    }
}

fn check_example(entry: &'static Entry, found: &mut impl FnMut(String)) {
    let Ok(example) = serde_json::from_str::<Map<String, Json>>(entry.example()) else {
        found(format!(
            "the example is not a JSON object: {}",
            entry.example()
        ));
        return;
    };
    for made in make(entry, entry.example()) {
        if let Err(error) = made {
            found(format!("the example does not work: {error}"));
        }
    }
    if entry.kind() == Kind::FunctionModule {
        check_functions(entry, found);
        return;
    }
    let mut odd = example;
    odd.insert(UNKNOWN.to_owned(), Json::from(1));
    for made in make(entry, &Json::from(odd).to_string()) {
        match made {
            Ok(()) => found("an unknown key is taken\nhelp: add `deny_unknown_fields`".to_owned()),
            Err(error) => check_refusal(&error, found),
        }
    }
}

/// The functions of a module are what a script can call, and the same through the C ABI.
fn check_functions(entry: &'static Entry, found: &mut impl FnMut(String)) {
    let (Ok(native), Ok(described)) = (entry.make_functions(), entry.describe().functions()) else {
        return;
    };
    if native.describe() != described.describe() {
        found("its functions change on the way through the C ABI".to_owned());
    }
    let mut names = std::collections::BTreeSet::new();
    for function in native.describe() {
        let name = function.name;
        let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        if !name.starts_with(|c: char| c.is_ascii_lowercase()) || !name.chars().all(is_name) {
            found(format!(
                "the function `{name}` is not lower-case letters, digits and `_`"
            ));
        }
        if !names.insert(name) {
            found(format!("the function `{name}` is there twice"));
        }
        if function.min_args > function.max_args {
            found(format!(
                "the function `{name}` takes no number of arguments"
            ));
        }
    }
}

fn check_refusal(error: &Error, found: &mut impl FnMut(String)) {
    if error.kind() != ErrorKind::Config || !error.message().contains(UNKNOWN) {
        let kind = error.kind();
        found(format!(
            "the refusal of an unknown key does not name it: {kind:?}, {error}"
        ));
    }
}

fn check_schema(entry: &'static Entry, found: &mut impl FnMut(String)) {
    let text = entry.schema();
    if text != entry.describe().schema() {
        found("its schema changes on the way through the C ABI".to_owned());
    }
    let schema: Json = serde_json::from_str(&text).unwrap_or_default();
    if schema["type"] != "object" {
        found(format!("its schema is not that of an object: {text}"));
        return;
    }
    if is_blank(&schema) {
        found("its configuration is not described".to_owned());
    }
    let none = Map::new();
    let properties = schema["properties"].as_object().unwrap_or(&none);
    for (key, property) in properties {
        if is_blank(property) {
            found(format!(
                "the key `{key}` is not described\nhelp: add a doc comment"
            ));
        }
    }
    let example: Map<String, Json> = serde_json::from_str(entry.example()).unwrap_or_default();
    for key in example.keys().filter(|key| !properties.contains_key(*key)) {
        found(format!(
            "the example has a key `{key}` that the schema does not know"
        ));
    }
}

fn is_blank(schema: &Json) -> bool {
    schema["description"]
        .as_str()
        .is_none_or(|text| text.trim().is_empty())
}
