//! PURE: whether an object says that it may not create further pods.

use serde_json::Value;

/// Longest message kept, in characters.
const LONGEST: usize = 256;

/// The message of the condition `ReplicaFailure`, which a Deployment has while its pods are refused.
pub(super) fn creation_refused(object: &Value) -> Option<String> {
    let conditions = object.pointer("/status/conditions")?.as_array()?;
    let is = |condition: &&Value, field: &str, value: &str| condition[field] == value;
    let failure = conditions.iter().find(|c| is(c, "type", "ReplicaFailure") && is(c, "status", "True"))?;
    Some(failure["message"].as_str().unwrap_or("the pods are refused").chars().take(LONGEST).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_quota_is_told() {
        let condition = |status: &str| {
            json!({ "status": { "conditions": [
                { "type": "Available", "status": "True", "message": "fine" },
                { "type": "ReplicaFailure", "status": status, "message": "exceeded quota: pods" },
            ] } })
        };
        assert_eq!(creation_refused(&condition("True")), Some("exceeded quota: pods".to_owned()));
        assert_eq!(creation_refused(&condition("False")), None);
        assert_eq!(creation_refused(&json!({})), None);
    }
}
