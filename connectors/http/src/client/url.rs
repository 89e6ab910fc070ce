//! Addresses of requests.

use hyper::Uri;
use hyper::header::HeaderValue;
use hyper::http::uri::PathAndQuery;

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
    /// What the header `host` says.
    pub(super) authority: HeaderValue,
    /// Path and query.
    pub(super) target: Uri,
}

impl Destination {
    /// What to connect to.
    pub(super) fn address(&self) -> String {
        format!("{}:{}", self.bracketed(), self.port)
    }

    fn authority(&self) -> String {
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
        let uri: Uri = text
            .parse()
            .map_err(|reason| fault(&format!("is no URL: {reason}")))?;
        let is_tls = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            Some(_) => return Err(fault("is not of HTTP; use `http://` or `https://`")),
            None => return Err(fault("is no URL; one begins with `http://` or `https://`")),
        };
        let authority = uri.authority().ok_or_else(|| fault("has no host"))?;
        if authority.as_str().contains('@') {
            return Err(fault("holds a name or password; use `auth` for those"));
        }
        let host = authority.host().to_ascii_lowercase();
        let given = authority.as_str().len() > host.len();
        let port = match authority.port_u16() {
            None if given => return Err(fault("has no port behind its `:`")),
            None if is_tls => 443,
            None => 80,
            Some(port) => port,
        };
        if host.is_empty() {
            return Err(fault("has no host"));
        }
        let host = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'))
            .unwrap_or(&host);
        let destination = Destination {
            is_tls,
            host: host.to_owned(),
            port,
        };
        let authority = HeaderValue::from_str(&destination.authority());
        let target = uri.path_and_query().cloned();
        Ok(Url {
            text: text.to_owned(),
            authority: authority.map_err(|_| fault("has no host"))?,
            target: target.unwrap_or(PathAndQuery::from_static("/")).into(),
            destination,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_taken_apart() {
        let url = Url::parse("http://Example.org/a/b?c=d#e").expect("a URL");
        assert_eq!(url.destination.address(), "example.org:80");
        assert_eq!(url.authority, "example.org");
        assert_eq!(url.target, "/a/b?c=d");
        let url = Url::parse("https://[::1]:8443?x").expect("a URL");
        assert_eq!(url.destination.address(), "[::1]:8443");
        assert_eq!(url.authority, "[::1]:8443");
        assert_eq!(
            (url.target.to_string().as_str(), url.destination.is_tls),
            ("/?x", true)
        );
    }

    #[test]
    fn what_is_no_url_says_why() {
        for (text, why) in [
            ("example.org", "begins with"),
            ("ftp://example.org", "not of HTTP"),
            ("http://", "no URL"),
            ("http://a:b/", "port"),
            ("http://:80/", "no host"),
            ("http://a:99999/", "port"),
            ("http://user:secret@a/", "`auth`"),
            ("http://a/ b", "percent"),
            ("http://a/\r\nx: y", "percent"),
        ] {
            let error = Url::parse(text).expect_err("no URL");
            assert!(error.contains(why), "{error}");
        }
    }
}
