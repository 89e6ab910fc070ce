//! `null`: a sink that drops every event without looking at it.

use temblor_pdk::schemars::JsonSchema;
use temblor_pdk::serde::Deserialize;
use temblor_pdk::{
    Batch, Connector, ConnectorInfo, Context, Fates, NoSource, Payload, Result, Settles, Sink,
    SinkInfo, register,
};

/// `null` has no settings.
#[derive(Deserialize, JsonSchema)]
#[serde(crate = "temblor_pdk::serde", deny_unknown_fields)]
#[schemars(crate = "temblor_pdk::schemars")]
pub struct Config {}

/// The connector.
pub struct Null;

impl Connector for Null {
    type Config = Config;
    type Source = NoSource;
    type Sink = NullSink;

    const INFO: ConnectorInfo = ConnectorInfo {
        name: "null",
        summary: "Drops every event.",
        example: "{}",
        source: None,
        sink: Some(SinkInfo {
            payload: Payload::Values,
            settles: Settles::OnReturn,
        }),
    };

    fn new(_config: Config, _context: Context) -> Result<Self> {
        Ok(Null)
    }

    async fn create_sink(&mut self) -> Result<NullSink> {
        Ok(NullSink)
    }
}

/// Takes values, so that nothing is encoded for it.
pub struct NullSink;

impl Sink for NullSink {
    async fn write(&mut self, _batch: Batch, _fates: Fates) -> Result<()> {
        Ok(())
    }
}

register!(connector Null);
