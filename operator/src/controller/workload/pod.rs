//! The pod template: what the spec asks for, inside the bounds of the restricted pod security standard.

use std::collections::BTreeMap;

use headroom_api::pod::{PodTemplate, ResourceAmounts, Toleration as Tolerated, TopologySpread};
use k8s_openapi::api::core::v1::{
    Capabilities, ConfigMapVolumeSource, Container, ContainerPort, EnvVar, EnvVarSource, HTTPGetAction,
    ObjectFieldSelector, PodSecurityContext, PodSpec, PodTemplateSpec, Probe, ResourceRequirements,
    SeccompProfile, SecretVolumeSource, SecurityContext, Toleration, TopologySpreadConstraint, Volume,
    VolumeMount,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::live::Live;
use super::{ADMIN, Defaults, HTTP, Owned, labels};
use crate::validate::server_args;

/// Name of the server's container.
pub(super) const CONTAINER: &str = "server";
/// The variable that tells the server its revision.
pub(super) const REVISION: &str = "HEADROOM_WORKLOAD_REVISION";
/// What the Deployment controller labels the pods of one revision with.
const TEMPLATE_HASH: &str = "pod-template-hash";
/// Nobody, in images that have no users.
const USER: i64 = 65_532;

/// The template. Without the live part, it is what a rolling update is decided by.
pub(super) fn template(owned: &Owned<'_>, defaults: &Defaults, live: Option<&Live>) -> PodTemplateSpec {
    let pod = &owned.workload.pod;
    PodTemplateSpec {
        metadata: Some(ObjectMeta {
            labels: Some(labels::of_pods(owned.name, &pod.labels)),
            annotations: filled(pod.annotations.clone()),
            ..ObjectMeta::default()
        }),
        spec: Some(PodSpec {
            automount_service_account_token: Some(false),
            containers: vec![container(owned, defaults, live)],
            enable_service_links: Some(false),
            node_selector: filled(pod.node_selector.clone()),
            priority_class_name: pod.priority_class_name.clone(),
            security_context: Some(pod_security()),
            termination_grace_period_seconds: Some(pod.termination_grace_period_seconds.into()),
            tolerations: listed(pod.tolerations.iter().map(toleration)),
            topology_spread_constraints: listed(spread(owned)),
            volumes: listed(pod.volumes.iter().map(volume)),
            ..PodSpec::default()
        }),
    }
}

fn container(owned: &Owned<'_>, defaults: &Defaults, live: Option<&Live>) -> Container {
    let pod = &owned.workload.pod;
    let port = |name: &str, number: u16| ContainerPort {
        name: Some(name.to_owned()),
        container_port: number.into(),
        protocol: Some("TCP".to_owned()),
        ..ContainerPort::default()
    };
    Container {
        name: CONTAINER.to_owned(),
        image: Some(owned.workload.image.clone().unwrap_or_else(|| defaults.image.clone())),
        image_pull_policy: Some(defaults.pull.name()),
        args: Some(args(owned, defaults)),
        env: Some(env(owned, live)),
        ports: Some(vec![port(HTTP, owned.workload.port), port(ADMIN, defaults.admin_port.get())]),
        readiness_probe: Some(Probe { failure_threshold: Some(3), ..probe("/readyz", 1, 1) }),
        // A restart helps only a server that hangs for good, and loses what it does: a minute's patience.
        liveness_probe: Some(Probe { failure_threshold: Some(6), ..probe("/livez", 10, 5) }),
        startup_probe: Some(Probe { failure_threshold: Some(120), ..probe("/livez", 1, 1) }),
        resources: resources(pod),
        security_context: Some(container_security()),
        volume_mounts: listed(pod.volumes.iter().map(|volume| VolumeMount {
            name: volume.name.clone(),
            mount_path: volume.mount_path.clone(),
            read_only: Some(true),
            ..VolumeMount::default()
        })),
        ..Container::default()
    }
}

fn args(owned: &Owned<'_>, defaults: &Defaults) -> Vec<String> {
    let listen = [
        ("--listen".to_owned(), format!("0.0.0.0:{}", owned.workload.port)),
        ("--admin-listen".to_owned(), format!("0.0.0.0:{}", defaults.admin_port)),
    ];
    let listen = listen.into_iter().flat_map(|(flag, value)| [flag, value]);
    listen.chain(server_args(owned.spec, &owned.workload.config)).collect()
}

fn env(owned: &Owned<'_>, live: Option<&Live>) -> Vec<EnvVar> {
    let revision = EnvVar {
        name: REVISION.to_owned(),
        value: None,
        value_from: Some(EnvVarSource {
            field_ref: Some(ObjectFieldSelector {
                api_version: Some("v1".to_owned()),
                field_path: format!("metadata.labels['{TEMPLATE_HASH}']"),
            }),
            ..EnvVarSource::default()
        }),
    };
    let users = owned.workload.pod.env.iter().map(|variable| EnvVar {
        name: variable.name.clone(),
        value: Some(variable.value.clone()),
        value_from: None,
    });
    let live = live.map(|live| live.env(owned.audience())).unwrap_or_default();
    std::iter::once(revision).chain(live).chain(users).collect()
}

fn probe(path: &str, period: i32, timeout: i32) -> Probe {
    Probe {
        http_get: Some(HTTPGetAction {
            path: Some(path.to_owned()),
            port: IntOrString::String(ADMIN.to_owned()),
            ..HTTPGetAction::default()
        }),
        period_seconds: Some(period),
        timeout_seconds: Some(timeout),
        ..Probe::default()
    }
}

fn resources(pod: &PodTemplate) -> Option<ResourceRequirements> {
    let amounts = |amounts: &ResourceAmounts| {
        let cpu = amounts.cpu.map(|cpu| ("cpu".to_owned(), Quantity(cpu.to_string())));
        let memory = amounts.memory.map(|memory| ("memory".to_owned(), Quantity(memory.to_string())));
        filled(cpu.into_iter().chain(memory).collect())
    };
    let (requests, limits) = (amounts(&pod.resources.requests), amounts(&pod.resources.limits));
    let any = requests.is_some() || limits.is_some();
    any.then(|| ResourceRequirements { requests, limits, ..ResourceRequirements::default() })
}

fn pod_security() -> PodSecurityContext {
    PodSecurityContext {
        run_as_non_root: Some(true),
        run_as_user: Some(USER),
        run_as_group: Some(USER),
        seccomp_profile: Some(SeccompProfile { type_: "RuntimeDefault".to_owned(), localhost_profile: None }),
        ..PodSecurityContext::default()
    }
}

fn container_security() -> SecurityContext {
    SecurityContext {
        allow_privilege_escalation: Some(false),
        capabilities: Some(Capabilities { drop: Some(vec!["ALL".to_owned()]), add: None }),
        read_only_root_filesystem: Some(true),
        ..SecurityContext::default()
    }
}

fn toleration(toleration: &Tolerated) -> Toleration {
    Toleration {
        key: toleration.key.clone(),
        operator: Some(format!("{:?}", toleration.operator)),
        value: toleration.value.clone(),
        effect: toleration.effect.map(|effect| format!("{effect:?}")),
        toleration_seconds: toleration.toleration_seconds,
    }
}

/// The user's, or else over nodes and zones where that is possible.
fn spread(owned: &Owned<'_>) -> Vec<TopologySpreadConstraint> {
    let users = &owned.workload.pod.topology_spread;
    if !users.is_empty() {
        return users.iter().map(|spread| constraint(owned, spread)).collect();
    }
    let over = |key: &str| TopologySpread {
        topology_key: key.to_owned(),
        max_skew: 1,
        when_unsatisfiable: headroom_api::pod::WhenUnsatisfiable::ScheduleAnyway,
    };
    ["kubernetes.io/hostname", "topology.kubernetes.io/zone"].map(|key| constraint(owned, &over(key))).into()
}

/// Each revision is spread for itself: pods that are about to go do not count.
fn constraint(owned: &Owned<'_>, spread: &TopologySpread) -> TopologySpreadConstraint {
    TopologySpreadConstraint {
        label_selector: Some(labels::selector(owned.name)),
        match_label_keys: Some(vec![TEMPLATE_HASH.to_owned()]),
        max_skew: spread.max_skew,
        topology_key: spread.topology_key.clone(),
        when_unsatisfiable: format!("{:?}", spread.when_unsatisfiable),
        ..TopologySpreadConstraint::default()
    }
}

fn volume(volume: &headroom_api::pod::Volume) -> Volume {
    Volume {
        name: volume.name.clone(),
        config_map: volume
            .config_map
            .clone()
            .map(|name| ConfigMapVolumeSource { name, ..Default::default() }),
        secret: volume
            .secret
            .clone()
            .map(|name| SecretVolumeSource { secret_name: Some(name), ..Default::default() }),
        ..Volume::default()
    }
}

/// Nothing instead of an empty map: an applied empty map would own the field.
fn filled<V>(map: BTreeMap<String, V>) -> Option<BTreeMap<String, V>> {
    Some(map).filter(|map| !map.is_empty())
}

fn listed<T>(items: impl IntoIterator<Item = T>) -> Option<Vec<T>> {
    Some(items.into_iter().collect::<Vec<_>>()).filter(|items| !items.is_empty())
}
