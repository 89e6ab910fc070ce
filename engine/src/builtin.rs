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
