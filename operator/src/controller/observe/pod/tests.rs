//! Pods as clusters show them, and what is read of them.
#![allow(clippy::needless_pass_by_value, reason = "json! makes values, and the cases read like the objects")]

use headroom_core::units::MilliCpu;
use headroom_core::{Answer, PodState, Trouble};
use rstest::rstest;
use serde_json::{Value, json};

use super::super::fixtures::{pod, ready, with};

/// A running pod whose Ready condition is false since this second.
fn unready(second: u8) -> Value {
    let since = format!("2026-11-21T10:00:{second:02}Z");
    let conditions = json!([{ "type": "Ready", "status": "False", "reason": "ContainersNotReady",
        "lastTransitionTime": since }]);
    with(ready(1), json!({ "status": { "conditions": conditions } }))
}

/// A pod whose server is in this state, after so many restarts.
fn server(base: Value, restarts: u32, state: Value) -> Value {
    let statuses = json!([{ "name": "server", "restartCount": restarts, "state": state }]);
    with(base, json!({ "status": { "containerStatuses": statuses } }))
}

fn waiting(reason: &str) -> Value {
    server(unready(1), 1, json!({ "waiting": { "reason": reason, "message": "back-off\n5m" } }))
}

fn pending(conditions: Value) -> Value {
    let mut pod = ready(1);
    pod["status"] = json!({ "phase": "Pending", "conditions": conditions });
    pod
}

fn unschedulable(reason: &str) -> Value {
    pending(json!([{ "type": "PodScheduled", "status": "False", "reason": reason,
        "message": "0/2 nodes are available: 2 Insufficient cpu." }]))
}

fn deleted(base: Value) -> Value {
    with(base, json!({ "metadata": { "deletionTimestamp": "2026-11-21T11:00:00Z" } }))
}

fn ended(phase: &str) -> Value {
    with(unready(40), json!({ "status": { "phase": phase, "reason": "Evicted" } }))
}

fn restarted() -> Value {
    server(unready(20), 1, json!({ "running": { "startedAt": "2026-11-21T10:00:21Z" } }))
}

/// Two containers, of which the server was restarted or not.
fn with_sidecar(server_started: u8, sidecar_started: u8) -> Value {
    let at = |second| json!({ "running": { "startedAt": format!("2026-11-21T10:00:{second:02}Z") } });
    let statuses = json!([
        { "name": "server", "restartCount": 1, "state": at(server_started) },
        { "name": "proxy", "restartCount": 0, "state": at(sidecar_started) }
    ]);
    let mut pod = with(unready(20), json!({ "status": { "containerStatuses": statuses } }));
    pod["spec"]["containers"].as_array_mut().unwrap().push(json!({ "name": "proxy", "image": "proxy:1" }));
    pod
}

fn without_statuses(mut pod: Value) -> Value {
    pod["status"].as_object_mut().unwrap().remove("containerStatuses");
    pod
}

#[rstest]
#[case::just_created(pending(json!([])), PodState::Starting)]
#[case::unschedulable(unschedulable("Unschedulable"), PodState::Starting)]
#[case::pulling(server(unready(1), 0, json!({ "waiting": { "reason": "ContainerCreating" } })), PodState::Starting)]
#[case::never_ready(unready(1), PodState::Starting)]
#[case::not_ready_in_the_second_it_started(unready(3), PodState::Starting)]
#[case::ready(ready(1), PodState::Ready)]
#[case::was_ready(unready(30), PodState::NotReady)]
#[case::node_lost(with(ready(1), json!({ "status": { "conditions": [{ "type": "Ready", "status": "Unknown",
    "lastTransitionTime": "2026-11-21T10:30:00Z" }] } })), PodState::NotReady)]
#[case::server_restarted_and_not_ready_since(restarted(), PodState::Starting)]
#[case::server_down_after_it_was_ready(server(unready(30), 1, json!({ "waiting": { "reason": "CrashLoopBackOff" } })),
    PodState::Starting)]
