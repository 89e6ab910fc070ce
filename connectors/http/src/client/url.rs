//! Addresses of requests.

/// Where a connection goes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Destination {
    pub(super) is_tls: bool,
    /// Without the brackets of an IPv6 address.
    pub(super) host: String,
    pub(super) port: u16,
}

/// A URL, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Url {
    pub(super) text: String,
    pub(super) destination: Destination,
    /// Path and query.
    pub(super) target: String,
}

impl Destination {
    /// What to connect to.
    pub(super) fn address(&self) -> String {
        format!("{}:{}", self.bracketed(), self.port)
    }

    /// What the header `host` says.
    pub(super) fn authority(&self) -> String {
        match (self.is_tls, self.port) {
            (false, 80) | (true, 443) => self.bracketed(),
            _ => self.address(),
        }
    }

    fn bracketed(&self) -> String {
        match self.host.contains(':') {
            true => format!("[{}]", self.host),
            false => self.host.clone(),
        }
    }
}

impl Url {
    /// Takes a URL apart; the error says what is wrong with it.
    pub(super) fn parse(text: &str) -> Result<Url, String> {
        let fault = |what: &str| format!("`{}` {what}", text.escape_debug());
        if !text.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(fault("holds what a URL must have in percent-encoding"));
        }
        let (scheme, rest) = text
            .split_once("://")
            .ok_or_else(|| fault("is no URL; one begins with `http://` or `https://`"))?;
        let is_tls = match scheme.to_ascii_lowercase().as_str() {
            "http" => false,
            "https" => true,
            _ => return Err(fault("is not of HTTP; use `http://` or `https://`")),
        };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        if authority.contains('@') {
            return Err(fault("holds a name or password; use `auth` for those"));
        }
        let (host, port) = split_port(authority).ok_or_else(|| fault("has no host, or no port"))?;
        let path = path.split('#').next().unwrap_or_default();
        let target = match path.starts_with('/') {
            true => path.to_owned(),
            false => format!("/{path}"),
        };
        Ok(Url {
            text: text.to_owned(),
            destination: Destination {
                is_tls,
                host,
                port: port.unwrap_or(if is_tls { 443 } else { 80 }),
            },
            target,
        })
    }
}

fn split_port(authority: &str) -> Option<(String, Option<u16>)> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']')?;
            let is_address = host.parse::<std::net::Ipv6Addr>().is_ok();
            (is_address.then_some(host)?, port)
        }
        None => {
            let at = authority.find(':').unwrap_or(authority.len());
            authority.split_at(at)
        }
    };
    let port = match port.strip_prefix(':') {
        Some(port) => Some(port.parse().ok()?),
        None if port.is_empty() => None,
        None => return None,
    };
    (!host.is_empty()).then(|| (host.to_ascii_lowercase(), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_taken_apart() {
        let url = Url::parse("http://Example.org/a/b?c=d#e").expect("a URL");
        assert_eq!(url.destination.address(), "example.org:80");
        assert_eq!(url.destination.authority(), "example.org");
        assert_eq!(url.target, "/a/b?c=d");
        let url = Url::parse("https://[::1]:8443?x").expect("a URL");
        assert_eq!(url.destination.address(), "[::1]:8443");
        assert_eq!(url.destination.authority(), "[::1]:8443");
        assert_eq!((url.target.as_str(), url.destination.is_tls), ("/?x", true));
    }

    #[test]
    fn what_is_no_url_says_why() {
        for (text, why) in [
            ("example.org", "begins with"),
            ("ftp://example.org", "not of HTTP"),
            ("http://", "no host"),
            ("http://a:b/", "no port"),
            ("http://a:99999/", "no port"),
            ("http://user:secret@a/", "`auth`"),
            ("http://a/ b", "percent"),
            ("http://a/\r\nx: y", "percent"),
        ] {
            let error = Url::parse(text).expect_err("no URL");
            assert!(error.contains(why), "{error}");
        }
    }
}
