//! Mode Observe decides and shows, and writes no size; beside an autoscaler too.

use std::time::Duration;

use headroom_e2e::suite::{Audit, Load, Namespace, Plan, controller, kubectl, until};

#[test]
#[ignore = "needs a cluster: make e2e"]
fn observe_writes_no_size() {
    controller().unwrap();
    let place = Namespace::new("observe").unwrap();
    let service = Plan { mode: "Observe", ..Plan::new("web") }.apply(place.name()).unwrap();
    service.until_ready(2, Duration::from_secs(90)).unwrap();
    kubectl(&["-n", place.name(), "autoscale", "deployment/web", "--min=2", "--max=3", "--cpu-percent=80"])
        .unwrap();
    let mut audit = Audit::from_now().unwrap();
    let load = Load::steps("load", "40s@800").start(place.name(), &service.url().unwrap()).unwrap();
    // It says what it would do.
    until("a wish for more pods", Duration::from_secs(40), || {
        let now = service.now()?;
        let shown = now["status"]["display"]["replicas"].as_str().unwrap_or_default().to_owned();
        Ok(shown.contains("->").then_some(shown))
    })
    .unwrap();
    load.summary(Duration::from_secs(120)).unwrap();
    let ours = audit.sizes(place.name()).unwrap();
    let ours: Vec<_> = ours.iter().filter(|entry| entry.user.username.contains("headroom")).collect();
    assert!(ours.is_empty(), "Observe wrote a size: {ours:?}");
    assert_eq!(service.condition("Paused").unwrap()["reason"], "Observing");
}
