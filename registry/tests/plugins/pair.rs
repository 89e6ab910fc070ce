//! A plugin with a connector and a postprocessor; the tests have the same source built in too.

use temblor_pdk::schemars::JsonSchema;
use temblor_pdk::serde::Deserialize;
use temblor_pdk::{
    Batch, Connector, ConnectorInfo, Context, Error, Fates, NoSource, Payload, Postprocessor,
    ProcessorInfo, Result, Settles, Sink, SinkInfo, log, register,
};

/// The settings of both.
#[derive(Deserialize, JsonSchema)]
#[serde(crate = "temblor_pdk::serde", deny_unknown_fields)]
#[schemars(crate = "temblor_pdk::schemars")]
pub(crate) struct Config {
    /// What to say while being made.
    #[serde(default)]
    say: Option<String>,
    /// Whether to panic while being made.
    #[serde(default)]
    panic: bool,
}

/// A sink that takes everything.
pub(crate) struct Drain;

impl Connector for Drain {
    type Config = Config;
    type Source = NoSource;
    type Sink = Drained;

    const INFO: ConnectorInfo = ConnectorInfo {
        name: "drain",
        summary: "Takes everything.",
        example: "{}",
        source: None,
        sink: Some(SinkInfo {
            payload: Payload::Values,
            settles: Settles::OnReturn,
        }),
    };

    fn new(config: Config, context: Context) -> Result<Self> {
        assert!(!config.panic, "asked to panic as `{}`", context.alias());
        match config.say {
            Some(text) => {
                log::warn!("said: {text}");
                Err(Error::config(format!("`{text}` was said")))
            }
            None => Ok(Drain),
        }
    }

    async fn create_sink(&mut self) -> Result<Drained> {
        Ok(Drained)
    }
}

/// Its running side.
pub(crate) struct Drained;

impl Sink for Drained {
    async fn write(&mut self, _batch: Batch, _fates: Fates) -> Result<()> {
        Ok(())
    }
}

/// Turns bytes round.
pub(crate) struct Reverse;

impl Postprocessor for Reverse {
    type Config = Config;

    const INFO: ProcessorInfo = ProcessorInfo {
        name: "reverse",
        summary: "Turns bytes round.",
        example: "{}",
    };

    fn new(_config: Config) -> Result<Self> {
        Ok(Reverse)
    }

    fn process(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<()> {
        out.extend(bytes.iter().rev());
        Ok(())
    }
}

register!(connector Drain);
register!(postprocessor Reverse);
