//! Who a client is, by the certificate it has proved to hold.

use std::sync::Arc;

use rustls::ServerConnection;
use x509_cert::der::Decode as _;

/// The subject of the client's certificate as RFC 4514 writes it, like `CN=shop,O=Example`. `None` for a client
/// without a certificate, or with one that names nobody.
pub(crate) fn subject(session: &ServerConnection) -> Option<Arc<str>> {
    subject_of(session.peer_certificates()?.first()?)
}

fn subject_of(der: &[u8]) -> Option<Arc<str>> {
    let certificate = x509_cert::Certificate::from_der(der).ok()?;
    let subject = certificate.tbs_certificate().subject().to_string();
    (!subject.is_empty()).then(|| subject.into())
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::nobody(&[], None)]
    #[case::a_name(&[(DnType::CommonName, "shop")], Some("CN=shop"))]
    #[case::a_path(
        &[(DnType::OrganizationName, "Example, Inc."), (DnType::CommonName, "shop")],
        Some("CN=shop,O=Example\\, Inc.")
    )]
    fn a_subject_is_written_as_rfc_4514_says(
        #[case] names: &[(DnType, &str)],
        #[case] expected: Option<&str>,
    ) {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        for (kind, value) in names {
            params.distinguished_name.push(kind.clone(), *value);
        }
        let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        assert_eq!(subject_of(certificate.der()).as_deref(), expected);
    }

    #[test]
    fn what_is_no_certificate_names_nobody() {
        assert_eq!(subject_of(b"\x30\x03\x02\x01\x01"), None);
    }
}
