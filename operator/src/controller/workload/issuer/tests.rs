use rstest::rstest;
use serde_json::{Value, json};

use super::*;
use crate::controller::workload::tests::scripted::{Call, client, status};

const SUBJECT: &str = "system:serviceaccount:headroom:controller";

fn serves(keys: Value) -> impl Fn(&Call) -> (u16, Value) {
    move |call| match call.path.as_str() {
        DISCOVERY => (200, json!({ "issuer": "https://kubernetes.default.svc", "jwks_uri": "x" })),
        KEYS => (200, json!({ "keys": keys })),
        _ => status(404, "not found"),
    }
}

#[tokio::test]
async fn the_public_parts_of_the_keys_are_read_in_one_order() {
    let rsa = json!({ "kid": "b", "kty": "RSA", "use": "sig", "alg": "RS256", "n": "AQ", "e": "AQAB", "d": "private" });
    let ec = json!({ "kid": "a", "kty": "EC", "crv": "P-256", "x": "AQ", "y": "Ag" });
    let expected = "{\"keys\":[{\"kid\":\"a\",\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AQ\",\"y\":\"Ag\"},\
                    {\"kid\":\"b\",\"kty\":\"RSA\",\"alg\":\"RS256\",\"use\":\"sig\",\"n\":\"AQ\",\"e\":\"AQAB\"}]}";
    for keys in [json!([rsa, ec]), json!([ec, rsa])] {
        let verifier = read(&client(serves(keys)).0, SUBJECT).await.unwrap();
        assert_eq!(verifier.jwks, expected);
        assert_eq!(
            (verifier.issuer.as_str(), verifier.subject.as_str()),
            ("https://kubernetes.default.svc", SUBJECT)
        );
    }
}

#[rstest]
#[case::denied(|_: &Call| status(403, "no"), true)]
#[case::not_served(|_: &Call| status(404, "no"), true)]
#[case::broken(|_: &Call| status(500, "no"), false)]
#[case::no_keys(serves(json!([])), false)]
#[case::too_many_keys(serves(json!(vec![json!({ "kty": "RSA" }); 33])), false)]
#[case::too_large(serves(json!([{ "kty": "RSA", "n": "A".repeat(MAX_BYTES) }])), false)]
#[tokio::test]
async fn what_is_not_an_answer_is_an_error(
    #[case] answer: impl Fn(&Call) -> (u16, Value) + Send + Sync + 'static,
    #[case] denied: bool,
) {
    let error = read(&client(answer).0, SUBJECT).await.unwrap_err();
    assert_eq!(matches!(error, IssuerError::Denied { .. }), denied, "{error}");
}

#[tokio::test(start_paused = true)]
async fn known_keys_stay_known_when_the_api_server_is_gone() {
    let key = json!([{ "kid": "a", "kty": "RSA", "n": "AQ", "e": "AQAB" }]);
    let answer = serves(key);
    let count = std::sync::atomic::AtomicU32::new(0);
    let (client, calls) =
        client(move |call| match count.fetch_add(1, std::sync::atomic::Ordering::Relaxed) {
            0 => status(403, "not yet"),
            1 | 2 => answer(call),
            _ => status(403, "no more"),
        });
    let (sender, mut seen) = watch::channel(Issuer::default());
    let follower = tokio::spawn(follow(client, SUBJECT.to_owned(), sender));
    seen.changed().await.unwrap();
    assert!(matches!(*seen.borrow_and_update(), Issuer::Off(IssuerError::Denied { status: 403, .. })));
    seen.changed().await.unwrap();
    assert!(seen.borrow_and_update().verifier().is_some());
    sleep(REFRESH * 2).await;
    assert!(!seen.has_changed().unwrap());
    assert!(calls.taken().len() >= 4, "it went on asking");
    drop(seen);
    follower.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn keys_that_cannot_be_read_are_waited_for_a_minute_and_no_longer() {
    let (client, _) = client(|_| status(500, "broken"));
    let (sender, mut seen) = watch::channel(Issuer::default());
    let follower = tokio::spawn(follow(client, SUBJECT.to_owned(), sender));
    let began = Instant::now();
    seen.wait_for(|issuer| matches!(issuer, Issuer::Failing(_))).await.unwrap();
    let awaited = seen.borrow().awaited().unwrap();
    assert!(awaited.contains("status 500"), "{awaited}");
    seen.wait_for(|issuer| matches!(issuer, Issuer::Off(_))).await.unwrap();
    assert!((PATIENCE..PATIENCE + RETRY).contains(&began.elapsed()), "{:?}", began.elapsed());
    assert_eq!(seen.borrow().awaited(), None);
    sleep(PATIENCE * 2).await;
    assert!(matches!(*seen.borrow(), Issuer::Off(_)), "it is not waited for again");
    drop(seen);
    follower.await.unwrap();
}