#[case::sidecar_restarted(with_sidecar(3, 21), PodState::NotReady)]
#[case::server_beside_a_sidecar_restarted(with_sidecar(21, 3), PodState::Starting)]
#[case::terminating(deleted(ready(1)), PodState::Terminating)]
#[case::terminating_and_unready(deleted(unready(30)), PodState::Terminating)]
#[case::evicted(ended("Failed"), PodState::Failed)]
#[case::ended_and_deleted(deleted(ended("Succeeded")), PodState::Failed)]
#[case::without_container_statuses(without_statuses(unready(30)), PodState::NotReady)]
#[case::empty(json!({}), PodState::Starting)]
fn states(#[case] json: Value, #[case] state: PodState) {
    assert_eq!(pod(json).state(), state);
}

#[rstest]
#[case::none(ready(1), None)]
#[case::starting(unready(1), None)]
#[case::unschedulable(unschedulable("Unschedulable"), Some(Trouble::Unschedulable))]
#[case::held_back_on_purpose(unschedulable("SchedulingGated"), None)]
#[case::creating(waiting("ContainerCreating"), None)]
#[case::crash_loop(waiting("CrashLoopBackOff"), Some(Trouble::CrashLoop))]
#[case::pull_backs_off(waiting("ImagePullBackOff"), Some(Trouble::ImagePull))]
#[case::pull(waiting("ErrImagePull"), Some(Trouble::ImagePull))]
#[case::image_name(waiting("InvalidImageName"), Some(Trouble::ImagePull))]
#[case::config(waiting("CreateContainerConfigError"), Some(Trouble::CreateFailed))]
#[case::create(waiting("CreateContainerError"), Some(Trouble::CreateFailed))]
#[case::run(waiting("RunContainerError"), Some(Trouble::CreateFailed))]
#[case::runs_between_two_crashes(server(unready(1), 2, json!({ "running": { "startedAt": "2026-11-21T10:02:00Z" } })),
    Some(Trouble::CrashLoop))]
#[case::restarted_once(restarted(), None)]
#[case::first_container(with(pending(json!([])), json!({ "status": { "initContainerStatuses": [
    { "name": "migrate", "restartCount": 4, "state": { "waiting": { "reason": "CrashLoopBackOff" } } }] } })),
    Some(Trouble::CrashLoop))]
#[case::of_a_pod_that_is_going(deleted(waiting("CrashLoopBackOff")), None)]
fn troubles(#[case] json: Value, #[case] trouble: Option<Trouble>) {
    assert_eq!(pod(json).trouble().map(|(trouble, _)| trouble), trouble);
}

#[test]
fn what_the_cluster_says_is_bounded_and_one_line() {
    let said = |json| pod(json).trouble().unwrap().1.to_owned();
    assert_eq!(said(waiting("CrashLoopBackOff")), "CrashLoopBackOff: back-off5m");
    assert_eq!(
        said(unschedulable("Unschedulable")),
        "Unschedulable: 0/2 nodes are available: 2 Insufficient cpu."
    );
    let long = json!({ "waiting": { "reason": "ErrImagePull", "message": "é".repeat(10_000) } });
    assert!((250..=256).contains(&said(server(unready(1), 0, long)).len()));
    assert_eq!(
        said(server(unready(1), 0, json!({ "waiting": { "reason": "ErrImagePull" } }))),
        "ErrImagePull"
    );
}

fn annotated(port: &str) -> Value {
    with(ready(1), json!({ "metadata": { "annotations": { "headroom.dev/admin-port": port } } }))
}

fn at(ip: &str) -> Value {
    with(ready(1), json!({ "status": { "podIP": ip } }))
}

fn without_ports() -> Value {
    with(ready(1), json!({ "spec": { "containers": [{ "name": "server" }] } }))
}

