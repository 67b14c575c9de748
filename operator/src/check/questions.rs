//! PURE: which rights the API server is asked for: those that this installation needs, where it needs them.

use k8s_openapi::api::authorization::v1::{ResourceAttributes, SubjectAccessReviewSpec};

use super::finding::Finding;
use super::installed::{Bundled, Installation};
use super::permissions::{PERMISSIONS, Place, SCALING};

/// A kind that a service sizes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Kind {
    /// API group; empty for the core group.
    pub(super) group: String,
    /// Name in paths.
    pub(super) plural: String,
}

impl Kind {
    /// What most services size.
    pub(super) fn deployments() -> Self {
        Self { group: "apps".to_owned(), plural: "deployments".to_owned() }
    }
}

/// Whether one verb on one resource is allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Question {
    place: Place,
    group: String,
    /// With its sub-resource if there is one.
    resource: String,
    verb: &'static str,
    /// All, if none is named.
    namespace: Option<String>,
}

/// Everything that a controller in namespace `own` needs, for services that size these kinds.
pub(super) fn questions(installation: &Installation, own: &str, kinds: &[Kind]) -> Vec<Question> {
    let watched: Vec<_> = match installation.namespaces.as_slice() {
        [] => vec![None],
        names => names.iter().cloned().map(Some).collect(),
    };
    let fixed = PERMISSIONS.iter().filter(|permission| match permission.place {
        // Asked below, for the kinds that are in use.
        Place::Target => false,
        Place::Workload => installation.bundled == Bundled::Kept,
        Place::Watched | Place::Own => true,
    });
    let fixed = fixed.map(|permission| {
        (permission.place, permission.group, permission.resource.to_owned(), permission.verb)
    });
    let targets = kinds.iter().flat_map(|kind| {
        let resource = |subresource: &str| format!("{}{subresource}", kind.plural);
        SCALING.map(|(subresource, verb)| (Place::Target, kind.group.as_str(), resource(subresource), verb))
    });
    let mut questions = Vec::new();
    for (place, group, resource, verb) in targets.chain(fixed) {
        let there = if place == Place::Own { vec![Some(own.to_owned())] } else { watched.clone() };
        questions.extend(there.into_iter().map(|namespace| Question {
            place,
            group: group.to_owned(),
            resource: resource.clone(),
            verb,
            namespace,
        }));
    }
    questions
}

impl Question {
    /// As the API server is asked, about this user.
    pub(super) fn asked(&self, installation: &Installation, user: &str) -> SubjectAccessReviewSpec {
        let (resource, subresource) = match self.resource.split_once('/') {
            Some((resource, subresource)) => (resource, Some(subresource.to_owned())),
            None => (self.resource.as_str(), None),
        };
        // Both are granted for one object alone; creating a lease can't be, for it has no name yet.
        let name = match (resource, self.verb) {
            ("serviceaccounts", _) => Some(installation.account.clone()),
            ("leases", "get" | "update") => Some(installation.lease.clone()),
            _ => None,
        };
        SubjectAccessReviewSpec {
            user: Some(user.to_owned()),
            resource_attributes: Some(ResourceAttributes {
                group: Some(self.group.clone()),
                resource: Some(resource.to_owned()),
                subresource,
                verb: Some(self.verb.to_owned()),
                namespace: self.namespace.clone(),
                name,
                ..ResourceAttributes::default()
            }),
            ..SubjectAccessReviewSpec::default()
        }
    }

    /// What the answer "no" means.
    pub(super) fn refused(&self, user: &str) -> Finding {
        let Self { place, group, resource, verb, namespace } = self;
        let group = if group.is_empty() { "core" } else { group };
        let place_name = namespace
            .as_ref()
            .map_or_else(|| "all namespaces".to_owned(), |name| format!("namespace {name}"));
        let (consequence, remedy) = match place {
            Place::Watched => ("services are not sized", "helm upgrade: the chart grants it"),
            Place::Target => (
                "services with such a target are not sized",
                "helm upgrade with this kind among scalableKinds",
            ),
            Place::Own => {
                ("no replica can lead, or workers can't be changed", "helm upgrade: the chart grants it")
            }
            Place::Workload => ("bundled workloads are not kept", "helm upgrade with workload.enabled=true"),
        };
        let message = format!("{user} may not {verb} {resource} ({group}) in {place_name}: {consequence}");
        Finding::failed("controller-permissions", message, remedy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn installation(namespaces: &[&str], bundled: Bundled) -> Installation {
        Installation {
            account: "robot".to_owned(),
            lease: "blue-headroom".to_owned(),
            namespaces: namespaces.iter().map(|&name| name.to_owned()).collect(),
            bundled,
        }
    }

    fn told(installation: &Installation, kinds: &[Kind]) -> Vec<String> {
        let tell = |question: Question| {
            let asked = question.asked(installation, "u").resource_attributes.unwrap();
            let place = asked.namespace.unwrap_or_else(|| "*".to_owned());
            let subresource = asked.subresource.map(|name| format!("/{name}")).unwrap_or_default();
            let name = asked.name.map(|name| format!(" {name}")).unwrap_or_default();
            format!("{place} {} {}{subresource}{name}", asked.verb.unwrap(), asked.resource.unwrap())
        };
        questions(installation, "own", kinds).into_iter().map(tell).collect()
    }

    #[test]
    fn rights_are_asked_for_where_they_are_needed() {
        let told = told(&installation(&["shop", "search"], Bundled::Kept), &[Kind::deployments()]);
        for expected in [
            "shop list pods",
            "search list pods",
            "shop patch deployments/scale",
            "search create services",
            "own update leases blue-headroom",
            "own create serviceaccounts/token robot",
        ] {
            assert!(told.iter().any(|asked| asked == expected), "{expected}: {told:?}");
        }
        assert!(
            told.iter().all(|asked| !asked.starts_with('*')),
            "a Role grants nothing everywhere: {told:?}"
        );
    }

    #[test]
    fn only_kinds_in_use_and_kept_workloads_are_asked_for() {
        let rollouts = Kind { group: "argoproj.io".to_owned(), plural: "rollouts".to_owned() };
        let told = told(&installation(&[], Bundled::Off), &[rollouts]);
        for expected in ["* get rollouts", "* get rollouts/scale", "* patch rollouts/scale"] {
            assert!(told.iter().any(|asked| asked == expected), "{expected}: {told:?}");
        }
        let unused = |asked: &&String| {
            ["deployments", "statefulsets", "services", "poddisruptionbudgets"]
                .iter()
                .any(|name| asked.contains(&format!(" {name}")))
        };
        assert_eq!(told.iter().find(unused), None);
    }
}
