//! What a person sees: columns, few status writes, verbs that are granted.

use std::time::Duration;

use headroom_e2e::suite::{Audit, CONTROLLER_NAMESPACE, Load, Namespace, Plan, controller, figure, kubectl};

#[test]
#[ignore = "needs a cluster: make e2e"]
fn columns_tell_the_story_and_a_steady_service_is_quiet() {
    controller().unwrap();
    let place = Namespace::new("quiet").unwrap();
    let service = Plan { replicas: (3, 6), ..Plan::new("web") }.apply(place.name()).unwrap();
    service.until_ready(3, Duration::from_secs(90)).unwrap();
    let load = Load::steps("load", "110s@300").start(place.name(), &service.url().unwrap()).unwrap();
    load.until_running().unwrap();
    std::thread::sleep(Duration::from_secs(40));
    let as_it_is = crate::DEFINITION.read();
    let mut audit = Audit::from_now().unwrap();
    std::thread::sleep(Duration::from_secs(60));
    let is_ours = |entry: &&headroom_e2e::cluster::audit::Entry| {
        entry.object_ref.resource == "scaledservices"
            && entry.object_ref.subresource == "status"
            && entry.object_ref.namespace == place.name()
    };
    let writes = audit.so_far().unwrap().iter().filter(is_ours).count();
    drop(as_it_is);
    figure("quiet", "status writes a minute at a steady rate", writes as f64, "");
    assert!(writes <= 4, "{writes} status writes in a steady minute");

    let table = kubectl(&["-n", place.name(), "get", "ssvc"]).unwrap();
    println!("{table}{}", kubectl(&["-n", place.name(), "get", "ssvc", "-o", "wide"]).unwrap());
    for column in ["MODE", "OFFERED", "CAPACITY", "P99", "REPLICAS", "READY", "REASON", "AGE"] {
        assert!(table.lines().next().unwrap().contains(column), "{column} is missing");
    }
    let row = table.lines().nth(1).unwrap();
    assert!(row.contains("Active") && row.contains("ms/150ms") && row.contains("/6"), "{row}");
    assert!(table.lines().all(|line| line.len() <= 140), "too wide for a terminal");
    load.stop().unwrap();
}

/// Every call that the controller made is one that `headroom check` knows, and none was refused for want of a verb.
#[test]
#[ignore = "needs a cluster: make e2e"]
fn verbs_used_are_verbs_granted() {
    controller().unwrap();
    let place = Namespace::new("verbs").unwrap();
    let service = Plan::new("web").apply(place.name()).unwrap();
    service.until_ready(2, Duration::from_secs(90)).unwrap();
    std::thread::sleep(Duration::from_secs(5));
    let account = format!("system:serviceaccount:{CONTROLLER_NAMESPACE}:headroom");
    let mut audit = Audit::all().unwrap();
    let refused: Vec<_> = audit
        .so_far()
        .unwrap()
        .iter()
        .filter(|entry| entry.user.username == account && entry.response_status.code == 403)
        // In a namespace that is being deleted nothing may be created, whatever the roles say.
        .filter(|entry| {
            ["", CONTROLLER_NAMESPACE, place.name()].contains(&entry.object_ref.namespace.as_str())
        })
        .map(|entry| format!("{} {}", entry.verb, entry.request_uri))
        .collect();
    assert!(refused.is_empty(), "calls that the chart's roles do not allow: {refused:#?}");
}
