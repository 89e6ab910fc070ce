//! Reading a JSON Schema for people: which keys a configuration has, and of which types.

use serde::Serialize;
use serde_json::{Map, Value};

/// A key of a configuration.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Key {
    /// Its name; with dots where it lies in a record of the configuration.
    pub(crate) key: String,
    /// What it takes.
    #[serde(rename = "type")]
    pub(crate) takes: String,
    /// Whether its value is not shown.
    pub(crate) secret: bool,
    /// Whether it must be there.
    pub(crate) required: bool,
    /// What counts if it is not there.
    pub(crate) default: Option<Value>,
    /// What it is for.
    pub(crate) description: String,
}

/// How deep records of records are listed, also where a schema refers to itself.
const DEPTH: usize = 4;

/// Lists the keys of a configuration, records key by key.
pub(crate) fn keys(schema: &Value) -> Vec<Key> {
    let mut keys = Vec::new();
    collect(schema, schema, "", DEPTH, &mut keys);
    keys
}

fn collect(root: &Value, schema: &Value, prefix: &str, depth: usize, keys: &mut Vec<Key>) {
    let schema = resolve(root, schema);
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
        return;
    };
    let required = required(schema);
    for (name, property) in properties {
        let key = format!("{prefix}{name}");
        let target = not_null(resolve(root, property));
        keys.push(Key {
            takes: takes(root, property),
            secret: is_secret(property) || holds_secret(root, target, DEPTH),
            required: required.contains(&name.as_str()),
            default: property.get("default").filter(|v| !v.is_null()).cloned(),
            description: description(property, resolve(root, target)),
            key: key.clone(),
        });
        if depth > 0 {
            collect(root, target, &format!("{key}."), depth - 1, keys);
        }
    }
}

fn is_secret(schema: &Value) -> bool {
    schema.get("x-secret") == Some(&Value::Bool(true))
}

/// Whether a key is secret, or something in it that is not listed below it because it is one of several things.
fn holds_secret(root: &Value, schema: &Value, depth: usize) -> bool {
    let schema = resolve(root, schema);
    let variants = ["anyOf", "oneOf"].into_iter();
    let mut variants = variants
        .filter_map(|key| schema.get(key)?.as_array())
        .flatten();
    is_secret(schema) || depth > 0 && variants.any(|variant| hides(root, variant, depth - 1))
}

/// Whether anything in it is secret.
fn hides(root: &Value, schema: &Value, depth: usize) -> bool {
    let fields = resolve(root, schema).get("properties");
    let mut fields = fields
        .and_then(Value::as_object)
        .into_iter()
        .flat_map(|all| all.values());
    holds_secret(root, schema, depth)
        || depth > 0 && fields.any(|field| hides(root, field, depth - 1))
}

/// Takes the values out of what a schema marks as secret.
pub(crate) fn hide_secrets(schema: &mut Value) {
    if is_secret(schema) {
        for key in ["const", "default", "enum", "example", "examples"] {
            if let Some(value) = schema.get_mut(key) {
                *value = "***".into();
            }
        }
    }
    match schema {
        Value::Array(items) => items.iter_mut().for_each(hide_secrets),
        Value::Object(fields) => fields.values_mut().for_each(hide_secrets),
        _ => {}
    }
}

fn required(schema: &Value) -> Vec<&str> {
    let names = schema.get("required").and_then(Value::as_array);
    let names = names.map_or(&[][..], Vec::as_slice);
    names.iter().filter_map(Value::as_str).collect()
}

/// Takes the key's own description before that of its type, as one line.
fn description(property: &Value, target: &Value) -> String {
    let of = |schema: &Value| Some(schema.get("description")?.as_str()?.to_owned());
    let text = of(property).or_else(|| of(target)).unwrap_or_default();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Follows `$ref` within the schema.
pub(crate) fn resolve<'s>(root: &'s Value, schema: &'s Value) -> &'s Value {
    let mut schema = schema;
    // A schema could refer to itself and to nothing else.
    for _ in 0..8 {
        let target = schema.get("$ref").and_then(Value::as_str);
        let pointer = target.and_then(|target| target.strip_prefix('#'));
        match pointer.and_then(|pointer| root.pointer(pointer)) {
            Some(found) => schema = found,
            None => break,
        }
    }
    schema
}

/// Takes `null` away from `anyOf [x, null]`, which is how an optional key is written.
fn not_null(schema: &Value) -> &Value {
    let variants = schema.get("anyOf").and_then(Value::as_array);
    let mut rest = variants
        .into_iter()
        .flatten()
        .filter(|variant| !is_null(variant));
    match (rest.next(), rest.next()) {
        (Some(only), None) => only,
        _ => schema,
    }
}

fn is_null(schema: &Value) -> bool {
    schema.get("type").and_then(Value::as_str) == Some("null")
}

/// Says in a few words what a schema takes.
pub(crate) fn takes(root: &Value, schema: &Value) -> String {
    takes_within(root, schema, DEPTH)
}

fn takes_within(root: &Value, schema: &Value, depth: usize) -> String {
    let schema = resolve(root, schema);
    let Some(schema) = schema.as_object().filter(|_| depth > 0) else {
        return "anything".to_owned();
    };
    if let Some(value) = schema.get("const") {
        return value.to_string();
    }
    if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        let values = values.iter().filter(|value| !value.is_null());
        return alternatives(values.map(Value::to_string));
    }
    for several in ["oneOf", "anyOf"] {
        if let Some(variants) = schema.get(several).and_then(Value::as_array) {
            let variants = variants.iter().filter(|variant| !is_null(variant));
            return alternatives(variants.map(|v| takes_within(root, v, depth - 1)));
        }
    }
    let names: Vec<&str> = match schema.get("type") {
        Some(Value::String(name)) => vec![name.as_str()],
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
        _ => return "anything".to_owned(),
    };
    let names = names.into_iter().filter(|name| *name != "null");
    alternatives(names.map(|name| type_name(root, schema, name, depth)))
}

