//! TLS by rustls with ring: what users write, and what rustls makes of it. What cannot be read is an error of the
//! configuration, and never a step back to plain text.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_rustls::pki_types::pem::{self, PemObject};
use futures_rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use futures_rustls::rustls::crypto::ring;
use futures_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};
use futures_rustls::{TlsAcceptor, TlsConnector};
use temblor_pdk::schemars::JsonSchema;
use temblor_pdk::serde::Deserialize;
use temblor_pdk::{Error, Result};

/// The certificate and the key of a server.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(crate = "temblor_pdk::serde", deny_unknown_fields)]
#[schemars(crate = "temblor_pdk::schemars")]
pub struct ServerTls {
    /// The certificate in PEM, with those that it rests on behind it.
    cert: PathBuf,
    /// Its private key in PEM.
    key: PathBuf,
}

/// Whom a client trusts, and who it is.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(crate = "temblor_pdk::serde", deny_unknown_fields, default)]
#[schemars(crate = "temblor_pdk::schemars")]
pub struct ClientTls {
    /// Certificates in PEM: a server is trusted if its own rests on one of them. Without it, those that the system
    /// trusts.
    cafile: Option<PathBuf>,
    /// The name that the server's certificate must be for; without it, the host of `url`.
    domain: Option<String>,
    /// A certificate to show to the server, in PEM.
    cert: Option<PathBuf>,
    /// Its private key in PEM.
    key: Option<PathBuf>,
}

/// Whether a client uses TLS, and how.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(crate = "temblor_pdk::serde", untagged)]
#[serde(expecting = "`tls` is true, false, or a record of `cafile`, `domain`, `cert` and `key`")]
#[schemars(crate = "temblor_pdk::schemars")]
pub enum UseTls {
    /// With the certificates that the system trusts, or not at all.
    Default(bool),
    /// As it says.
    With(ClientTls),
}

/// Where systems keep the certificates that they trust.
const SYSTEM: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// Makes what a server shakes hands with. Reads files, so it may block.
pub(crate) fn acceptor(tls: &ServerTls) -> Result<TlsAcceptor> {
    let (certificates, key) = (certificates(&tls.cert)?, private_key(&tls.key)?);
    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|reason| Error::config(format!("TLS cannot be used: {reason}")))?;
    let config = builder
        .with_no_client_auth()
        .with_single_cert(certificates, key);
    let config = config.map_err(|reason| unfit(&tls.cert, &tls.key, &reason))?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// Makes what a client shakes hands with, and the name that the server must have. Reads files, so it may block.
pub(crate) fn connector(
    tls: &ClientTls,
    host: &str,
) -> Result<(TlsConnector, ServerName<'static>)> {
    let name = tls.domain.as_deref().unwrap_or(host);
    let name = ServerName::try_from(name.to_owned()).map_err(|_| {
        Error::config(format!(
            "no certificate can be for {name:?}\nhelp: set `tls.domain` to the name in the server's certificate"
        ))
    })?;
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|reason| Error::config(format!("TLS cannot be used: {reason}")))?;
    let builder = builder.with_root_certificates(roots(tls)?);
    let config = match (&tls.cert, &tls.key) {
        (None, None) => builder.with_no_client_auth(),
        (Some(cert), Some(key)) => builder
            .with_client_auth_cert(certificates(cert)?, private_key(key)?)
            .map_err(|reason| unfit(cert, key, &reason))?,
        _ => {
            return Err(Error::config(
                "`tls` has one of `cert` and `key`\nhelp: set both, or none",
            ));
        }
    };
    Ok((TlsConnector::from(Arc::new(config)), name))
}

/// The certificates that a server's may rest on.
fn roots(tls: &ClientTls) -> Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    if let Some(path) = &tls.cafile {
        for certificate in certificates(path)? {
            roots.add(certificate).map_err(|reason| {
                let path = path.display();
                Error::config(format!(
                    "`{path}` holds a certificate that cannot be used: {reason}"
                ))
            })?;
        }
        return Ok(roots);
    }
    let system = SYSTEM.iter().map(Path::new).find(|path| path.is_file());
    let Some(path) = system else {
        return Err(Error::config(
            "the certificates that this system trusts are not found\nhelp: set `tls.cafile`, or install the package \
             `ca-certificates`",
        ));
    };
    // Among the system's there may be some of kinds that are not known any more.
    let (added, _) = roots.add_parsable_certificates(certificates(path)?);
    match added {
        0 => Err(unreadable(path, "none of its certificates can be used")),
        _ => Ok(roots),
    }
}

fn unfit(cert: &Path, key: &Path, reason: &dyn std::fmt::Display) -> Error {
    let (cert, key) = (cert.display(), key.display());
    Error::config(format!(
        "`{cert}` and `{key}` cannot be used together: {reason}"
    ))
}

fn unreadable(path: &Path, reason: impl std::fmt::Display) -> Error {
    Error::config(format!("cannot read `{}`: {reason}", path.display()))
}

fn open(path: &Path) -> Result<BufReader<File>> {
    let file = File::open(path).map_err(|reason| unreadable(path, reason))?;
    Ok(BufReader::new(file))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let all: std::result::Result<Vec<_>, pem::Error> =
        CertificateDer::pem_reader_iter(open(path)?).collect();
    match all {
        Err(reason) => Err(unreadable(path, reason)),
        Ok(all) if all.is_empty() => Err(unreadable(path, "there is no certificate in it")),
        Ok(all) => Ok(all),
    }
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>> {
    PrivateKeyDer::from_pem_reader(open(path)?).map_err(|reason| match reason {
        pem::Error::NoItemsFound => unreadable(path, "there is no private key in it"),
        other => unreadable(path, other),
    })
}
