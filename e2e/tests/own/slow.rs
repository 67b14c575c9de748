//! Fault 2: calls about one namespace take 5 s. They are dropped in time, and another namespace does not notice.

use std::time::Duration;

use headroom_e2e::fault_proxy::Fault;
use headroom_e2e::suite::{
    Audit, Load, PODS, Plan, Site, Way, assert_no_shrink, figure, rule, until, within, written,
};
use jiff::Timestamp;

const SLOW: Fault = Fault::Delay { seconds: 5.0 };

#[test]
#[ignore = "needs a cluster: make e2e"]
fn slow_calls_are_dropped_and_delay_no_other_service() {
    let site = Site::new("slow", 2, Way::Proxied).unwrap();
    // The lease is in the first namespace: the second is the slow one.
    let (fast, slow) = (site.place(0), site.place(1));
    let services = [Plan::new("web").apply(fast).unwrap(), Plan::new("web").apply(slow).unwrap()];
    for service in &services {
        service.until_ready(2, PODS).unwrap();
    }
    let mut audit = Audit::from_now().unwrap();
    let delayed = [rule(&[], "deployments/scale", SLOW), rule(&[], "", SLOW)];
    site.proxy().set(&delayed.map(|rule| within(slow, rule))).unwrap();

    let loads = [(fast, &services[0]), (slow, &services[1])].map(|(place, service)| {
        Load::steps("load", "80s@700").start(place, &service.url().unwrap()).unwrap()
    });
    let began = loads[0].until_running().unwrap();
    let answered = until("the fast namespace's size", Duration::from_secs(30), || {
        Ok(written(&mut audit, fast).into_iter().find(|(at, size)| *at > began && *size >= 4))
    });
    let (at, size) = answered.unwrap();
    figure(
        "slow",
        "load to a size that suffices beside a slow namespace",
        at.duration_since(began).as_secs_f64(),
        "s",
    );
    println!("{size} pods");
    std::thread::sleep(Duration::from_secs(10));
    assert_eq!(written(&mut audit, slow), [], "a size was written over a slow API");
    let applied = site.proxy().clear().unwrap();
    let ended = Timestamp::now();
    figure("slow", "a slow call was given up after at most", applied[0].given_up_after_seconds, "s");
    assert!(applied[0].given_up >= 5, "hardly a call met the fault: {applied:?}");
    // One second is what a call may take; the rest is the machine's.
    assert!(applied[0].given_up_after_seconds < 3.0, "a slow call was waited for: {applied:?}");

    let recovered = until("the slow namespace's size", Duration::from_secs(35), || {
        Ok(written(&mut audit, slow).into_iter().find(|(_, size)| *size >= 4))
    });
    let (at, _) = recovered.unwrap();
    figure(
        "slow",
        "fast again until the size suffices",
        at.duration_since(ended).as_secs_f64().max(0.0),
        "s",
    );
    for place in [fast, slow] {
        assert_no_shrink(&mut audit, place, 2);
    }
    site.assert_no_violation();
}
