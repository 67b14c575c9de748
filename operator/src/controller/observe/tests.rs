//! Looks at pods whose servers are played, by a clock that stands still while nobody waits.
#![allow(clippy::unwrap_used, clippy::needless_pass_by_value, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Mutex;
use std::time::Duration;

use futures::future::BoxFuture;
use headroom_core::{Answer, Ask, Pod};
use headroom_workload::stats::Stats;
use jiff::SignedDuration;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::collect::DEADLINE;
use super::fixtures::{pod, policy, ready, stats, with};
use super::*;
use crate::observe::{FetchError, WriteError};

/// What a server does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    /// Tells that it is this process.
    Tell(&'static str),
    /// Accepts, and never answers.
    Hang,
    /// Refuses at once.
    Refuse,
}

/// Servers, by address; those that are not listed tell, each a process of its own.
#[derive(Default)]
struct Servers {
    acts: BTreeMap<SocketAddr, Act>,
    asked: Mutex<Vec<SocketAddr>>,
    /// Questions under way, and the most there were.
    open: Mutex<(usize, usize)>,
}

impl AdminPort for Servers {
    fn stats(&self, admin: SocketAddr) -> BoxFuture<'_, Result<Stats, FetchError>> {
        self.asked.lock().unwrap().push(admin);
        Box::pin(async move {
            {
                let mut open = self.open.lock().unwrap();
                *open = (open.0 + 1, open.1.max(open.0 + 1));
            }
            let result = match self.acts.get(&admin) {
                Some(Act::Hang) => std::future::pending().await,
                Some(Act::Refuse) => Err(FetchError::Failed("refused".to_owned())),
                Some(Act::Tell(boot)) => Ok(stats(boot, 5)),
                None => {
                    sleep(Duration::from_millis(1)).await;
                    Ok(stats(&admin.to_string(), 5))
                }
            };
            self.open.lock().unwrap().0 -= 1;
            result
        })
    }

    fn set_workers<'a>(
        &'a self,
        _admin: SocketAddr,
        _token: &'a str,
        _workers: u32,
    ) -> BoxFuture<'a, Result<u32, WriteError>> {
        unreachable!("a look changes nothing")
    }

    fn shed<'a>(&'a self, _: SocketAddr, _: &'a str, _: u32) -> BoxFuture<'a, Result<u32, WriteError>> {
        unreachable!("a look changes nothing")
    }
}

/// A service, looked at again and again.
struct Scene {
    servers: Servers,
    sockets: Semaphore,
    attention: Attention,
    pods: Vec<Arc<SeenPod>>,
    selector: &'static str,
    now: Timestamp,
}

impl Scene {
    fn of(pods: Vec<Arc<SeenPod>>) -> Self {
        Self {
            servers: Servers::default(),
            sockets: Semaphore::new(256),
            attention: Attention::default(),
            pods,
            selector: "app=orders",
            now: "2026-11-21T12:00:00Z".parse().unwrap(),
        }
    }

    fn act(mut self, numbers: impl IntoIterator<Item = u8>, act: Act) -> Self {
        self.servers.acts.extend(numbers.into_iter().map(|number| (admin(number), act)));
        self
    }

    /// Looks, a second after the last look; returns the observation and who was asked.
    async fn look(&mut self) -> (Observation, Vec<SocketAddr>) {
        self.now += SignedDuration::from_secs(1);
        let pods = self.pods.iter().cloned().collect();
        let sight = Sight {
            replicas: 3,
            selector: self.selector,
            pods: &pods,
            inventory: Inventory::Complete,
            now: self.now,
        };
        let seen = observe(&self.servers, &self.sockets, &mut self.attention, &sight, &policy()).await;
        (seen, std::mem::take(&mut self.servers.asked.lock().unwrap()))
    }
}

fn admin(number: u8) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, number], 9191))
}

fn fleet(numbers: std::ops::Range<u8>) -> Vec<Arc<SeenPod>> {
    numbers.map(|number| pod(ready(number))).collect()
}

fn answers(seen: &Observation) -> Vec<&'static str> {
    let word = |pod: &Pod| match pod.answer {
        Answer::Told(_) => "told",
        Answer::Silent => "silent",
        Answer::NotAsked => "not asked",
    };
    seen.pods.iter().map(word).collect()
}

