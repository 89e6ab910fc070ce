//! What is built in, one line a connector, with the operators of the language, and the list that the start-up check compares with what is there.

use temblor_codecs as _;
use temblor_pdk::Kind;
use temblor_registry::Expected;

/// Names each crate whose feature is on, because the linker drops a crate that nobody names, and lists what it brings.
/// A macro, because an attribute has to stand before each `use`.
macro_rules! built_in {
    ($($feature:literal, $package:literal, $krate:ident: $($name:literal),+;)*) => {
        $(
            #[cfg(feature = $feature)]
            use $krate as _;
        )*

        /// The connectors that the features of this build compile in, and what is always there.
        pub(crate) fn expected() -> Vec<Expected> {
            let all = [
                $($((cfg!(feature = $feature), $feature, $package, $name),)+)*
            ];
            all.into_iter()
                .filter(|(is_on, ..)| *is_on)
                .map(|(_, feature, crate_name, name)| Expected {
                    kind: Kind::Connector,
                    name,
                    crate_name,
                    feature: Some(feature),
                })
                .chain(operators())
                .collect()
        }
    };
}

/// The operators of the language.
fn operators() -> impl Iterator<Item = Expected> {
    temblor_lang::OPERATORS.into_iter().map(|name| Expected {
        kind: Kind::Operator,
        name,
        crate_name: "temblor-lang",
        feature: None,
    })
}

// The feature, the package, the crate: the connectors in it.
built_in! {
    "static-blackhole", "temblor-connector-blackhole", temblor_connector_blackhole: "blackhole";
    "static-blaster", "temblor-connector-blaster", temblor_connector_blaster: "blaster";
    "static-exit", "temblor-connector-exit", temblor_connector_exit: "exit";
    "static-file", "temblor-connector-file", temblor_connector_file: "file";
    "static-http", "temblor-connector-http", temblor_connector_http: "http_client", "http_server";
    "static-kafka", "temblor-connector-kafka", temblor_connector_kafka: "kafka_consumer", "kafka_producer";
    "static-metronome", "temblor-connector-metronome", temblor_connector_metronome: "metronome";
    "static-null", "temblor-connector-null", temblor_connector_null: "null";
    "static-stdio", "temblor-connector-stdio", temblor_connector_stdio: "stdio";
    "static-tcp", "temblor-connector-tcp", temblor_connector_tcp: "tcp_client", "tcp_server";
}
