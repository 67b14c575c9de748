//! A blocking client over TLS.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use rustls::client::ClientConnection;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, StreamOwned, SupportedProtocolVersion};

use crate::client::{Client, PATIENCE};
use crate::service::Service;

pub(crate) type TlsClient = Client<StreamOwned<ClientConnection, TcpStream>>;

/// Whom a client trusts, and who it is.
#[derive(Debug, Clone)]
pub(crate) struct Trust {
    roots: RootCertStore,
    config: Arc<ClientConfig>,
}

impl Trust {
    pub(crate) fn new(authority: CertificateDer<'static>) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(authority).unwrap();
        let builder = ClientConfig::builder_with_provider(ring::default_provider().into());
        let builder = builder.with_safe_default_protocol_versions().unwrap();
        let config = builder.with_root_certificates(roots.clone()).with_no_client_auth();
        Self { roots, config: config.into() }
    }

    /// Offers one version alone.
    pub(crate) fn version(self, version: &'static SupportedProtocolVersion) -> Self {
        let builder = ClientConfig::builder_with_provider(ring::default_provider().into());
        let builder = builder.with_protocol_versions(&[version]).unwrap();
        let config = builder.with_root_certificates(self.roots.clone()).with_no_client_auth();
        Self { config: config.into(), ..self }
    }

    /// Shows a certificate, PEM as its key.
    pub(crate) fn identity(self, certificate: &str, key: &str) -> Self {
        let builder = ClientConfig::builder_with_provider(ring::default_provider().into());
        let builder = builder.with_safe_default_protocol_versions().unwrap();
        let chain = vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()];
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
        let builder = builder.with_root_certificates(self.roots.clone());
        Self { config: builder.with_client_auth_cert(chain, key).unwrap().into(), ..self }
    }

    /// Speaks these protocols.
    pub(crate) fn protocols(self, protocols: &[&str]) -> Self {
        let mut config = (*self.config).clone();
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        Self { config: config.into(), ..self }
    }

    /// Connects and agrees on TLS.
    pub(crate) fn connect(&self, service: &Service, name: &str) -> io::Result<TlsClient> {
        self.connect_to(service.server.addresses().listening, name)
    }

    /// The same to any server.
    pub(crate) fn connect_to(&self, address: SocketAddr, name: &str) -> io::Result<TlsClient> {
        let mut socket = TcpStream::connect(address)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.set_nodelay(true)?;
        let name = ServerName::try_from(name.to_owned()).unwrap();
        let mut session = ClientConnection::new(Arc::clone(&self.config), name).unwrap();
        while session.is_handshaking() {
            session.complete_io(&mut socket)?;
        }
        Ok(Client::over(StreamOwned::new(session, socket)))
    }
}

impl TlsClient {
    pub(crate) fn session(&self) -> &ClientConnection {
        &self.stream().conn
    }
}
