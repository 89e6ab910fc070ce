//! What a user writes for `http_client`.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use temblor_pdk::schemars::JsonSchema;
use temblor_pdk::serde::Deserialize;
use temblor_pdk::{Error, Result};

use super::url::Url;
use crate::head::HeadLimits;
use crate::tls::ClientTls;
use crate::write::{self, HeaderLines};

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
    pub concurrency: usize,
    /// How long a request may take, from connecting to the end of the response.
    #[serde(default = "default_timeout_ms")]
    pub timeout_ms: u64,
    /// The same in nanoseconds, as Tremor has it; it counts if it is there.
    pub timeout: Option<u64>,
    /// How long connecting may take, with the TLS handshake.
    #[serde(default = "default_connect_timeout_ms")]
    pub connect_timeout_ms: u64,
    /// How long a connection is kept for the next request.
    #[serde(default = "default_idle_timeout_ms")]
    pub idle_timeout_ms: u64,
    /// How often a request is repeated that failed for a reason that may pass.
    #[serde(default = "default_max_retries")]
    pub max_retries: u32,
    /// The largest response, in bytes.
    #[serde(default = "default_max_body")]
    pub max_body: u64,
    /// The longest head of a response, in bytes.
    #[serde(default = "default_max_head")]
    pub max_head: usize,
    /// The largest number of headers of a response.
    #[serde(default = "default_max_headers")]
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
        check_method(&self.method).map_err(Error::config)?;
        self.lines()?;
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
    pub(super) fn lines(&self) -> Result<HeaderLines> {
        let mut lines = HeaderLines::new();
        for (name, value) in &self.headers {
            lines.push((name.clone(), value.clone().into_bytes()));
        }
        let authorization = match &self.auth {
            None => None,
            Some(Auth::Bearer(token)) => Some(format!("Bearer {token}")),
            Some(Auth::Basic { username, .. }) if username.contains(':') => {
                return Err(Error::config(
                    "`auth.basic.username` holds a `:`, which ends it",
                ));
            }
            Some(Auth::Basic { username, password }) => {
                let pair = STANDARD.encode(format!("{username}:{password}"));
                Some(format!("Basic {pair}"))
            }
        };
        let authorization = authorization.map(String::into_bytes);
        lines.extend(authorization.map(|value| (String::from("authorization"), value)));
        for (name, value) in &lines {
            write::check(name, value).map_err(Error::config)?;
        }
        Ok(lines)
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

/// Whether a text can be a method of a request; else says why not.
pub(super) fn check_method(method: &str) -> Result<(), String> {
    let is_token = !method.is_empty()
        && method
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-');
    match is_token && method != "CONNECT" {
        true => Ok(()),
        false => Err(format!(
            "`{}` is no method of a request",
            method.escape_debug()
        )),
    }
}
