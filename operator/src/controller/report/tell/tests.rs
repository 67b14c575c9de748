#![allow(clippy::unwrap_used, reason = "a helper of a test is test code, though clippy can't tell")]

use std::sync::Mutex;

use headroom_api::events::EventReason;
use http_body_util::BodyExt;
use kube::client::Body;

use super::*;
use crate::controller::report::fixtures::service;

type Log = Arc<Mutex<Vec<(String, serde_json::Value)>>>;

/// An API server that answers everything with `status`, or never.
fn teller(status: Option<u16>) -> (Teller, mpsc::UnboundedReceiver<Ended>, Arc<Metrics>, Log) {
    let log = Log::default();
    let heard = log.clone();
    let server = tower::service_fn(move |request: http::Request<Body>| {
        let heard = heard.clone();
        async move {
            let line = format!("{} {}", request.method(), request.uri());
            let body = request.into_body().collect().await.unwrap().to_bytes();
            let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
            heard.lock().unwrap().push((line, body.clone()));
            let Some(status) = status else { return std::future::pending().await };
            let answer = if status < 300 {
                serde_json::to_vec(&if body["kind"] == "ScaledService" {
                    json!(service("Active"))
                } else {
                    body
                })
            } else {
                serde_json::to_vec(
                    &json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
                    "message": "no", "reason": "Conflict", "code": status }),
                )
            };
            let answer = http::Response::builder().status(status).body(Body::from(answer.unwrap()));
            Ok::<_, std::convert::Infallible>(answer.unwrap())
        }
    });
    let metrics = Arc::new(Metrics::default());
    let leadership = Leadership::lasting();
    let client = Client::new(server, "shop");
    let (teller, ended) = Teller::new(client, "pod-1".to_owned(), metrics.clone(), leadership);
    (teller, ended, metrics, log)
}

#[tokio::test]
async fn a_status_is_applied_with_our_manager_and_the_uid() {
    let (teller, mut ended, metrics, log) = teller(Some(200));
    let status = ScaledServiceStatus { replicas: Some(7), ..ScaledServiceStatus::default() };
    teller.status(&service("Active"), status.clone());
    let expected = Ended { uid: "u1".to_owned(), written: Some(Box::new(status)) };
    assert_eq!(ended.recv().await, Some(expected));
    let log = log.lock().unwrap();
    let (line, body) = &log[0];
    assert!(
        line.starts_with("PATCH /apis/headroom.dev/v1alpha1/namespaces/shop/scaledservices/orders/status?")
    );
    assert!(line.contains("force=true") && line.contains("fieldManager=headroom"), "{line}");
    assert_eq!((&body["metadata"]["uid"], &body["status"]["replicas"]), (&json!("u1"), &json!(7)));
    assert!(body["spec"].is_null());
    let written = r#"headroom_writes_total{resource="scaledservices/status",verb="patch"} 1.0"#;
    assert!(metrics.text().contains(written));
}

#[tokio::test(start_paused = true)]
async fn a_write_that_fails_or_hangs_ends_within_a_tick_and_is_counted() {
    for (answer, reason) in [(Some(409), "Conflict"), (None, "Timeout")] {
        let (teller, mut ended, metrics, _log) = teller(answer);
        teller.status(&service("Active"), ScaledServiceStatus::default());
        assert_eq!(ended.recv().await.unwrap().written, None);
        let counted = format!(
            r#"headroom_write_errors_total{{resource="scaledservices/status",reason="{reason}"}} 1.0"#
        );
        assert!(metrics.text().contains(&counted), "{}", metrics.text());
    }
}

#[tokio::test]
async fn nothing_is_written_once_the_lease_ran_out() {
    let (teller, mut ended, _metrics, log) = teller(Some(200));
    teller.status(&service("Active"), ScaledServiceStatus::default());
    teller.event(&service("Active"), NewEvent::new(EventReason::SuccessfulRescale, "", ""));
    teller.leadership.lose();
    assert_eq!(ended.recv().await.unwrap().written, None);
    while teller.events.available_permits() < MOST_EVENTS {
        tokio::task::yield_now().await;
    }
    assert_eq!(log.lock().unwrap().len(), 0);
}

#[tokio::test]
async fn events_with_other_values_are_other_events() {
    let (teller, _ended, metrics, log) = teller(Some(201));
    for values in ["7 -> 9", "9 -> 12"] {
        let event = NewEvent::new(EventReason::SuccessfulRescale, values, format!("{values} pods"));
        teller.event(&service("Active"), event);
        while !metrics.text().contains(r#"resource="events",verb="create""#)
            || teller.events.available_permits() < MOST_EVENTS
        {
            tokio::task::yield_now().await;
        }
    }
    let log = log.lock().unwrap();
    let notes: Vec<_> =
        log.iter().map(|(line, body)| (line.split(' ').next().unwrap(), &body["note"])).collect();
    assert_eq!(notes, [("POST", &json!("7 -> 9 pods")), ("POST", &json!("9 -> 12 pods"))]);
}
