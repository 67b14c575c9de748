//! Pods whose admin port is cut off by a packet filter: the size never shrinks for that, and the service says so.

use std::time::Duration;

use headroom_e2e::suite::{Load, PODS, Plan, Site, Way, kubectl, running, stays};

/// Where pods tell their load.
const ADMIN: u16 = 9090;

#[test]
#[ignore = "needs a cluster: make e2e"]
fn silence_never_shrinks_a_service() {
    let site = Site::new("evidence", 1, Way::Direct).unwrap();
    let place = site.place(0);
    let service = Plan { replicas: (2, 6), down_window: 30, ..Plan::new("web") }.apply(place).unwrap();
    service.until_ready(2, PODS).unwrap();
    kubectl(&["-n", place, "scale", "deployment/web", "--replicas=4"]).unwrap();
    service.until_ready(4, PODS).unwrap();
    let pods: Vec<_> = service.pods().unwrap().iter().map(|pod| running(pod).unwrap()).collect();
    assert_eq!(pods.len(), 4);
    for pod in &pods {
        pod.block_port(ADMIN).unwrap();
    }
    service.until_reason("EvidenceFresh", "EvidenceAbsent", Duration::from_secs(20)).unwrap();
    stays("the size without evidence", Duration::from_secs(25), || Ok(service.size()? == 4)).unwrap();

    // Half of them answer again.
    for pod in pods.iter().take(2) {
        pod.unblock_ports().unwrap();
    }
    service.until_reason("EvidenceFresh", "EvidencePartial", Duration::from_secs(20)).unwrap();
    stays("the size with half of the evidence", Duration::from_secs(20), || Ok(service.size()? == 4))
        .unwrap();
    // It may grow, by what the others are taken to have.
    let load = Load::steps("load", "60s@900").start(place, &service.url().unwrap()).unwrap();
    service.until_size("growth on half of the evidence", Duration::from_secs(45), |now| now > 4).unwrap();
    load.stop().unwrap();

    // It was the filter that held it.
    let size = service.size().unwrap();
    for pod in &pods {
        pod.unblock_ports().unwrap();
    }
    service.until_reason("EvidenceFresh", "EvidenceComplete", Duration::from_secs(20)).unwrap();
    service.until_size("scaling in", Duration::from_secs(60), |now| now < size).unwrap();
    site.assert_no_violation();
}
