//! What can be set about TLS on the port for requests.

use std::path::PathBuf;

/// TLS 1.3 and 1.2. All files are PEM, and read again when they change; what is open stays open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// Which certificate a client gets depends on the server name it asks for; the first is for all other names and
    /// for clients that name none. There must be at least one.
    pub certificates: Vec<KeyPair>,
    /// Whether clients prove who they are.
    pub clients: ClientAuth,
}

/// A certificate with its chain, and its private key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPair {
    /// The server's certificate first, then those that lead to the authority.
    pub certificate: PathBuf,
    /// Its private key: PKCS #8, PKCS #1 or SEC 1.
    pub key: PathBuf,
}

/// Whether clients prove who they are, by a certificate of one of the authorities in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientAuth {
    /// They are not asked.
    Off,
    /// They are asked; without a certificate they are served as anybody.
    Optional(PathBuf),
    /// Without a certificate there is no connection.
    Required(PathBuf),
}

impl Tls {
    /// One certificate for every name, clients not asked.
    pub fn new(certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        let pair = KeyPair { certificate: certificate.into(), key: key.into() };
        Self { certificates: vec![pair], clients: ClientAuth::Off }
    }
}

impl ClientAuth {
    /// The file with the authorities.
    pub(crate) fn authorities(&self) -> Option<&PathBuf> {
        match self {
            Self::Off => None,
            Self::Optional(file) | Self::Required(file) => Some(file),
        }
    }
}
