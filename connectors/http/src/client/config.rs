//! What a user writes for `http_client`.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::{HeaderMap, Method};
use temblor_pdk::schemars::JsonSchema;
use temblor_pdk::serde::Deserialize;
use temblor_pdk::{Error, Result};

use super::url::Url;
use crate::headers;
use crate::message::HeadLimits;
use crate::tls::ClientTls;

/// Sends events as requests of HTTP/1.1, and hands responses over.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(crate = "temblor_pdk::serde", deny_unknown_fields)]
#[schemars(crate = "temblor_pdk::schemars")]
pub(crate) struct Config {
    /// Where requests go, unless an event says otherwise.
    pub url: String,
    /// The method, unless an event says otherwise.
    #[serde(default = "post")]
    pub method: String,
    /// Headers of every request, unless an event has others of these names.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Who the client says it is.
    pub auth: Option<Auth>,
    /// Whom the client trusts, for URLs that begin with `https`.
    pub tls: Option<ClientTls>,
    /// How many requests may be under way to one destination at the same time.
    #[serde(default = "default_concurrency")]
    #[schemars(extend("x-limit" = {"unit": "requests", "beyond": "an event waits for its turn"}))]
    pub concurrency: usize,
    /// How long a request may take, from connecting to the end of the response.
    #[serde(default = "default_timeout_ms")]
    #[schemars(extend("x-limit" = {"unit": "ms", "beyond": "the request is repeated, or has failed"}))]
    pub timeout_ms: u64,
    /// The same in nanoseconds, as Tremor has it; it counts if it is there.
    pub timeout: Option<u64>,
    /// How long connecting may take, with the TLS handshake.
    #[serde(default = "default_connect_timeout_ms")]
    #[schemars(extend("x-limit" = {"unit": "ms", "beyond": "the request is repeated, or has failed"}))]
    pub connect_timeout_ms: u64,
    /// How long a connection is kept for the next request.
    #[serde(default = "default_idle_timeout_ms")]
    #[schemars(extend("x-limit" = {"unit": "ms", "beyond": "the connection is closed"}))]
    pub idle_timeout_ms: u64,
    /// How often a request is repeated that failed for a reason that may pass.
    #[serde(default = "default_max_retries")]
    #[schemars(extend("x-limit" = {"unit": "times", "beyond": "the event has failed"}))]
    pub max_retries: u32,
    /// The largest response, in bytes.
    #[serde(default = "default_max_body")]
    #[schemars(extend("x-limit" = {"unit": "bytes", "beyond": "the request is repeated, or has failed"}))]
    pub max_body: u64,
    /// The longest head of a response, in bytes.
    #[serde(default = "default_max_head")]
    #[schemars(extend("x-limit" = {"unit": "bytes", "beyond": "the request is repeated, or has failed"}))]
    pub max_head: usize,
    /// The largest number of headers of a response.
    #[serde(default = "default_max_headers")]
    #[schemars(extend("x-limit" = {"unit": "headers", "beyond": "the request is repeated, or has failed"}))]
    pub max_headers: usize,
}

/// Who the client says it is.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(
    crate = "temblor_pdk::serde",
    rename_all = "lowercase",
    deny_unknown_fields
)]
#[schemars(crate = "temblor_pdk::schemars")]
pub(crate) enum Auth {
    /// A name and a password.
    Basic {
        /// The name.
        username: String,
        /// The password.
        #[schemars(extend("x-secret" = true))]
        password: String,
    },
    /// A token.
    Bearer(#[schemars(extend("x-secret" = true))] String),
}

fn post() -> String {
    String::from("POST")
}

fn default_concurrency() -> usize {
    4
}

fn default_timeout_ms() -> u64 {
    60_000
}

fn default_connect_timeout_ms() -> u64 {
    10_000
}

fn default_idle_timeout_ms() -> u64 {
    30_000
}

fn default_max_retries() -> u32 {
    5
}

fn default_max_body() -> u64 {
    8 * 1024 * 1024
}

fn default_max_head() -> usize {
    64 * 1024
}

fn default_max_headers() -> usize {
    100
}

impl Config {
    /// Looks for what cannot work.
    pub(super) fn check(&self) -> Result<Url> {
        let url = Url::parse(&self.url).map_err(Error::config)?;
        let counts = [
            ("concurrency", self.concurrency),
            ("max_headers", self.max_headers),
            ("max_head", self.max_head),
        ];
        match counts.iter().find(|(_, count)| *count == 0) {
            Some((name, _)) => Err(Error::config(format!(
                "`{name}` is 0, so nothing gets through"
            ))),
            None => Ok(url),
        }
    }

    /// The headers of every request.
    pub(super) fn header_map(&self) -> Result<HeaderMap> {
        let mut map = HeaderMap::new();
        let mut add = |name: &str, value: &str| {
            headers::add(&mut map, name, value.as_bytes()).map_err(Error::config)
        };
        for (name, value) in &self.headers {
            add(name, value)?;
        }
        match &self.auth {
            None => {}
            Some(Auth::Bearer(token)) => add("authorization", &format!("Bearer {token}"))?,
            Some(Auth::Basic { username, .. }) if username.contains(':') => {
                return Err(Error::config(
                    "`auth.basic.username` holds a `:`, which ends it",
                ));
            }
            Some(Auth::Basic { username, password }) => {
                let pair = STANDARD.encode(format!("{username}:{password}"));
                add("authorization", &format!("Basic {pair}"))?;
            }
        }
        Ok(map)
    }

    /// How long a request may take.
    pub(super) fn timeout(&self) -> Duration {
        let own = Duration::from_millis(self.timeout_ms);
        self.timeout.map_or(own, Duration::from_nanos)
    }

    pub(super) fn head_limits(&self) -> HeadLimits {
        HeadLimits {
            bytes: self.max_head,
            headers: self.max_headers,
        }
    }
}

/// The method that a text names; else says why it is none.
pub(super) fn method(text: &str) -> Result<Method, String> {
    let method = Method::from_bytes(text.as_bytes()).ok();
    let method = method.filter(|method| *method != Method::CONNECT);
    method.ok_or_else(|| format!("`{}` is no method of a request", text.escape_debug()))
}
