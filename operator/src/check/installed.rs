//! PURE: what is installed, read from the controller's pods: the chart tells it in their arguments.

use k8s_openapi::api::core::v1::{Container, Pod};
use kube::ResourceExt;

/// Label of the controller's pods, as the chart sets it, unless a value of it says otherwise.
const NAME: (&str, &str) = ("app.kubernetes.io/name", "headroom");
/// The first argument of a controller.
const COMMAND: &str = "controller";
/// The Lease of a controller that is told no name.
const LEASE: &str = "headroom";

/// An installation, as far as the controller's pods tell of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Installation {
    /// Service account.
    pub(super) account: String,
    /// Name of the Lease.
    pub(super) lease: String,
    /// Namespaces that are watched; all if empty.
    pub(super) namespaces: Vec<String>,
    /// Whether bundled workloads are kept.
    pub(super) bundled: Bundled,
}

/// Whether an installation keeps bundled workloads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bundled {
    /// It may create and change their objects.
    Kept,
    /// It has no rights to (Helm value `workload.enabled`).
    Off,
}

/// The controller's pods among those of its namespace: by what they run, for labels follow the release's values; else by
/// the label.
pub(super) fn controllers(pods: Vec<Pod>) -> Vec<Pod> {
    let (running, others): (Vec<_>, Vec<_>) = pods.into_iter().partition(|pod| container(pod).is_some());
    if !running.is_empty() {
        return running;
    }
    let labelled = |pod: &Pod| pod.labels().get(NAME.0).is_some_and(|name| name == NAME.1);
    others.into_iter().filter(labelled).collect()
}

impl Installation {
    /// What the first of these pods tells.
    pub(super) fn read(pods: &[Pod]) -> Option<Self> {
        pods.iter().find_map(|pod| {
            let account = pod.spec.as_ref()?.service_account_name.clone()?;
            let told = |flag, variable| container(pod).and_then(|container| value(container, flag, variable));
            let namespaces = told("watch-namespaces", "HEADROOM_WATCH_NAMESPACES").unwrap_or_default();
            let image = told("workload-image", "HEADROOM_WORKLOAD_IMAGE");
            Some(Self {
                account,
                lease: told("lease-name", "HEADROOM_LEASE_NAME").unwrap_or_else(|| LEASE.to_owned()),
                namespaces: namespaces
                    .split(',')
                    .filter(|name| !name.is_empty())
                    .map(str::to_owned)
                    .collect(),
                bundled: if image.is_some() { Bundled::Kept } else { Bundled::Off },
            })
        })
    }
}

/// The container that runs a controller.
fn container(pod: &Pod) -> Option<&Container> {
    let runs = |container: &&Container| {
        let mut arguments = container.args.iter().flatten();
        arguments.next().is_some_and(|first| first == COMMAND)
            && arguments.any(|argument| argument.starts_with("--lease-name"))
    };
    pod.spec.as_ref()?.containers.iter().find(runs)
}

/// What a flag is given: the last one counts, and a flag before its variable.
fn value(container: &Container, flag: &str, variable: &str) -> Option<String> {
    let arguments: Vec<_> = container.args.iter().flatten().collect();
    let given = arguments.iter().enumerate().rev().find_map(|(index, argument)| {
        let rest = argument.strip_prefix("--")?.strip_prefix(flag)?;
        match rest.strip_prefix('=') {
            Some(value) => Some(value.to_owned()),
            None if rest.is_empty() => arguments.get(index + 1).map(|value| (*value).clone()),
            None => None,
        }
    });
    let set = || container.env.iter().flatten().find(|set| set.name == variable)?.value.clone();
    given.or_else(set)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::{Value, json};

    fn pod(labels: &Value, args: &Value) -> Pod {
        serde_json::from_value(json!({
            "metadata": { "name": "one", "labels": labels },
            "spec": { "serviceAccountName": "robot", "containers": [
                { "name": "proxy" },
                { "name": "main", "args": args, "env": [{ "name": "HEADROOM_WATCH_NAMESPACES", "value": "a" }] },
            ] },
        }))
        .unwrap()
    }

    #[rstest]
    #[case::by_the_chart(
        &["controller", "--lease-name=blue-headroom", "--watch-namespaces=shop,search", "--workload-image=x:1"],
        "blue-headroom", &["shop", "search"], Bundled::Kept
    )]
    #[case::without_workloads(&["controller", "--lease-name=blue"], "blue", &["a"], Bundled::Off)]
    #[case::the_last_counts(
        &["controller", "--lease-name=blue", "--watch-namespaces=shop", "--watch-namespaces", "", "--lease-name", "red"],
        "red", &[], Bundled::Off
    )]
    fn arguments_tell_what_is_installed(
        #[case] args: &[&str],
        #[case] lease: &str,
        #[case] namespaces: &[&str],
        #[case] bundled: Bundled,
    ) {
        let read = Installation::read(&[pod(&json!({}), &json!(args))]).unwrap();
        let namespaces = namespaces.iter().map(|&name| name.to_owned()).collect();
        let expected =
            Installation { account: "robot".to_owned(), lease: lease.to_owned(), namespaces, bundled };
        assert_eq!(read, expected);
    }

    #[test]
    fn a_controller_is_known_by_what_it_runs_and_else_by_its_label() {
        let label = json!({ "app.kubernetes.io/name": "headroom" });
        let (runs, labelled) =
            (pod(&json!({}), &json!(["controller", "--lease-name=x"])), pod(&label, &json!([])));
        let other = pod(&json!({ "app.kubernetes.io/name": "other" }), &json!(["controller"]));
        assert_eq!(controllers(vec![labelled.clone(), runs.clone(), other.clone()]), [runs]);
        assert_eq!(controllers(vec![labelled.clone(), other.clone()]), [labelled]);
        assert!(controllers(vec![other]).is_empty());
        assert!(Installation::read(&[]).is_none());
    }
}
