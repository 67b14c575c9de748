//! What the components of a node read at their start. Each setting that is not a default says why it is there.

use std::fmt::Write;
use std::path::Path;

use serde_json::{Value, json};

use super::network::{DNS_SERVICE, NodeNetwork};
use super::packages::CNI_PLUGINS;

/// What the configurations of a node speak of.
#[derive(Debug)]
pub struct NodeConfig<'a> {
    /// The cluster's name, and the root of its cgroups.
    pub cluster: &'a str,
    /// The node's name.
    pub node: &'a str,
    /// The folder of all that the node keeps.
    pub folder: &'a Path,
    /// Its network.
    pub network: &'a NodeNetwork,
    /// The image that holds a pod's namespaces.
    pub pause_image: &'a str,
    /// The certificate of the authority.
    pub authority: &'a str,
    /// The kubelet's certificate and key.
    pub certificate: (&'a str, &'a str),
}

impl NodeConfig<'_> {
    /// containerd's configuration, for version 1.6 and 1.7.
    pub fn containerd(&self) -> String {
        let path = |relative: &str| json!(self.folder.join(relative)).to_string();
        let mut toml = String::new();
        let mut table = |name: &str, values: &[(&str, String)]| {
            // Writing to a string doesn't fail.
            let _ = writeln!(toml, "[{name}]");
            for (key, value) in values {
                let _ = writeln!(toml, "{key} = {value}");
            }
        };
        let cri = r#"plugins."io.containerd.grpc.v1.cri""#;
        table("grpc", &[("address", path("containerd.sock"))]);
        table(
            cri,
            &[
                ("sandbox_image", json!(self.pause_image).to_string()),
                // Root in a container may lack the right to lower the score; without this no pod would start there.
                ("restrict_oom_score_adj", "true".to_owned()),
                // Below the run folder, where `down` finds them.
                ("netns_mounts_under_state_dir", "true".to_owned()),
            ],
        );
        table(
            &format!("{cri}.cni"),
            &[("bin_dir", json!(CNI_PLUGINS).to_string()), ("conf_dir", path("cni"))],
        );
        table(&format!("{cri}.containerd"), &[("snapshotter", json!("overlayfs").to_string())]);
        let runc = format!("{cri}.containerd.runtimes.runc");
        table(&runc, &[("runtime_type", json!("io.containerd.runc.v2").to_string())]);
        table(&format!("{runc}.options"), &[("Root", path("runc"))]);
        table(r#"plugins."io.containerd.internal.v1.opt""#, &[("path", path("containerd/opt"))]);
        format!(
            "version = 2\nroot = {}\nstate = {}\n{toml}",
            path("containerd/root"),
            path("containerd/state")
        )
    }

    /// The network plugins of a pod.
    pub fn cni(&self) -> Value {
        let ipam = json!({
            "type": "host-local",
            "dataDir": self.folder.join("cni-addresses"),
            "ranges": [[{ "subnet": self.network.pods() }]],
            "routes": [{ "dst": "0.0.0.0/0" }],
        });
        let bridge = json!({ "type": "bridge", "bridge": "pods", "isGateway": true, "ipMasq": false, "hairpinMode": true, "ipam": ipam });
        let ports = json!({ "type": "portmap", "capabilities": { "portMappings": true } });
        json!({ "cniVersion": "1.0.0", "name": self.cni_network(), "plugins": [bridge, ports] })
    }

    /// The name under which plugins keep their results.
    fn cni_network(&self) -> String {
        format!("{}-{}", self.cluster, self.node)
    }

    /// The kubelet's configuration.
    pub fn kubelet(&self) -> Value {
        json!({
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "authentication": {
                "anonymous": { "enabled": false },
                "webhook": { "enabled": true },
                "x509": { "clientCAFile": self.authority },
            },
            "authorization": { "mode": "Webhook" },
            "tlsCertFile": self.certificate.0,
            "tlsPrivateKeyFile": self.certificate.1,
            "containerRuntimeEndpoint": format!("unix://{}", self.folder.join("containerd.sock").display()),
            "clusterDomain": "cluster.local",
            "clusterDNS": [DNS_SERVICE],
            // The machine's own names lead nowhere from inside.
            "resolvConf": "",
            // No systemd is asked for anything, and the machine's own cgroups stay as they are.
            "cgroupDriver": "cgroupfs",
            "cgroupRoot": format!("/{}/{}", self.cluster, self.node),
            "enforceNodeAllocatable": [],
            "oomScoreAdj": 0,
            "failSwapOn": false,
            // kube-proxy uses nftables alone.
            "makeIPTablesUtilChains": false,
            // The machine's disk and memory are shared with whatever else runs; only a full one is a reason to evict.
            "evictionHard": { "memory.available": "100Mi", "nodefs.available": "1%", "imagefs.available": "1%" },
            // There is no registry to fetch an image from again.
            "imageGCHighThresholdPercent": 100,
            "imageGCLowThresholdPercent": 99,
            "podLogsDir": self.folder.join("pod-logs"),
            "volumePluginDir": self.folder.join("volume-plugins"),
            // Renewed four times in the grace that the controller manager gives.
            "nodeLeaseDurationSeconds": 20,
            "nodeStatusUpdateFrequency": "5s",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::place::Place;

    fn config<T>(read: impl FnOnce(NodeConfig<'_>) -> T) -> T {
        let network = NodeNetwork::new(&Place::of_this_checkout(), 2);
        read(NodeConfig {
            cluster: "headroom-1",
            node: "node2",
            folder: Path::new("/run/a \"b\""),
            network: &network,
            pause_image: "pause:1",
            authority: "ca.crt",
            certificate: ("node2.crt", "node2.key"),
        })
    }

    #[test]
    fn containerd_keeps_everything_in_the_nodes_folder() {
        let toml = config(|config| config.containerd());
        let keys = ["root", "state", "address", "conf_dir", "Root", "path"];
        let paths =
            toml.lines().filter_map(|line| line.split_once(" = ")).filter(|(key, _)| keys.contains(key));
        let paths: Vec<_> = paths.map(|(_, path)| path).collect();
        assert_eq!(paths.len(), keys.len(), "{toml}");
        // Quoted as TOML quotes, whatever the folder is called.
        assert!(paths.iter().all(|path| path.starts_with(r#""/run/a \"b\"/"#)), "{toml}");
    }

    #[test]
    fn nodes_share_neither_addresses_nor_cgroups() {
        let (cni, kubelet) = config(|config| (config.cni(), config.kubelet()));
        assert_eq!(cni["plugins"][0]["ipam"]["ranges"][0][0]["subnet"], "198.19.1.0/24");
        assert_eq!(cni["name"], "headroom-1-node2");
        assert_eq!(kubelet["cgroupRoot"], "/headroom-1/node2");
    }
}
