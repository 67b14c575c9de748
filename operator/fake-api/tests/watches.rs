//! Watches as kube's `watcher` and `reflector` live with them: changes, ends, 410, cuts, silence, missed events.
#![allow(clippy::unwrap_used, clippy::panic, reason = "how a test fails")]

use futures::{Stream, StreamExt, TryStreamExt};
use headroom_fake_api::{FakeApi, Fault, Rule, Verb};
use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api, Client, ResourceExt,
    api::{ListParams, WatchEvent, WatchParams},
    runtime::{
        WatchStreamExt,
        reflector::{self, Store},
        watcher::{self, Event},
    },
};
use serde_json::{Value, json};
use std::{pin::Pin, time::Duration};
use tokio::time::{Instant, sleep, timeout};

fn pod(name: &str, app: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {"app": app}}, "spec": {"containers": []}})
}

fn label(api: &FakeApi, name: &str, app: &str) {
    api.update(&format!("pods/default/{name}"), |pod| pod["metadata"]["labels"]["app"] = json!(app));
}

/// What kube runs in a controller: a watcher with back-off that fills a store. The stream is driven by a task.
fn reflect(client: &Client, config: watcher::Config) -> Store<Pod> {
    let (store, writer) = reflector::store();
    let events = watcher::watcher(Api::<Pod>::all(client.clone()), config).default_backoff();
    let mut stream = reflector::reflector(writer, events).boxed();
    tokio::spawn(async move { while stream.next().await.is_some() {} });
    store
}

fn names(store: &Store<Pod>) -> Vec<String> {
    let mut names: Vec<String> = store.state().iter().map(|pod| pod.name_any()).collect();
    names.sort();
    names
}

/// Lets every task run until all of them wait for the clock.
async fn settle() {
    sleep(Duration::from_millis(1)).await;
}

type Events = Pin<Box<dyn Stream<Item = kube::Result<WatchEvent<Pod>>> + Send>>;

async fn open(client: &Client, params: &WatchParams, version: u64) -> Events {
    Api::<Pod>::all(client.clone()).watch(params, &version.to_string()).await.unwrap().boxed()
}

/// `+name` added, `~name` modified, `-name` deleted, `#` bookmark, `!code` error.
async fn next(events: &mut Events) -> Option<String> {
    let event = timeout(Duration::from_secs(1), events.try_next()).await.ok()?;
    Some(match event.unwrap()? {
        WatchEvent::Added(pod) => format!("+{}", pod.name_any()),
        WatchEvent::Modified(pod) => format!("~{}", pod.name_any()),
        WatchEvent::Deleted(pod) => format!("-{}", pod.name_any()),
        WatchEvent::Bookmark(_) => "#".to_owned(),
        WatchEvent::Error(status) => format!("!{}", status.code),
    })
}

#[tokio::test(start_paused = true)]
async fn a_watch_tells_what_changed_since_a_version() {
    let api = FakeApi::new();
    let client = api.client("test");
    api.seed(pod("a", "web"));
    let from = api.version();
    api.seed(pod("b", "web"));
    api.seed(pod("c", "api"));
    let mut events = open(&client, &WatchParams::default().labels("app=web"), from).await;
    assert_eq!(next(&mut events).await.as_deref(), Some("+b"), "what happened before the watch opened");
    assert_eq!(next(&mut events).await, None);
    label(&api, "a", "api");
    assert_eq!(next(&mut events).await.as_deref(), Some("-a"), "it no longer matches");
    label(&api, "c", "web");
    assert_eq!(next(&mut events).await.as_deref(), Some("+c"));
    api.update("pods/default/c", |pod| pod["status"] = json!({"phase": "Running"}));
    assert_eq!(next(&mut events).await.as_deref(), Some("~c"));
    api.delete("pods/default/c");
    assert_eq!(next(&mut events).await.as_deref(), Some("-c"));
}

#[tokio::test(start_paused = true)]
async fn a_watch_ends_at_its_timeout_after_a_bookmark() {
    let api = FakeApi::new();
    let client = api.client("test");
    api.seed(pod("a", "web"));
    let start = Instant::now();
    let mut events = open(&client, &WatchParams::default().timeout(30), api.version()).await;
    assert!(matches!(events.try_next().await.unwrap(), Some(WatchEvent::Bookmark(_))));
    assert!(events.try_next().await.unwrap().is_none());
    assert_eq!(start.elapsed().as_secs(), 30);
}

