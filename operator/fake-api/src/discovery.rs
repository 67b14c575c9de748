//! What the server tells about itself: version, groups, resources, keys.

use crate::{
    Kind, Scope,
    reply::{Answer, Refusal, Reply},
};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Answers a path beside the resources.
pub(crate) fn answer(path: &str, kinds: &[Kind], keys: &Value) -> Answer {
    let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    let body = match segments.as_slice() {
        ["version"] => json!({
            "major": "1", "minor": "33", "gitVersion": "v1.33.0", "gitCommit": "0", "gitTreeState": "clean",
            "buildDate": "2025-04-23T00:00:00Z", "goVersion": "go1.24", "compiler": "gc", "platform": "linux/amd64",
        }),
        ["livez" | "readyz" | "healthz"] => json!("ok"),
        ["openid", "v1", "jwks"] => keys.clone(),
        [".well-known", "openid-configuration"] => json!({
            "issuer": "https://kubernetes.default.svc.cluster.local",
            "jwks_uri": "https://kubernetes.default.svc.cluster.local/openid/v1/jwks",
            "response_types_supported": ["id_token"], "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
        }),
        ["api"] => json!({"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}),
        ["apis"] => groups(kinds),
        ["api", version] => resources(kinds, "", version)?,
        ["apis", group, version] => resources(kinds, group, version)?,
        _ => return Err(Refusal::no_such_path()),
    };
    Ok(Reply::ok(body))
}

fn groups(kinds: &[Kind]) -> Value {
    let versions: BTreeSet<(&str, &str)> =
        kinds.iter().filter(|kind| !kind.group.is_empty()).map(|kind| (kind.group, kind.version)).collect();
    let groups: Vec<Value> = versions
        .into_iter()
        .map(|(group, version)| {
            let version = json!({"groupVersion": format!("{group}/{version}"), "version": version});
            json!({"name": group, "versions": [version], "preferredVersion": version})
        })
        .collect();
    json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
}

fn resources(kinds: &[Kind], group: &str, version: &str) -> Result<Value, Refusal> {
    let of_group: Vec<&Kind> =
        kinds.iter().filter(|kind| kind.group == group && kind.version == version).collect();
    let first = of_group.first().ok_or_else(Refusal::no_such_path)?;
    let mut list = Vec::new();
    for kind in &of_group {
        let namespaced = kind.scope == Scope::Namespaced;
        list.push(json!({
            "name": kind.plural, "singularName": kind.kind.to_lowercase(), "namespaced": namespaced,
            "kind": kind.kind, "verbs": ["create", "delete", "get", "list", "patch", "update", "watch"],
        }));
        for (name, body) in kind.subresources() {
            let verbs = if matches!(name, "token" | "eviction") {
                json!(["create"])
            } else {
                json!(["get", "patch", "update"])
            };
            let mut entry = json!({
                "name": kind.resource(Some(name)), "singularName": "", "namespaced": namespaced, "kind": body,
                "verbs": verbs,
            });
            if name == "scale" {
                entry["group"] = json!("autoscaling");
                entry["version"] = json!("v1");
            }
            list.push(entry);
        }
    }
    Ok(json!({
        "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": first.api_version(), "resources": list,
    }))
}
