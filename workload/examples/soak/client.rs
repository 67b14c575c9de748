//! The four kinds of clients. None ever sends a request twice.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Empty};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::trust::{NAME, Trust};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    Plain,
    Tls,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    Http1,
    Http2,
}

#[derive(Debug, Clone, Copy)]
pub struct Kind {
    pub security: Security,
    pub protocol: Protocol,
    pub address: SocketAddr,
}

/// Makes connections of one kind.
#[derive(Debug, Clone)]
pub struct Connector {
    pub kind: Kind,
    tls: Option<Arc<ClientConfig>>,
}

/// An open connection.
pub enum Connection {
    Http1(http1::SendRequest<Empty<Bytes>>),
    Http2(h2::client::SendRequest<Bytes>),
}

/// What became of a request without a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    Answered,
    /// The connection had ended before: nothing of the request left the client.
    Not,
}

impl Kind {
    /// All four, for a plain server and one with TLS.
    pub fn all([plain, secured]: [SocketAddr; 2]) -> Vec<Self> {
        let protocols = [Protocol::Http1, Protocol::Http2];
        let of = |security, address| protocols.map(|protocol| Self { security, protocol, address });
        [of(Security::Plain, plain), of(Security::Tls, secured)].concat()
    }

    pub fn name(self) -> &'static str {
        match (self.protocol, self.security) {
            (Protocol::Http1, Security::Plain) => "http1",
            (Protocol::Http1, Security::Tls) => "http1Tls",
            (Protocol::Http2, Security::Plain) => "http2",
            (Protocol::Http2, Security::Tls) => "http2Tls",
        }
    }
}

impl Connector {
    pub fn new(kind: Kind, trust: &Trust) -> anyhow::Result<Self> {
        let protocol = if kind.protocol == Protocol::Http2 { "h2" } else { "http/1.1" };
        let tls = (kind.security == Security::Tls).then(|| trust.client(protocol)).transpose()?;
        Ok(Self { kind, tls })
    }

    pub async fn connect(&self) -> anyhow::Result<Connection> {
        let stream = TcpStream::connect(self.kind.address).await?;
        stream.set_nodelay(true)?;
        match &self.tls {
            None => self.speak(stream).await,
            Some(config) => {
                let connector = TlsConnector::from(Arc::clone(config));
                let stream = connector.connect(ServerName::try_from(NAME)?, stream).await?;
                self.speak(stream).await
            }
        }
    }

    async fn speak<T: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
        &self,
        io: T,
    ) -> anyhow::Result<Connection> {
        // How a connection ends is seen by its requests.
        Ok(match self.kind.protocol {
            Protocol::Http1 => {
                let (sender, connection) = http1::handshake(TokioIo::new(io)).await?;
                tokio::spawn(connection);
                Connection::Http1(sender)
            }
            Protocol::Http2 => {
                let (sender, connection) = h2::client::handshake(io).await?;
                tokio::spawn(connection);
                Connection::Http2(sender)
            }
        })
    }
}

impl Connection {
    /// Sends a request and reads its answer to the end.
    pub async fn get(&mut self) -> anyhow::Result<Sent> {
        match self {
            Self::Http1(sender) => get_over_http1(sender).await,
            Self::Http2(sender) => get_over_http2(sender.clone()).await,
        }
    }
}

async fn get_over_http1(sender: &mut http1::SendRequest<Empty<Bytes>>) -> anyhow::Result<Sent> {
    if sender.ready().await.is_err() {
        return Ok(Sent::Not);
    }
    let answer = match sender.try_send_request(request("/", Empty::new())?).await {
        Ok(answer) => answer,
        // The request came back: the connection had ended before it was sent.
        Err(error) if error.message().is_some() => return Ok(Sent::Not),
        Err(error) => return Err(error.into_error().into()),
    };
    let status = answer.status();
    check(status, &answer.into_body().collect().await?.to_bytes())
}

/// hyper's client does not tell a request that was not sent, because the server had said GOAWAY, from one that failed.
async fn get_over_http2(sender: h2::client::SendRequest<Bytes>) -> anyhow::Result<Sent> {
    let Ok(mut sender) = sender.ready().await else { return Ok(Sent::Not) };
    let Ok((answer, _)) = sender.send_request(request("http://localhost/", ())?, true) else {
        return Ok(Sent::Not);
    };
    let answer = answer.await?;
    let (status, mut body) = (answer.status(), answer.into_body());
    let mut text = Vec::new();
    while let Some(part) = body.data().await.transpose()? {
        body.flow_control().release_capacity(part.len())?;
        text.extend_from_slice(&part);
    }
    check(status, &text)
}

fn check(status: StatusCode, body: &[u8]) -> anyhow::Result<Sent> {
    anyhow::ensure!(status == 200, "answered {status}");
    anyhow::ensure!(body == b"hello, world\n", "an answer of {} bytes", body.len());
    Ok(Sent::Answered)
}

fn request<B>(target: &str, body: B) -> http::Result<Request<B>> {
    Request::get(target).header("host", "localhost").body(body)
}
