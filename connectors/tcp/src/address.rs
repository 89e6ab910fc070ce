//! Addresses as users write them.

use temblor_pdk::{Error, Result};

/// A host and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    /// Both, as the network takes them.
    pub(crate) text: String,
    /// The host alone, without the brackets of an IPv6 address.
    pub(crate) host: String,
}

impl Address {
    /// Reads `host:port`, perhaps with `tcp://` before it.
    pub(crate) fn parse(url: &str) -> Result<Self> {
        let wrong = |what: &str| {
            Error::config(format!(
                "`url` is {url:?}, {what}\nhelp: write host and port, such as \"127.0.0.1:9000\" or \"[::1]:9000\""
            ))
        };
        let text = match url.split_once("://") {
            Some(("tcp", rest)) => rest,
            Some(_) => return Err(wrong("which is of another kind than `tcp://`")),
            None => url,
        };
        let text = text.strip_suffix('/').unwrap_or(text);
        let Some((host, port)) = text.rsplit_once(':') else {
            return Err(wrong("which has no port"));
        };
        if port.parse::<u16>().is_err() {
            return Err(wrong("whose port is no number up to 65535"));
        }
        let bare = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'));
        let host = bare.unwrap_or(host);
        if host.is_empty() || (bare.is_none() && host.contains(':')) {
            return Err(wrong("whose host cannot be read"));
        }
        Ok(Address {
            text: text.to_owned(),
            host: host.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Address;

    #[test]
    fn host_and_port_with_a_scheme_or_without() {
        for (url, text, host) in [
            ("127.0.0.1:80", "127.0.0.1:80", "127.0.0.1"),
            ("tcp://example.org:1/", "example.org:1", "example.org"),
            ("[::1]:65535", "[::1]:65535", "::1"),
        ] {
            let address = Address::parse(url).unwrap();
            assert_eq!((address.text.as_str(), address.host.as_str()), (text, host));
        }
    }

    #[test]
    fn anything_else_is_refused_with_the_way_out() {
        for url in [
            "",
            "host",
            "host:",
            "host:65536",
            ":1",
            "::1:80",
            "http://host:1",
            "[::1:1",
        ] {
            let error = Address::parse(url).unwrap_err().to_string();
            assert!(
                error.contains(&format!("{url:?}")) && error.contains("help: "),
                "{error}"
            );
        }
    }
}
