//! Somebody scales by hand.

use std::time::Duration;

use headroom_e2e::suite::{PODS, Plan, Site, Way, kubectl, objects, stays, until};

#[test]
#[ignore = "needs a cluster: make e2e"]
fn a_size_set_by_hand_is_noticed_and_not_fought_blindly() {
    let site = Site::new("hand", 1, Way::Direct).unwrap();
    let place = site.place(0);
    let service = Plan { down_window: 25, ..Plan::new("web") }.apply(place).unwrap();
    service.until_ready(2, PODS).unwrap();
    // Otherwise the first window, in which nothing shrinks anyway, would make the test pass.
    std::thread::sleep(Duration::from_secs(30));
    kubectl(&["-n", place, "scale", "deployment/web", "--replicas=5"]).unwrap();
    let event = until("an event that names who did it", Duration::from_secs(20), || {
        let events = objects(place, "events", None)?;
        let found = events.iter().find(|event| event["reason"] == "ScaledByOther");
        Ok(found.map(|event| event["note"].as_str().unwrap_or_default().to_owned()))
    })
    .unwrap();
    assert!(event.contains("kubectl"), "{event}");
    stays("the size set by hand", Duration::from_secs(18), || Ok(service.size()? == 5)).unwrap();
    service
        .until_size("the size that is needed, after the window", Duration::from_secs(90), |now| now == 2)
        .unwrap();
    site.assert_no_violation();
}