#[tokio::test(start_paused = true)]
async fn a_watch_from_a_compacted_version_is_told_that_it_is_gone() {
    let api = FakeApi::new();
    let client = api.client("test");
    api.seed(pod("a", "web"));
    let old = api.version();
    api.seed(pod("b", "web"));
    api.compact();
    let mut events = open(&client, &WatchParams::default(), old).await;
    assert_eq!(next(&mut events).await.as_deref(), Some("!410"));
    assert!(events.try_next().await.unwrap().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_reflector_follows_and_survives_the_end_410_and_cuts() {
    let api = FakeApi::new();
    api.seed(pod("a", "web"));
    let client = api.client("test");
    let faults = api.faults("test");
    let store = reflect(&client, watcher::Config::default().timeout(30));
    settle().await;
    assert_eq!(names(&store), ["a"]);
    api.seed(pod("b", "web"));
    settle().await;
    assert_eq!(names(&store), ["a", "b"]);

    sleep(Duration::from_secs(40)).await;
    api.delete("pods/default/a");
    settle().await;
    assert_eq!(names(&store), ["b"], "the watch ended and went on");

    let lists = || api.requests().iter().filter(|request| request.verb == Verb::List).count();
    assert_eq!(lists(), 1);
    faults.inject(Rule::any().resource("pods").times(1), Fault::Expire);
    api.seed(pod("c", "web"));
    sleep(Duration::from_secs(5)).await;
    assert_eq!((names(&store), lists()), (vec!["b".to_owned(), "c".to_owned()], 2), "410: listed again");

    faults.inject(Rule::any().resource("pods").times(1), Fault::CutWatch);
    api.seed(pod("d", "web"));
    sleep(Duration::from_secs(5)).await;
    assert_eq!((names(&store).len(), lists()), (3, 2), "cut: watched again from where it was");

    api.down(true);
    sleep(Duration::from_secs(60)).await;
    api.seed(pod("e", "web"));
    assert_eq!(names(&store).len(), 3);
    api.down(false);
    sleep(Duration::from_secs(60)).await;
    assert_eq!(names(&store).len(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_stalled_watch_is_noticed_by_its_own_timeout_only() {
    let api = FakeApi::new();
    let client = api.client("test");
    let store = reflect(&client, watcher::Config::default().timeout(30));
    settle().await;
    api.faults("test").inject(Rule::on(Verb::Watch).times(1), Fault::Silence);
    settle().await;
    api.seed(pod("a", "web"));
    sleep(Duration::from_secs(30)).await;
    assert_eq!(names(&store), [""; 0], "not even the end arrives");
    sleep(Duration::from_secs(6)).await;
    assert_eq!(names(&store), ["a"]);
}

#[tokio::test(start_paused = true)]
async fn a_silence_until_removed_delivers_what_it_held_back() {
    let api = FakeApi::new();
    let client = api.client("test");
    let mut events = open(&client, &WatchParams::default(), api.version()).await;
    let rule = api.faults("test").inject(Rule::on(Verb::Watch), Fault::Silence);
    api.seed(pod("a", "web"));
    assert_eq!(next(&mut events).await, None);
    api.faults("test").remove(rule);
    assert_eq!(next(&mut events).await.as_deref(), Some("+a"));
}

#[tokio::test(start_paused = true)]
async fn the_event_asked_for_is_lost() {
    let api = FakeApi::new();
    let client = api.client("test");
    let other = api.client("other");
    let mut events = open(&client, &WatchParams::default(), api.version()).await;
    let mut complete = open(&other, &WatchParams::default(), api.version()).await;
    api.faults("test").inject(Rule::any().resource("pods").skip(1).times(1), Fault::DropEvent);
    for name in ["a", "b", "c"] {
        api.seed(pod(name, "web"));
    }
    assert_eq!(
        [next(&mut events).await, next(&mut events).await],
        [Some("+a".to_owned()), Some("+c".to_owned())]
    );
    for name in ["+a", "+b", "+c"] {
        assert_eq!(next(&mut complete).await.as_deref(), Some(name), "faults belong to one client");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stale_client_sees_the_past_until_it_is_fresh() {
    let api = FakeApi::new();
    let client = api.client("test");
    let pods: Api<Pod> = Api::default_namespaced(client.clone());
    api.seed(pod("a", "web"));
    api.faults("test").stale();
    let mut events = open(&client, &WatchParams::default(), api.version()).await;
    api.seed(pod("b", "web"));
    label(&api, "a", "api");
    assert_eq!(pods.list(&ListParams::default()).await.unwrap().items.len(), 1);
    assert_eq!(pods.get("a").await.unwrap().labels()["app"], "web");
    assert!(pods.get("b").await.is_err());
    assert_eq!(next(&mut events).await, None);
    api.faults("test").fresh();
    assert_eq!(next(&mut events).await.as_deref(), Some("+b"));
    assert_eq!(next(&mut events).await.as_deref(), Some("~a"));
    assert_eq!(pods.list(&ListParams::default()).await.unwrap().items.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_streaming_list_begins_with_what_there_is() {
    let api = FakeApi::new();
    api.seed(pod("a", "web"));
    let config = watcher::Config::default().streaming_lists();
    let mut events = watcher::watcher(Api::<Pod>::all(api.client("test")), config).boxed();
    let mut seen = Vec::new();
    while !matches!(seen.last(), Some(&"done")) {
        seen.push(match events.try_next().await.unwrap().unwrap() {
            Event::Init => "init",
            Event::InitApply(_) => "object",
            Event::InitDone => "done",
            Event::Apply(_) | Event::Delete(_) => "change",
        });
    }
    assert_eq!(seen, ["init", "object", "done"]);
}
