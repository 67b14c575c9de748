//! PURE: who else writes `spec.replicas`, read from the fields' managers.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ManagedFieldsEntry, ObjectMeta};
use serde_json::Value;

use crate::controller::FIELD_MANAGER;

/// An object is complete so long after its creation.
const MAKING: SignedDuration = SignedDuration::from_secs(5);

/// Managers of people at a keyboard, who write when they mean to; what applies a manifest is none of them.
const BY_HAND: [&str; 4] = ["kubectl", "kubectl-scale", "kubectl-edit", "kubectl-patch"];

/// Somebody who sets the size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Writer {
    /// The field manager.
    pub manager: String,
    /// When it last wrote.
    pub at: Option<Timestamp>,
    /// Whether it is a person, as far as can be told.
    pub by_hand: bool,
}

/// The manager other than us that set `spec.replicas` last, if any did.
pub fn last_writer_of_replicas(fields: &[ManagedFieldsEntry]) -> Option<String> {
    last(fields.iter()).map(|writer| writer.manager)
}

/// The same, without who only created the object: whatever creates one sets its size, if only to the default. Who
/// applies sets it again and again, from the first time on.
pub fn second_writer_of_replicas(metadata: &ObjectMeta) -> Option<Writer> {
    let created = metadata.creation_timestamp.as_ref().map(|time| time.0);
    let only_created = |entry: &&ManagedFieldsEntry| {
        entry.operation.as_deref() == Some("Update")
            && time(entry).zip(created).is_some_and(|(time, created)| time.duration_since(created) <= MAKING)
    };
    last(metadata.managed_fields.iter().flatten().filter(|entry| !only_created(entry)))
}

fn last<'a>(fields: impl Iterator<Item = &'a ManagedFieldsEntry>) -> Option<Writer> {
    let entry = fields
        .filter(|entry| entry.manager.as_deref() != Some(FIELD_MANAGER) && sets_replicas(entry))
        .max_by_key(|entry| time(entry))?;
    let manager = entry.manager.clone()?;
    let by_hand = entry.operation.as_deref() == Some("Update") && BY_HAND.contains(&manager.as_str());
    Some(Writer { manager, at: time(entry), by_hand })
}

fn time(entry: &ManagedFieldsEntry) -> Option<Timestamp> {
    entry.time.as_ref().map(|time| time.0)
}

fn sets_replicas(entry: &ManagedFieldsEntry) -> bool {
    let fields: Option<&Value> = entry.fields_v1.as_ref().map(|fields| &fields.0);
    fields.and_then(|fields| fields.pointer("/f:spec/f:replicas")).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    fn entry(manager: &str, operation: &str, second: u32, fields: &Value) -> ManagedFieldsEntry {
        let time = format!("2026-01-01T00:00:{second:02}Z");
        let entry = json!({ "manager": manager, "operation": operation, "time": time, "fieldsV1": fields });
        serde_json::from_value(entry).unwrap()
    }

    fn replicas() -> Value {
        json!({ "f:spec": { "f:replicas": {} } })
    }

    #[test]
    fn the_last_other_writer_is_named() {
        let entries = [
            entry("helm", "Update", 1, &replicas()),
            entry("kubectl", "Update", 3, &replicas()),
            entry("kube-controller-manager", "Update", 4, &json!({ "f:status": { "f:replicas": {} } })),
            entry("headroom", "Update", 5, &replicas()),
        ];
        assert_eq!(last_writer_of_replicas(&entries), Some("kubectl".to_owned()));
        assert_eq!(last_writer_of_replicas(&entries[2..]), None);
    }

    #[rstest]
    #[case::who_created_it("kubectl-create", "Update", 0, None)]
    #[case::in_the_same_breath("helm", "Update", 5, None)]
    #[case::who_changed_it_later("kubectl", "Update", 6, Some("kubectl"))]
    #[case::who_applies_it("argocd", "Apply", 0, Some("argocd"))]
    #[case::ourselves("headroom", "Update", 30, None)]
    fn whoever_created_the_object_is_no_second_writer(
        #[case] manager: &str,
        #[case] operation: &str,
        #[case] second: u32,
        #[case] named: Option<&str>,
    ) {
        let metadata = ObjectMeta {
            creation_timestamp: serde_json::from_value(json!("2026-01-01T00:00:00Z")).unwrap(),
            managed_fields: Some(vec![entry(manager, operation, second, &replicas())]),
            ..ObjectMeta::default()
        };
        let writer = second_writer_of_replicas(&metadata);
        assert_eq!(writer.as_ref().map(|writer| writer.manager.as_str()), named);
        assert_eq!(writer.map(|writer| writer.by_hand), named.map(|named| named == "kubectl"));
    }
}
