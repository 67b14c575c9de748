#![allow(clippy::unwrap_used, reason = "a helper of a test is test code, though clippy can't tell")]

use http_body_util::BodyExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::controller::report::fixtures::{at, calm, service, standing};

fn admin() -> (Admin, watch::Sender<Option<Instant>>, watch::Sender<bool>) {
    let (turn, turned) = watch::channel(None);
    let (sync, synced) = watch::channel(false);
    let admin = Admin {
        turned,
        synced,
        metrics: Arc::default(),
        board: Arc::default(),
        turn: Arc::new(Semaphore::new(1)),
    };
    (admin, turn, sync)
}

async fn ask(admin: &Admin, path: &str) -> (StatusCode, String) {
    let request = hyper::Request::get(path).body(Body::empty()).unwrap();
    let answer = admin.clone().router().oneshot(request).await.unwrap();
    let status = answer.status();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test(start_paused = true)]
async fn livez_follows_the_loop_and_readyz_the_watches() {
    let (admin, turn, sync) = admin();
    assert_eq!(ask(&admin, "/livez").await.0, StatusCode::OK, "not begun yet");
    assert_eq!(ask(&admin, "/readyz").await.0, StatusCode::SERVICE_UNAVAILABLE);
    turn.send_replace(Some(Instant::now()));
    sync.send_replace(true);
    assert_eq!(ask(&admin, "/readyz").await.0, StatusCode::OK);
    tokio::time::advance(STUCK).await;
    assert_eq!(ask(&admin, "/livez").await.0, StatusCode::OK);
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(ask(&admin, "/livez").await.0, StatusCode::INTERNAL_SERVER_ERROR);
}

#[tokio::test]
async fn metrics_and_services_are_shown_and_services_filtered() {
    let (admin, _turn, _sync) = admin();
    assert!(ask(&admin, "/metrics").await.1.contains("headroom_build_info"));
    admin.board.show(&service("Active"), Arc::new(standing(calm())), at(0));
    assert!(ask(&admin, "/debug/services").await.1.contains("\"uid\":\"u1\""));
    assert!(ask(&admin, "/debug/services?name=orders").await.1.contains("\"uid\":\"u1\""));
    assert_eq!(ask(&admin, "/debug/services?namespace=other").await.1, "[]");
}

#[tokio::test]
async fn one_at_a_time_is_answered_about_services() {
    let (admin, _turn, _sync) = admin();
    admin.board.show(&service("Active"), Arc::new(standing(calm())), at(0));
    let request = hyper::Request::get("/debug/services").body(Body::empty()).unwrap();
    let unread = admin.clone().router().oneshot(request).await.unwrap();
    assert_eq!(unread.status(), StatusCode::OK);
    assert_eq!(ask(&admin, "/debug/services").await.0, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(ask(&admin, "/metrics").await.0, StatusCode::OK);
    drop(unread);
    assert_eq!(ask(&admin, "/debug/services").await.0, StatusCode::OK);
}

#[tokio::test]
async fn the_port_answers_and_a_head_that_is_too_long_is_refused() {
    let (admin, _turn, _sync) = admin();
    let address = admin.serve("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let exchange = async |request: String| {
        let mut connection = TcpStream::connect(address).await.unwrap();
        // The server may refuse before it has read everything.
        let _ = connection.write_all(request.as_bytes()).await;
        let mut answer = vec![0; 64];
        let read = connection.read(&mut answer).await.unwrap_or(0);
        String::from_utf8_lossy(&answer[..read]).into_owned()
    };
    assert!(exchange("GET /livez HTTP/1.1\r\nHost: a\r\n\r\n".to_owned()).await.starts_with("HTTP/1.1 200"));
    let long = format!("GET /livez HTTP/1.1\r\nX: {}\r\n\r\n", "a".repeat(4 * HEAD_BYTES));
    assert!(!exchange(long).await.starts_with("HTTP/1.1 200"));
}
