use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Mutex;

use futures::future::BoxFuture;
use headroom_workload::stats::Stats;
use serde_json::json;
use tokio::time::advance;

use super::*;
use crate::controller::workload::tests::scripted::client;
use crate::controller::workload::token::Account;
use crate::observe::FetchError;

/// Servers that answer with what this function says, and note who told them.
struct Servers<F> {
    answer: F,
    told: Mutex<Vec<(u16, String, u32)>>,
}

impl<F: Fn(u16) -> Result<u32, WriteError> + Send + Sync> AdminPort for Servers<F> {
    fn stats(&self, _: SocketAddr) -> BoxFuture<'_, Result<Stats, FetchError>> {
        Box::pin(async { Err(FetchError::Timeout) })
    }

    fn set_workers<'a>(
        &'a self,
        admin: SocketAddr,
        token: &'a str,
        workers: u32,
    ) -> BoxFuture<'a, Result<u32, WriteError>> {
        self.told.lock().unwrap().push((admin.port(), token.to_owned(), workers));
        Box::pin(async move { (self.answer)(admin.port()) })
    }

    fn shed<'a>(&'a self, _: SocketAddr, _: &'a str, _: u32) -> BoxFuture<'a, Result<u32, WriteError>> {
        unreachable!("workers are told")
    }
}

fn servers<F: Fn(u16) -> Result<u32, WriteError>>(answer: F) -> Servers<F> {
    Servers { answer, told: Mutex::default() }
}

fn pods<const N: usize>(workers: [u32; N]) -> Vec<Runs> {
    let pod = |(index, workers): (usize, u32)| Runs {
        pod: format!("uid-{index}"),
        admin: SocketAddr::from((Ipv4Addr::LOCALHOST, index as u16 + 1)),
        workers,
    };
    workers.into_iter().enumerate().map(pod).collect()
}

fn tokens() -> (Tokens, crate::controller::workload::tests::scripted::Calls) {
    let answer = json!({ "token": "signed", "expirationTimestamp": "2026-01-01T00:00:00Z" });
    let answer = json!({ "metadata": {}, "spec": { "audiences": [] }, "status": answer });
    let (client, calls) = client(move |_| (201, answer.clone()));
    let account = Account { namespace: "headroom".to_owned(), name: "controller".to_owned() };
    (Tokens::new(client, &account), calls)
}

static SOCKETS: Semaphore = Semaphore::const_new(256);

/// With a second of time.
fn way<'a>(
    port: &'a dyn AdminPort,
    tokens: &'a Tokens,
    sockets: &'a Semaphore,
    leadership: &'a Leadership,
) -> Way<'a> {
    Way { port, sockets, tokens, leadership, until: Instant::now() + Duration::from_secs(1) }
}

fn acknowledged(pods: u32, of: u32) -> Acknowledged {
    Acknowledged { pods, of }
}

