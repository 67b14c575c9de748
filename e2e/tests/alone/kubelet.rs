//! A kubelet stops: the pods of its node go on, and nobody knows. The size never falls below what serves.

use std::time::Duration;

use headroom_e2e::cluster::{Cluster, Faulty};
use headroom_e2e::suite::{Audit, Load, PODS, Plan, Site, Way, assert_no_shrink, figure, stays, until};

/// Starts it again, however the test ends.
struct Stopped(Faulty);

impl Drop for Stopped {
    fn drop(&mut self) {
        self.0.start().expect("the kubelet does not start again");
    }
}

#[test]
#[ignore = "needs a cluster: make e2e"]
fn a_stopped_kubelet_shrinks_nothing_and_is_told() {
    let cluster = Cluster::attach().unwrap();
    let site = Site::new("kubelet", 1, Way::Direct).unwrap();
    let place = site.place(0);
    let service = Plan { replicas: (2, 8), down_window: 5, ..Plan::new("web") }.apply(place).unwrap();
    service.until_ready(2, PODS).unwrap();
    let load = Load::steps("load", "240s@450").start(place, &service.url().unwrap()).unwrap();
    until("a size for the load", Duration::from_secs(60), || {
        Ok((service.size()? >= 3 && service.ready()? == service.size()?).then_some(()))
    })
    .unwrap();

    let node = node_of(&service.pods().unwrap()[0]);
    let stopped = Stopped(cluster.kubelet(&node).unwrap());
    stopped.0.stop().unwrap();
    let lost = until("pods that nobody knows of", Duration::from_secs(90), || {
        let pods = service.pods()?;
        let lost = pods.iter().filter(|pod| node_of(pod) == node && !is_ready(pod)).count();
        Ok((lost > 0).then_some(lost))
    });
    figure("kubelet stopped", "pods of its node no longer ready", lost.unwrap() as f64, "");
    let mut audit = Audit::from_now().unwrap();
    let before = service.size().unwrap();
    // The window for fewer pods is over long before.
    stays("the size", Duration::from_secs(15), || Ok(service.size()? >= before)).unwrap();
    assert_no_shrink(&mut audit, place, before);
    // Numbers alone are written few times a minute.
    let told = until("the status to tell that fewer serve", Duration::from_secs(75), || {
        let message = service.condition("Ready")?["message"].as_str().unwrap_or_default().to_owned();
        let told = message.split_once(" ready pods").and_then(|(ready, _)| ready.parse::<u64>().ok());
        if told.is_some_and(|told| told < before) {
            return Ok(Some(message));
        }
        anyhow::bail!("{} of {before} are ready; told is: {message}", service.ready()?)
    });
    println!("{}", told.unwrap());
    println!("{}", service.condition("Limited").unwrap()["message"]);

    drop(stopped);
    until("the pods to be ready again", Duration::from_secs(60), || {
        Ok((service.ready()? == service.size()?).then_some(()))
    })
    .unwrap();
    site.assert_no_violation();
    load.stop().unwrap();
}

fn is_ready(pod: &serde_json::Value) -> bool {
    let conditions = pod.pointer("/status/conditions").and_then(serde_json::Value::as_array);
    conditions.is_some_and(|all| all.iter().any(|one| one["type"] == "Ready" && one["status"] == "True"))
}

fn node_of(pod: &serde_json::Value) -> String {
    pod["spec"]["nodeName"].as_str().unwrap_or_default().to_owned()
}
