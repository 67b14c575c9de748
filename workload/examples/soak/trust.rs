//! A certificate for this run, and clients that trust it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use headroom_workload::Tls;
use rcgen::{CertificateParams, KeyPair};
use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};

#[derive(Debug, Clone)]
pub struct Trust {
    certificate: PathBuf,
    key: PathBuf,
    roots: RootCertStore,
}

pub const NAME: &str = "localhost";

impl Trust {
    /// Writes certificate and key into a folder.
    pub fn new(folder: &Path) -> anyhow::Result<Self> {
        let pair = KeyPair::generate()?;
        let signed = CertificateParams::new([NAME.to_owned()])?.self_signed(&pair)?;
        let (certificate, key) = (folder.join("tls.crt"), folder.join("tls.key"));
        std::fs::write(&certificate, signed.pem())?;
        std::fs::write(&key, pair.serialize_pem())?;
        let mut roots = RootCertStore::empty();
        roots.add(signed.der().clone())?;
        Ok(Self { certificate, key, roots })
    }

    pub fn server(&self) -> Tls {
        Tls::new(&self.certificate, &self.key)
    }

    /// For clients that speak this protocol alone.
    pub fn client(&self, protocol: &str) -> anyhow::Result<Arc<ClientConfig>> {
        let builder = ClientConfig::builder_with_provider(ring::default_provider().into());
        let builder = builder.with_safe_default_protocol_versions()?;
        let mut config = builder.with_root_certificates(self.roots.clone()).with_no_client_auth();
        config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
        Ok(config.into())
    }
}
