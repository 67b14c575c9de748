//! Fault 6: watches stall without an error. The service says so, and its size may grow, not shrink.

use std::time::{Duration, Instant};

use headroom_e2e::fault_proxy::Fault;
use headroom_e2e::suite::{Audit, Load, PODS, Plan, Site, Way, assert_no_shrink, figure, rule, stays, until};

#[test]
#[ignore = "needs a cluster: make e2e"]
fn a_silent_watch_is_noticed_and_shrinks_nothing() {
    let site = Site::new("silent", 1, Way::Proxied).unwrap();
    let place = site.place(0);
    let service = Plan { replicas: (2, 8), down_window: 5, ..Plan::new("web") }.apply(place).unwrap();
    service.until_ready(2, PODS).unwrap();
    let load = Load::steps("load", "300s@600").start(place, &service.url().unwrap()).unwrap();
    until("a size for the load", Duration::from_secs(60), || {
        Ok((service.size()? >= 4 && service.ready()? >= 4).then_some(()))
    })
    .unwrap();
    service.until_reason("EvidenceFresh", "EvidenceComplete", Duration::from_secs(20)).unwrap();

    site.proxy().set(&[rule(&["watch"], "pods", Fault::Stall)]).unwrap();
    let fell_silent = Instant::now();
    let message = service.until_reason("EvidenceFresh", "EvidenceStale", Duration::from_secs(40)).unwrap();
    figure("silent watch", "silent until it is told", fell_silent.elapsed().as_secs_f64(), "s");
    println!("{message}");

    // Now fewer pods would do, for longer than the window of 5 s.
    let mut audit = Audit::from_now().unwrap();
    let size = service.size().unwrap();
    load.stop().unwrap();
    stays("the size", Duration::from_secs(25), || Ok(service.size()? >= size)).unwrap();
    assert_no_shrink(&mut audit, place, size);

    // It was the silence that held it.
    site.proxy().clear().unwrap();
    let again = Instant::now();
    service.until_reason("EvidenceFresh", "EvidenceComplete", Duration::from_secs(45)).unwrap();
    figure("silent watch", "back until evidence is fresh", again.elapsed().as_secs_f64(), "s");
    service.until_size("scaling in", Duration::from_secs(60), |now| now < size).unwrap();
    site.assert_no_violation();
}
