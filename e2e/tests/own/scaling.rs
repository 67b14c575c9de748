//! Load that grows to four times in one step, and goes again.

use std::time::Duration;

use headroom_e2e::cluster::audit::Entry;
use headroom_e2e::suite::{Audit, Load, PODS, Plan, Site, Way, figure, get, objects};
use serde_json::Value;

/// The shares of the pods are counted for so long.
const LOOK: Duration = Duration::from_secs(20);

#[test]
#[ignore = "needs a cluster: make e2e"]
fn a_step_of_four_times_is_followed_and_nothing_fails_when_it_is_over() {
    // Others' loads that end in the same minute would freeze this one's shrinking.
    let site = Site::new("step", 1, Way::Direct).unwrap();
    let place = site.place(0);
    let service = Plan::new("web").apply(place).unwrap();
    service.until_ready(2, PODS).unwrap();
    let mut audit = Audit::from_now().unwrap();

    let step = Load::steps("step", "25s@200,45s@800").start(place, &service.url().unwrap()).unwrap();
    service.until_size("scaling out", PODS, |now| now >= 5).unwrap();
    step.summary(Duration::from_secs(150)).unwrap();
    let size = service.size().unwrap();
    // No less than what carries it, no more than twice that: two pods were far too few at first.
    assert!((5..=10).contains(&size), "800/s at nearly 200/s a pod, and {size} pods");

    // Inside the objective again, with the new pods.
    let held = Load::steps("held", "30s@800").start(place, &service.url().unwrap()).unwrap();
    std::thread::sleep(Duration::from_secs(5));
    let before = arrivals(place);
    std::thread::sleep(LOOK);
    let after = arrivals(place);
    let held = held.summary(Duration::from_secs(90)).unwrap();
    let p99 = held.objectives[0].measured_seconds.expect("P99 lies among failed requests");
    figure("step", "p99 at 4x, scaled", p99 * 1e3, "ms");
    assert!(held.objectives[0].held, "P99 {p99} s is not back inside 150 ms");
    let shares: Vec<f64> =
        after.iter().map(|(pod, now)| now - before.get(pod).copied().unwrap_or_default()).collect();
    let mean = shares.iter().sum::<f64>() / shares.len() as f64;
    figure("step", "requests per second per pod", mean / LOOK.as_secs_f64(), "1/s");
    let largest = shares.iter().copied().fold(0.0, f64::max) / mean;
    figure("step", "largest share of a pod over the mean", largest, "");
    assert!(
        shares.iter().all(|share| *share > 0.3 * mean),
        "some pod gets hardly any of the load: {shares:?}"
    );

    // Later it shrinks, under load, and no request fails.
    let calm = Load::steps("calm", "60s@200").start(place, &service.url().unwrap()).unwrap();
    service.until_size("scaling in", Duration::from_secs(120), |now| now < size).unwrap();
    let calm = calm.summary(Duration::from_secs(150)).unwrap();
    assert!(calm.counts.intended >= 10_000, "too few requests to say so: {}", calm.counts.intended);
    assert_eq!(calm.counts.failed.total, 0, "requests failed on scale-in: {:?}", calm.counts.failed);
    let sizes: Vec<_> = audit.sizes(place).unwrap().iter().filter_map(Entry::replicas_asked).collect();
    println!("sizes written: {sizes:?}");
    assert!(sizes.windows(2).all(|pair| pair[0] != pair[1]), "a size was written twice in a row");
}

/// Requests that each ready pod has had so far, asked of the pods themselves.
fn arrivals(namespace: &str) -> std::collections::BTreeMap<String, f64> {
    let pods = objects(namespace, "pods", Some("headroom.dev/service=web")).unwrap();
    let names = pods.iter().filter_map(|pod| Some(pod["metadata"]["name"].as_str()?.to_owned()));
    let asked = names.filter_map(|name| {
        let path = format!("/api/v1/namespaces/{namespace}/pods/{name}:9090/proxy/stats");
        let answer = get(&path).ok()?;
        let stats: Value = serde_json::from_str(&answer).ok()?;
        Some((name, stats["arrivals"].as_f64()?))
    });
    asked.collect()
}
