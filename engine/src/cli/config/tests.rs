//! Problems of configurations as connectors have them.

use serde::Deserialize;
use serde_json::json;
use temblor_pdk::schemars::{JsonSchema, schema_for};

use super::*;

/// A configuration as connectors have it.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(crate = "temblor_pdk::schemars")]
#[allow(dead_code, reason = "only its schema is of interest")]
struct Config {
    /// Where to connect.
    url: String,
    #[serde(default)]
    interval_ms: u64,
    mode: Option<Mode>,
    tls: Option<Tls>,
    #[serde(default)]
    servers: Vec<Tls>,
    auth: Option<Auth>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(crate = "temblor_pdk::schemars")]
#[allow(dead_code, reason = "only its schema is of interest")]
enum Mode {
    /// It reads.
    Read,
    /// It writes.
    Write,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(crate = "temblor_pdk::schemars")]
#[allow(dead_code, reason = "only its schema is of interest")]
struct Tls {
    ca: String,
    verify: Option<bool>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "lowercase")]
#[schemars(crate = "temblor_pdk::schemars")]
#[allow(dead_code, reason = "only its schema is of interest")]
enum Auth {
    Plain { user: String },
    Token { token: String },
}

#[track_caller]
fn one(config: Value) -> (String, String, Option<String>) {
    let schema = schema_for!(Config).as_value().to_string();
    let mut problems = super::check(&schema, &config, "connector `c`").unwrap();
    assert_eq!(problems.len(), 1, "{problems:#?}");
    let problem = problems.remove(0);
    (problem.pointer, problem.message, problem.help)
}

#[track_caller]
fn check(config: Value, pointer: &str, message: &str, help: &str) {
    let help = (!help.is_empty()).then(|| help.to_owned());
    assert_eq!(one(config), (pointer.to_owned(), message.to_owned(), help));
}

#[test]
fn unknown_and_missing_keys() {
    check(
        json!({"url": "u", "intervall_ms": 1}),
        "/intervall_ms",
        "connector `c` has no key `intervall_ms`",
        "did you mean `interval_ms`?",
    );
    check(
        json!({"url": "u", "zzzzzz": 1}),
        "/zzzzzz",
        "connector `c` has no key `zzzzzz`",
        "the keys are `auth`, `interval_ms`, `mode`, `servers`, `tls`, `url`",
    );
    check(
        json!({}),
        "",
        "connector `c` needs the key `url`",
        "`url` takes a string: Where to connect.",
    );
    check(
        json!({"url": "u", "tls": {"ca": "c", "verfy": true}}),
        "/tls/verfy",
        "`tls` of connector `c` has no key `verfy`",
        "did you mean `verify`?",
    );
    check(
        json!({"url": "u", "servers": [{"ca": "c"}, {}]}),
        "/servers/1",
        "`servers[1]` of connector `c` needs the key `ca`",
        "`ca` takes a string",
    );
}

#[test]
fn a_configuration_without_keys_has_no_key() {
    #[derive(JsonSchema)]
    #[schemars(crate = "temblor_pdk::schemars", deny_unknown_fields)]
    struct Nothing {}
    let schema = schema_for!(Nothing).as_value().to_string();
    let problems = super::check(&schema, &json!({"x": 1, "y": 2}), "connector `c`").unwrap();
    let found: Vec<(&str, &str)> = problems
        .iter()
        .map(|problem| (problem.pointer.as_str(), problem.message.as_str()))
        .collect();
    let expected = [
        ("/x", "connector `c` has no key `x`"),
        ("/y", "connector `c` has no key `y`"),
    ];
    assert_eq!(found, expected);
    assert_eq!(problems[0].help.as_deref(), Some("it has no keys"));
}

#[test]
fn wrong_types_and_values() {
    check(
        json!({"url": 7}),
        "/url",
        "`url` of connector `c` takes a string, not `7`",
        "",
    );
    check(
        json!({"url": "u", "tls": {"ca": []}}),
        "/tls/ca",
        "`tls.ca` of connector `c` takes a string, not an array",
        "",
    );
    check(
        json!({"url": "u", "tls": 1}),
        "/tls",
        "`tls` of connector `c` takes a record, not `1`",
        "",
    );
    check(
        json!({"url": "u", "mode": "raed"}),
        "/mode",
        "`mode` of connector `c` takes \"read\" | \"write\", not \"raed\"",
        "did you mean `read`?",
    );
    check(
        json!({"url": "u", "interval_ms": -1}),
        "/interval_ms",
        "`interval_ms` of connector `c` is out of bounds: -1 is less than the minimum of 0",
        "",
    );
    check(
        json!([]),
        "",
        "the configuration of connector `c` takes a record, not an array",
        "",
    );
}

#[test]
fn variants_are_told_apart_by_their_tag() {
    check(
        json!({"url": "u", "auth": {"type": "token", "token": 1}}),
        "/auth/token",
        "`auth.token` of connector `c` takes a string, not `1`",
        "",
    );
    check(
        json!({"url": "u", "auth": {"type": "plan", "user": "u"}}),
        "/auth/type",
        "`auth.type` of connector `c` takes \"plain\" | \"token\", not \"plan\"",
        "did you mean `plain`?",
    );
}

#[test]
fn a_right_configuration_has_no_problems_and_a_wrong_one_all_of_them() {
    let schema = schema_for!(Config).as_value().to_string();
    let right = json!({"url": "u", "mode": "read", "auth": null});
    assert_eq!(super::check(&schema, &right, "x"), Ok(vec![]));
    let wrong = json!({"ulr": "u", "mode": 1});
    assert_eq!(super::check(&schema, &wrong, "x").unwrap().len(), 3);
    assert!(super::check("{", &right, "x").is_err());
}
