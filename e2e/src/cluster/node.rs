//! A node: containerd, kubelet and kube-proxy in a network of their own.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::to_vec_pretty;

use super::cgroups::Cgroups;
use super::component::{Component, Launch};
use super::config::NodeConfig;
use super::control_plane::{ControlPlane, flags};
use super::images;
use super::network::{NodeNetwork, PODS};
use super::place::{Place, write};

const PATIENCE: Duration = Duration::from_secs(60);

/// A node of the local provider.
#[derive(Debug)]
pub struct LocalNode<'a> {
    /// Its name.
    pub name: String,
    /// Its network.
    pub network: &'a NodeNetwork,
    /// Names and folders.
    pub place: &'a Place,
    /// Where the components are tracked.
    pub cgroups: &'a Cgroups,
    /// The folder with the programs of Kubernetes.
    pub kubernetes: &'a Path,
}

/// The folder of all that a node keeps.
pub fn folder(place: &Place, node: &str) -> PathBuf {
    place.file("nodes").join(node)
}

/// The socket of a node's containerd.
pub fn socket(place: &Place, node: &str) -> PathBuf {
    folder(place, node).join("containerd.sock")
}

/// The kubelet's name among the components.
pub fn kubelet(node: &str) -> String {
    format!("kubelet-{node}")
}

impl LocalNode<'_> {
    /// Starts containerd and gives it the image that every pod needs. Needs no API server.
    pub fn start_runtime(&self, control: &ControlPlane<'_>, pause: &Path) -> anyhow::Result<()> {
        control.pki.make_node(&self.name, self.network.address())?;
        let folder = folder(self.place, &self.name);
        let (certificate, key) = (control.pki.certificate(&self.name), control.pki.key(&self.name));
        let config = NodeConfig {
            cluster: self.place.name(),
            node: &self.name,
            folder: &folder,
            network: self.network,
            pause_image: images::PAUSE,
            authority: &control.pki.certificate("ca"),
            certificate: (&certificate, &key),
        };
        write(&folder.join("containerd.toml"), config.containerd())?;
        write(&folder.join("kubelet.yaml"), to_vec_pretty(&config.kubelet())?)?;
        write(&folder.join("cni/10-pods.conflist"), to_vec_pretty(&config.cni())?)?;
        let file = folder.join("containerd.toml").display().to_string();
        let containerd =
            self.start("containerd", vec!["containerd".to_owned(), "--config".to_owned(), file])?;
        let socket = socket(self.place, &self.name);
        containerd.wait_until("its socket answers", PATIENCE, || images::answers(&socket))?;
        images::import(&socket, pause)
    }

    /// Starts kubelet and kube-proxy.
    pub fn start_agents(&self, control: &ControlPlane<'_>) -> anyhow::Result<()> {
        let folder = folder(self.place, &self.name);
        let file = |name: &str| folder.join(name).display().to_string();
        let mut kubelet = vec![self.kubernetes.join("kubelet").display().to_string()];
        kubelet.extend(flags(&[
            ("config", &file("kubelet.yaml")),
            ("kubeconfig", &control.kubeconfig(&self.name)?),
            ("root-dir", &file("kubelet")),
            ("cert-dir", &file("kubelet/pki")),
            ("hostname-override", &self.name),
            ("node-ip", &self.network.address().to_string()),
            ("v", "2"),
        ]));
        self.start("kubelet", kubelet)?;
        let mut proxy = vec![self.kubernetes.join("kube-proxy").display().to_string()];
        proxy.extend(flags(&[
            ("kubeconfig", &control.kubeconfig("proxy")?),
            ("proxy-mode", "nftables"),
            ("cluster-cidr", PODS),
            ("hostname-override", &self.name),
            // The limit of connections is the machine's, not ours to set; nor is the score.
            ("conntrack-max-per-core", "0"),
            ("oom-score-adj", "0"),
        ]));
        self.start("kube-proxy", proxy).map(drop)
    }

    fn start(&self, program: &str, command: Vec<String>) -> anyhow::Result<Component> {
        let name = format!("{program}-{}", self.name);
        Launch { name, network: Some(self.network.namespace().to_owned()), command }
            .start(self.place, self.cgroups)
    }
}
