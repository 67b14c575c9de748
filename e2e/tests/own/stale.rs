//! Fault 8: an API server that was left behind shows an old view. A write that builds on it never succeeds.

use std::time::Duration;

use headroom_e2e::fault_proxy::Fault;
use headroom_e2e::suite::{Audit, Load, PODS, Plan, Site, Way, figure, kubectl, rule, until, written};

#[test]
#[ignore = "needs a cluster: make e2e"]
fn an_old_view_never_makes_a_write_succeed() {
    let site = Site::new("old-view", 1, Way::Proxied).unwrap();
    let place = site.place(0);
    let service = Plan { replicas: (2, 10), down_window: 5, ..Plan::new("web") }.apply(place).unwrap();
    service.until_ready(2, PODS).unwrap();
    let old = [
        rule(&["get"], "deployments/scale", Fault::Stale),
        rule(&["get"], "deployments", Fault::Stale),
        rule(&["list"], "pods", Fault::Stale),
        rule(&["watch"], "pods", Fault::Silence),
    ];
    site.proxy().set(&old).unwrap();
    until("the view to be recorded", Duration::from_secs(15), || {
        Ok((site.proxy().applied()?[0].disturbed >= 2).then_some(()))
    })
    .unwrap();

    // The controller sees 2 pods and wants 4; there are 8. The step comes while those are about to start, so that its
    // connections go to the pods that are seen.
    let mut audit = Audit::from_now().unwrap();
    let load = Load::steps("load", "10s@100,60s@600").start(place, &service.url().unwrap()).unwrap();
    load.until_running().unwrap();
    std::thread::sleep(Duration::from_secs(8));
    kubectl(&["-n", place, "scale", "deployment/web", "--replicas=8"]).unwrap();
    let refused = |audit: &mut Audit| {
        let entries = audit.so_far().unwrap().iter().filter(|entry| {
            entry.object_ref.namespace == place
                && entry.replicas_asked().is_some_and(|size| size < 8)
                && entry.response_status.code == 409
        });
        entries.count()
    };
    until(
        "a write that is refused",
        Duration::from_secs(45),
        || Ok((refused(&mut audit) >= 1).then_some(())),
    )
    .unwrap();
    std::thread::sleep(Duration::from_secs(10));
    assert_eq!(written(&mut audit, place), [], "a write that builds on an old view succeeded");
    assert_eq!(service.size().unwrap(), 8);
    figure("old view", "writes refused for their version", refused(&mut audit) as f64, "");
    site.proxy().clear().unwrap();
    site.assert_no_violation();
    load.stop().unwrap();
}
