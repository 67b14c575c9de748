//! Servers that tell wrongly, slowly, or without end.

use rstest::rstest;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::*;

/// More than any limit and any socket buffer lets through.
const FLOOD: usize = 64 * 1024 * 1024;

/// A server that answers its first connection with `serve`; the port, and what `serve` returned.
async fn server<F, T>(serve: impl FnOnce(TcpStream) -> F + Send + 'static) -> (SocketAddr, JoinHandle<T>)
where
    F: Future<Output = T> + Send,
    T: Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let served = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        read_request(&mut stream).await;
        serve(stream).await
    });
    (address, served)
}

async fn read_request(stream: &mut TcpStream) {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        assert_ne!(stream.read_buf(&mut request).await.unwrap(), 0, "the request ends early");
    }
}

/// Says `head`, then `part` again and again; returns the bytes it got rid of.
async fn flood(mut stream: TcpStream, head: &[u8], part: &[u8]) -> usize {
    let many = part.repeat(64 * 1024 / part.len());
    let mut written = 0;
    let mut next = head;
    while written < FLOOD && stream.write_all(next).await.is_ok() {
        written += next.len();
        next = &many;
    }
    written
}

fn answer(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

fn told(more: &str) -> String {
    format!(r#"{{"statsVersion":1,"bootId":"a","atNanos":1,"arrivals":1,"admitted":1{more}}}"#)
}

#[rstest]
#[case::one_length("HTTP/1.1 200 OK\r\ncontent-length: 1073741824\r\n\r\n", " ")]
#[case::chunks("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", "1\r\n \r\n")]
#[case::until_the_end("HTTP/1.1 200 OK\r\n\r\n", " ")]
#[case::headers("HTTP/1.1 200 OK\r\n", "a: b\r\n")]
#[case::one_header("HTTP/1.1 200 OK\r\na: ", "b")]
#[case::reason("HTTP/1.1 200 ", "O")]
#[case::nonsense("", "nonsense")]
#[tokio::test]
async fn an_answer_without_end_is_cut_off(#[case] head: &'static str, #[case] part: &'static str) {
    let (admin, written) = server(|stream| flood(stream, head.as_bytes(), part.as_bytes())).await;
    let error = Fetcher::default().stats(admin).await.unwrap_err();
    assert!(matches!(error, FetchError::Failed(_)), "{error}");
    assert!(error.to_string().len() < 400, "{error}");
    assert!(written.await.unwrap() < FLOOD);
}

#[rstest]
#[case::nothing(b"")]
#[case::half_an_answer(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{")]
#[case::half_a_head(b"HTTP/1.1 200 OK\r\nconte")]
#[tokio::test(start_paused = true)]
async fn a_server_that_hangs_is_left_in_time_and_its_connection_closed(#[case] said: &'static [u8]) {
    let (admin, closed) = server(async |mut stream: TcpStream| {
        stream.write_all(said).await.unwrap();
        stream.read(&mut [0; 16]).await
    })
    .await;
    let began = tokio::time::Instant::now();
    let error = Fetcher::default().stats(admin).await.unwrap_err();
    assert!(matches!(error, FetchError::Timeout), "{error}");
    assert!(began.elapsed() <= TIMEOUT + Duration::from_millis(1));
    assert_eq!(closed.await.unwrap().unwrap_or_default(), 0, "the connection is closed, not kept");
}

#[tokio::test(start_paused = true)]
async fn a_byte_a_second_is_no_answer() {
    let (admin, _) = server(async |mut stream: TcpStream| {
        for byte in answer(&told("")).into_bytes() {
            tokio::time::sleep(Duration::from_secs(1)).await;
            if stream.write_all(&[byte]).await.is_err() {
                break;
            }
        }
    })
    .await;
    let error = Fetcher::default().stats(admin).await.unwrap_err();
    assert!(matches!(error, FetchError::Timeout), "{error}");
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let elsewhere = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let location = elsewhere.local_addr().unwrap();
    let (admin, _) = server(async move |mut stream: TcpStream| {
        let head = format!("HTTP/1.1 302 Found\r\nlocation: http://{location}/\r\ncontent-length: 0\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
    })
    .await;
    let error = Fetcher::default().stats(admin).await.unwrap_err();
    assert!(matches!(error, FetchError::Status(StatusCode::FOUND)), "{error}");
    let nobody = futures::FutureExt::now_or_never(elsewhere.accept());
    assert!(nobody.is_none(), "nobody went there");
}

/// What a server tells, and the beginning of what is said about it.
#[rstest]
#[case::other_version(r#"{"statsVersion":2,"somethingElse":true}"#, "the answer has statsVersion 2")]
#[case::no_version(r#"{"arrivals":1}"#, "the answer is not understood: missing field `statsVersion`")]
#[case::no_json("<html>", "the answer is not understood: expected value")]
#[case::nothing("", "the answer is not understood: EOF")]
#[case::negative(&told(r#","retries":-1"#), "the answer is not understood: invalid value: floating point `-1.0`")]
#[case::not_a_number(&told(r#","cpuSeconds":NaN"#), "the answer is not understood: expected value")]
#[case::infinite(&told(r#","cpuSeconds":1e999"#), "the answer is not understood: number out of range")]
#[case::huge(&told(r#","retries":1e300"#), "the answer is not understood: invalid value")]
#[case::long(&told(&format!(r#","retries":"{}""#, "x".repeat(100_000))), "the answer is not understood: invalid type")]
#[case::deep(&"[".repeat(100_000), "the answer is not understood: ")]
#[case::buckets(&told(&format!(r#","latency":[{}[1,1]]"#, "[1,1],".repeat(10_000))), "the answer is not understood: invalid value")]
#[tokio::test]
async fn what_is_not_understood_is_named_and_bounded(#[case] body: &str, #[case] message: &str) {
    let body = answer(body);
    let (admin, _) = server(async move |mut stream: TcpStream| stream.write_all(body.as_bytes()).await).await;
    let error = Fetcher::default().stats(admin).await.unwrap_err().to_string();
    assert!(error.starts_with(message), "{error}");
    assert!(error.len() < 400, "{} bytes", error.len());
}

#[tokio::test]
async fn packed_answers_are_not_unpacked() {
    let (admin, _) = server(async |mut stream: TcpStream| {
        let head = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 4\r\n\r\n\x1f\x8b\x08\x00";
        stream.write_all(head).await
    })
    .await;
    let error = Fetcher::default().stats(admin).await.unwrap_err();
    assert!(matches!(error, FetchError::Malformed(_)), "{error}");
}

#[tokio::test]
async fn a_connection_is_used_again_and_closed_when_it_is_not() {
    let (admin, served) = server(async |mut stream: TcpStream| {
        stream.write_all(answer(&told("")).as_bytes()).await.unwrap();
        read_request(&mut stream).await;
        stream.write_all(answer(&told("")).as_bytes()).await.unwrap();
        stream.read(&mut [0; 16]).await.unwrap()
    })
    .await;
    let fetcher = Fetcher::default();
    assert_eq!(fetcher.stats(admin).await.unwrap().arrivals, 1);
    assert_eq!(fetcher.stats(admin).await.unwrap().arrivals, 1, "only the first connection is answered");
    tokio::time::pause();
    assert_eq!(served.await.unwrap(), 0);
}

#[tokio::test]
async fn who_does_not_listen_is_said_so() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let admin = listener.local_addr().unwrap();
    drop(listener);
    let error = Fetcher::default().stats(admin).await.unwrap_err().to_string();
    assert!(error.contains("refused"), "{error}");
}
