//! The replica that writes is killed, or stopped for half a minute: no stale write, no double write.

use std::time::{Duration, Instant};

use headroom_e2e::cluster::RunningPod;
use headroom_e2e::suite::{Audit, Load, PODS, Plan, Release, Site, Way, figure, until};

#[test]
#[ignore = "needs a cluster: make e2e"]
fn a_killed_leader_is_replaced_and_a_paused_one_writes_nothing_late() {
    let site = Site::new("leader", 1, Way::Direct).unwrap();
    let (release, place) = (&site.release, site.place(0));
    let service = Plan::new("web").apply(place).unwrap();
    service.until_ready(2, PODS).unwrap();

    let leader = release.leader().unwrap();
    let load = Load::steps("first", "60s@700").start(place, &service.url().unwrap()).unwrap();
    load.until_running().unwrap();
    running(release, &leader).kill().unwrap();
    let killed = Instant::now();
    let mut audit = Audit::from_now().unwrap();
    // The other replica, or the killed one after its start: who holds the Lease.
    let writer = until("a size written after it", Duration::from_secs(30), || {
        Ok(audit.sizes(place)?.first().and_then(|entry| entry.pod().map(str::to_owned)))
    });
    assert_eq!(writer.unwrap(), release.leader().unwrap(), "who wrote does not lead");
    figure("leader", "killed until the next size was written", killed.elapsed().as_secs_f64(), "s");
    assert!(killed.elapsed() < Duration::from_secs(25));
    load.stop().unwrap();

    let leader = release.leader().unwrap();
    let paused = running(release, &leader);
    paused.pause().unwrap();
    let load = Load::steps("second", "70s@1100").start(place, &service.url().unwrap()).unwrap();
    std::thread::sleep(Duration::from_secs(30));
    let mut audit = Audit::from_now().unwrap();
    let next = release.leader().unwrap();
    assert_ne!(next, leader, "a paused replica still leads after 30 s");
    paused.resume().unwrap();
    std::thread::sleep(Duration::from_secs(10));
    let stale = audit.so_far().unwrap().iter().filter(|entry| {
        entry.is_write() && entry.pod() == Some(&leader) && entry.object_ref.resource != "leases"
    });
    let stale: Vec<_> = stale.map(|entry| (&entry.request_uri, entry.response_status.code)).collect();
    assert!(stale.is_empty(), "written, or tried, by the replica that no longer leads: {stale:?}");
    let late: Vec<_> = audit.sizes(place).unwrap();
    let times: Vec<_> = late.iter().map(|entry| (entry.stage_timestamp, entry.replicas_asked())).collect();
    assert!(
        late.windows(2).all(|pair| pair[0].replicas_asked() != pair[1].replicas_asked()),
        "written twice: {times:?}"
    );
    load.stop().unwrap();
    let violations = release.metric("headroom_invariant_violations_total").unwrap();
    assert_eq!(violations, 0.0);
}

fn running(release: &Release, name: &str) -> RunningPod {
    let pods = release.running().unwrap();
    pods.into_iter().find(|(found, _)| found == name).expect("the leader's pod").1
}
