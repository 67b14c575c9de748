//! The front: spreads requests over the ready servers, as a Service would.
//!
//! It has a thread of its own, so that a control loop that thinks does not delay requests, and the other way round.

mod balance;
mod forward;
#[cfg(test)]
mod tests;

pub(super) use balance::{Backend, Backends};

use std::convert::Infallible;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, oneshot};

use forward::Forwarder;

/// Connections of clients at the same time; further ones wait to be accepted.
const MAX_CONNECTIONS: usize = 4096;
/// Bytes of one request's head.
const MAX_HEAD_BYTES: usize = 64 * 1024;
/// How long a client may take to send a request's head, and how long a connection may stay idle.
const HEAD_TIMEOUT: Duration = Duration::from_secs(60);
/// How long requests in progress may take when the front stops.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);

/// A running front.
#[derive(Debug)]
pub(super) struct Front {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    stopped: oneshot::Receiver<()>,
}

impl Front {
    /// Starts to listen on `address` and to pass requests on to `backends`.
    pub(super) fn start(address: SocketAddr, backends: Backends) -> std::io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (stop, told_to_stop) = oneshot::channel();
        let (done, stopped) = oneshot::channel();
        std::thread::Builder::new().name("front".into()).spawn(move || {
            runtime.block_on(async {
                if let Err(error) = serve(listener, Forwarder::new(backends), told_to_stop).await {
                    tracing::error!(%error, "the front ended");
                }
            });
            let _ = done.send(());
        })?;
        Ok(Self { address, stop, stopped })
    }

    /// Where it listens.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Accepts nothing more and waits until the requests in progress are answered, at most ten seconds.
    pub(super) async fn stop(self) {
        let _ = self.stop.send(());
        let _ = self.stopped.await;
    }
}

async fn serve(
    listener: TcpListener,
    forwarder: Forwarder,
    mut stop: oneshot::Receiver<()>,
) -> std::io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let connections = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let graceful = GracefulShutdown::new();
    loop {
        let accepted = async {
            let permit = Arc::clone(&connections).acquire_owned().await;
            (listener.accept().await, permit)
        };
        let (accepted, permit) = tokio::select! {
            accepted = accepted => accepted,
            _ = &mut stop => break,
        };
        let Ok((stream, _)) = accepted else {
            // Out of file descriptors, most likely: those in use come back when connections end.
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        let connection = graceful.watch(connection(stream, forwarder.clone()));
        tokio::spawn(async move {
            // An error here is a client that went away or spoke no HTTP: its own affair.
            let _ = connection.await;
            drop(permit);
        });
    }
    drop(listener);
    let _ = tokio::time::timeout(DRAIN_TIMEOUT, graceful.shutdown()).await;
    Ok(())
}

fn connection(
    stream: TcpStream,
    forwarder: Forwarder,
) -> impl hyper_util::server::graceful::GracefulConnection<Error = hyper::Error> {
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| {
        let forwarder = forwarder.clone();
        async move { Ok::<_, Infallible>(forwarder.forward(request).await) }
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(MAX_HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), service)
}
