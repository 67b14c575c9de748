//! The API server behind the proxy.

use std::path::Path;

use anyhow::Context as _;
use http::header::HOST;
use http::uri::{Authority, Scheme};
use http::{HeaderMap, HeaderName, Request, Response, Uri};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

use super::BoxError;

/// Headers about one connection, not about the request.
const HOP_BY_HOP: [&str; 5] = ["connection", "keep-alive", "te", "transfer-encoding", "upgrade"];

/// Where calls are passed on to. Clones share connections.
#[derive(Debug, Clone)]
pub struct Upstream {
    client: Client<HttpsConnector<HttpConnector>, Incoming>,
    scheme: Scheme,
    authority: Authority,
}

impl Upstream {
    /// An API server with TLS, known by the certificates in a file.
    pub fn tls(authority: Authority, certificates: &Path) -> anyhow::Result<Self> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_file_iter(certificates)
            .with_context(|| format!("can't read the certificates in {}", certificates.display()))?
        {
            roots.add(certificate.context("no certificate")?)?;
        }
        Ok(Self::new(Scheme::HTTPS, authority, roots))
    }

    /// One without, for tests.
    pub fn plain(authority: Authority) -> Self {
        Self::new(Scheme::HTTP, authority, RootCertStore::empty())
    }

    fn new(scheme: Scheme, authority: Authority, roots: RootCertStore) -> Self {
        let tls = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        let connector =
            HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().build();
        Self { client: Client::builder(TokioExecutor::new()).build(connector), scheme, authority }
    }

    /// Passes a request on, with the caller's credentials.
    pub async fn pass_on(&self, mut request: Request<Incoming>) -> Result<Response<Incoming>, BoxError> {
        let mut uri = std::mem::take(request.uri_mut()).into_parts();
        (uri.scheme, uri.authority) = (Some(self.scheme.clone()), Some(self.authority.clone()));
        *request.uri_mut() = Uri::from_parts(uri)?;
        strip(request.headers_mut());
        // The client writes the API server's own name.
        request.headers_mut().remove(HOST);
        let mut response = self.client.request(request).await?;
        strip(response.headers_mut());
        Ok(response)
    }
}

fn strip(headers: &mut HeaderMap) {
    for name in HOP_BY_HOP {
        headers.remove(HeaderName::from_static(name));
    }
}
