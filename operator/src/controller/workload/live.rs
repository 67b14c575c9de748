//! The live part of a pod template: what running servers are told without a restart, so that a change of it alone starts
//! no rolling update.
//!
//! The worker count is told with `PUT /runtime`. The cluster's public keys need no telling while those that the pods have
//! still verify: API servers add a key long before they drop the old one, answer differently while that is under way,
//! and may not answer at all. So an apply leaves these values as it finds them in the Deployment, until something else
//! in the template changes; then all are written anew.

use std::collections::BTreeSet;

use headroom_api::Workers;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::EnvVar;
use serde_json::Value;

use super::{Defaults, Owned, Verifier, pod};

/// Environment variables of the server. A flag would do the same, but lists of variables merge by name.
const WORKERS: &str = "HEADROOM_WORKLOAD_WORKERS";
const JWKS: &str = "HEADROOM_WORKLOAD_JWKS";
const ISSUER: &str = "HEADROOM_WORKLOAD_TOKEN_ISSUER";
const AUDIENCE: &str = "HEADROOM_WORKLOAD_TOKEN_AUDIENCE";
const SUBJECT: &str = "HEADROOM_WORKLOAD_TOKEN_SUBJECT";
/// The controller reads without a token, and so does Prometheus: network policies say who reaches the port.
const OPEN_READS: &str = "HEADROOM_WORKLOAD_OPEN_READS";

/// Variables that a user can't set.
pub(super) const RESERVED: [&str; 8] =
    [WORKERS, JWKS, ISSUER, AUDIENCE, SUBJECT, OPEN_READS, pod::REVISION, "HEADROOM_WORKLOAD_TOKEN_FILE"];

/// The live part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Live {
    /// Workers at the start of a pod: `auto` or a number.
    workers: String,
    /// What writes are accepted by.
    verifier: Option<Verifier>,
}

impl Live {
    /// As the spec and the cluster want it.
    pub fn wanted(owned: &Owned<'_>, defaults: &Defaults) -> Self {
        let workers = match owned.spec.runtime.workers {
            Workers::Auto => "auto".to_owned(),
            Workers::Count(count) => count.to_string(),
        };
        Self { workers, verifier: defaults.verifier.clone() }
    }

    /// As it is in a Deployment. `None` if that is not one of ours, or without a server yet.
    pub fn found(deployment: &Deployment) -> Option<Self> {
        let spec = deployment.spec.as_ref()?.template.spec.as_ref()?;
        let server = spec.containers.iter().find(|container| container.name == pod::CONTAINER)?;
        let value = |name: &str| {
            let variable = server.env.iter().flatten().find(|variable| variable.name == name)?;
            variable.value.clone()
        };
        let verifier =
            || Some(Verifier { issuer: value(ISSUER)?, jwks: value(JWKS)?, subject: value(SUBJECT)? });
        Some(Self { workers: value(WORKERS)?, verifier: verifier() })
    }

    /// What to write where `found` is there, and the rest of the template stays as it is or not.
    #[must_use]
    pub fn beside(self, found: Option<Self>, rest: Rest) -> Self {
        let Some(found) = found else { return self };
        let verifier = match (&self.verifier, &found.verifier) {
            (None, _) => found.verifier.clone(),
            (Some(wanted), Some(has)) if rest == Rest::Same && has.covers(wanted) => found.verifier.clone(),
            (wanted, _) => wanted.clone(),
        };
        let rolls = rest == Rest::Changed || verifier != found.verifier;
        // Only a number can be told, and only to servers that accept it.
        let told = verifier.is_some() && self.is_number() && found.is_number();
        let workers = if !rolls && told { found.workers } else { self.workers };
        Self { workers, verifier }
    }

    /// The variables.
    pub(super) fn env(&self, audience: String) -> Vec<EnvVar> {
        let mut env = vec![variable(WORKERS, self.workers.clone())];
        if let Some(Verifier { issuer, jwks, subject }) = self.verifier.clone() {
            env.extend([
                variable(JWKS, jwks),
                variable(ISSUER, issuer),
                variable(AUDIENCE, audience),
                variable(SUBJECT, subject),
                variable(OPEN_READS, "stats,metrics".to_owned()),
            ]);
        }
        env
    }

    /// Whether a change of the worker count in this form can be told: from one number to another.
    pub(super) fn is_number(&self) -> bool {
        self.workers.parse::<u32>().is_ok()
    }
}

/// Whether the template without its live part is what it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rest {
    /// It is.
    Same,
    /// It is not: pods are replaced anyway.
    Changed,
}

impl Verifier {
    /// Whether pods with these keys verify every token that pods with the `wanted` ones do.
    fn covers(&self, wanted: &Self) -> bool {
        let same = self.issuer == wanted.issuer && self.subject == wanted.subject;
        same && keys(&wanted.jwks).is_subset(&keys(&self.jwks))
    }
}

fn keys(jwks: &str) -> BTreeSet<String> {
    let set: Value = serde_json::from_str(jwks).unwrap_or_default();
    set["keys"].as_array().into_iter().flatten().map(Value::to_string).collect()
}

fn variable(name: &str, value: String) -> EnvVar {
    EnvVar { name: name.to_owned(), value: Some(value), value_from: None }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn live(workers: &str, keys: Option<&str>) -> Live {
        let verifier = keys.map(|keys| Verifier {
            issuer: "https://cluster".to_owned(),
            jwks: format!("{{\"keys\":[{keys}]}}"),
            subject: "system:serviceaccount:headroom:controller".to_owned(),
        });
        Live { workers: workers.to_owned(), verifier }
    }

    #[rstest]
    #[case::a_number_is_told(live("4", Some("1")), live("2", Some("1")), live("2", Some("1")))]
    #[case::auto_cannot_be_told(live("auto", Some("1")), live("2", Some("1")), live("auto", Some("1")))]
    #[case::from_auto_neither(live("4", Some("1")), live("auto", Some("1")), live("4", Some("1")))]
    #[case::without_keys_nothing_is(live("4", None), live("2", None), live("4", None))]
    #[case::a_dropped_key_can_wait(live("2", Some("2")), live("2", Some("1,2")), live("2", Some("1,2")))]
    #[case::a_new_key_cannot(live("4", Some("1,2")), live("2", Some("1")), live("4", Some("1,2")))]
    #[case::the_first_keys_neither(live("2", Some("1")), live("2", None), live("2", Some("1")))]
    #[case::unknown_keys_take_none_away(live("4", None), live("2", Some("1")), live("2", Some("1")))]
    fn a_template_that_stays(#[case] wanted: Live, #[case] found: Live, #[case] written: Live) {
        assert_eq!(wanted.beside(Some(found), Rest::Same), written);
    }

    #[rstest]
    #[case(live("4", Some("2")), live("2", Some("1,2")), live("4", Some("2")))]
    #[case::unknown_keys_take_none_away(live("4", None), live("2", Some("1")), live("4", Some("1")))]
    fn a_template_that_changes(#[case] wanted: Live, #[case] found: Live, #[case] written: Live) {
        assert_eq!(wanted.beside(Some(found), Rest::Changed), written);
    }

    #[test]
    fn another_issuer_or_controller_is_written() {
        let found = live("2", Some("1"));
        let mut wanted = found.clone();
        wanted.verifier.as_mut().unwrap().subject = "system:serviceaccount:other:controller".to_owned();
        assert_eq!(wanted.clone().beside(Some(found), Rest::Same), wanted);
    }
}
