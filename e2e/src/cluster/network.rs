//! The cluster's network: a namespace for each node, joined by a bridge in the first one. Nothing of it reaches the
//! machine's own network, nor is reached from there.
//!
//! The addresses are of the range that is reserved for benchmarks (RFC 2544), so that they mean nothing elsewhere; two
//! clusters on one machine use the same ones, each in namespaces of its own.

use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;

use super::command::{output, run};
use super::place::{Place, make_folder};

/// All pods.
pub const PODS: &str = "198.19.0.0/16";
/// All services.
pub const SERVICES: &str = "10.96.0.0/16";
/// The API server as pods see it: the first address of the services.
pub const API_SERVICE: Ipv4Addr = Ipv4Addr::new(10, 96, 0, 1);
/// Where pods look names up.
pub const DNS_SERVICE: Ipv4Addr = Ipv4Addr::new(10, 96, 0, 10);

const BRIDGE: &str = "nodes";
const UPLINK: &str = "eth0";

/// A node's share of the network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeNetwork {
    number: u8,
    namespace: PathBuf,
}

impl NodeNetwork {
    /// The network of the node with this number, from 1.
    pub fn new(place: &Place, number: u8) -> Self {
        Self { number, namespace: place.file(format!("network/node{number}")) }
    }

    /// The file that stands for the namespace; `nsenter --net=FILE` enters it.
    pub fn namespace(&self) -> &Path {
        &self.namespace
    }

    /// The node's address.
    pub fn address(&self) -> Ipv4Addr {
        Ipv4Addr::new(198, 18, 0, self.number)
    }

    /// The range of its pods.
    pub fn pods(&self) -> String {
        format!("198.19.{}.0/24", self.number - 1)
    }

    fn make(&self) -> anyhow::Result<()> {
        self.namespace.parent().map_or(Ok(()), make_folder)?;
        fs::write(&self.namespace, "").context("can't make the file of a network namespace")?;
        // The namespace lives as long as the mount on the file: no process has to stay in it, and what `down` unmounts
        // lies in the run folder.
        run(["unshare", &format!("--net={}", self.namespace.display()), "true"])?;
        self.run(&["ip", "link", "set", "lo", "up"])?;
        self.run(&["sysctl", "-qw", "net.ipv4.ip_forward=1"])
    }

    fn run(&self, words: &[&str]) -> anyhow::Result<()> {
        let namespace = format!("--net={}", self.namespace.display());
        output(Command::new("nsenter").args([&namespace, "--"]).args(words)).map(drop)
    }
}

/// Makes the namespaces and joins them.
pub fn make(nodes: &[NodeNetwork]) -> anyhow::Result<()> {
    nodes.iter().try_for_each(NodeNetwork::make)?;
    let Some((first, others)) = nodes.split_first() else { return Ok(()) };
    first.run(&["ip", "link", "add", BRIDGE, "type", "bridge"])?;
    first.run(&["ip", "address", "add", &format!("{}/24", first.address()), "dev", BRIDGE])?;
    first.run(&["ip", "link", "set", BRIDGE, "up"])?;
    // There is no way out, but a route has to exist: the kubelet and the API server ask for the default one.
    first.run(&["ip", "route", "add", "default", "via", "198.18.0.254", "dev", BRIDGE])?;
    others.iter().try_for_each(|node| join(first, node))?;
    for node in nodes {
        for other in nodes.iter().filter(|other| *other != node) {
            node.run(&["ip", "route", "add", &other.pods(), "via", &other.address().to_string()])?;
        }
    }
    Ok(())
}

fn join(first: &NodeNetwork, node: &NodeNetwork) -> anyhow::Result<()> {
    let port = format!("node{}", node.number);
    let namespace = node.namespace.display().to_string();
    let pair = ["ip", "link", "add", &port, "type", "veth", "peer", "name", UPLINK, "netns", &namespace];
    first.run(&pair)?;
    first.run(&["ip", "link", "set", &port, "master", BRIDGE, "up"])?;
    node.run(&["ip", "address", "add", &format!("{}/24", node.address()), "dev", UPLINK])?;
    node.run(&["ip", "link", "set", UPLINK, "up"])?;
    node.run(&["ip", "route", "add", "default", "via", &first.address().to_string()])
}
