//! Connections that stay open, behind a Service that moves none: pods that are added get their share within seconds.

use std::collections::BTreeMap;
use std::thread::sleep;
use std::time::{Duration, Instant};

use headroom_e2e::suite::{Load, PODS, Plan, ScaledService, Site, Way, figure, get};
use serde_json::{Value, json};

/// The requests of the pods are compared over so long.
const WINDOW: Duration = Duration::from_secs(3);
/// By then the load should be even.
const SHOULD: Duration = Duration::from_secs(15);
/// By then it has to be nearly so, on a busy machine too.
const MUST: Duration = Duration::from_secs(25);

#[test]
#[ignore = "needs a cluster: make e2e"]
fn new_pods_get_their_share_of_the_connections_there_are() {
    let site = Site::new("balance", 1, Way::Direct).unwrap();
    let place = site.place(0);
    // Requests that take long keep many connections busy with little CPU; no connection ends of age.
    let more = json!({ "spec": {
        "workload": { "config": {
            "slotsPerWorker": 400,
            "connectionAge": "30m",
            "cost": { "wait": "500ms", "distribution": "Fixed" },
        } },
        "objectives": { "latency": [{ "name": "p99", "quantile": "0.99", "threshold": "2s" }] },
    } });
    let plan = |pods| Plan { replicas: (pods, pods), prior: None, more: more.clone(), ..Plan::new("web") };
    let service = plan(2).apply(place).unwrap();
    service.until_ready(2, PODS).unwrap();
    // 400 requests/s of half a second each: some 200 connections, used in turn.
    let load = Load { connections: 400, ..Load::steps("load", "150s@400") };
    let load = load.start(place, &service.url().unwrap()).unwrap();
    load.until_running().unwrap();
    sleep(Duration::from_secs(15));
    let (before, connections) = looked(&service, place);
    println!("before: {before:?} requests, {connections:?} connections");
    assert!(connections.values().sum::<f64>() >= 60.0, "too few connections to say so: {connections:?}");

    plan(4).apply(place).unwrap();
    service.until_ready(4, PODS).unwrap();
    let ready = Instant::now();
    let mut even_after = None;
    let (mut at_should, mut at_must) = (f64::INFINITY, f64::INFINITY);
    while ready.elapsed() < MUST {
        let uneven = unevenness(&service, place);
        let seconds = ready.elapsed();
        println!("{:.1} s after Ready: max/mean {uneven:.2}", seconds.as_secs_f64());
        even_after = even_after.or_else(|| (uneven <= 1.3).then_some(seconds));
        if seconds <= SHOULD + WINDOW {
            at_should = uneven;
        }
        at_must = uneven;
    }
    figure("balance", "max/mean of requests per pod, 15 s after Ready", at_should, "");
    figure("balance", "max/mean of requests per pod, 25 s after Ready", at_must, "");
    figure(
        "balance",
        "Ready to max/mean of 1.3",
        even_after.map_or(f64::NAN, |after| after.as_secs_f64()),
        "s",
    );
    let moved = site.release.metric("headroom_connections_moved_total").unwrap();
    figure("balance", "connections that were told to end", moved, "");
    assert!(moved > 0.0, "the controller moved none");
    assert!(at_must <= 1.5, "max/mean {at_must} after {MUST:?}");
    let summary = load.summary(Duration::from_secs(240)).unwrap();
    assert_eq!(summary.counts.failed.total, 0, "requests failed: {:?}", summary.counts.failed);
    site.assert_no_violation();
}

/// The most loaded pod's requests over the mean.
fn unevenness(service: &ScaledService, namespace: &str) -> f64 {
    let (before, _) = looked(service, namespace);
    sleep(WINDOW);
    let (after, _) = looked(service, namespace);
    let shares: Vec<f64> =
        after.iter().map(|(pod, now)| now - before.get(pod).copied().unwrap_or_default()).collect();
    let mean = shares.iter().sum::<f64>() / shares.len() as f64;
    shares.iter().copied().fold(0.0, f64::max) / mean
}

/// Requests that each pod has had so far, and its connections.
fn looked(service: &ScaledService, namespace: &str) -> (BTreeMap<String, f64>, BTreeMap<String, f64>) {
    let pods = service.pods().unwrap();
    let names = pods.iter().filter_map(|pod| pod["metadata"]["name"].as_str());
    let (mut arrivals, mut connections) = (BTreeMap::new(), BTreeMap::new());
    for name in names {
        let path = format!("/api/v1/namespaces/{namespace}/pods/{name}:9090/proxy/stats");
        let stats = get(&path).ok().and_then(|answer| serde_json::from_str::<Value>(&answer).ok());
        if let Some(stats) = stats {
            arrivals.insert(name.to_owned(), stats["arrivals"].as_f64().unwrap_or_default());
            connections.insert(name.to_owned(), stats["connections"].as_f64().unwrap_or_default());
        }
    }
    (arrivals, connections)
}
