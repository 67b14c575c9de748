//! Looks at the API server from within this process. Tests look twice a second at what they wait for; a kubectl for each
//! look would cost more CPU than all that is looked at.

use std::sync::OnceLock;

use anyhow::{Context, anyhow, bail};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};

/// Resources that tests look at, with the path of their group and version.
const RESOURCES: [(&str, &str); 10] = [
    ("deployments", "/apis/apps/v1"),
    ("events", "/apis/events.k8s.io/v1"),
    ("jobs", "/apis/batch/v1"),
    ("leases", "/apis/coordination.k8s.io/v1"),
    ("nodes", "/api/v1"),
    ("pods", "/api/v1"),
    ("roles", "/apis/rbac.authorization.k8s.io/v1"),
    ("scaledservicecheckpoints", "/apis/headroom.dev/v1alpha1"),
    ("scaledservices", "/apis/headroom.dev/v1alpha1"),
    ("services", "/api/v1"),
];

/// An object, as the API server has it; `None` if there is none.
pub fn object(namespace: &str, resource: &str, name: &str) -> anyhow::Result<Option<Value>> {
    let path = format!("{}/{name}", path(namespace, resource)?);
    match read(&path) {
        Ok(text) => Ok(Some(serde_json::from_str(&text)?)),
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(None),
        Err(error) => Err(error).context(path),
    }
}

/// Objects of a resource, by label if one is given.
pub fn objects(namespace: &str, resource: &str, label: Option<&str>) -> anyhow::Result<Vec<Value>> {
    let selector = label.map(|label| format!("?labelSelector={}", label.replace('=', "%3D")));
    let list = get(&format!("{}{}", path(namespace, resource)?, selector.unwrap_or_default()))?;
    let mut list: Value = serde_json::from_str(&list)?;
    match list["items"].take() {
        Value::Array(items) => Ok(items),
        other => bail!("the list of {resource} has no items but {other}"),
    }
}

/// What the API server answers to a GET of a path.
pub fn get(path: &str) -> anyhow::Result<String> {
    read(path).with_context(|| format!("GET {path}"))
}

fn path(namespace: &str, resource: &str) -> anyhow::Result<String> {
    let found = RESOURCES.iter().find(|(plural, _)| *plural == resource);
    let (plural, version) = found.with_context(|| format!("tests do not look at {resource}"))?;
    Ok(if resource == "nodes" {
        format!("{version}/{plural}")
    } else {
        format!("{version}/namespaces/{namespace}/{plural}")
    })
}

fn read(path: &str) -> kube::Result<String> {
    let (runtime, client) = api()?;
    let request = http::Request::get(path).body(Vec::new()).map_err(kube::Error::HttpError)?;
    runtime.block_on(client.request_text(request))
}

fn api() -> kube::Result<&'static (Runtime, Client)> {
    static API: OnceLock<Result<(Runtime, Client), String>> = OnceLock::new();
    let api = API.get_or_init(|| connect().map_err(|error| format!("{error:#}")));
    api.as_ref().map_err(|error| kube::Error::Service(anyhow!("{error}").into()))
}

fn connect() -> anyhow::Result<(Runtime, Client)> {
    // The feature of kube's TLS has no default provider of its own.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let client = runtime.block_on(async {
        let options = KubeConfigOptions::default();
        let config = Config::from_custom_kubeconfig(Kubeconfig::read()?, &options).await?;
        anyhow::Ok(Client::try_from(config)?)
    })?;
    Ok((runtime, client))
}
