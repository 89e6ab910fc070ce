//! What a user writes for `http_server`.

use std::collections::BTreeMap;
use std::time::Duration;

use hyper::{HeaderMap, StatusCode};
use temblor_pdk::schemars::JsonSchema;
use temblor_pdk::serde::Deserialize;
use temblor_pdk::{Error, Result};

use crate::headers;
use crate::message::HeadLimits;
use crate::tls::ServerTls;

/// Takes requests of HTTP/1.1 as events, and answers each.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(crate = "temblor_pdk::serde", deny_unknown_fields)]
#[schemars(crate = "temblor_pdk::schemars")]
pub(crate) struct Config {
    /// Where to listen: `host:port`, also as `http://host:port`. Port 0 lets the system choose.
    pub url: String,
    /// Certificate and key, to speak TLS.
    pub tls: Option<ServerTls>,
    /// Headers of every answer that the flow gives, unless the event has others of these names.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// The status of an answer when the events of a request were acked and none was sent back.
    #[serde(default = "no_content")]
    pub status_acked: u16,
    /// The largest body, in bytes; a larger one is answered with 413.
    #[serde(default = "default_max_body")]
    #[schemars(extend("x-limit" = {"unit": "bytes", "beyond": "the answer is 413, and the connection is closed"}))]
    pub max_body: u64,
    /// What all bodies may take together that wait for the engine; beyond that, the answer is 503.
    #[serde(default = "default_max_waiting")]
    #[schemars(extend("x-limit" = {"unit": "bytes", "beyond": "the answer is 503, and the connection is closed"}))]
    pub max_waiting: usize,
    /// The longest head, in bytes; a longer one is answered with 431.
    #[serde(default = "default_max_head")]
    #[schemars(extend("x-limit" = {"unit": "bytes", "beyond": "the answer is 431, and the connection is closed"}))]
    pub max_head: usize,
    /// The largest number of headers; more are answered with 431.
    #[serde(default = "default_max_headers")]
    #[schemars(extend("x-limit" = {"unit": "headers", "beyond": "the answer is 431, and the connection is closed"}))]
    pub max_headers: usize,
    /// The largest number of connections; more are answered with 503 and closed.
    #[serde(default = "default_max_connections")]
    #[schemars(extend("x-limit" = {"unit": "connections", "beyond": "a new one is told 503 and closed"}))]
    pub max_connections: usize,
    /// How many connections the system keeps until they are accepted.
    #[serde(default = "default_backlog")]
    #[schemars(extend("x-limit" = {"unit": "connections", "beyond": "the system refuses it"}))]
    pub backlog: u32,
    /// How long a TLS handshake may take.
    #[serde(default = "ten_seconds")]
    #[schemars(extend("x-limit" = {"unit": "ms", "beyond": "the connection is closed"}))]
    pub handshake_timeout_ms: u64,
    /// How long a head may take from its first byte; a slower one is answered with 408.
    #[serde(default = "ten_seconds")]
    #[schemars(extend("x-limit" = {"unit": "ms", "beyond": "the answer is 408, and the connection is closed"}))]
    pub header_timeout_ms: u64,
    /// How long a body may take; a slower one is answered with 408.
    #[serde(default = "a_minute")]
    #[schemars(extend("x-limit" = {"unit": "ms", "beyond": "the answer is 408, and the connection is closed"}))]
    pub body_timeout_ms: u64,
    /// How long a connection is kept without a request.
    #[serde(default = "a_minute")]
    #[schemars(extend("x-limit" = {"unit": "ms", "beyond": "the connection is closed"}))]
    pub idle_timeout_ms: u64,
    /// How long a request waits for its answer; then it is answered with 504.
    #[serde(default = "half_a_minute")]
    #[schemars(extend("x-limit" = {"unit": "ms", "beyond": "the answer is 504, and the connection is closed"}))]
    pub request_timeout_ms: u64,
    /// How long it may take to write an answer.
    #[serde(default = "half_a_minute")]
    #[schemars(extend("x-limit" = {"unit": "ms", "beyond": "the answer has failed, and the connection is closed"}))]
    pub write_timeout_ms: u64,
}

fn no_content() -> u16 {
    204
}

fn default_max_body() -> u64 {
    8 * 1024 * 1024
}

fn default_max_waiting() -> usize {
    256 * 1024 * 1024
}

fn default_max_head() -> usize {
    64 * 1024
}

fn default_max_headers() -> usize {
    100
}

fn default_max_connections() -> usize {
    1024
}

fn default_backlog() -> u32 {
    128
}

fn ten_seconds() -> u64 {
    10_000
}

fn half_a_minute() -> u64 {
    30_000
}

fn a_minute() -> u64 {
    60_000
}

impl Config {
    /// The address to listen at.
    pub(super) fn address(&self) -> Result<String> {
        let rest = match self.url.split_once("://") {
            None => self.url.as_str(),
            Some(("http", rest)) if self.tls.is_none() => rest,
            Some(("https", rest)) if self.tls.is_some() => rest,
            Some(("https", _)) => {
                return Err(Error::config(format!(
                    "`{}` needs a certificate\nhelp: set `tls` to {{\"cert\": …, \"key\": …}}",
                    self.url
                )));
            }
            Some(_) => {
                return Err(Error::config(format!(
                    "`{}` is not where HTTP is served\nhelp: set `url` to \"host:port\"",
                    self.url
                )));
            }
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let port = rest.rsplit_once(':').map(|(_, port)| port.parse::<u16>());
        match port {
            Some(Ok(_)) => Ok(rest.to_owned()),
            _ => Err(Error::config(format!(
                "`{}` has no port\nhelp: set `url` to \"host:port\"",
                self.url
            ))),
        }
    }

    /// Looks for what cannot work.
    pub(super) fn check(&self) -> Result<()> {
        let counts = [
            ("max_headers", self.max_headers),
            ("max_head", self.max_head),
            ("max_connections", self.max_connections),
        ];
        match counts.iter().find(|(_, count)| *count == 0) {
            Some((name, _)) => Err(Error::config(format!("`{name}` is 0, so nothing gets in"))),
            None => Ok(()),
        }
    }

    /// The status of an answer when nothing was sent back.
    pub(super) fn status_acked(&self) -> Result<StatusCode> {
        let status = self.status_acked;
        as_status(status).ok_or_else(|| {
            Error::config(format!(
                "`status_acked` is {status}, which is no status of an answer\nhelp: set it to 200 to 599"
            ))
        })
    }

    /// The headers of every answer that the flow gives.
    pub(super) fn header_map(&self) -> Result<HeaderMap> {
        let mut map = HeaderMap::new();
        for (name, value) in &self.headers {
            headers::add(&mut map, name, value.as_bytes()).map_err(Error::config)?;
        }
        Ok(map)
    }

    pub(super) fn head_limits(&self) -> HeadLimits {
        HeadLimits {
            bytes: self.max_head,
            headers: self.max_headers,
        }
    }
}

/// A status that an answer can have.
pub(super) fn as_status(status: u16) -> Option<StatusCode> {
    let status = StatusCode::from_u16(status).ok();
    status.filter(|status| (200..600).contains(&status.as_u16()))
}

pub(super) fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}
