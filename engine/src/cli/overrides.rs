//! `--set CONNECTOR.KEY=VALUE`: configuration of created connectors from outside.

use std::fmt;

use serde_json::Value;
use temblor_lang::Deployment;
use temblor_pdk::OwnedValue;

use super::failure::Failure;
use super::output::{nearest, quoted};

/// A value for a key in the configuration of a connector.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Override {
    /// The connector's name in its flow.
    pub(crate) connector: String,
    /// The key, and the keys of the records that it lies in.
    pub(crate) keys: Vec<String>,
    /// The value.
    pub(crate) value: Value,
}

/// Parses `CONNECTOR.KEY=VALUE`. The value is JSON; what is no JSON is a string.
pub(crate) fn parse(text: &str) -> Result<Override, String> {
    let usage = "it reads CONNECTOR.KEY=VALUE, as in `out.path=\"events.json\"`";
    let (name, value) = text.split_once('=').ok_or(usage)?;
    let mut names = name.split('.').map(str::to_owned);
    let connector = names.next().ok_or(usage)?;
    let keys: Vec<String> = names.collect();
    if connector.is_empty() || keys.is_empty() || keys.iter().any(String::is_empty) {
        return Err(usage.to_owned());
    }
    Ok(Override {
        connector,
        keys,
        value: serde_json::from_str(value).unwrap_or_else(|_| value.into()),
    })
}

impl Override {
    /// Whether the value at this JSON pointer in the configuration of this connector comes from here.
    pub(crate) fn sets(&self, connector: &str, pointer: &str) -> bool {
        let mut parts = pointer.split('/').skip(1);
        let keys = self.keys.iter();
        connector == self.connector && keys.into_iter().all(|key| parts.next() == Some(key))
    }

    /// Puts the value into the configuration of every connector of this name.
    pub(crate) fn apply(&self, deployment: &mut Deployment) -> Result<(), Failure> {
        let mut found = false;
        let mut names = Vec::new();
        for flow in &mut deployment.flows {
            for connector in &mut flow.connectors {
                names.push(connector.name.clone());
                if connector.name == self.connector {
                    found = true;
                    self.put(&mut connector.config)?;
                }
            }
        }
        match found {
            true => Ok(()),
            false => Err(self.unknown(&names)),
        }
    }

    /// What it sets, without the value: that may be secret, and what is is only known of keys that there are.
    pub(crate) fn target(&self) -> String {
        format!("{}.{}", self.connector, self.keys.join("."))
    }

    fn unknown(&self, names: &[String]) -> Failure {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let help = match nearest(&self.connector, names.iter().copied()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("the connectors are {}", quoted(names)),
        };
        let connector = &self.connector;
        let target = self.target();
        Failure::wrong(format!(
            "`--set {target}`: no flow has a connector `{connector}`"
        ))
        .help(help)
    }

    fn put(&self, config: &mut OwnedValue) -> Result<(), Failure> {
        let target = self.target();
        let wrong = |reason: String| Failure::wrong(format!("`--set {target}`: {reason}"));
        let mut all = serde_json::to_value(&*config).map_err(|error| wrong(error.to_string()))?;
        let mut place = &mut all;
        for key in &self.keys {
            if place.is_null() {
                *place = Value::Object(serde_json::Map::new());
            }
            let Some(record) = place.as_object_mut() else {
                return Err(
                    wrong(format!("`{key}` lies in something that is no record"))
                        .help("set the record as a whole, as JSON"),
                );
            };
            place = record.entry(key.as_str()).or_insert(Value::Null);
        }
        *place = self.value.clone();
        *config = serde_json::from_value(all).map_err(|error| wrong(error.to_string()))?;
        Ok(())
    }
}

impl fmt::Display for Override {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.target(), self.value)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_json_or_strings() {
        let check = |text: &str, keys: &[&str], value: Value| {
            let parsed = parse(text).unwrap();
            assert_eq!(parsed.connector, "out");
            assert_eq!(parsed.keys, keys);
            assert_eq!(parsed.value, value);
        };
        check("out.path=a=b", &["path"], json!("a=b"));
        check("out.path=\"7\"", &["path"], json!("7"));
        check("out.tls.ca=7", &["tls", "ca"], json!(7));
        for wrong in ["out", "out=1", ".x=1", "out.=1", "out..x=1"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn records_are_made_on_the_way_and_other_values_are_kept() {
        let mut config: OwnedValue = serde_json::from_value(json!({"a": 1, "s": "t"})).unwrap();
        parse("out.b.c=2").unwrap().put(&mut config).unwrap();
        let value = serde_json::to_value(&config).unwrap();
        assert_eq!(value, json!({"a": 1, "b": {"c": 2}, "s": "t"}));
        let failure = parse("out.s.x=2").unwrap().put(&mut config).unwrap_err();
        assert_eq!(
            failure.to_string(),
            "error: `--set out.s.x`: `x` lies in something that is no record\n\
             help: set the record as a whole, as JSON"
        );
    }

    #[test]
    fn it_knows_which_values_it_sets() {
        let set = parse("out.tls.ca=1").unwrap();
        assert!(set.sets("out", "/tls/ca"));
        assert!(set.sets("out", "/tls/ca/x"));
        assert!(!set.sets("out", "/tls"));
        assert!(!set.sets("in", "/tls/ca"));
    }
}