#[tokio::test(start_paused = true)]
async fn pods_that_match_are_asked_and_come_in_order_of_their_names() {
    let other = with(ready(9), json!({ "metadata": { "labels": { "app": "carts" } } }));
    let mut scene = Scene::of(vec![pod(ready(3)), pod(other), pod(ready(1)), pod(ready(2))]);
    let (seen, asked) = scene.look().await;
    let names: Vec<_> = seen.pods.iter().map(|pod| pod.name.as_str()).collect();
    assert_eq!(names, ["orders-5d4f-001", "orders-5d4f-002", "orders-5d4f-003"]);
    assert_eq!(answers(&seen), ["told"; 3]);
    assert_eq!((seen.replicas, seen.inventory, seen.pods[0].workers), (Replicas(3), Inventory::Complete, 4));
    assert_eq!(asked.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_selector_that_says_nothing_leaves_the_list_stale() {
    let mut scene = Scene { selector: "", ..Scene::of(fleet(1..4)) };
    let (seen, asked) = scene.look().await;
    assert_eq!((seen.inventory, seen.pods.len(), asked.len()), (Inventory::Stale, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn servers_that_hang_delay_a_look_by_no_more_than_its_deadline() {
    let mut scene = Scene::of(fleet(1..250)).act(100..250, Act::Hang);
    for _ in 0..8 {
        let began = Instant::now();
        let (seen, _) = scene.look().await;
        assert!(began.elapsed() <= DEADLINE, "{:?}", began.elapsed());
        let told = answers(&seen).iter().filter(|answer| **answer == "told").count();
        assert!(told <= 99);
        assert!(scene.servers.open.lock().unwrap().1 <= 72);
        // Those that were cut off never end by themselves.
        scene.servers.open = Mutex::default();
    }
    let (seen, _) = scene.look().await;
    assert!(answers(&seen)[..99].iter().all(|answer| *answer == "told"), "{:?}", answers(&seen));
    assert!(answers(&seen)[99..].iter().all(|answer| *answer == "silent"), "{:?}", answers(&seen));
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_a_socket_until_the_deadline_was_not_asked() {
    let mut scene = Scene { sockets: Semaphore::new(1), ..Scene::of(fleet(1..3)) }.act([1, 2], Act::Hang);
    let (seen, asked) = scene.look().await;
    assert_eq!((answers(&seen), asked), (vec!["silent", "not asked"], vec![admin(1)]));
    let (seen, asked) = scene.look().await;
    assert_eq!(
        (answers(&seen), asked),
        (vec!["silent", "silent"], vec![admin(2)]),
        "its turn comes first now"
    );
}

#[tokio::test(start_paused = true)]
async fn silence_is_told_at_once_and_ends_with_the_first_answer() {
    let mut scene = Scene::of(fleet(1..3)).act([1], Act::Refuse);
    for _ in 0..5 {
        let (seen, asked) = scene.look().await;
        assert_eq!((answers(&seen), asked.len()), (vec!["silent", "told"], 2));
    }
    scene.servers.acts.clear();
    assert_eq!(answers(&scene.look().await.0), ["told", "told"]);
}

#[tokio::test(start_paused = true)]
async fn in_a_sample_each_pod_is_asked_within_five_looks_and_new_ones_at_once() {
    let mut scene = Scene::of(fleet(1..101));
    scene.look().await;
    scene.attention.ask = Ask::Sample;
    let mut all = BTreeSet::new();
    for _ in 0..5 {
        let (seen, asked) = scene.look().await;
        assert_eq!(asked.len(), 20);
        assert_eq!(answers(&seen).iter().filter(|answer| **answer == "not asked").count(), 80);
        assert!(seen.pods.iter().all(|pod| pod.workers == 4), "what is known is kept");
        all.extend(asked);
    }
    assert_eq!(all.len(), 100);
    scene.pods.push(pod(ready(200)));
    let (_, asked) = scene.look().await;
    assert!(asked.contains(&admin(200)));
}

fn starting(number: u8, state: Value) -> Arc<SeenPod> {
    let since = "2026-11-21T10:00:01Z";
    let status = json!({ "status": {
        "conditions": [{ "type": "Ready", "status": "False", "lastTransitionTime": since }],
        "containerStatuses": [{ "name": "server", "restartCount": 0, "state": state }]
    } });
    pod(with(ready(number), status))
}

#[tokio::test(start_paused = true)]
async fn every_running_pod_is_asked_whatever_its_readiness() {
    let runs = starting(1, json!({ "running": { "startedAt": "2026-11-21T10:00:03Z" } }));
    let pulls =
        starting(2, json!({ "waiting": { "reason": "ImagePullBackOff", "message": "no such image" } }));
    let going = pod(with(ready(3), json!({ "metadata": { "deletionTimestamp": "2026-11-21T11:00:00Z" } })));
    let mut scene = Scene::of(vec![runs, pulls, going]);
    let (seen, asked) = scene.look().await;
    assert_eq!((answers(&seen), asked), (vec!["told", "silent", "told"], vec![admin(1), admin(3)]));
    let servers: Vec<_> = scene.attention.servers().map(|server| (server.admin, server.workers)).collect();
    assert_eq!(servers, [(admin(1), 4)], "nothing is told to a server that is going");
    let said = BTreeMap::from([(
        Trouble::ImagePull,
        "pod orders-5d4f-002: ImagePullBackOff: no such image".to_owned(),
    )]);
    assert_eq!(scene.attention.troubles, said);
}

#[tokio::test(start_paused = true)]
async fn one_process_is_one_pod() {
    let newer = with(ready(2), json!({ "metadata": { "creationTimestamp": "2026-11-21T11:00:00Z" } }));
    for pods in [vec![pod(ready(1)), pod(newer.clone())], vec![pod(ready(3)), pod(newer)]] {
        let newer_at = usize::from(pods[0].id() < pods[1].id());
        let mut scene = Scene::of(pods).act([1, 2, 3], Act::Tell("same"));
        let (seen, _) = scene.look().await;
        assert_eq!((answers(&seen)[newer_at], answers(&seen)[1 - newer_at]), ("told", "silent"));
        assert_eq!(scene.attention.servers().count(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn what_went_is_forgotten() {
    let mut scene = Scene::of(fleet(1..4)).act([2], Act::Refuse);
    scene.look().await;
    scene.pods = fleet(3..5);
    scene.servers.acts.clear();
    assert_eq!(answers(&scene.look().await.0), ["told", "told"]);
    assert_eq!(scene.attention.servers().count(), 2);
}
