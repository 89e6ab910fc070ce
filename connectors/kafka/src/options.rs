//! The options of librdkafka: which there are, for whom, and which of them the connector sets itself.

use std::collections::BTreeMap;

use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;
use temblor_pdk::{Error, Result};

use crate::config::OptionValue;

/// Each option of librdkafka 2.12 that is no callback, and for whom it is: `C`onsumers, `P`roducers, or both (`*`).
const OPTIONS: &str = include_str!("options.txt");

/// Options whose values are secrets: no message shows them.
const SECRETS: [&str; 5] = [
    "password",
    "secret",
    "passphrase",
    ".key.pem",
    "oauthbearer.config",
];

/// Options that name a file, or a folder.
const FILES: [&str; 5] = [
    "ssl.ca.location",
    "ssl.certificate.location",
    "ssl.key.location",
    "ssl.keystore.location",
    "ssl.crl.location",
];

/// Which side asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Consumer,
    Producer,
}

/// An option that the connector sets itself, and what to write in its place.
pub(crate) type Own = (&'static str, &'static str);

/// Options that neither side leaves to users.
const OWN: [Own; 3] = [
    ("bootstrap.servers", "write `brokers`"),
    ("metadata.broker.list", "write `brokers`"),
    ("group.id", "write `group_id`"),
];

/// The options and for whom they are.
fn all() -> impl Iterator<Item = (&'static str, &'static str)> {
    OPTIONS.lines().filter_map(|line| line.split_once(' '))
}

/// Makes a client's configuration: what the connector wants by default, and over it what the user wrote.
pub(crate) fn client_config(
    side: Side,
    defaults: &[(&str, String)],
    own: &[Own],
    written: &BTreeMap<String, OptionValue>,
) -> Result<ClientConfig> {
    let mut config = ClientConfig::new();
    // The host decides what is shown.
    config.set_log_level(RDKafkaLogLevel::Debug);
    for (key, value) in defaults {
        config.set(*key, value);
    }
    for (key, value) in written {
        check_name(side, own, key)?;
        config.set(key, value.to_string());
    }
    match config.create_native_config() {
        Ok(_) => {}
        Err(reason) => return Err(unfit(&reason)),
    }
    FILES.iter().try_for_each(|key| check_file(&config, key))?;
    Ok(config)
}

/// librdkafka does not say which file it cannot read.
fn check_file(config: &ClientConfig, key: &str) -> Result<()> {
    let path = config.get(key).filter(|path| *path != "probe");
    match path.map(|path| (path, std::fs::metadata(path))) {
        Some((path, Err(reason))) => Err(Error::config(format!(
            "`{key}` of `rdkafka_options` is {path:?}, which cannot be read: {reason}\nhelp: name a file that this \
             process may read"
        ))),
        _ => Ok(()),
    }
}

fn check_name(side: Side, own: &[Own], key: &str) -> Result<()> {
    if let Some((_, help)) = OWN.iter().chain(own).find(|(name, _)| *name == key) {
        return Err(Error::config(format!(
            "`{key}` of `rdkafka_options` is set by the connector\nhelp: {help}"
        )));
    }
    let mut found = all().filter(|(name, _)| *name == key).peekable();
    if found.peek().is_none() {
        return Err(unknown(side, key));
    }
    let wrong = match side {
        Side::Consumer => "P",
        Side::Producer => "C",
    };
    if found.all(|(_, whose)| whose == wrong) {
        let whose = match side {
            Side::Consumer => "producers",
            Side::Producer => "consumers",
        };
        return Err(Error::config(format!(
            "`{key}` of `rdkafka_options` is an option of {whose}\nhelp: leave it out"
        )));
    }
    Ok(())
}

fn unknown(side: Side, key: &str) -> Error {
    let other = match side {
        Side::Consumer => "P",
        Side::Producer => "C",
    };
    let names = all().filter(|(_, whose)| *whose != other);
    let nearest = names
        .map(|(name, _)| (strsim::jaro_winkler(name, key), name))
        .max_by(|one, two| one.0.total_cmp(&two.0));
    let help = match nearest {
        Some((likeness, name)) if likeness > 0.8 => format!("did you mean `{name}`?"),
        _ => "the options are those of librdkafka 2.12, in its CONFIGURATION.md".to_owned(),
    };
    Error::config(format!(
        "`{key}` of `rdkafka_options` is no option of librdkafka\nhelp: {help}"
    ))
}

