//! The connectors that are built in: one line each, and the list that the start-up check compares with.

use temblor_codecs as _;
#[cfg(feature = "static-blackhole")]
use temblor_connector_blackhole as _;
#[cfg(feature = "static-blaster")]
use temblor_connector_blaster as _;
#[cfg(feature = "static-file")]
use temblor_connector_file as _;
#[cfg(feature = "static-metronome")]
use temblor_connector_metronome as _;
#[cfg(feature = "static-null")]
use temblor_connector_null as _;
#[cfg(feature = "static-stdio")]
use temblor_connector_stdio as _;

use temblor_pdk::Kind;
use temblor_registry::Expected;

/// What the features of this build compile in.
pub(crate) fn expected() -> Vec<Expected> {
    [
        #[cfg(feature = "static-blackhole")]
        (
            "blackhole",
            "temblor-connector-blackhole",
            "static-blackhole",
        ),
        #[cfg(feature = "static-blaster")]
        ("blaster", "temblor-connector-blaster", "static-blaster"),
        #[cfg(feature = "static-file")]
        ("file", "temblor-connector-file", "static-file"),
        #[cfg(feature = "static-metronome")]
        (
            "metronome",
            "temblor-connector-metronome",
            "static-metronome",
        ),
        #[cfg(feature = "static-null")]
        ("null", "temblor-connector-null", "static-null"),
        #[cfg(feature = "static-stdio")]
        ("stdio", "temblor-connector-stdio", "static-stdio"),
    ]
    .into_iter()
    .map(|(name, crate_name, feature)| Expected {
        kind: Kind::Connector,
        name,
        crate_name,
        feature,
    })
    .collect()
}