#[tokio::test(start_paused = true)]
async fn only_pods_that_run_another_number_are_told() {
    let (servers, (tokens, calls)) = (servers(|_| Ok(4)), tokens());
    let mut pushes = Pushes::default();
    let pushed = pushes
        .push(way(&servers, &tokens, &SOCKETS, &Leadership::lasting()), "shop/orders", 4, &pods([4, 2, 4, 8]))
        .await;
    assert_eq!(pushed, Pushed { acknowledged: acknowledged(4, 4), trouble: None });
    let mut told = std::mem::take(&mut *servers.told.lock().unwrap());
    told.sort();
    assert_eq!(told, [(2, "signed".to_owned(), 4), (4, "signed".to_owned(), 4)]);
    calls.taken();
    pushes
        .push(way(&servers, &tokens, &SOCKETS, &Leadership::lasting()), "shop/orders", 4, &pods([4, 4, 4, 4]))
        .await;
    assert_eq!(
        (servers.told.lock().unwrap().len(), calls.taken().len()),
        (0, 0),
        "nothing to do, nobody asked"
    );
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_fails_is_told_again_less_and_less_often_and_delays_no_other() {
    let (servers, (tokens, _)) =
        (servers(|port| if port == 1 { Err(WriteError::Timeout) } else { Ok(4) }), tokens());
    let mut pushes = Pushes::default();
    let mut tries = Vec::new();
    for second in 0..20 {
        let pushed = pushes
            .push(way(&servers, &tokens, &SOCKETS, &Leadership::lasting()), "shop/orders", 4, &pods([2, 2]))
            .await;
        let told = std::mem::take(&mut *servers.told.lock().unwrap());
        assert!(told.iter().any(|(port, ..)| *port == 2));
        if told.iter().any(|(port, ..)| *port == 1) {
            assert_eq!(pushed.acknowledged, acknowledged(1, 2));
            assert!(pushed.trouble.is_some());
            tries.push(second);
        }
        advance(Duration::from_secs(1)).await;
    }
    assert_eq!(tries, [0, 1, 3, 7, 15]);
    pushes.push(way(&servers, &tokens, &SOCKETS, &Leadership::lasting()), "shop/orders", 4, &pods([])).await;
    assert!(pushes.0.is_empty(), "pods that are gone are forgotten");
}

#[tokio::test(start_paused = true)]
async fn a_token_that_is_not_accepted_is_not_used_again() {
    let refused = || WriteError::Refused { status: 401, message: "unknown key".to_owned() };
    let (servers, (tokens, calls)) = (servers(move |_| Err(refused())), tokens());
    let mut pushes = Pushes::default();
    for _ in 0..2 {
        let pushed = pushes
            .push(way(&servers, &tokens, &SOCKETS, &Leadership::lasting()), "shop/orders", 4, &pods([2]))
            .await;
        let text = pushed.trouble.map(|trouble| trouble.to_string()).unwrap_or_default();
        assert!(text.contains("127.0.0.1:1") && text.contains("unknown key"), "{text}");
        advance(Duration::from_secs(2)).await;
    }
    assert_eq!(calls.taken().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_runs_another_number_than_it_was_told_is_not_counted() {
    let (servers, (tokens, _)) = (servers(|_| Ok(3)), tokens());
    let pushed = Pushes::default()
        .push(way(&servers, &tokens, &SOCKETS, &Leadership::lasting()), "shop/orders", 4, &pods([2]))
        .await;
    assert_eq!(pushed.acknowledged, acknowledged(0, 1));
    assert!(pushed.trouble.is_some());
}

/// A server that accepts and says nothing.
struct Hangs(Mutex<Vec<u16>>);

impl AdminPort for Hangs {
    fn stats(&self, _: SocketAddr) -> BoxFuture<'_, Result<Stats, FetchError>> {
        Box::pin(std::future::pending())
    }

    fn set_workers<'a>(
        &'a self,
        admin: SocketAddr,
        _: &'a str,
        _: u32,
    ) -> BoxFuture<'a, Result<u32, WriteError>> {
        self.0.lock().unwrap().push(admin.port());
        Box::pin(std::future::pending())
    }

    fn shed<'a>(&'a self, _: SocketAddr, _: &'a str, _: u32) -> BoxFuture<'a, Result<u32, WriteError>> {
        unreachable!("workers are told")
    }
}

#[tokio::test(start_paused = true)]
async fn servers_that_hang_cost_no_more_than_the_time_there_is_and_each_gets_its_turn() {
    let (hangs, (tokens, _), leads) = (Hangs(Mutex::default()), tokens(), Leadership::lasting());
    let mut pushes = Pushes::default();
    let pods = pods([2; 200]);
    for _ in 0..20 {
        let began = Instant::now();
        let until = began + Duration::from_millis(200);
        let way = Way { until, ..way(&hangs, &tokens, &SOCKETS, &leads) };
        let pushed = pushes.push(way, "shop/orders", 4, &pods).await;
        assert_eq!(pushed.acknowledged, acknowledged(0, 200));
        assert!(began.elapsed() <= Duration::from_millis(210), "{:?}", began.elapsed());
        advance(Duration::from_millis(800)).await;
    }
    let mut told = std::mem::take(&mut *hangs.0.lock().unwrap());
    told.sort_unstable();
    told.dedup();
    assert_eq!(told.len(), 200);
}

#[tokio::test(start_paused = true)]
async fn without_the_lease_or_a_free_socket_nobody_is_told_and_nobody_has_failed() {
    let (servers, (tokens, _), leads) = (servers(|_| Ok(4)), tokens(), Leadership::lasting());
    let (standby, none) = (Leadership::default(), Semaphore::new(0));
    let mut pushes = Pushes::default();
    for way in [way(&servers, &tokens, &SOCKETS, &standby), way(&servers, &tokens, &none, &leads)] {
        let pushed = pushes.push(way, "shop/orders", 4, &pods([2, 4])).await;
        assert_eq!(pushed, Pushed { acknowledged: acknowledged(1, 2), trouble: None });
    }
    assert!(servers.told.lock().unwrap().is_empty() && pushes.0.is_empty());
}
