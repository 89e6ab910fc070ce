//! TLS of both sides, by rustls with ring.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_rustls::pki_types::pem::PemObject;
use futures_rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use futures_rustls::rustls::crypto::ring;
use futures_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};
use temblor_pdk::schemars::JsonSchema;
use temblor_pdk::serde::Deserialize;
use temblor_pdk::{Error, Result};

/// The certificate and the key of a server.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(crate = "temblor_pdk::serde", deny_unknown_fields)]
#[schemars(crate = "temblor_pdk::schemars")]
pub(crate) struct ServerTls {
    /// The certificate in PEM, with those that it rests on.
    pub cert: PathBuf,
    /// Its private key in PEM.
    pub key: PathBuf,
}

/// Whom a client trusts, and who it is.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(crate = "temblor_pdk::serde", deny_unknown_fields, default)]
#[schemars(crate = "temblor_pdk::schemars")]
pub(crate) struct ClientTls {
    /// Certificates in PEM; servers are trusted if they rest on one of them. Without it, those of the system.
    pub cafile: Option<PathBuf>,
    /// The name that the server's certificate must be for; without it, that of the address.
    pub domain: Option<String>,
    /// A certificate to show to the server, in PEM.
    pub cert: Option<PathBuf>,
    /// Its private key in PEM.
    pub key: Option<PathBuf>,
}

/// Where systems keep the certificates that they trust.
const SYSTEM: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// Reads what a server needs. What cannot be read is an error, and never a step back to plain text.
pub(crate) fn server(tls: &ServerTls) -> Result<Arc<ServerConfig>> {
    let certs = certificates(&tls.cert)?;
    let key = private_key(&tls.key)?;
    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions();
    let builder = builder.map_err(|reason| Error::config(format!("TLS: {reason}")))?;
    let config = builder.with_no_client_auth().with_single_cert(certs, key);
    let mut config = config.map_err(|reason| {
        let (cert, key) = (tls.cert.display(), tls.key.display());
        Error::config(format!("`{cert}` with `{key}` cannot be used: {reason}"))
    })?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// Reads what a client needs.
pub(crate) fn client(tls: &ClientTls) -> Result<Arc<ClientConfig>> {
    let mut roots = RootCertStore::empty();
    let system = || SYSTEM.iter().map(Path::new).find(|path| path.is_file());
    let cafile = match &tls.cafile {
        Some(path) => path.as_path(),
        None => system().ok_or_else(|| {
            Error::config(
                "no certificates of the system are found to trust a server by\nhelp: set `tls.cafile`",
            )
        })?,
    };
    let trusted = certificates(cafile)?;
    let count = trusted.len();
    let (added, _) = roots.add_parsable_certificates(trusted);
    // Of the system's, some may be of kinds that are not known; of one's own, each counts.
    if added == 0 || (tls.cafile.is_some() && added < count) {
        let path = cafile.display();
        return Err(Error::config(format!(
            "`{path}` holds certificates that cannot be used"
        )));
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions();
    let builder = builder.map_err(|reason| Error::config(format!("TLS: {reason}")))?;
    let builder = builder.with_root_certificates(roots);
    let mut config = match (&tls.cert, &tls.key) {
        (None, None) => builder.with_no_client_auth(),
        (Some(cert), Some(key)) => {
            let config = builder.with_client_auth_cert(certificates(cert)?, private_key(key)?);
            config.map_err(|reason| {
                let cert = cert.display();
                Error::config(format!("`{cert}` cannot be used: {reason}"))
            })?
        }
        _ => {
            return Err(Error::config(
                "of `tls.cert` and `tls.key` there is only one\nhelp: set both, or none",
            ));
        }
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// The name that a certificate must be for.
pub(crate) fn server_name(name: &str) -> Result<ServerName<'static>> {
    ServerName::try_from(name.to_owned())
        .map_err(|_| Error::config(format!("`{name}` is no name that a certificate can be for")))
}

fn open(path: &Path) -> Result<BufReader<File>> {
    let file = File::open(path);
    let file = file.map_err(|reason| unreadable(path, &reason.to_string()))?;
    Ok(BufReader::new(file))
}

fn unreadable(path: &Path, reason: &str) -> Error {
    Error::config(format!("cannot read `{}`: {reason}", path.display()))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let all: std::result::Result<Vec<_>, _> =
        CertificateDer::pem_reader_iter(open(path)?).collect();
    let all = all.map_err(|reason| unreadable(path, &reason.to_string()))?;
    match all.is_empty() {
        true => Err(unreadable(path, "there is no certificate in it")),
        false => Ok(all),
    }
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>> {
    PrivateKeyDer::from_pem_reader(open(path)?)
        .map_err(|reason| unreadable(path, &format!("{reason}, where a private key should be")))
}
