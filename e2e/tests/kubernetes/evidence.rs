//! Pods whose admin port can't be reached: the size never shrinks for that, and the service says so.

use std::time::Duration;

use headroom_e2e::suite::{Namespace, Plan, ScaledService, controller, kubectl, stays};

/// No server listens there.
const NOWHERE: &str = "headroom.dev/admin-port=1";

#[test]
#[ignore = "needs a cluster: make e2e"]
fn silence_never_shrinks_a_service() {
    controller().unwrap();
    let place = Namespace::new("silence").unwrap();
    let service = Plan { replicas: (2, 6), down_window: 5, ..Plan::new("web") }.apply(place.name()).unwrap();
    service.until_ready(2, Duration::from_secs(90)).unwrap();
    kubectl(&["-n", place.name(), "scale", "deployment/web", "--replicas=4"]).unwrap();
    // All of them at once, so that the size set by hand is never wished smaller on full evidence.
    let silenced = silence(&service, place.name(), 4);
    assert_eq!(silenced, 4);
    service.until_reason("EvidenceFresh", "EvidenceAbsent", Duration::from_secs(20)).unwrap();
    stays("the size without evidence", Duration::from_secs(25), || Ok(service.size()? == 4)).unwrap();

    // Half of them answer again.
    let pods = service.pods().unwrap();
    for pod in pods.iter().take(2) {
        let name = pod["metadata"]["name"].as_str().unwrap();
        kubectl(&["-n", place.name(), "annotate", "pod", name, "headroom.dev/admin-port-"]).unwrap();
    }
    service.until_reason("EvidenceFresh", "EvidencePartial", Duration::from_secs(20)).unwrap();
    stays("the size with half of the evidence", Duration::from_secs(20), || Ok(service.size()? == 4))
        .unwrap();
}

fn silence(service: &ScaledService, namespace: &str, pods: usize) -> usize {
    let found = headroom_e2e::suite::until("the pods", Duration::from_secs(30), || {
        let found = service.pods()?;
        Ok((found.len() >= pods).then_some(found))
    });
    let found = found.unwrap();
    for pod in &found {
        let name = pod["metadata"]["name"].as_str().unwrap();
        kubectl(&["-n", namespace, "annotate", "pod", name, NOWHERE, "--overwrite"]).unwrap();
    }
    found.len()
}
