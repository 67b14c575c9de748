//! Others that size the same object: autoscalers, older services, people.

use std::time::Duration;

use headroom_e2e::suite::{Audit, Namespace, Plan, controller, kubectl, stays};
use serde_json::json;

const PODS: Duration = Duration::from_secs(90);
const SOON: Duration = Duration::from_secs(20);

#[test]
#[ignore = "needs a cluster: make e2e"]
fn an_autoscaler_that_appears_is_refused_by_name() {
    controller().unwrap();
    let place = Namespace::new("hpa").unwrap();
    let service = Plan::new("web").apply(place.name()).unwrap();
    service.until_ready(2, PODS).unwrap();
    kubectl(&["-n", place.name(), "autoscale", "deployment/web", "--min=3", "--max=5", "--cpu-percent=80"])
        .unwrap();
    let message = service.until_reason("Ready", "TargetOwned", SOON).unwrap();
    assert!(message.contains("HorizontalPodAutoscaler/web"), "{message}");
    let mut audit = Audit::from_now().unwrap();
    stays("the autoscaler's size", Duration::from_secs(5), || {
        let ours = audit.sizes(place.name())?;
        Ok(!ours.iter().any(|entry| entry.user.username.contains("headroom")))
    })
    .unwrap();
    kubectl(&["-n", place.name(), "delete", "hpa", "web"]).unwrap();
    service.until_reason("Ready", "Holding", SOON).unwrap();
}

#[test]
#[ignore = "needs a cluster: make e2e"]
fn of_two_services_with_one_target_the_older_has_it() {
    controller().unwrap();
    let place = Namespace::new("two").unwrap();
    let first = Plan::new("web").apply(place.name()).unwrap();
    first.until_ready(2, PODS).unwrap();
    let target = json!({ "apiVersion": "apps/v1", "kind": "Deployment", "name": "web" });
    let more = json!({ "spec": { "workload": null, "runtime": null, "scaleTargetRef": target } });
    let second = Plan { more, replicas: (5, 9), ..Plan::new("usurper") }.apply(place.name()).unwrap();
    let message = second.until_reason("Ready", "TargetOwned", SOON).unwrap();
    assert!(message.contains("ScaledService/web"), "{message}");
    assert_eq!(first.condition("Ready").unwrap()["reason"], "Holding");
    assert_eq!(first.size().unwrap(), 2);
}