#[rstest]
#[case::named_port(ready(1), Some("10.0.0.1:9191"))]
#[case::annotation(annotated("7000"), Some("10.0.0.1:7000"))]
#[case::annotation_that_is_no_port(annotated("70000"), Some("10.0.0.1:9191"))]
#[case::nothing_said(without_ports(), Some("10.0.0.1:9090"))]
#[case::six(at("fd00::7"), Some("[fd00::7]:9191"))]
#[case::no_address(pending(json!([])), None)]
#[case::no_pods_address(at("169.254.169.254"), None)]
#[case::no_pods_address_in_six(at("::ffff:169.254.169.254"), None)]
#[case::four_in_six(at("::ffff:10.0.0.1"), Some("[::ffff:10.0.0.1]:9191"))]
#[case::ourselves(at("127.0.0.1"), None)]
#[case::ourselves_in_six(at("::1"), None)]
#[case::ourselves_four_in_six(at("::ffff:127.0.0.1"), None)]
#[case::no_address_at_all(at("example.org"), None)]
#[case::starting_and_running(unready(1), Some("10.0.0.1:9191"))]
#[case::not_running(waiting("CrashLoopBackOff"), None)]
#[case::ended(ended("Failed"), None)]
#[case::going(deleted(ready(1)), Some("10.0.0.1:9191"))]
#[case::ready_by_condition_alone(without_statuses(ready(1)), Some("10.0.0.1:9191"))]
fn admin_ports(#[case] json: Value, #[case] admin: Option<&str>) {
    assert_eq!(pod(json).admin().map(|admin| admin.to_string()).as_deref(), admin);
}

fn resources(spec: Value, status: Value) -> Value {
    let mut pod =
        with(ready(1), json!({ "spec": { "containers": [{ "name": "server", "resources": spec }] } }));
    pod["status"]["containerStatuses"][0]["resources"] = status;
    pod
}

#[rstest]
#[case::limit(ready(1), 500)]
#[case::request_only(resources(json!({ "requests": { "cpu": "0.25" } }), Value::Null), 250)]
#[case::resized(resources(json!({ "limits": { "cpu": "2" } }), json!({ "limits": { "cpu": "1500m" } })), 1500)]
#[case::nothing(without_ports(), 0)]
#[case::sum(with(ready(1), json!({ "spec": { "containers": [
    { "name": "server", "resources": { "limits": { "cpu": "1" } } },
    { "name": "proxy", "resources": { "limits": { "cpu": "100m" } } }] } })), 1100)]
#[case::whole_pod(with(ready(1), json!({ "spec": { "resources": { "limits": { "cpu": "3" } } } })), 3000)]
fn cpus(#[case] json: Value, #[case] millis: u32) {
    assert_eq!(pod(json).observed(0, Answer::Silent).cpu, MilliCpu(millis));
}

fn labelled(labels: Value) -> Value {
    let mut pod = ready(1);
    pod["metadata"]["labels"] = labels;
    pod
}

#[test]
fn revisions_come_from_labels_or_images() {
    let revision = |json| pod(json).observed(0, Answer::Silent).revision;
    assert_eq!(revision(ready(1)), "5d4f");
    assert_eq!(revision(labelled(json!({ "controller-revision-hash": "web-6f" }))), "web-6f");
    let other = with(labelled(json!({})), json!({ "spec": { "containers": [{ "image": "orders:2" }] } }));
    assert_ne!(revision(labelled(json!({}))), revision(other));
}

#[test]
fn a_pod_as_the_core_sees_it() {
    let seen = pod(ready(7)).observed(4, Answer::NotAsked);
    assert_eq!((seen.name.as_str(), seen.workers), ("orders-5d4f-007", 4));
    let times = (seen.created_at.unwrap().to_string(), seen.ready_at.unwrap().to_string());
    assert_eq!(times, ("2026-11-21T10:00:00Z".to_owned(), "2026-11-21T10:00:05Z".to_owned()));
    assert_eq!(pod(unready(30)).observed(4, Answer::NotAsked).ready_at, None);
}

#[test]
fn a_name_that_is_used_again_carries_the_uid() {
    let mut of_a_set = ready(1);
    of_a_set["metadata"].as_object_mut().unwrap().remove("generateName");
    of_a_set["metadata"]["name"] = "web-0".into();
    assert_eq!(pod(of_a_set).id(), "web-0/00000001");
}

#[test]
fn a_kept_pod_is_small() {
    let mut whole = ready(1);
    whole["metadata"]["managedFields"] =
        json!([{ "manager": "kubelet", "fieldsV1": { "f:x": "y".repeat(5000) } }]);
    whole["metadata"]["annotations"] = json!({ "note": "n".repeat(5000) });
    let kept = pod(whole);
    assert_eq!((&kept.metadata.annotations, &kept.metadata.managed_fields), (&None, &None));
    // 552 bytes for the tree of labels, less than 250 for the texts of this pod.
    let bytes = size_of::<super::SeenPod>() + 800;
    assert!(bytes < 1536, "{bytes}");
}
