//! The pods of a Deployment come, become ready, are replaced and go.
#![allow(clippy::unwrap_used, clippy::panic, reason = "how a test fails")]

use headroom_fake_api::{FakeApi, Plant, Start, deployment};
use k8s_openapi::api::core::v1::Pod;
use kube::{Api, api::EvictParams};
use serde_json::{Value, json};
use std::{collections::BTreeSet, time::Duration};
use tokio::time::{Instant, sleep};

const WEB: &str = "deployments/default/web";

/// A Deployment with pods that take 10 s, all of them ready.
async fn world(replicas: u32) -> (FakeApi, Plant) {
    let api = FakeApi::new();
    api.seed(deployment("default", "web", replicas));
    let plant = Plant::new(&api, "default", "web");
    plant.start(Start::After(Duration::from_secs(10)));
    plant.spawn();
    sleep(Duration::from_secs(11)).await;
    (api, plant)
}

fn scale(api: &FakeApi, replicas: u32) {
    api.update(WEB, |web| web["spec"]["replicas"] = json!(replicas));
}

#[tokio::test(start_paused = true)]
async fn pods_become_ready_after_their_start() {
    let (api, plant) = world(2).await;
    assert_eq!(plant.ready(), 2);
    scale(&api, 5);
    sleep(Duration::from_secs(9)).await;
    assert_eq!((plant.pods().len(), plant.ready()), (5, 2));
    assert_eq!(api.object(WEB).unwrap()["status"]["unavailableReplicas"], 3);
    sleep(Duration::from_secs(2)).await;
    assert_eq!(plant.ready(), 5);

    let pods: Vec<Pod> = plant.pods().into_iter().map(|pod| serde_json::from_value(pod).unwrap()).collect();
    let addresses: BTreeSet<&str> =
        pods.iter().filter_map(|pod| pod.status.as_ref()?.pod_ip.as_deref()).collect();
    assert_eq!(addresses.len(), 5);
    let last = pods.iter().max_by_key(|pod| pod.metadata.creation_timestamp.clone().unwrap().0).unwrap();
    assert_eq!(last.metadata.creation_timestamp.as_ref().unwrap().0.to_string(), "2026-01-01T00:00:11Z");
    let conditions = last.status.as_ref().unwrap().conditions.as_ref().unwrap();
    let ready = conditions.iter().find(|condition| condition.type_ == "Ready").unwrap();
    assert_eq!(ready.last_transition_time.as_ref().unwrap().0.to_string(), "2026-01-01T00:00:21Z");
    assert!(last.metadata.labels.as_ref().unwrap().contains_key("pod-template-hash"));
    assert_eq!(last.metadata.owner_references.as_ref().unwrap()[0].kind, "ReplicaSet");
}

#[tokio::test(start_paused = true)]
async fn scaled_in_pods_leave_after_their_grace_and_starting_ones_first() {
    let (api, plant) = world(3).await;
    scale(&api, 5);
    sleep(Duration::from_secs(1)).await;
    scale(&api, 3);
    sleep(Duration::from_millis(500)).await;
    assert_eq!((plant.pods().len(), plant.ready()), (5, 3), "two leave, none of them ready");
    sleep(Duration::from_secs(1)).await;
    assert_eq!((plant.pods().len(), plant.ready()), (3, 3));
    api.delete(WEB);
    sleep(Duration::from_secs(2)).await;
    assert_eq!(plant.pods(), [Value::Null; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_new_template_is_rolled_out_without_losing_a_ready_pod() {
    let (api, plant) = world(4).await;
    let old: BTreeSet<String> = plant.pods().iter().map(|pod| pod["metadata"]["uid"].to_string()).collect();
    api.update(WEB, |web| web["spec"]["template"]["spec"]["containers"][0]["image"] = json!("app:2"));
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(60) {
        assert!(
            plant.ready() >= 4
                && plant
                    .pods()
                    .iter()
                    .filter(|pod| pod["metadata"].get("deletionTimestamp").is_none())
                    .count()
                    <= 5
        );
        sleep(Duration::from_millis(250)).await;
    }
    let pods = plant.pods();
    assert_eq!(pods.len(), 4);
    assert!(pods.iter().all(|pod| pod["spec"]["containers"][0]["image"] == "app:2"));
    assert!(pods.iter().all(|pod| !old.contains(&pod["metadata"]["uid"].to_string())));
}

#[tokio::test(start_paused = true)]
async fn starts_fail_in_the_ways_they_do() {
    let (api, plant) = world(1).await;
    let newest = || plant.pods().pop().unwrap();
    plant.start(Start::Unschedulable);
    scale(&api, 2);
    sleep(Duration::from_secs(60)).await;
    assert_eq!(newest()["status"]["conditions"][0]["reason"], "Unschedulable");
    plant.start(Start::CrashLoop);
    sleep(Duration::from_secs(1)).await;
    assert_eq!(newest()["status"]["containerStatuses"][0]["state"]["waiting"]["reason"], "CrashLoopBackOff");
    plant.start(Start::ImagePull);
    sleep(Duration::from_secs(1)).await;
    assert_eq!(newest()["status"]["containerStatuses"][0]["state"]["waiting"]["reason"], "ImagePullBackOff");
    assert_eq!(plant.ready(), 1);
    plant.start(Start::After(Duration::from_secs(10)));
    sleep(Duration::from_secs(1)).await;
    assert_eq!(plant.ready(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_pod_the_test_made_unready_stays_so() {
    let (api, plant) = world(2).await;
    let path = format!("pods/default/{}", plant.pods()[0]["metadata"]["name"].as_str().unwrap());
    api.update(&path, |pod| pod["status"]["conditions"][2]["status"] = json!("False"));
    sleep(Duration::from_secs(60)).await;
    assert_eq!(plant.ready(), 1);
    assert_eq!(api.object(WEB).unwrap()["status"]["readyReplicas"], 1);
}

#[tokio::test(start_paused = true)]
async fn an_evicted_pod_is_replaced() {
    let (api, plant) = world(2).await;
    scale(&api, 3);
    sleep(Duration::from_secs(1)).await;
    let newest = plant.pods().pop().unwrap()["metadata"]["name"].as_str().unwrap().to_owned();
    let pods: Api<Pod> = Api::default_namespaced(api.client("test"));
    pods.evict(&newest, &EvictParams::default()).await.unwrap();
    sleep(Duration::from_secs(11)).await;
    assert_eq!(plant.ready(), 3);
    assert!(plant.pods().iter().all(|pod| pod["metadata"]["name"] != *newest));
}
