//! The control plane: etcd, API server, controller manager, scheduler, and the way to the API server from the host. All
//! run in the first node's network.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use serde_json::{Value, json};

use super::cgroups::Cgroups;
use super::component::{Component, Launch};
use super::kubectl::Kubectl;
use super::network::{NodeNetwork, PODS, SERVICES};
use super::pki::Pki;
use super::place::{Place, make_folder, write};

/// The API server's name among the components.
pub const API_SERVER: &str = "kube-apiserver";

const API_PORT: u16 = 6443;
/// Generous: the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(90);
/// The audit log is one file to its readers: it is never rotated below this size, in MiB.
const AUDIT_LOG_MIB: u32 = 4096;

/// What the control plane is made of.
#[derive(Debug)]
pub struct ControlPlane<'a> {
    /// Names and folders.
    pub place: &'a Place,
    /// Where the components are tracked.
    pub cgroups: &'a Cgroups,
    /// The keys.
    pub pki: &'a Pki,
    /// The first node's network.
    pub network: &'a NodeNetwork,
    /// The folder with the programs of Kubernetes.
    pub kubernetes: &'a Path,
    /// The folder with etcd.
    pub etcd: &'a Path,
}

impl ControlPlane<'_> {
    /// The API server's address for the nodes.
    pub fn server(&self) -> String {
        format!("https://{}:{API_PORT}", self.network.address())
    }

    /// Starts etcd and the API server, and lets `port` of the loopback lead to it. Ends when the API server is ready.
    pub fn start_api_server(&self, port: u16) -> anyhow::Result<()> {
        make_folder(&self.place.file("audit"))?;
        write(&self.audit_policy_file(), serde_json::to_vec_pretty(&audit_policy())?)?;
        self.start("etcd", self.etcd, self.etcd_arguments())?;
        // It waits for etcd by itself.
        let api_server = self.start(API_SERVER, self.kubernetes, self.api_server_arguments())?;
        self.start_forwarder(port)?;
        let kubectl = Kubectl::new(self.kubernetes, self.place.kubeconfig());
        api_server.wait_until("it answers as ready", PATIENCE, || kubectl.is_ready())
    }

    /// Starts what needs the API server.
    pub fn start_controllers(&self) -> anyhow::Result<()> {
        self.start("kube-controller-manager", self.kubernetes, self.controller_manager_arguments()?)?;
        self.start("kube-scheduler", self.kubernetes, self.scheduler_arguments()?)?;
        Ok(())
    }

    /// A kubeconfig for a component that runs inside the cluster's network.
    pub fn kubeconfig(&self, holder: &str) -> anyhow::Result<String> {
        let file = self.place.file(format!("kubeconfigs/{holder}"));
        self.pki.write_kubeconfig(&file, holder, &self.server())?;
        Ok(file.display().to_string())
    }

    fn start(&self, name: &str, folder: &Path, arguments: Vec<String>) -> anyhow::Result<Component> {
        let mut command = vec![folder.join(name).display().to_string()];
        command.extend(arguments);
        let network = Some(self.network.namespace().to_owned());
        let launch = Launch { name: name.to_owned(), network, command };
        launch.start(self.place, self.cgroups).with_context(|| format!("can't start {name}"))
    }

    /// Listens on the host's loopback; each connection crosses into the cluster's network.
    fn start_forwarder(&self, port: u16) -> anyhow::Result<Component> {
        let listen = format!("TCP4-LISTEN:{port},bind=127.0.0.1,fork,reuseaddr,backlog=128");
        let target = format!("TCP4\\:{}\\:{API_PORT}", self.network.address());
        let cross = format!("EXEC:nsenter --net={} socat STDIO {target}", self.network.namespace().display());
        let command = vec!["socat".to_owned(), listen, cross];
        Launch { name: "forwarder".to_owned(), network: None, command }.start(self.place, self.cgroups)
    }

    fn etcd_arguments(&self) -> Vec<String> {
        let data = self.place.file("etcd").display().to_string();
        flags(&[
            ("data-dir", &data),
            ("listen-client-urls", "http://127.0.0.1:2379"),
            ("advertise-client-urls", "http://127.0.0.1:2379"),
            ("listen-peer-urls", "http://127.0.0.1:2380"),
            // Its data need not survive the machine.
            ("unsafe-no-fsync", "true"),
        ])
    }

    fn api_server_arguments(&self) -> Vec<String> {
        let (pki, place) = (self.pki, self.place);
        flags(&[
            ("etcd-servers", "http://127.0.0.1:2379"),
            ("secure-port", &API_PORT.to_string()),
            ("advertise-address", &self.network.address().to_string()),
            ("service-cluster-ip-range", SERVICES),
            ("allow-privileged", "true"),
            ("authorization-mode", "Node,RBAC"),
            ("enable-admission-plugins", "NodeRestriction"),
            ("tls-cert-file", &pki.certificate("apiserver")),
            ("tls-private-key-file", &pki.key("apiserver")),
            ("client-ca-file", &pki.certificate("ca")),
            ("service-account-issuer", "https://kubernetes.default.svc.cluster.local"),
            ("service-account-key-file", &pki.token_public_key()),
            ("service-account-signing-key-file", &pki.key("tokens")),
            ("kubelet-client-certificate", &pki.certificate("admin")),
            ("kubelet-client-key", &pki.key("admin")),
            ("kubelet-certificate-authority", &pki.certificate("ca")),
            // Nobody here resolves the nodes' names.
            ("kubelet-preferred-address-types", "InternalIP"),
            ("requestheader-client-ca-file", &pki.certificate("ca")),
            ("requestheader-allowed-names", "front-proxy"),
            ("requestheader-extra-headers-prefix", "X-Remote-Extra-"),
            ("requestheader-group-headers", "X-Remote-Group"),
            ("requestheader-username-headers", "X-Remote-User"),
            ("proxy-client-cert-file", &pki.certificate("front-proxy")),
            ("proxy-client-key-file", &pki.key("front-proxy")),
            ("enable-aggregator-routing", "true"),
            // Blocking: what has been answered is in the log.
            ("audit-log-mode", "blocking"),
            ("audit-log-path", &place.audit_log().display().to_string()),
            ("audit-log-maxsize", &AUDIT_LOG_MIB.to_string()),
            ("audit-policy-file", &self.audit_policy_file().display().to_string()),
        ])
    }

    fn controller_manager_arguments(&self) -> anyhow::Result<Vec<String>> {
        Ok(flags(&[
            ("kubeconfig", &self.kubeconfig("controller-manager")?),
            ("service-account-private-key-file", &self.pki.key("tokens")),
            ("root-ca-file", &self.pki.certificate("ca")),
            ("use-service-account-credentials", "true"),
            ("cluster-cidr", PODS),
            // Nodes are numbered, and so are their ranges: the range a node would be given depends on who asks first.
            ("allocate-node-cidrs", "false"),
            ("leader-elect", "false"),
            // A node that went away is noticed within a test's patience.
            ("node-monitor-period", "2s"),
            ("node-monitor-grace-period", "20s"),
            ("kube-api-qps", "100"),
            ("kube-api-burst", "200"),
        ]))
    }

    fn scheduler_arguments(&self) -> anyhow::Result<Vec<String>> {
        Ok(flags(&[("kubeconfig", &self.kubeconfig("scheduler")?), ("leader-elect", "false")]))
    }

    fn audit_policy_file(&self) -> PathBuf {
        self.place.file("audit/policy.json")
    }
}

