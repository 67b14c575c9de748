//! TLS 1.3 over TCP. It trusts any certificate: who the server is was settled by whoever started it, and a client that
//! does not check has more time for the server.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::sync::Arc;

use anyhow::Context as _;
use mio::net::TcpStream;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ClientConnection, Resumption};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};

use super::wire::{Route, Wire, not_yet};

/// TLS over TCP.
#[derive(Debug)]
pub struct Tls {
    stream: TcpStream,
    session: ClientConnection,
}

/// What all connections share: TLS 1.3, nothing resumed.
pub fn configuration() -> anyhow::Result<Arc<ClientConfig>> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let schemes = provider.signature_verification_algorithms.supported_schemes();
    let mut configuration = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .context("the client has no TLS 1.3")?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Trusting { schemes }))
        .with_no_client_auth();
    configuration.resumption = Resumption::disabled();
    Ok(Arc::new(configuration))
}

impl Wire for Tls {
    type Shared = Arc<ClientConfig>;

    fn connect(route: Route, shared: &Self::Shared) -> io::Result<Self> {
        let name = ServerName::try_from("bench.example").map_err(io::Error::other)?;
        let session = ClientConnection::new(Arc::clone(shared), name).map_err(io::Error::other)?;
        let stream = route.connect()?;
        // The last piece of the handshake and the request would wait for each other's acknowledgement.
        stream.set_nodelay(true)?;
        Ok(Self { stream, session })
    }

    fn stream(&mut self) -> &mut TcpStream {
        &mut self.stream
    }

    /// The session keeps what can't be sent yet, the handshake too.
    fn send(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.session.writer().write(bytes)?;
        self.flush()?;
        Ok(count)
    }

    fn receive(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.session.reader().read(buffer) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                done => return done,
            }
            // A reader that would block says so until there are new bytes; after the last ones it says what ended.
            let received = not_yet(self.session.read_tls(&mut self.stream));
            let blocked = matches!(&received, Err(error) if error.kind() == ErrorKind::WouldBlock);
            if !blocked {
                received?;
                self.session.process_new_packets().map_err(io::Error::other)?;
            }
            self.flush()?;
            if blocked {
                return Err(ErrorKind::WouldBlock.into());
            }
        }
    }
}

impl Tls {
    fn flush(&mut self) -> io::Result<()> {
        while self.session.wants_write() {
            match not_yet(self.session.write_tls(&mut self.stream)) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

#[derive(Debug)]
struct Trusting {
    schemes: Vec<SignatureScheme>,
}

impl ServerCertVerifier for Trusting {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.schemes.clone()
    }
}
