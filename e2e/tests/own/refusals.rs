//! Faults 3 and 5: every call is answered 429 with an hour to wait; watches are too old again and again.

use std::time::Duration;

use headroom_e2e::fault_proxy::Fault;
use headroom_e2e::suite::{
    Audit, Load, PODS, Plan, Site, Way, assert_no_shrink, figure, rule, stays, until, written,
};
use jiff::Timestamp;

#[test]
#[ignore = "needs a cluster: make e2e"]
fn a_storm_of_429_holds_nothing_back_for_an_hour_and_writes_nothing_late() {
    let site = Site::new("storm", 1, Way::Proxied).unwrap();
    let place = site.place(0);
    let service = Plan::new("web").apply(place).unwrap();
    service.until_ready(2, PODS).unwrap();
    let mut audit = Audit::from_now().unwrap();
    site.proxy().set(&[rule(&[], "", Fault::Answer { status: 429, retry_after: Some(3600) })]).unwrap();

    // More than the service holds, but only during the storm: a size decided then is too late afterwards.
    let peak = Load::steps("peak", "20s@1200").start(place, &service.url().unwrap()).unwrap();
    peak.summary(Duration::from_secs(90)).unwrap();
    std::thread::sleep(Duration::from_secs(10));
    let storm = site.proxy().clear().unwrap();
    println!("{storm:?}");
    assert!(storm[0].disturbed >= 10, "hardly a call met the storm: {storm:?}");
    assert_eq!(written(&mut audit, place), [], "a size was written during the storm");
    stays("no late size", Duration::from_secs(8), || Ok(written(&mut audit, place).is_empty())).unwrap();

    site.proxy().set(&[rule(&[], "", Fault::Answer { status: 429, retry_after: Some(3600) })]).unwrap();
    let load = Load::steps("load", "90s@700").start(place, &service.url().unwrap()).unwrap();
    load.until_running().unwrap();
    std::thread::sleep(Duration::from_secs(20));
    site.proxy().clear().unwrap();
    let ended = Timestamp::now();
    let sufficing = until("a size that suffices", Duration::from_secs(35), || {
        Ok(written(&mut audit, place).into_iter().find(|(_, size)| *size >= 4))
    });
    let (at, _) = sufficing.unwrap();
    figure(
        "storm of 429",
        "end until the size suffices",
        at.duration_since(ended).as_secs_f64().max(0.0),
        "s",
    );
    assert_no_shrink(&mut audit, place, 2);
    site.assert_no_violation();
}

#[test]
#[ignore = "needs a cluster: make e2e"]
fn a_watch_that_is_too_old_lists_again_and_shrinks_nothing() {
    let site = Site::new("too-old", 1, Way::Proxied).unwrap();
    let place = site.place(0);
    let service = Plan { replicas: (2, 6), down_window: 5, ..Plan::new("web") }.apply(place).unwrap();
    service.until_ready(2, PODS).unwrap();
    let load = Load::steps("load", "110s@450").start(place, &service.url().unwrap()).unwrap();
    // What the load needs. At first there may be more, for what two pods could not hold.
    let needed = 3;
    until("a size for the load", Duration::from_secs(60), || {
        Ok((service.size()? >= needed && service.ready()? >= needed).then_some(()))
    })
    .unwrap();

    let mut audit = Audit::from_now().unwrap();
    let mut gone = ["pods", "scaledservices"].map(|resource| rule(&["watch"], resource, Fault::Gone));
    for rule in &mut gone {
        rule.count = Some(6);
    }
    site.proxy().set(&gone).unwrap();
    stays("the size", Duration::from_secs(30), || Ok(service.size()? >= needed)).unwrap();
    let applied = site.proxy().clear().unwrap();
    assert!(applied.iter().all(|applied| applied.disturbed >= 2), "hardly a watch was too old: {applied:?}");
    let lists = audit.so_far().unwrap().iter().filter(|entry| {
        entry.verb == "list"
            && entry.object_ref.namespace == place
            && entry.object_ref.resource == "pods"
            && entry.user_agent.starts_with("headroom/")
    });
    let lists = lists.count();
    figure("410 on watches", "lists of pods again", lists as f64, "");
    assert!(lists >= 2, "the pods were listed {lists} times after {} errors", applied[0].disturbed);
    assert!(
        written(&mut audit, place).iter().all(|(_, size)| *size >= needed),
        "too small a size was written"
    );
    site.assert_no_violation();
    load.stop().unwrap();
}
