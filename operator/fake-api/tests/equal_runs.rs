//! A failing run can be run again: two equal runs ask, write and see the same.
#![allow(clippy::unwrap_used, reason = "how a test fails")]

use futures::StreamExt;
use headroom_fake_api::{FakeApi, Fault, Plant, Rule, Verb, deployment};
use k8s_openapi::api::{apps::v1::Deployment, core::v1::Pod};
use kube::{
    Api,
    api::{Patch, PatchParams},
    runtime::{reflector, watcher},
};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::sleep;

/// An hour of a controller that looks every second and writes every minute, with faults; what was asked and what was
/// left.
fn hour() -> (Vec<String>, Vec<Value>) {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let api = FakeApi::new();
        api.seed(deployment("default", "web", 10));
        Plant::new(&api, "default", "web").spawn();
        let client = api.client("controller");
        api.faults("controller").inject(Rule::on(Verb::Patch).skip(3).times(5), Fault::Status(409, None));
        let (pods, writer) = reflector::store();
        let events = watcher(Api::<Pod>::all(client.clone()), watcher::Config::default().timeout(30));
        let mut reflected = reflector::reflector(writer, events).boxed();
        tokio::spawn(async move { while reflected.next().await.is_some() {} });
        let deployments: Api<Deployment> = Api::default_namespaced(client);
        let mut seen = Vec::new();
        for second in 0..3600 {
            deployments.get_scale("web").await.unwrap();
            if second % 60 == 0 {
                let patch = Patch::Merge(json!({"spec": {"replicas": 10 + second / 60 % 7}}));
                let written = deployments.patch_scale("web", &PatchParams::default(), &patch).await.is_ok();
                seen.push(format!("{second} {written} {} pods", pods.state().len()));
            }
            sleep(Duration::from_secs(1)).await;
        }
        seen.extend(api.requests().iter().map(|request| format!("{} {:?}", request.line(), request.status)));
        (seen, api.objects("pods"))
    })
}

#[test]
fn two_equal_runs_are_equal() {
    let (first, second) = (hour(), hour());
    assert!(first.0.len() > 3600 && first.1.len() >= 10, "{} {}", first.0.len(), first.1.len());
    assert_eq!(first, second);
}
