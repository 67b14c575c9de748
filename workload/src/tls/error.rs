//! Why certificates can't be used.

use std::io;
use std::path::PathBuf;

use rustls::pki_types::pem;
use rustls::server::VerifierBuilderError;

/// Why TLS can't be spoken with the files that were given.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// There is no certificate.
    #[error("TLS needs a certificate: give --tls-cert and --tls-key")]
    NoCertificate,
    /// A file can't be read.
    #[error("failed to read {file}: {source}; --tls-cert, --tls-key and --tls-client-ca name PEM files", file = .file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file is too large to hold certificates.
    #[error("{file} is larger than 1 MiB: it must hold PEM certificates or a key", file = .file.display())]
    Size {
        /// The file.
        file: PathBuf,
    },
    /// A file is not what it should be.
    #[error("{file} holds no usable {wanted}: {source}", file = .file.display())]
    Pem {
        /// The file.
        file: PathBuf,
        /// What it should hold.
        wanted: &'static str,
        /// What is wrong.
        source: pem::Error,
    },
    /// A certificate can't be understood.
    #[error("the certificate in {file} can't be read: {reason}", file = .file.display())]
    Certificate {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A certificate and a key don't belong together, or can't be used.
    #[error("the certificate in {certificate} can't be used with the key in {key}: {source}", certificate = .certificate.display(), key = .key.display())]
    Pair {
        /// The file of the certificate.
        certificate: PathBuf,
        /// The file of the key.
        key: PathBuf,
        /// What is wrong.
        source: rustls::Error,
    },
    /// A certificate has expired, or is not valid yet.
    #[error("the certificate in {file} is valid from {from} to {until}, not now", file = .file.display())]
    NotNow {
        /// The file.
        file: PathBuf,
        /// RFC 3339.
        from: String,
        /// RFC 3339.
        until: String,
    },
    /// The authorities of the clients' certificates are of no use.
    #[error("the authorities in {file} can't be used: {source}", file = .file.display())]
    Authorities {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        source: VerifierBuilderError,
    },
    /// One of the authorities is not a certificate.
    #[error("an authority in {file} can't be used: {source}", file = .file.display())]
    Authority {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        source: rustls::Error,
    },
    /// The library refused something else.
    #[error("failed to set up TLS: {0}")]
    Library(#[from] rustls::Error),
}
