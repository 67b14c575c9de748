//! What is kept, and when it is given.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use axum::Router;
use axum::routing::get;
use rstest::rstest;
use tower::ServiceExt as _;

use super::*;
use crate::brownout::level::Dial;

/// Answers with the number of the call; `answer` are its headers.
fn service(answer: &'static [(&'static str, &'static str)]) -> Router {
    let calls = Arc::new(AtomicUsize::new(1));
    let handler = move || {
        let call = calls.fetch_add(1, Relaxed);
        async move {
            let mut response = Response::new(Body::from(call.to_string()));
            for (name, value) in answer {
                response.headers_mut().insert(*name, HeaderValue::from_static(value));
            }
            response
        }
    };
    Router::new()
        .route("/", get(handler.clone()).post(handler))
        .layer(BrownoutCache::new(CacheBounds::default()))
}

fn level(level: BrownoutLevel) {
    let dial = Arc::new(Dial::default());
    dial.set(level);
    dial.enter();
}

async fn ask(service: &Router, uri: &str, headers: &[(&'static str, &'static str)]) -> Response<Body> {
    let request =
        headers.iter().fold(Request::get(uri), |request, (name, value)| request.header(*name, *value));
    service.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
}

async fn text(answer: Response<Body>) -> String {
    String::from_utf8(answer.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

#[tokio::test]
async fn answers_come_from_the_handler_until_freshness_is_given_up() {
    let service = service(&[("content-type", "text/x")]);
    for (now, expected) in [
        (BrownoutLevel::Full, "1"),
        (BrownoutLevel::NoExtras, "2"),
        (BrownoutLevel::Cached, "2"),
        (BrownoutLevel::Full, "3"),
    ] {
        level(now);
        let answer = ask(&service, "/?a", &[]).await;
        assert_eq!(answer.headers().contains_key(AGE), now == BrownoutLevel::Cached);
        assert_eq!(answer.headers()["content-type"], "text/x");
        assert_eq!(text(answer).await, expected);
    }
}

#[rstest]
#[case::other_query("/?b", &[])]
#[case::personal("/?a", &[("authorization", "Bearer x")])]
#[case::cookie("/?a", &[("cookie", "a=b")])]
#[case::wants_none("/?a", &[("cache-control", "max-age=0, no-store")])]
#[tokio::test]
async fn some_requests_are_never_answered_from_it(
    #[case] uri: &str,
    #[case] headers: &[(&'static str, &'static str)],
) {
    let service = service(&[]);
    level(BrownoutLevel::Cached);
    assert_eq!(text(ask(&service, "/?a", &[]).await).await, "1");
    assert_eq!(text(ask(&service, uri, headers).await).await, "2");
}

#[rstest]
#[case(&[("cache-control", "private, max-age=60")])]
#[case(&[("cache-control", "No-Store")])]
#[case(&[("set-cookie", "a=b")])]
#[case(&[("vary", "accept-language")])]
#[tokio::test]
async fn some_answers_are_never_kept(#[case] answer: &'static [(&'static str, &'static str)]) {
    let service = service(answer);
    level(BrownoutLevel::Cached);
    assert_eq!(text(ask(&service, "/", &[]).await).await, "1");
    assert_eq!(text(ask(&service, "/", &[]).await).await, "2");
}

#[tokio::test]
async fn only_get_is_answered_from_it() {
    let service = service(&[]);
    level(BrownoutLevel::Cached);
    for expected in ["1", "2"] {
        let request = Request::post("/").body(Body::empty()).unwrap();
        assert_eq!(text(service.clone().oneshot(request).await.unwrap()).await, expected);
    }
}
