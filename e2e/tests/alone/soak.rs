//! An hour of changes under load: 1,000 changes of pods' workers and 200 pods replaced, and no request fails. Only with
//! SOAK=1.

use std::time::{Duration, Instant};

use headroom_e2e::suite::{
    Load, LoadJob, PODS, Plan, ScaledService, Site, Way, figure, get, kubectl, object, until,
};
use headroom_load::report::Summary;
use serde_json::{Value, json};

const SIZE: u32 = 4;
/// Changes of the workers of one pod.
const CHANGES: usize = 1000;
const RESTARTS: usize = 200;
/// Loads are played one after another, each so long; a change begins only with so much time left.
const ROUND: Duration = Duration::from_secs(300);
const LEFT: Duration = Duration::from_secs(40);

#[test]
#[ignore = "needs a cluster: make e2e"]
fn a_thousand_changes_of_workers_and_two_hundred_restarts_fail_no_request() {
    if std::env::var_os("SOAK").is_none() {
        println!("SKIPPED: it takes an hour; SOAK=1 TESTS=thousand e2e/run runs it");
        return;
    }
    let site = Site::new("soak", 1, Way::Direct).unwrap();
    let place = site.place(0);
    let service = plan(1).apply(place).unwrap();
    service.until_ready(u64::from(SIZE), PODS).unwrap();

    let mut workers = 1;
    let changes = soaked("worker changes", &service, place, CHANGES, || {
        workers = workers % 4 + 1;
        plan(workers).apply(place)?;
        until("all pods to run other workers", PODS, || {
            let runs = running(&service, place)?;
            Ok((runs.len() == SIZE as usize && runs.iter().all(|runs| *runs == u64::from(workers)))
                .then_some(()))
        })?;
        Ok(SIZE as usize)
    });
    let restarts = soaked("restarts", &service, place, RESTARTS, || replace_one(&service, place).map(|()| 1));
    site.assert_no_violation();
    let failed = changes.failed + restarts.failed;
    assert_eq!(failed, 0, "of {} requests", changes.requests + restarts.requests);
}

/// Four pods with many connections, and time to wait: what fails was failed by a change.
fn plan(workers: u32) -> Plan {
    let more = json!({ "spec": {
        "runtime": { "workers": workers },
        "workload": { "config": { "slotsPerWorker": 64, "drain": { "delay": "5s", "timeout": "10s" } } },
    } });
    Plan { replicas: (SIZE, SIZE), more, ..Plan::new("web") }.patient()
}

#[derive(Debug, Default)]
struct Soaked {
    requests: u64,
    failed: u64,
}

/// Makes so many changes while loads are played.
fn soaked(
    what: &str,
    service: &ScaledService,
    place: &str,
    wanted: usize,
    mut change: impl FnMut() -> anyhow::Result<usize>,
) -> Soaked {
    let (mut made, mut round, mut all) = (0, 0, Soaked::default());
    while made < wanted {
        round += 1;
        let loads = begin(service, place, &format!("{}-{round}", what.replace(' ', "-")));
        let began = Instant::now();
        while made < wanted && began.elapsed() + LEFT < ROUND {
            made += change().unwrap();
        }
        for load in loads {
            let summary: Summary = load.summary(ROUND * 2).unwrap();
            all.requests += summary.counts.intended;
            all.failed += summary.counts.failed.total;
            println!("{what}: {made} so far, failed {:?}", summary.counts.failed);
        }
    }
    figure("soak", &format!("{what}, made"), made as f64, "");
    figure("soak", &format!("{what}, requests"), all.requests as f64, "");
    figure("soak", &format!("{what}, failed requests"), all.failed as f64, "");
    all
}

/// Connections that are kept, and new ones.
fn begin(service: &ScaledService, place: &str, name: &str) -> Vec<LoadJob> {
    let url = service.url().unwrap();
    let seconds = ROUND.as_secs();
    let kept = Load { connections: 256, ..Load::steps(&format!("{name}-kept"), &format!("{seconds}s@200")) };
    let new =
        Load { new_connections: true, ..Load::steps(&format!("{name}-new"), &format!("{seconds}s@20")) };
    let loads: Vec<_> = [kept, new].iter().map(|load| load.start(place, &url).unwrap()).collect();
    for load in &loads {
        load.until_running().unwrap();
    }
    loads
}

/// Workers that each pod runs, of those that are not going.
fn running(service: &ScaledService, place: &str) -> anyhow::Result<Vec<u64>> {
    let names = staying(&service.pods()?);
    let workers = |name: &String| {
        let stats = get(&format!("/api/v1/namespaces/{place}/pods/{name}:9090/proxy/stats"))?;
        let stats: Value = serde_json::from_str(&stats)?;
        Ok(stats["workers"].as_u64().unwrap_or_default())
    };
    names.iter().map(workers).collect()
}

/// Deletes the oldest pod and waits for another one to be ready in its place.
fn replace_one(service: &ScaledService, place: &str) -> anyhow::Result<()> {
    let mut pods = service.pods()?;
    pods.retain(|pod| pod["metadata"]["deletionTimestamp"].is_null());
    pods.sort_by_key(|pod| pod["metadata"]["creationTimestamp"].as_str().unwrap_or_default().to_owned());
    let oldest = pods.first().and_then(|pod| pod["metadata"]["name"].as_str()).unwrap_or_default().to_owned();
    kubectl(&["-n", place, "delete", "pod", &oldest, "--wait=false"])?;
    until("another pod to be ready", PODS, || {
        let ready = service.pods()?.into_iter().filter(is_ready).count();
        Ok((ready == SIZE as usize && gone(place, &oldest)?).then_some(()))
    })
}

fn gone(place: &str, name: &str) -> anyhow::Result<bool> {
    Ok(object(place, "pods", name)?.is_none())
}

fn is_ready(pod: &Value) -> bool {
    let mut conditions = pod["status"]["conditions"].as_array().into_iter().flatten();
    pod["metadata"]["deletionTimestamp"].is_null()
        && conditions.any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
}

fn staying(pods: &[Value]) -> Vec<String> {
    let stays = pods.iter().filter(|pod| pod["metadata"]["deletionTimestamp"].is_null());
    stays.filter_map(|pod| Some(pod["metadata"]["name"].as_str()?.to_owned())).collect()
}
