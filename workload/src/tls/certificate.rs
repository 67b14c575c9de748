//! One certificate of the server with its key, checked before it is shown to anybody.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rustls::client::verify_server_name;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, DnsName, PrivateKeyDer, ServerName};
use rustls::server::ParsedCertificate;
use rustls::sign::CertifiedKey;
use x509_cert::der::Decode as _;

use super::error::TlsError;
use super::files::read;
use crate::settings::KeyPair;

/// A certificate that is valid now and fits its key.
#[derive(Debug)]
pub(super) struct Certificate {
    pub(super) key: Arc<CertifiedKey>,
    /// When it expires, after 1970.
    pub(super) not_after: Duration,
}

impl Certificate {
    pub(super) fn load(pair: &KeyPair, provider: &CryptoProvider) -> Result<Self, TlsError> {
        let KeyPair { certificate, key } = pair;
        let chain = read_chain(certificate)?;
        let secret = PrivateKeyDer::from_pem_slice(&read(key)?).map_err(|source| TlsError::Pem {
            file: key.clone(),
            wanted: "private key",
            source,
        })?;
        let not_after = check_validity(certificate, &chain)?;
        let key = CertifiedKey::from_der(chain, secret, provider).map_err(|source| TlsError::Pair {
            certificate: certificate.clone(),
            key: key.clone(),
            source,
        })?;
        Ok(Self { key: Arc::new(key), not_after })
    }

    /// Whether it is for this name.
    pub(super) fn is_for(&self, name: &DnsName<'_>) -> bool {
        let parsed = self.key.cert.first().and_then(|der| ParsedCertificate::try_from(der).ok());
        let name = ServerName::DnsName(name.to_owned());
        parsed.is_some_and(|certificate| verify_server_name(&certificate, &name).is_ok())
    }
}

/// The certificates of a file, at least one.
pub(super) fn read_chain(file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let unusable = |source| TlsError::Pem { file: file.to_owned(), wanted: "certificate", source };
    let text = read(file)?;
    let chain: Vec<_> = CertificateDer::pem_slice_iter(&text).collect::<Result<_, _>>().map_err(unusable)?;
    if chain.is_empty() {
        return Err(unusable(rustls::pki_types::pem::Error::NoItemsFound));
    }
    Ok(chain)
}

/// When the first of the chain expires, if it is valid now.
fn check_validity(file: &Path, chain: &[CertificateDer<'_>]) -> Result<Duration, TlsError> {
    let der = chain.first().map_or(&[][..], |der| der.as_ref());
    let certificate = x509_cert::Certificate::from_der(der)
        .map_err(|error| TlsError::Certificate { file: file.to_owned(), reason: error.to_string() })?;
    let validity = certificate.tbs_certificate().validity();
    let (from, until) = (validity.not_before.to_unix_duration(), validity.not_after.to_unix_duration());
    // A clock before 1970 is wrong: then nothing is valid.
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    if (from..=until).contains(&now) {
        return Ok(until);
    }
    Err(TlsError::NotNow {
        file: file.to_owned(),
        from: validity.not_before.to_string(),
        until: validity.not_after.to_string(),
    })
}
