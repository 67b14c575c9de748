//! Names, traces and deadlines through a service.

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use rstest::rstest;
use tower::ServiceExt as _;

use super::*;

const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

fn context(headers: &[(&'static str, &str)]) -> RequestContext {
    let headers = headers.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()));
    RequestContext::new(&headers.collect(), Instant::now())
}

#[rstest]
#[case::kept("order-7/a", true)]
#[case::longest(&"x".repeat(128), true)]
#[case::too_long(&"x".repeat(129), false)]
#[case::space("a b", false)]
#[case::empty("", false)]
fn a_name_that_is_fit_is_kept(#[case] id: &str, #[case] kept: bool) {
    assert_eq!(context(&[("x-request-id", id)]).id() == id, kept);
}

#[test]
fn names_of_ours_differ() {
    assert_ne!(context(&[]).id(), context(&[]).id());
}

#[test]
fn all_of_it_is_passed_on() {
    let mut headers = HeaderMap::new();
    let given =
        [("x-request-id", "a"), ("traceparent", PARENT), ("tracestate", "k=v"), ("grpc-timeout", "1H")];
    context(&given).pass_on(&mut headers);
    assert_eq!(
        (&headers["x-request-id"], &headers["traceparent"], &headers["tracestate"]),
        (&HeaderValue::from_static("a"), &HeaderValue::from_static(PARENT), &HeaderValue::from_static("k=v"))
    );
    assert!(headers.contains_key("x-timeout-at") && !headers.contains_key("grpc-timeout"));

    let mut grpc = HeaderMap::new();
    grpc.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc+proto"));
    context(&given).pass_on(&mut grpc);
    assert!(grpc.contains_key("grpc-timeout") && !grpc.contains_key("x-timeout-at"));
}

#[test]
fn a_broken_trace_is_not_passed_on() {
    let mut headers = HeaderMap::new();
    context(&[("traceparent", "00-1-2-3"), ("tracestate", "k=v")]).pass_on(&mut headers);
    assert_eq!(headers.len(), 1);
}

#[tokio::test]
async fn a_handler_knows_it_and_the_answer_names_it() {
    async fn handler(context: RequestContext) -> String {
        let before = RequestContext::current().map(|current| current.id().to_owned());
        tokio::task::yield_now().await;
        let after = RequestContext::current().map(|current| current.id().to_owned());
        assert_eq!((before.as_deref(), after.as_deref()), (Some(context.id()), Some(context.id())));
        context.id().to_owned()
    }
    let service = Router::new().route("/", get(handler)).layer(RequestContextLayer);
    let answer = service.oneshot(Request::new(Body::empty())).await.unwrap();
    let named = answer.headers()["x-request-id"].to_str().unwrap().to_owned();
    let body = axum::body::to_bytes(answer.into_body(), 100).await.unwrap();
    assert_eq!((named.len(), named.as_bytes()), (16, &body[..]));
    assert!(RequestContext::current().is_none());
}

#[tokio::test]
async fn the_deadline_is_the_servers_where_it_has_read_one() {
    let deadline = Instant::now() + Duration::from_secs(7);
    let mut request = Request::builder().header("grpc-timeout", "1H").body(Body::empty()).unwrap();
    request.extensions_mut().insert(Deadline(deadline));
    let handler = async move |context: RequestContext| assert_eq!(context.deadline(), Some(deadline));
    let service = Router::new().route("/", get(handler)).layer(RequestContextLayer);
    assert_eq!(service.oneshot(request).await.unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn without_the_layer_the_extractor_says_what_is_missing() {
    let service = Router::new().route("/", get(async |context: RequestContext| context.id().to_owned()));
    let answer = service.oneshot(Request::new(Body::empty())).await.unwrap();
    assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
}
