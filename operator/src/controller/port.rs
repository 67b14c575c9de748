//! The admin port of a pod's server: the one thing that tests replace besides the API server.

use std::net::SocketAddr;

use futures::future::BoxFuture;
use headroom_workload::stats::Stats;

use crate::observe::{FetchError, Fetcher, WriteError};

/// Asks and tells the servers in pods.
pub trait AdminPort: Send + Sync {
    /// What the server with this admin port has counted.
    fn stats(&self, admin: SocketAddr) -> BoxFuture<'_, Result<Stats, FetchError>>;

    /// Lets the server with this admin port run so many workers; returns how many it runs then.
    fn set_workers<'a>(
        &'a self,
        admin: SocketAddr,
        token: &'a str,
        workers: u32,
    ) -> BoxFuture<'a, Result<u32, WriteError>>;

    /// Lets the server with this admin port end its connections above so many; returns how many are ending then.
    fn shed<'a>(
        &'a self,
        admin: SocketAddr,
        token: &'a str,
        at_most: u32,
    ) -> BoxFuture<'a, Result<u32, WriteError>>;
}

impl AdminPort for Fetcher {
    fn stats(&self, admin: SocketAddr) -> BoxFuture<'_, Result<Stats, FetchError>> {
        Box::pin(Self::stats(self, admin))
    }

    fn set_workers<'a>(
        &'a self,
        admin: SocketAddr,
        token: &'a str,
        workers: u32,
    ) -> BoxFuture<'a, Result<u32, WriteError>> {
        Box::pin(Self::set_workers(self, admin, token, workers))
    }

    fn shed<'a>(
        &'a self,
        admin: SocketAddr,
        token: &'a str,
        at_most: u32,
    ) -> BoxFuture<'a, Result<u32, WriteError>> {
        Box::pin(Self::shed(self, admin, token, at_most))
    }
}
