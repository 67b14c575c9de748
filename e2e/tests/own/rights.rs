//! Fault 33: one verb is taken from the controller in one namespace. It names what is missing, and goes on elsewhere.

use std::time::Duration;

use headroom_e2e::suite::{
    Audit, Load, PODS, Plan, Site, Way, assert_no_shrink, figure, kubectl, objects, until, written,
};
use jiff::Timestamp;
use serde_json::json;

#[test]
#[ignore = "needs a cluster: make e2e"]
fn a_verb_that_is_revoked_is_named_and_stops_nobody_else() {
    let site = Site::new("rights", 2, Way::Direct).unwrap();
    let (whole, poor) = (site.place(0), site.place(1));
    let services = [whole, poor].map(|place| Plan::new("web").apply(place).unwrap());
    for service in &services {
        service.until_ready(2, PODS).unwrap();
    }
    let mut audit = Audit::from_now().unwrap();
    let (role, rule) = scale_rule(poor);
    set_verbs(poor, &role, rule, &["get"]);

    let loads = [(whole, &services[0]), (poor, &services[1])].map(|(place, service)| {
        Load::steps("load", "90s@700").start(place, &service.url().unwrap()).unwrap()
    });
    let message =
        services[1].until_reason("AbleToScale", "FailedUpdateScale", Duration::from_secs(40)).unwrap();
    println!("{message}");
    assert_eq!(services[1].condition("AbleToScale").unwrap()["status"], "False");
    for part in ["patch", "deployments", "scale"] {
        assert!(message.contains(part), "the missing permission is not named: {message}");
    }
    until("the other namespace's size", Duration::from_secs(20), || {
        Ok(written(&mut audit, whole).iter().any(|(_, size)| *size >= 4).then_some(()))
    })
    .unwrap();
    assert_eq!(written(&mut audit, poor), []);

    set_verbs(poor, &role, rule, &["get", "patch"]);
    let restored = Timestamp::now();
    let sufficing = until("a size that suffices", Duration::from_secs(35), || {
        Ok(written(&mut audit, poor).into_iter().find(|(_, size)| *size >= 4))
    });
    let (at, _) = sufficing.unwrap();
    figure(
        "verb revoked",
        "restored until the size suffices",
        at.duration_since(restored).as_secs_f64().max(0.0),
        "s",
    );
    services[1].until_reason("AbleToScale", "SucceededRescale", Duration::from_secs(20)).unwrap();
    assert_no_shrink(&mut audit, poor, 2);
    for load in loads {
        load.stop().unwrap();
    }
}

/// The controller's Role in a namespace, and the number of its rule about the sizes of Deployments.
fn scale_rule(namespace: &str) -> (String, usize) {
    let roles = objects(namespace, "roles", Some("app.kubernetes.io/name=headroom")).unwrap();
    let found = roles.iter().find_map(|role| {
        let rules = role["rules"].as_array()?;
        let number = rules.iter().position(|rule| rule["resources"] == json!(["deployments/scale"]))?;
        Some((role["metadata"]["name"].as_str()?.to_owned(), number))
    });
    found.expect("a Role with a rule about deployments/scale")
}

fn set_verbs(namespace: &str, role: &str, rule: usize, verbs: &[&str]) {
    let patch = json!([{ "op": "replace", "path": format!("/rules/{rule}/verbs"), "value": verbs }]);
    kubectl(&["-n", namespace, "patch", "role", role, "--type=json", "-p", &patch.to_string()]).unwrap();
}
