//! An HTTP server for many requests per second within a latency bound: one single-threaded runtime per worker, one
//! admission queue for all of them, and a worker count that can change while it runs. Bring your axum `Router`.
#![cfg_attr(feature = "server", doc = "", doc = include_str!("../README.md"))]

#[cfg(feature = "server")]
mod admin;
#[cfg(feature = "server")]
mod admission;
#[cfg(feature = "server")]
mod args;
#[cfg(feature = "server")]
mod brownout;
#[cfg(feature = "server")]
mod clock;
#[cfg(feature = "server")]
mod connection;
#[cfg(feature = "server")]
mod context;
#[cfg(feature = "server")]
mod control;
#[cfg(feature = "server")]
mod core;
#[cfg(feature = "server")]
mod door;
#[cfg(feature = "server")]
mod fixed;
#[cfg(feature = "fuzz")]
pub mod fuzz;
#[cfg(feature = "server")]
mod host;
#[cfg(feature = "server")]
mod intake;
#[cfg(feature = "server")]
mod record;
#[cfg(feature = "server")]
mod sample;
#[cfg(feature = "server")]
mod server;
#[cfg(feature = "server")]
mod settings;
pub mod stats;
#[cfg(feature = "server")]
mod tls;
#[cfg(feature = "server")]
mod trace;
#[cfg(feature = "server")]
pub mod upstream;
#[cfg(feature = "server")]
mod watch;
#[cfg(feature = "server")]
mod worker;

#[cfg(feature = "server")]
pub use {
    admin::{JwksError, TokenError, WritersError},
    args::Args,
    brownout::{BrownoutCache, BrownoutLevel, CacheBounds, WithBrownoutCache},
    context::{NoRequestContext, RequestContext, RequestContextLayer, WithRequestContext},
    control::Drained,
    fixed::{FixedAnswer, FixedAnswerError},
    intake::{Network, NetworkError},
    sample::{Cost, CostDistribution, sample_service},
    server::{Addresses, RunningServer, Server, StartError},
    settings::{
        Admission, BrownoutSettings, ClientAuth, ClientKey, ClientLimits, Cpus, Drain, GrpcHealth, Http1,
        Jwks, KeyPair, Limits, MAX_WORKERS, Objective, Overload, Pinning, Queue, Read, ServiceAccount,
        Settings, Tls, Traces, Wait, Workers, Writes,
    },
    tls::TlsError,
    worker::WorkersError,
};
