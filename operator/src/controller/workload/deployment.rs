//! The Deployment: created with a size, and from then on applied without one.
//!
//! The size belongs to the scale sub-resource. What a create sets is managed apart from what applies set, and is kept
//! when later applies leave it out; so creating the whole object at once would tie every variable and label of the first
//! template to it for ever. It is therefore created as a seed: paused, with the size and those fields alone that every
//! later apply sets too. The apply that follows completes the template and lets it run; a seed that was left behind
//! starts no pod.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::{Deployment, DeploymentSpec, DeploymentStrategy, RollingUpdateDeployment};
use k8s_openapi::api::core::v1::{Container, PodSpec, PodTemplateSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::live::{Live, Rest};
use super::{Defaults, Owned, labels, pod};

/// Annotation with a hash of the template without its live part.
const TEMPLATE: &str = "headroom.dev/template-hash";

/// What is applied. `found` is the Deployment as it is now.
pub fn applied(owned: &Owned<'_>, defaults: &Defaults, found: Option<&Deployment>) -> Deployment {
    let wanted = Live::wanted(owned, defaults);
    let hash = hash(owned, defaults, &wanted);
    let before = found.and_then(|found| found.metadata.annotations.as_ref()?.get(TEMPLATE));
    let rest = if before == Some(&hash) { Rest::Same } else { Rest::Changed };
    let live = wanted.beside(found.and_then(Live::found), rest);
    let template = pod::template(owned, defaults, Some(&live));
    Deployment {
        metadata: ObjectMeta {
            annotations: Some(BTreeMap::from([(TEMPLATE.to_owned(), hash)])),
            ..owned.metadata()
        },
        spec: Some(DeploymentSpec {
            paused: Some(false),
            strategy: Some(strategy()),
            ..spec(owned, template)
        }),
        status: None,
    }
}

/// What is created.
pub fn seed(owned: &Owned<'_>, defaults: &Defaults) -> Deployment {
    let container = Container {
        name: pod::CONTAINER.to_owned(),
        image: Some(owned.workload.image.clone().unwrap_or_else(|| defaults.image.clone())),
        ..Container::default()
    };
    let template = PodTemplateSpec {
        metadata: Some(ObjectMeta { labels: Some(labels::of_objects(owned.name)), ..ObjectMeta::default() }),
        spec: Some(PodSpec { containers: vec![container], ..PodSpec::default() }),
    };
    let replicas = i32::try_from(owned.first_size()).unwrap_or(i32::MAX);
    Deployment {
        metadata: owned.metadata(),
        spec: Some(DeploymentSpec { paused: Some(true), replicas: Some(replicas), ..spec(owned, template) }),
        status: None,
    }
}

fn spec(owned: &Owned<'_>, template: PodTemplateSpec) -> DeploymentSpec {
    DeploymentSpec { selector: labels::selector(owned.name), template, ..DeploymentSpec::default() }
}

/// A pod goes once its successor is ready. Kubernetes rounds the surge up: at least one.
fn strategy() -> DeploymentStrategy {
    DeploymentStrategy {
        type_: Some("RollingUpdate".to_owned()),
        rolling_update: Some(RollingUpdateDeployment {
            max_surge: Some(IntOrString::String("25%".to_owned())),
            max_unavailable: Some(IntOrString::Int(0)),
        }),
    }
}

/// Equal templates give equal hashes in every version of the controller that builds them alike. Whether the worker count
/// is a number is part of it: pods can be told another number, but not to choose for themselves.
fn hash(owned: &Owned<'_>, defaults: &Defaults, wanted: &Live) -> String {
    let rest = (pod::template(owned, defaults, None), wanted.is_number());
    let text = serde_json::to_vec(&rest).unwrap_or_default();
    format!("{:016x}", fnv1a(&text))
}

/// Fowler, Noll, Vo: 64 bits, variant 1a. Nobody gains by a collision: whoever writes the template may change it.
fn fnv1a(bytes: &[u8]) -> u64 {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, step)
}
