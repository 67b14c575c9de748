//! Each fault of a request, once: what the client sees, what the server did, what the log says.
#![allow(clippy::unwrap_used, clippy::panic, reason = "how a test fails")]

use headroom_fake_api::{FakeApi, Fault, Record, Rule, Verb, deployment};
use k8s_openapi::api::{apps::v1::Deployment, core::v1::Pod};
use kube::{
    Api, Error,
    api::{ListParams, Patch, PatchParams},
};
use serde_json::json;
use std::{sync::Arc, time::Duration};
use tokio::time::{Instant, sleep, timeout};

fn world() -> (FakeApi, Api<Deployment>) {
    let api = FakeApi::new();
    api.seed(deployment("default", "web", 2));
    let deployments = Api::default_namespaced(api.client("test"));
    (api, deployments)
}

async fn scale(deployments: &Api<Deployment>, replicas: i32) -> Result<(), Error> {
    let patch = Patch::Merge(json!({ "spec": { "replicas": replicas } }));
    deployments.patch_scale("web", &PatchParams::default(), &patch).await.map(drop)
}

fn size(api: &FakeApi) -> i64 {
    api.object("deployments/default/web").unwrap()["spec"]["replicas"].as_i64().unwrap()
}

fn code(result: Result<(), Error>) -> Option<u16> {
    match result {
        Err(Error::Api(status)) => Some(status.code),
        _ => None,
    }
}

#[tokio::test(start_paused = true)]
async fn a_rule_meets_what_it_names_and_so_often_as_it_says() {
    let (api, deployments) = world();
    let rule =
        Rule::on(Verb::Patch).resource("deployments").subresource("scale").named("web").skip(1).times(2);
    api.faults("test").inject(rule, Fault::Status(503, None));
    let mut codes = Vec::new();
    for replicas in 3..7 {
        codes.push(code(scale(&deployments, replicas).await));
        deployments.get("web").await.unwrap();
    }
    assert_eq!(codes, [None, Some(503), Some(503), None]);
    let sizes: Vec<Option<i64>> = api.writes().iter().map(Record::replicas).collect();
    assert_eq!(sizes, [Some(3), Some(6)]);
}

#[tokio::test(start_paused = true)]
async fn faults_belong_to_one_client() {
    let (api, deployments) = world();
    let other: Api<Deployment> = Api::default_namespaced(api.client("other"));
    let id = api.faults("test").inject(Rule::writes(), Fault::Deny);
    let denied = scale(&deployments, 3).await;
    let expected = "User \"test\" cannot patch resource \"deployments/scale\" in API group \"apps\"";
    assert!(matches!(&denied, Err(Error::Api(status)) if status.message.contains(expected)), "{denied:?}");
    assert!(deployments.get("web").await.is_ok());
    scale(&other, 4).await.unwrap();
    api.faults("test").remove(id);
    scale(&deployments, 5).await.unwrap();
    assert_eq!(api.writes().iter().map(|write| write.client.as_str()).collect::<Vec<_>>(), ["other", "test"]);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_tells_when_to_come_back() {
    let (api, deployments) = world();
    api.faults("test").inject(Rule::any(), Fault::Status(429, Some(Duration::from_secs(3600))));
    match deployments.get("web").await {
        Err(Error::Api(status)) => {
            assert_eq!((status.code, status.details.unwrap().retry_after_seconds), (429, 3600));
        }
        other => panic!("expected 429, got {other:?}"),
    }
    api.faults("test").clear();
    assert!(deployments.get("web").await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_delayed_request_dies_with_its_client_a_late_one_does_not() {
    let (api, deployments) = world();
    let faults = api.faults("test");
    faults.inject(Rule::writes().times(1), Fault::Delay(Duration::from_secs(5)));
    assert!(timeout(Duration::from_secs(1), scale(&deployments, 3)).await.is_err());
    sleep(Duration::from_secs(10)).await;
    assert_eq!(size(&api), 2);

    faults.inject(Rule::writes().times(1), Fault::Late(Duration::from_secs(5)));
    let sent = Instant::now();
    assert!(timeout(Duration::from_secs(1), scale(&deployments, 3)).await.is_err());
    assert_eq!(size(&api), 2);
    sleep(Duration::from_secs(10)).await;
    assert_eq!(size(&api), 3);
    let write = &api.writes()[0];
    assert_eq!((write.at, write.handled_at), (sent, Some(sent + Duration::from_secs(5))));
}

#[tokio::test(start_paused = true)]
async fn a_stall_never_answers_and_a_cut_fails_at_once() {
    let (api, deployments) = world();
    let faults = api.faults("test");
    let stall = faults.inject(Rule::any(), Fault::Stall);
    assert!(timeout(Duration::from_secs(3600), deployments.get("web")).await.is_err());
    faults.remove(stall);
    faults.inject(Rule::any().times(1), Fault::Cut);
    assert!(matches!(deployments.get("web").await, Err(Error::Service(_))));
    assert!(deployments.get("web").await.is_ok());
    assert_eq!(api.requests().iter().filter(|request| request.handled_at.is_some()).count(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_lost_though_the_write_was_done() {
    let (api, deployments) = world();
    api.faults("test").inject(Rule::writes().times(1), Fault::LoseAnswer);
    assert!(matches!(scale(&deployments, 3).await, Err(Error::Service(_))));
    assert_eq!((size(&api), api.writes().len()), (3, 1));
}

#[tokio::test(start_paused = true)]
async fn a_list_comes_half_empty() {
    let (api, _) = world();
    for index in 0..4 {
        api.seed(json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": format!("p{index}")}}));
    }
    let half = Fault::Rewrite(Arc::new(|list| list["items"].as_array_mut().unwrap().truncate(2)));
    api.faults("test").inject(Rule::on(Verb::List).resource("pods"), half);
    let pods: Api<Pod> = Api::all(api.client("test"));
    assert_eq!(pods.list(&ListParams::default()).await.unwrap().items.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_down_answers_nobody_and_forgets_nothing() {
    let (api, deployments) = world();
    api.down(true);
    assert!(matches!(scale(&deployments, 3).await, Err(Error::Service(_))));
    api.down(false);
    assert_eq!(size(&api), 2);
    scale(&deployments, 3).await.unwrap();
    api.faults("test").down(true);
    assert!(deployments.get("web").await.is_err());
    assert!(Api::<Deployment>::default_namespaced(api.client("other")).get("web").await.is_ok());
}