fn type_name(root: &Value, schema: &Map<String, Value>, name: &str, depth: usize) -> String {
    match (
        name,
        schema.get("items"),
        schema.get("additionalProperties"),
    ) {
        ("array", Some(items), _) => format!("array of {}", takes_within(root, items, depth - 1)),
        ("object", _, Some(values @ Value::Object(_))) => {
            format!("record of {}", takes_within(root, values, depth - 1))
        }
        _ => word(name).to_owned(),
    }
}

/// Returns the word of the language for a type of JSON Schema.
pub(crate) fn word(name: &str) -> &str {
    match name {
        "object" => "record",
        "boolean" => "bool",
        name => name,
    }
}

fn alternatives(names: impl Iterator<Item = String>) -> String {
    let mut different: Vec<String> = Vec::new();
    for name in names {
        if !different.contains(&name) {
            different.push(name);
        }
    }
    different.join(" | ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(property: Value, expected: &str) {
        let root = json!({"$defs": {"Mode": {"oneOf": [{"const": "fast"}, {"const": "safe"}]}}});
        assert_eq!(takes(&root, &property), expected, "{property}");
    }

    #[test]
    fn types_are_said_in_a_few_words() {
        check(json!({"type": "string"}), "string");
        check(json!({"type": ["integer", "null"]}), "integer");
        check(json!({"type": "boolean"}), "bool");
        check(
            json!({"type": "array", "items": {"type": "string"}}),
            "array of string",
        );
        check(json!({"enum": ["a", "b", null]}), "\"a\" | \"b\"");
        check(json!({"$ref": "#/$defs/Mode"}), "\"fast\" | \"safe\"");
        check(
            json!({"anyOf": [{"$ref": "#/$defs/Mode"}, {"type": "null"}]}),
            "\"fast\" | \"safe\"",
        );
        check(
            json!({"anyOf": [{"type": "string"}, {"type": "integer"}]}),
            "string | integer",
        );
        check(
            json!({"type": "object", "additionalProperties": {"type": "number"}}),
            "record of number",
        );
        check(json!(true), "anything");
        check(json!({"$ref": "#/$defs/None"}), "anything");
    }

    #[test]
    fn keys_of_records_are_listed_below_them() {
        let schema = json!({
            "type": "object",
            "required": ["url"],
            "properties": {
                "url": {"type": "string", "description": "Where\nto connect."},
                "retries": {"type": "integer", "default": 3},
                "tls": {"anyOf": [{"$ref": "#/$defs/Tls"}, {"type": "null"}]},
            },
            "$defs": {"Tls": {
                "type": "object",
                "description": "How to encrypt.",
                "properties": {"ca": {"type": "string"}},
                "required": ["ca"],
            }},
        });
        let keys = keys(&schema);
        let names: Vec<&str> = keys.iter().map(|key| key.key.as_str()).collect();
        // Properties come in alphabetical order.
        assert_eq!(names, ["retries", "tls", "tls.ca", "url"]);
        assert_eq!(keys[0].default, Some(json!(3)));
        assert_eq!(keys[1].description, "How to encrypt.");
        assert_eq!(keys[1].takes, "record");
        assert!(keys[2].required);
        assert_eq!(keys[3].description, "Where to connect.");
        assert!(keys[3].required);
    }

    #[test]
    fn secrets_are_marked_and_their_values_are_not_there() {
        let mut schema = json!({"type": "object", "properties": {
            "auth": {"anyOf": [{"$ref": "#/$defs/Auth"}, {"type": "null"}]},
            "key": {"type": "string", "default": "changeme", "x-secret": true},
            "tls": {"properties": {"key": {"type": "string", "x-secret": true}}},
            "url": {"type": "string", "default": "u"},
        }, "$defs": {"Auth": {"oneOf": [
            {"properties": {"bearer": {"type": "string", "x-secret": true}}},
            {"properties": {"basic": {"properties": {"password": {"x-secret": true}}}}},
        ]}}});
        hide_secrets(&mut schema);
        let keys = keys(&schema);
        let secret = |key: &&Key| key.secret;
        let secret: Vec<&str> = keys
            .iter()
            .filter(secret)
            .map(|key| key.key.as_str())
            .collect();
        assert_eq!(secret, ["auth", "key", "tls.key"]);
        let default = |at: usize| keys[at].default.clone();
        assert_eq!(
            (default(1), default(4)),
            (Some(json!("***")), Some(json!("u")))
        );
    }

    #[test]
    fn a_schema_that_refers_to_itself_ends() {
        let schema = json!({
            "properties": {"next": {"$ref": "#"}},
            "type": "object",
        });
        assert_eq!(keys(&schema).len(), DEPTH + 1);
        let schema = json!({"$ref": "#"});
        assert_eq!(takes(&schema, &schema), "anything");
    }
}
