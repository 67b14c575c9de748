use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Method, Request, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use rstest::rstest;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

const FINE: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\nx-mine: yes\r\n\r\nfine";

/// A server that reads a request of less than 4 KiB on every connection, writes `answer` and closes.
async fn server(answer: &'static [u8]) -> Arc<Backend> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = vec![0; 4096];
            let _ = stream.read(&mut request).await;
            let _ = stream.write_all(answer).await;
        }
    });
    Arc::new(Backend::new(address.to_string().parse().unwrap()))
}

async fn ask(front: &Front, method: Method, body: &'static str) -> (StatusCode, String) {
    let client = Client::builder(TokioExecutor::new()).build_http();
    let uri = format!("http://{}/orders?id=1", front.address());
    let request = Request::builder().method(method).uri(uri);
    let request = request.body(Full::new(Bytes::from_static(body.as_bytes()))).unwrap();
    let answer = client.request(request).await.unwrap();
    let (head, body) = answer.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    (head.status, String::from_utf8_lossy(&body).into_owned())
}

fn front(backends: &Backends) -> Front {
    Front::start("127.0.0.1:0".parse().unwrap(), backends.clone()).unwrap()
}

#[tokio::test]
async fn an_answer_is_passed_back() {
    let backends = Backends::default();
    let backend = server(FINE).await;
    backends.add(&backend);
    let front = front(&backends);
    assert_eq!(ask(&front, Method::GET, "").await, (StatusCode::OK, "fine".into()));
    assert_eq!(ask(&front, Method::POST, "order").await, (StatusCode::OK, "fine".into()));
    assert_eq!(backend.in_flight(), 0);
    front.stop().await;
}

#[tokio::test]
async fn nobody_ready_is_said_so() {
    let front = front(&Backends::default());
    let (status, text) = ask(&front, Method::GET, "").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(text.contains("no server is ready"));
}

#[rstest]
#[case::a_read_is_sent_once_more(Method::GET, "", StatusCode::OK)]
#[case::a_write_is_not(Method::POST, "order", StatusCode::BAD_GATEWAY)]
#[tokio::test]
async fn when_a_server_goes_away(
    #[case] method: Method,
    #[case] body: &'static str,
    #[case] status: StatusCode,
) {
    let backends = Backends::default();
    // Equals take turns and the first one listed begins.
    backends.add(&server(b"").await);
    backends.add(&server(FINE).await);
    let front = front(&backends);
    assert_eq!(ask(&front, method, body).await.0, status);
}

#[tokio::test]
async fn when_every_server_goes_away_the_client_is_told() {
    let backends = Backends::default();
    backends.add(&server(b"").await);
    let front = front(&backends);
    assert_eq!(ask(&front, Method::GET, "").await.0, StatusCode::BAD_GATEWAY);
}
