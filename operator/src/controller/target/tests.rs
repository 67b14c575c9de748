//! How many questions are under way at a time.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::Mutex;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::join_all;
use http_body_util::Full;
use hyper::{Request, Response};
use kube::client::Body;
use tokio::time::{Instant, sleep};

use super::*;

/// Scales of an API server that takes so long, and the most questions that were under way.
fn scales(answers_after: Duration) -> (Scales, Arc<Mutex<(usize, usize)>>) {
    let open: Arc<Mutex<(usize, usize)>> = Arc::default();
    let noted = Arc::clone(&open);
    let service = tower::service_fn(move |_: Request<Body>| {
        let noted = Arc::clone(&noted);
        async move {
            {
                let mut open = noted.lock().unwrap();
                *open = (open.0 + 1, open.1.max(open.0 + 1));
            }
            sleep(answers_after).await;
            noted.lock().unwrap().0 -= 1;
            let scale = json!({ "apiVersion": "autoscaling/v1", "kind": "Scale", "spec": { "replicas": 3 } });
            Ok::<_, tower::BoxError>(Response::new(Full::new(bytes::Bytes::from(scale.to_string()))))
        }
    });
    (Scales::new(Client::new(service, "default")), open)
}

fn name(number: u32) -> TargetName {
    TargetName { api_version: "apps/v1".into(), kind: "Deployment".into(), name: format!("s{number}") }
}

#[tokio::test(start_paused = true)]
async fn services_read_their_sizes_in_turns() {
    let (scales, open) = scales(Duration::from_millis(10));
    let names: Vec<_> = (0..500).map(name).collect();
    let read = join_all(names.iter().map(|name| scales.read("shop", name))).await;
    assert!(read.iter().all(|target| target.as_ref().unwrap().replicas == 3));
    assert_eq!(open.lock().unwrap().1, MOST_READS);
}

#[tokio::test(start_paused = true)]
async fn who_has_no_turn_in_time_goes_without() {
    let (scales, open) = scales(TICK * 5);
    let names: Vec<_> = (0..100).map(name).collect();
    let began = Instant::now();
    let read = join_all(
        names.iter().map(|name| scales.read("shop", name).map(|read| (read.is_err(), began.elapsed()))),
    );
    let read = read.await;
    let gave_up = read.iter().filter(|(failed, took)| *failed && *took < TICK * 2).count();
    assert_eq!(gave_up, 100 - MOST_READS);
    assert_eq!(open.lock().unwrap().1, MOST_READS);
}
