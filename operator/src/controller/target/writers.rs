//! PURE: who else writes `spec.replicas`, read from the fields' managers.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;
use serde_json::Value;

use crate::controller::FIELD_MANAGER;

/// The manager other than us that set `spec.replicas` last, if any did.
pub fn last_writer_of_replicas(fields: &[ManagedFieldsEntry]) -> Option<String> {
    fields
        .iter()
        .filter(|entry| entry.manager.as_deref() != Some(FIELD_MANAGER) && sets_replicas(entry))
        .max_by_key(|entry| entry.time.as_ref().map(|time| time.0))
        .and_then(|entry| entry.manager.clone())
}

fn sets_replicas(entry: &ManagedFieldsEntry) -> bool {
    let fields: Option<&Value> = entry.fields_v1.as_ref().map(|fields| &fields.0);
    fields.and_then(|fields| fields.pointer("/f:spec/f:replicas")).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_last_other_writer_is_named() {
        let entry = |manager: &str, second: u32, fields: Value| {
            let time = format!("2026-01-01T00:00:{second:02}Z");
            let entry =
                json!({ "manager": manager, "operation": "Update", "time": time, "fieldsV1": fields });
            serde_json::from_value::<ManagedFieldsEntry>(entry).unwrap()
        };
        let replicas = json!({ "f:spec": { "f:replicas": {} } });
        let entries = [
            entry("helm", 1, replicas.clone()),
            entry("kubectl", 3, replicas.clone()),
            entry("kube-controller-manager", 4, json!({ "f:status": { "f:replicas": {} } })),
            entry("headroom", 5, replicas),
        ];
        assert_eq!(last_writer_of_replicas(&entries), Some("kubectl".to_owned()));
        assert_eq!(last_writer_of_replicas(&entries[2..]), None);
    }
}
