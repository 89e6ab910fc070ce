//! What is secret of a configuration as it is written: what its schema marks, and keys whose names say so.

use serde_json::Value;
use temblor_pdk::OwnedValue;

/// What a schema says of a key whose value is not shown.
pub(crate) const MARK: &str = "x-secret";

/// Ends of names of keys whose strings are secret whether or not they are marked, as in headers that a user names.
const NAMES: [&str; 11] = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "authorization",
    "cookie",
    "api_key",
    "api-key",
    "apikey",
    "private_key",
];

/// How deep schemas are followed, also where one refers to itself.
const DEPTH: usize = 8;

/// The texts of a configuration that are secret.
pub(crate) fn secrets(schema: &str, config: &OwnedValue) -> Vec<String> {
    let Ok(config) = serde_json::to_value(config) else {
        return Vec::new();
    };
    let root: Value = serde_json::from_str(schema).unwrap_or_default();
    let mut found = Vec::new();
    collect(&root, &root, &config, DEPTH, &mut found);
    found
}

fn collect(root: &Value, schema: &Value, config: &Value, depth: usize, found: &mut Vec<String>) {
    if schema.get(MARK) == Some(&Value::Bool(true)) {
        return all(config, found);
    }
    if depth > 0 {
        let target = schema.get("$ref").and_then(Value::as_str);
        let target = target.and_then(|target| root.pointer(target.strip_prefix('#')?));
        let several = ["anyOf", "oneOf", "allOf"].into_iter();
        let several = several.filter_map(|key| schema.get(key)?.as_array());
        for schema in target.into_iter().chain(several.flatten()) {
            collect(root, schema, config, depth - 1, found);
        }
    }
    match config {
        Value::Object(fields) => {
            for (key, value) in fields {
                let of_key = schema.get("properties").and_then(|all| all.get(key));
                let other = schema.get("additionalProperties");
                let schema = of_key.or(other).unwrap_or(&Value::Null);
                if value.is_string() && speaks_for_itself(key) {
                    all(value, found);
                }
                collect(root, schema, value, DEPTH, found);
            }
        }
        Value::Array(items) => {
            let schema = schema.get("items").unwrap_or(&Value::Null);
            for item in items {
                collect(root, schema, item, DEPTH, found);
            }
        }
        _ => {}
    }
}

fn speaks_for_itself(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    NAMES.iter().any(|name| key.ends_with(name))
}

/// Everything of a value that can be shown.
fn all(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => found.push(text.clone()),
        Value::Number(number) => found.push(number.to_string()),
        Value::Array(items) => items.iter().for_each(|item| all(item, found)),
        Value::Object(fields) => fields.values().for_each(|value| all(value, found)),
        Value::Null | Value::Bool(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(config: Value, expected: &[&str]) {
        let schema = json!({
            "properties": {
                "auth": {"anyOf": [{"$ref": "#/$defs/Auth"}, {"type": "null"}]},
                "key": {"type": "string", "x-secret": true},
                "keys": {"type": "array", "items": {"x-secret": true}},
                "options": {"additionalProperties": {"$ref": "#/$defs/Hidden"}},
                "next": {"$ref": "#"},
            },
            "$defs": {
                "Hidden": {"type": "string", "x-secret": true},
                "Auth": {"oneOf": [
                    {"properties": {"bearer": {"type": "string", "x-secret": true}}},
                    {"properties": {"basic": {"properties": {
                        "username": {"type": "string"},
                        "word": {"type": "string", "x-secret": true},
                    }}}},
                ]},
            },
        });
        let config: OwnedValue = serde_json::from_value(config).expect("a configuration");
        let mut found = secrets(&schema.to_string(), &config);
        found.sort();
        assert_eq!(found, expected, "{config:?}");
    }

    #[test]
    fn marked_keys_are_secret() {
        check(json!({"key": "k", "other": "o"}), &["k"]);
        check(json!({"key": 12345}), &["12345"]);
        check(json!({"keys": ["a", "b"]}), &["a", "b"]);
        check(json!({"auth": {"bearer": "t"}}), &["t"]);
        check(
            json!({"auth": {"basic": {"username": "u", "word": "w"}}}),
            &["w"],
        );
        check(json!({"options": {"a": "x"}}), &["x"]);
        check(json!({"next": {"next": {"key": "deep"}}}), &["deep"]);
        check(
            json!({"key": {"in": ["any", {"shape": "s"}]}}),
            &["any", "s"],
        );
    }

    #[test]
    fn names_of_keys_that_speak_for_themselves() {
        check(
            json!({"headers": {"Authorization": "Bearer t", "accept": "a"}}),
            &["Bearer t"],
        );
        check(json!({"sasl.password": "p", "max_token": 5}), &["p"]);
        let nothing: OwnedValue = serde_json::from_value(json!({"a": "b"})).expect("a value");
        assert!(secrets("no schema", &nothing).is_empty());
    }
}
