//! What the controller costs while nothing happens, as the kernel counts it.

use std::time::{Duration, Instant};

use headroom_e2e::suite::{PODS, Plan, Site, Way, figure};

/// Most memory of a replica with one service.
const MEMORY: f64 = 60e6;
/// It is looked at for so long.
const TIME: Duration = Duration::from_secs(30);

#[test]
#[ignore = "needs a cluster: make e2e"]
fn a_controller_with_one_service_is_small() {
    let site = Site::new("idle", 1, Way::Direct).unwrap();
    let service = Plan::new("web").apply(site.place(0)).unwrap();
    service.until_ready(2, PODS).unwrap();
    service.until_reason("Ready", "Holding", PODS).unwrap();
    let leader = site.release.leader().unwrap();
    let pods = site.release.running().unwrap();
    assert_eq!(pods.len(), 2);
    let began = Instant::now();
    let before: Vec<_> = pods.iter().map(|(_, pod)| pod.usage().unwrap()).collect();
    std::thread::sleep(TIME);
    for ((name, pod), before) in pods.iter().zip(before) {
        let after = pod.usage().unwrap();
        let cores = (after.cpu_seconds - before.cpu_seconds) / began.elapsed().as_secs_f64();
        let role = if *name == leader { "leader" } else { "standby" };
        figure("idle", &format!("memory of the {role}"), after.resident_bytes / 1e6, "MB");
        figure("idle", &format!("CPU of the {role}"), cores * 1e3, "millicores");
        assert!(after.resident_bytes < MEMORY, "the {role} uses {} MB", after.resident_bytes / 1e6);
    }
    site.assert_no_violation();
}