/// Arguments of the form `--name=value`.
pub fn flags(pairs: &[(&str, &str)]) -> Vec<String> {
    pairs.iter().map(|(name, value)| format!("--{name}={value}")).collect()
}

/// What the API server writes down: sizes with what was asked and answered, every other write and every read by who is
/// not part of Kubernetes with its metadata. The first rule that fits counts.
pub fn audit_policy() -> Value {
    // A rule names groups one by one; these are the ones whose objects have a size in our tests.
    let scales = ["", "apps", "headroom.dev", "e2e.headroom.dev"]
        .map(|group| json!({ "group": group, "resources": ["*/scale"] }));
    let reads = ["get", "list", "watch"];
    let own_users =
        ["system:apiserver", "system:kube-controller-manager", "system:kube-scheduler", "system:kube-proxy"];
    json!({
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        // A request is written down when it is answered, with the time at which it came.
        "omitStages": ["RequestReceived"],
        "rules": [
            { "level": "RequestResponse", "resources": scales, "verbs": ["create", "update", "patch", "delete"] },
            { "level": "None", "users": own_users, "verbs": reads },
            { "level": "None", "userGroups": ["system:nodes", "system:serviceaccounts:kube-system"], "verbs": reads },
            { "level": "None", "nonResourceURLs": ["/readyz*", "/livez*", "/healthz*", "/openapi*", "/api*", "/version"] },
            { "level": "Metadata" },
        ],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_written_down_before_any_rule_that_drops() {
        let policy = audit_policy();
        let rules = policy["rules"].as_array().unwrap();
        assert_eq!(rules[0]["level"], "RequestResponse");
        // What no rule drops has a place in the log, so that a test can ask who wrote.
        assert_eq!(rules.last().unwrap(), &json!({ "level": "Metadata" }));
        let drops_writes = |rule: &&Value| {
            rule["level"] == "None" && rule["nonResourceURLs"].is_null() && rule["verbs"].is_null()
        };
        assert_eq!(rules.iter().find(drops_writes), None);
    }
}
