//! What the log of every test must show.

use std::collections::BTreeMap;
use std::time::Duration;

use headroom_fake_api::{Record, Verb};
use tokio::time::Instant;

/// A holder of the lease writes no longer than so long after it last renewed it.
const RENEW_DEADLINE: Duration = Duration::from_secs(6);
const LEASE: &str = "-lease";

/// Checks that only the leader wrote, that sizes went through `/scale`, and that every write had its preconditions.
pub fn audit(log: &[Record]) {
    let mut renewed: BTreeMap<String, Instant> = BTreeMap::new();
    let mut holder = "";
    for record in log.iter().filter(|record| record.verb.writes()) {
        if record.resource == "leases" {
            if record.wrote() {
                holder = record.body["spec"]["holderIdentity"].as_str().unwrap_or_default();
                renewed.insert(record.client.trim_end_matches(LEASE).to_owned(), record.at);
            }
            continue;
        }
        led(record, holder, &renewed);
        shape(record);
    }
}

fn led(record: &Record, holder: &str, renewed: &BTreeMap<String, Instant>) {
    let line = record.line();
    assert_eq!(record.client, holder, "{line}: written by a replica that does not lead");
    let age = renewed.get(&record.client).map(|at| record.at.duration_since(*at));
    assert!(
        age.is_some_and(|age| age <= RENEW_DEADLINE),
        "{line}: written {age:?} after the lease was renewed"
    );
}

fn shape(record: &Record) {
    let (line, body) = (record.line(), &record.body);
    let has = |field: &str| body["metadata"][field].as_str().is_some_and(|text| !text.is_empty());
    let is_of_its_version = has("uid") && has("resourceVersion");
    // An apply without either creates: what is there already is not changed by it.
    let creates = !has("uid") && !has("resourceVersion") && record.status != Some(200);
    if record.verb == Verb::Patch && record.resource != "events" {
        assert_eq!(record.field_manager.as_deref(), Some("headroom"), "{line}");
    }
    match (record.verb, record.resource.as_str(), record.subresource.as_deref()) {
        (Verb::Patch, _, Some("scale")) => {
            assert!(is_of_its_version, "{line}: without its preconditions: {body}");
        }
        // Nobody else writes it, and an edit of the spec must not refuse it.
        (Verb::Patch, _, Some("status")) => assert!(has("uid"), "{line}: without the UID: {body}"),
        (Verb::Patch, "deployments", None) => {
            assert!(is_of_its_version, "{line}: without its preconditions: {body}");
            assert!(body["spec"]["replicas"].is_null(), "{line}: an apply with a size: {body}");
        }
        (Verb::Patch, "services" | "poddisruptionbudgets" | "scaledservicecheckpoints", None) => {
            assert!(is_of_its_version || creates, "{line}: without its preconditions: {body}");
        }
        (_, "deployments" | "statefulsets", None) => assert_eq!(record.verb, Verb::Create, "{line}"),
        _ => {}
    }
}
