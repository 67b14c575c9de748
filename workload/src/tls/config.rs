//! What one state of the files makes of TLS.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::{CryptoProvider, ring};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{ClientHello, ProducesTickets, ResolvesServerCert, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls::{RootCertStore, ServerConfig, version};

use super::certificate::{Certificate, read_chain};
use super::error::TlsError;
use crate::settings::{ClientAuth, Tls};

/// HTTP/2 first: the server's order decides.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// A configuration, and when its first certificate expires.
#[derive(Debug, Clone)]
pub(super) struct Loaded {
    pub(super) config: Arc<ServerConfig>,
    /// After 1970.
    pub(super) not_after: Duration,
}

#[derive(Debug)]
struct ByName {
    /// The first is for everybody whose name none is for.
    certificates: Vec<Certificate>,
}

impl Loaded {
    /// Reads all files. `tickets` are those of the configuration before, so that its clients can resume.
    pub(super) fn read(settings: &Tls, tickets: &Arc<dyn ProducesTickets>) -> Result<Self, TlsError> {
        let provider = Arc::new(ring::default_provider());
        let load = |pair| Certificate::load(pair, &provider);
        let certificates = settings.certificates.iter().map(load).collect::<Result<Vec<_>, _>>()?;
        let not_after = certificates
            .iter()
            .map(|certificate| certificate.not_after)
            .min()
            .ok_or(TlsError::NoCertificate)?;
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&[&version::TLS13, &version::TLS12])?
            .with_client_cert_verifier(verifier(&settings.clients, &provider)?);
        let mut config = builder.with_cert_resolver(Arc::new(ByName { certificates }));
        config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).to_vec();
        // Sessions are kept by the clients, encrypted: here they cost no memory.
        config.ticketer = Arc::clone(tickets);
        config.session_storage = Arc::new(rustls::server::NoServerSessionStorage {});
        Ok(Self { config: Arc::new(config), not_after })
    }
}

/// New keys for sessions that clients keep.
pub(super) fn tickets() -> Result<Arc<dyn ProducesTickets>, TlsError> {
    Ok(ring::Ticketer::new()?)
}

fn verifier(
    clients: &ClientAuth,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let Some(file) = clients.authorities() else {
        return Ok(WebPkiClientVerifier::no_client_auth());
    };
    let roots = Arc::new(authorities(file)?);
    let builder = WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(provider));
    let builder = match clients {
        ClientAuth::Optional(_) => builder.allow_unauthenticated(),
        ClientAuth::Off | ClientAuth::Required(_) => builder,
    };
    builder.build().map_err(|source| TlsError::Authorities { file: file.clone(), source })
}

fn authorities(file: &Path) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in read_chain(file)? {
        roots.add(certificate).map_err(|source| TlsError::Authority { file: file.to_owned(), source })?;
    }
    Ok(roots)
}

impl ResolvesServerCert for ByName {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let usable = |certificate: &&Certificate| {
            certificate.key.key.choose_scheme(hello.signature_schemes()).is_some()
        };
        // Names have been checked by rustls: they are DNS names.
        let name = hello.server_name().and_then(|name| rustls::pki_types::DnsName::try_from(name).ok());
        let named = name.and_then(|name| {
            self.certificates.iter().filter(|certificate| certificate.is_for(&name)).find(usable)
        });
        named.or_else(|| self.certificates.first()).map(|certificate| Arc::clone(&certificate.key))
    }
}
