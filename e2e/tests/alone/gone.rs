//! Fault 1: the API server is killed and stays away for a minute, in which the load grows.

use std::time::{Duration, Instant};

use headroom_e2e::cluster::Cluster;
use headroom_e2e::suite::{
    Audit, Load, PODS, Plan, Site, Way, assert_no_shrink, figure, get, until, written,
};
use jiff::Timestamp;
use serde_json::json;

const AWAY: Duration = Duration::from_secs(60);

#[test]
#[ignore = "needs a cluster: make e2e"]
fn a_minute_without_an_api_server_fails_no_request_and_is_made_up_for() {
    let cluster = Cluster::attach().unwrap();
    let mut api_server = cluster.api_server().unwrap();
    let site = Site::new("gone", 1, Way::Direct).unwrap();
    let place = site.place(0);
    let objective = json!({ "name": "p99", "quantile": "0.99", "threshold": "105ms" });
    let more = json!({ "spec": { "objectives": { "latency": [objective] } } });
    let plan = Plan { replicas: (4, 12), prior: Some(120), more, ..Plan::new("web") }.patient();
    let service = plan.apply(place).unwrap();
    service.until_ready(4, PODS).unwrap();
    let mut audit = Audit::from_now().unwrap();
    // It steps up 45 s after its beginning, within the outage: 4 pods still answer everything (they can do 200/s each),
    // but 5 are needed at the 132/s that a pod holds within 105 ms (M/M/4 with 20 ms). Many connections, so that the pods
    // get equal shares.
    let load = Load { connections: 256, ..Load::steps("load", "45s@200,60s@560") };
    let load = load.start(place, &service.url().unwrap()).unwrap();
    load.until_running().unwrap();
    std::thread::sleep(Duration::from_secs(10));

    let killed = Instant::now();
    api_server.stop().unwrap();
    std::thread::sleep(AWAY);
    api_server.start().unwrap();
    // Not by `until`: half a second is much here.
    let back = loop {
        if get("/readyz").is_ok() {
            break Timestamp::now();
        }
        assert!(killed.elapsed() < AWAY + Duration::from_secs(90), "the API server does not come back");
        std::thread::sleep(Duration::from_millis(50));
    };
    figure("API server gone", "away for", killed.elapsed().as_secs_f64(), "s");
    let sufficing = until("a size that suffices", Duration::from_secs(30), || {
        Ok(written(&mut audit, place).into_iter().find(|(_, size)| *size >= 5))
    });
    let (at, _) = sufficing.unwrap();
    let seconds = at.duration_since(back).as_secs_f64().max(0.0);
    figure("API server gone", "ready again until the size suffices", seconds, "s");
    // Later it may: what is learned of a pod under this load is more than was guessed.
    assert_no_shrink(&mut audit, place, 4);

    let summary = load.summary(Duration::from_secs(120)).unwrap();
    figure("API server gone", "failed requests", summary.counts.failed.total as f64, "");
    assert_eq!(summary.counts.failed.total, 0, "{:?}", summary.counts.failed);
    assert!(seconds <= 3.0, "the first size that suffices came {seconds} s after the API server");
}
