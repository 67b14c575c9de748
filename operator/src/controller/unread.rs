//! PURE: what stands for a service whose object can't be read, so that its status can say so. The API server refuses such
//! objects as long as its definition is that of this binary; with an older or newer one they exist.

use std::sync::Arc;

use headroom_api::ScaledService;
use kube::core::error_boundary::InvalidObject;
use serde_json::json;

use super::watch::GuardedService;

/// The service, or one of its name with a spec that means nothing. `None` never happens as long as that spec can be read,
/// which a test holds.
pub fn or_stand_in(service: &GuardedService) -> Option<Arc<ScaledService>> {
    match &service.0 {
        Ok(service) => Some(Arc::new(service.clone())),
        Err(unread) => stand_in(unread).map(Arc::new),
    }
}

fn stand_in(unread: &InvalidObject) -> Option<ScaledService> {
    let objective = json!({ "name": "unknown", "quantile": "0.99", "threshold": "1s" });
    let spec = json!({ "objectives": { "qps": 1, "latency": [objective] } });
    let mut service = ScaledService::new("", serde_json::from_value(spec).ok()?);
    service.metadata = unread.metadata.clone();
    Some(service)
}

#[cfg(test)]
mod tests {
    use kube::core::ObjectMeta;

    use super::*;

    #[test]
    fn an_object_that_cannot_be_read_keeps_its_name() {
        let metadata = ObjectMeta { name: Some("orders".to_owned()), ..ObjectMeta::default() };
        let unread = InvalidObject { error: "a field is missing".to_owned(), metadata };
        let service = or_stand_in(&kube::core::DeserializeGuard(Err(unread))).unwrap();
        assert_eq!(service.metadata.name.as_deref(), Some("orders"));
    }
}
