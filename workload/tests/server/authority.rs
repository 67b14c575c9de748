//! An authority that certifies hosts and clients for tests.

use std::time::{Duration, SystemTime};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::pki_types::CertificateDer;

pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: rcgen::Certificate,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Validity {
    Past,
    Now,
    Future,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "authority of a test");
        let certificate = params.self_signed(&key).unwrap();
        Self { issuer: Issuer::new(params, key), certificate }
    }

    pub(crate) fn pem(&self) -> String {
        self.certificate.pem()
    }

    pub(crate) fn der(&self) -> CertificateDer<'static> {
        self.certificate.der().clone()
    }

    /// A certificate for a host or client of that name and its key, as PEM.
    pub(crate) fn issue(&self, name: &str, validity: Validity) -> (String, String) {
        const YEAR: Duration = Duration::from_hours(24 * 365);
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        let now = SystemTime::now();
        let (from, until) = match validity {
            Validity::Past => (now - 2 * YEAR, now - YEAR),
            Validity::Now => (now - YEAR, now + YEAR),
            Validity::Future => (now + YEAR, now + 2 * YEAR),
        };
        (params.not_before, params.not_after) = (from.into(), until.into());
        (params.signed_by(&key, &self.issuer).unwrap().pem(), key.serialize_pem())
    }
}
