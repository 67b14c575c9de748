//! `headroom-fault-proxy`: stands before the API server in a pod, and disturbs what passes by rules.

use std::net::{Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use anyhow::Context as _;
use clap::Parser;
use headroom_e2e::fault_proxy::{CONTROL_PORT, PORT, Proxy, Upstream};
use tokio::net::TcpListener;

/// Passes calls on to the API server, except as the rules say.
#[derive(Debug, Parser)]
#[command(name = "headroom-fault-proxy")]
struct Arguments {
    /// Where calls are taken, as plain HTTP.
    #[arg(long, default_value_t = SocketAddr::from((Ipv6Addr::UNSPECIFIED, PORT)))]
    listen: SocketAddr,
    /// Where rules are taken.
    #[arg(long, default_value_t = SocketAddr::from((Ipv6Addr::UNSPECIFIED, CONTROL_PORT)))]
    control: SocketAddr,
    /// The API server's host; a pod knows it.
    #[arg(long, env = "KUBERNETES_SERVICE_HOST")]
    host: String,
    /// The API server's port.
    #[arg(long, env = "KUBERNETES_SERVICE_PORT", default_value_t = 443)]
    port: u16,
    /// Certificates that the API server is known by.
    #[arg(long, default_value = "/var/run/secrets/kubernetes.io/serviceaccount/ca.crt")]
    certificates: PathBuf,
}

fn main() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.block_on(serve(Arguments::parse()))
}

async fn serve(arguments: Arguments) -> anyhow::Result<()> {
    let Arguments { listen, control, host, port, certificates } = arguments;
    let authority = format!("{host}:{port}").parse().context("no host and port")?;
    let proxy = Proxy::new(Upstream::tls(authority, &certificates)?);
    let calls = TcpListener::bind(listen).await.with_context(|| format!("can't listen on {listen}"))?;
    let rules = TcpListener::bind(control).await.with_context(|| format!("can't listen on {control}"))?;
    tokio::join!(proxy.clone().serve(calls), proxy.serve_control(rules));
    Ok(())
}
