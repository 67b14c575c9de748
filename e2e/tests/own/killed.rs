//! Both replicas of the controller are killed at the same moment. What was learned is in the checkpoint: nothing shrinks,
//! and what is known of a pod goes on.

use std::time::{Duration, Instant};

use headroom_e2e::suite::{
    Audit, Load, PODS, Plan, ScaledService, Site, Way, assert_no_shrink, figure, object, until,
};
use serde_json::Value;

#[test]
#[ignore = "needs a cluster: make e2e"]
fn what_was_learned_outlives_both_replicas() {
    let site = Site::new("killed", 1, Way::Direct).unwrap();
    let place = site.place(0);
    // A guess of half of what a pod does: what is shown later was learned.
    let plan = Plan { replicas: (2, 10), prior: Some(85), down_window: 60, ..Plan::new("web") };
    let service = plan.apply(place).unwrap();
    service.until_ready(2, PODS).unwrap();
    let load = Load::steps("load", "150s@650").start(place, &service.url().unwrap()).unwrap();
    load.until_running().unwrap();
    let learned = until("a capacity that was learned", Duration::from_secs(90), || {
        let capacity = capacity(&service)?;
        Ok(capacity.filter(|capacity| *capacity >= 110.0))
    })
    .unwrap();
    until("the checkpoint to hold it", Duration::from_secs(60), || {
        object(place, "scaledservicecheckpoints", "web")
    })
    .unwrap();
    std::thread::sleep(Duration::from_secs(35));
    let (learned, ready_in) =
        (capacity(&service).unwrap().unwrap_or(learned), time_to_ready(&service).unwrap());
    let size = service.size().unwrap();
    let mut audit = Audit::from_now().unwrap();

    let killed = Instant::now();
    for (_, pod) in site.release.running().unwrap() {
        pod.kill().unwrap();
    }
    until("both replicas to have been started again", PODS, || {
        let pods = site.release.pods()?;
        let again = pods.iter().filter(|pod| {
            let status = &pod["status"]["containerStatuses"][0];
            status["restartCount"].as_u64() >= Some(1) && status["ready"] == true
        });
        Ok((again.count() == 2).then_some(()))
    })
    .unwrap();
    // The leader's metrics tell what it holds now.
    let after = until("a leader that sees the service", PODS, || {
        let capacity = site.release.metric("headroom_pod_capacity_requests_per_second")?;
        let fresh = site.release.metric("headroom_pods_fresh")?;
        Ok((fresh > 0.0).then_some(capacity))
    })
    .unwrap();
    figure("both killed", "until a leader sees the service again", killed.elapsed().as_secs_f64(), "s");
    figure("both killed", "capacity of a pod, after over before", after / learned, "");
    assert!((0.8..=1.25).contains(&(after / learned)), "{learned}/s a pod was known, then {after}/s");
    assert_eq!(time_to_ready(&service).unwrap(), ready_in);
    std::thread::sleep(Duration::from_secs(15));
    assert_no_shrink(&mut audit, place, size);
    site.assert_no_violation();
    load.stop().unwrap();
}

fn capacity(service: &ScaledService) -> anyhow::Result<Option<f64>> {
    Ok(service.now()?.pointer("/status/capacityPerPod").and_then(Value::as_f64))
}

fn time_to_ready(service: &ScaledService) -> anyhow::Result<Option<String>> {
    Ok(service.now()?.pointer("/status/timeToReady").and_then(Value::as_str).map(str::to_owned))
}