/// What librdkafka does not take; a secret is not shown.
pub(crate) fn unfit(reason: &KafkaError) -> Error {
    let KafkaError::ClientConfig(_, text, key, value) = reason else {
        let text = reason.to_string();
        let help = missing(&text, "").unwrap_or("change them in `rdkafka_options`");
        return Error::config(format!(
            "librdkafka does not take these options: {text}\nhelp: {help}"
        ));
    };
    let value = match is_secret(key) {
        true => "its value".to_owned(),
        false => format!("{value:?}"),
    };
    let help = missing(text, key).unwrap_or("see the option in librdkafka's CONFIGURATION.md");
    Error::config(format!(
        "`{key}` of `rdkafka_options` cannot be {value}: {text}\nhelp: {help}"
    ))
}

/// How to have what this build was made without.
fn missing(text: &str, key: &str) -> Option<&'static str> {
    if text.contains("libzstd not available") {
        return Some(
            "this build has no zstd: build the connector with its feature `zstd`, as in `--features \
             temblor-connector-kafka/zstd`",
        );
    }
    let needs_tls = ["not available at build time", "not built", "recompile"];
    let needs_tls = needs_tls.iter().any(|part| text.contains(part)) || key.starts_with("ssl.");
    needs_tls.then_some(
        "this build has no TLS, and of SASL only PLAIN: build the connector with its feature `tls`, as in `--features \
         temblor-connector-kafka/tls`",
    )
}

/// Names of options whose values are secrets.
pub(crate) fn secrets() -> impl Iterator<Item = &'static str> {
    all().map(|(name, _)| name).filter(|name| is_secret(name))
}

fn is_secret(key: &str) -> bool {
    SECRETS.iter().any(|part| key.contains(part)) || key == "ssl_key"
}

/// Whether an option is written and says so.
pub(crate) fn flag(written: &BTreeMap<String, OptionValue>, key: &str, default: bool) -> bool {
    match written.get(key).map(OptionValue::to_string).as_deref() {
        Some("true" | "1" | "t") => true,
        Some(_) => false,
        None => default,
    }
}

#[cfg(test)]
mod tests {
    use rdkafka::producer::BaseProducer;

    use super::*;

    /// What is said about an option for SASL that this build cannot have; nothing of one that it can.
    fn complaint(key: &str, value: &str) -> Option<String> {
        let mut config = ClientConfig::new();
        config.set("security.protocol", "sasl_plaintext");
        config.set("sasl.username", "me").set("sasl.password", "x");
        let made: Result<BaseProducer, KafkaError> = config.set(key, value).create();
        Some(unfit(&made.err()?).to_string())
    }

    #[test]
    fn what_a_build_lacks_is_named_with_its_feature() {
        let options = [
            ("compression.codec", "zstd", "feature `zstd`"),
            ("security.protocol", "ssl", "feature `tls`"),
            ("sasl.mechanism", "SCRAM-SHA-512", "feature `tls`"),
        ];
        // A build that has a feature has nothing to say.
        for (key, value, feature) in options {
            if let Some(said) = complaint(key, value) {
                assert!(said.contains(feature), "{key} = {value}: {said}");
            }
        }
        assert_eq!(complaint("sasl.mechanism", "PLAIN"), None);
    }

    #[test]
    fn every_option_of_the_list_is_known_to_librdkafka() {
        // Whatever else it says of the value: it knows the name.
        let unknown = |key: &str| {
            let mut config = ClientConfig::new();
            let result = config.set(key, "1").create_native_config();
            matches!(result, Err(KafkaError::ClientConfig(_, text, ..)) if text.contains("No such configuration property"))
        };
        let wrong: Vec<&str> = all().map(|(name, _)| name).filter(|n| unknown(n)).collect();
        assert!(wrong.is_empty(), "{wrong:?}");
        assert!(all().count() > 150);
    }
}
