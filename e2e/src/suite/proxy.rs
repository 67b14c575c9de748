//! The fault proxy in the cluster: a pod, a Service, and a kubeconfig that leads through it.

use std::time::Duration;

use super::{get, kubectl, kubectl_with_input, object, until};
use crate::fault_proxy::{Applied, CONTROL_PORT, Fault, Matcher, PORT, Rule};
use anyhow::Context as _;
use serde_json::{Value, json};

const IMAGE: &str = concat!("localhost/headroom-fault-proxy:", env!("CARGO_PKG_VERSION"));
const NAME: &str = "fault-proxy";

/// A proxy that runs.
#[derive(Debug)]
pub struct Proxy {
    namespace: String,
}

impl Proxy {
    /// What the chart is installed with, so that the controller goes through the proxy of its namespace.
    pub const VALUES: [&str; 6] = [
        "extraEnv[0].name=KUBECONFIG",
        "extraEnv[0].value=/etc/headroom/kubeconfig",
        "extraVolumes[0].name=kubeconfig",
        "extraVolumes[0].configMap.name=kubeconfig",
        "extraVolumeMounts[0].name=kubeconfig",
        "extraVolumeMounts[0].mountPath=/etc/headroom",
    ];

    /// Starts it and waits until it is ready.
    pub fn start(namespace: &str) -> anyhow::Result<Self> {
        apply(namespace, &pod())?;
        apply(namespace, &service())?;
        let service = object(namespace, "services", NAME)?.context("the proxy's Service")?;
        let address = service.pointer("/spec/clusterIP").and_then(Value::as_str).context("no cluster IP")?;
        apply(namespace, &kubeconfig(&format!("http://{address}:{PORT}")))?;
        kubectl(&[
            "-n",
            namespace,
            "wait",
            "--for=condition=Ready",
            "--timeout=90s",
            &format!("pod/{NAME}"),
        ])?;
        let proxy = Self { namespace: namespace.to_owned() };
        until("the proxy's control port", Duration::from_secs(20), || proxy.applied().map(Some))?;
        Ok(proxy)
    }

    /// Puts these rules in the place of all others.
    pub fn set(&self, rules: &[Rule]) -> anyhow::Result<()> {
        kubectl_with_input(&["replace", "--raw", &self.path(), "-f", "-"], &serde_json::to_string(rules)?)
            .map(drop)
    }

    /// What came of the rules.
    pub fn applied(&self) -> anyhow::Result<Vec<Applied>> {
        Ok(serde_json::from_str(&get(&self.path())?)?)
    }

    /// Lets everything pass again; gives what came of the rules until now.
    pub fn clear(&self) -> anyhow::Result<Vec<Applied>> {
        let applied = self.applied()?;
        self.set(&[])?;
        Ok(applied)
    }

    fn path(&self) -> String {
        format!("/api/v1/namespaces/{}/pods/{NAME}:{CONTROL_PORT}/proxy/rules", self.namespace)
    }
}

/// A fault for the controller's calls about a resource, `deployments/scale` say, with these verbs. No verbs mean all of
/// them, an empty resource means all.
pub fn rule(verbs: &[&str], resource: &str, fault: Fault) -> Rule {
    let (plural, subresource) = resource.split_once('/').unwrap_or((resource, ""));
    let matcher = Matcher {
        verbs: verbs.iter().map(ToString::to_string).collect(),
        resource: (!plural.is_empty()).then(|| plural.to_owned()),
        subresource: (!plural.is_empty()).then(|| subresource.to_owned()),
        user_agent: Some("headroom/".to_owned()),
        ..Matcher::default()
    };
    Rule { matcher, skip: 0, count: None, fault }
}

/// The same for one namespace.
pub fn within(namespace: &str, mut rule: Rule) -> Rule {
    rule.matcher.namespace = Some(namespace.to_owned());
    rule
}

fn apply(namespace: &str, object: &Value) -> anyhow::Result<()> {
    kubectl_with_input(&["-n", namespace, "apply", "-f", "-"], &object.to_string()).map(drop)
}

fn pod() -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": { "name": NAME, "labels": { "app": NAME } },
        "spec": {
            "enableServiceLinks": false,
            "terminationGracePeriodSeconds": 0,
            "containers": [{
                "name": "proxy", "image": IMAGE, "imagePullPolicy": "IfNotPresent",
                "readinessProbe": { "tcpSocket": { "port": PORT }, "periodSeconds": 1 },
                "resources": { "requests": { "cpu": "10m", "memory": "16Mi" } },
            }],
        },
    })
}

fn service() -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service", "metadata": { "name": NAME },
        "spec": { "selector": { "app": NAME }, "ports": [{ "port": PORT, "targetPort": PORT }] },
    })
}

/// JSON is YAML. The certificates are not used, but without them the client looks for the system's, and the image has none.
/// The token is the controller's own: the proxy passes it on.
fn kubeconfig(server: &str) -> Value {
    let account = "/var/run/secrets/kubernetes.io/serviceaccount";
    let (token, ca) = (format!("{account}/token"), format!("{account}/ca.crt"));
    let config = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "proxied",
        "clusters": [{ "name": "proxied", "cluster": { "server": server, "certificate-authority": ca } }],
        "users": [{ "name": "controller", "user": { "tokenFile": token } }],
        "contexts": [{ "name": "proxied", "context": { "cluster": "proxied", "user": "controller" } }],
    });
    json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "kubeconfig" },
        "data": { "kubeconfig": config.to_string() },
    })
}
