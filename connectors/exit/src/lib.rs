//! `exit`: a sink that ends the program when the first event comes.

use std::time::Duration;

use temblor_pdk::schemars::JsonSchema;
use temblor_pdk::serde::Deserialize;
use temblor_pdk::{
    Batch, Connector, ConnectorInfo, Context, Error, Fates, Host, NoSource, Payload, Result,
    Settles, Sink, SinkInfo, Value, io, register,
};

/// Ends the program when the first event comes. An event that is a record can have fields of the same names, which
/// count instead.
#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(crate = "temblor_pdk::serde", deny_unknown_fields)]
#[schemars(crate = "temblor_pdk::schemars")]
pub struct Config {
    /// How long to wait before the program ends.
    #[serde(default)]
    pub delay_ms: u64,
    /// The exit status of the program.
    #[serde(default)]
    pub status: u8,
    /// Whether everything that is in flight is still delivered.
    #[serde(default = "yes")]
    pub graceful: bool,
}

fn yes() -> bool {
    true
}

/// The connector.
pub struct Exit {
    config: Config,
    context: Context,
}

impl Connector for Exit {
    type Config = Config;
    type Source = NoSource;
    type Sink = ExitSink;

    const INFO: ConnectorInfo = ConnectorInfo {
        name: "exit",
        summary: "Ends the program when the first event comes.",
        example: r#"{"status": 1, "delay_ms": 500}"#,
        source: None,
        sink: Some(SinkInfo {
            payload: Payload::Values,
            settles: Settles::OnReturn,
        }),
    };

    fn new(config: Config, context: Context) -> Result<Self> {
        Ok(Exit { config, context })
    }

    async fn create_sink(&mut self) -> Result<ExitSink> {
        Ok(ExitSink {
            config: self.config,
            host: self.context.host().clone(),
            asked: false,
        })
    }
}

/// Asks the host once to end the program, and drops what comes later.
pub struct ExitSink {
    config: Config,
    host: Host,
    asked: bool,
}

impl Sink for ExitSink {
    async fn write(&mut self, batch: Batch, _fates: Fates) -> Result<()> {
        let Some(event) = batch.events().first().filter(|_| !self.asked) else {
            return Ok(());
        };
        let Config {
            delay_ms,
            status,
            graceful,
        } = wanted(self.config, event.data)?;
        self.asked = true;
        drop(batch);
        if delay_ms > 0 {
            io::sleep(&self.host, Duration::from_millis(delay_ms)).await;
        }
        self.host.request_stop(status, graceful);
        Ok(())
    }
}

/// What an event asks for.
fn wanted(config: Config, event: Value<'_>) -> Result<Config> {
    let delay_ms = field(event, "delay_ms", "a number of milliseconds", |value| {
        value.as_u64()
    })?;
    let status = field(event, "status", "a number from 0 to 255", |value| {
        value.as_u64().and_then(|status| u8::try_from(status).ok())
    })?;
    let graceful = field(event, "graceful", "true or false", Value::as_bool)?;
    Ok(Config {
        delay_ms: delay_ms.unwrap_or(config.delay_ms),
        status: status.unwrap_or(config.status),
        graceful: graceful.unwrap_or(config.graceful),
    })
}

fn field<'v, T>(
    event: Value<'v>,
    name: &str,
    takes: &str,
    read: impl Fn(Value<'v>) -> Option<T>,
) -> Result<Option<T>> {
    let Some(value) = event.get(name) else {
        return Ok(None);
    };
    let wrong = || {
        Error::rejected(format!(
            "field `{name}` of an event for `exit` takes {takes}"
        ))
    };
    read(value).map(Some).ok_or_else(wrong)
}

register!(connector Exit);
