use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use serde_json::json;
use tokio::time::advance;

use super::*;
use crate::controller::workload::tests::scripted::{Calls, client, status};

fn account() -> Account {
    Account { namespace: "headroom".to_owned(), name: "controller".to_owned() }
}

/// Tokens t1, t2, ... and from the call `broken` on, none.
fn tokens(broken: u32) -> (Tokens, Calls) {
    let count = AtomicU32::new(0);
    let (client, calls) = client(move |_| {
        let call = count.fetch_add(1, Relaxed) + 1;
        if call >= broken {
            return status(403, "you may not");
        }
        let answer = json!({ "token": format!("t{call}"), "expirationTimestamp": "2026-01-01T00:00:00Z" });
        (201, json!({ "metadata": {}, "spec": { "audiences": [] }, "status": answer }))
    });
    (Tokens::new(client, &account()), calls)
}

async fn text(tokens: &Tokens, audience: &str) -> Result<String, TokenError> {
    tokens.token(audience).await.map(|token| token.expose().to_owned())
}

#[tokio::test(start_paused = true)]
async fn a_token_is_for_one_service_and_held_for_half_its_life() {
    let (tokens, calls) = tokens(u32::MAX);
    assert_eq!(text(&tokens, "shop/orders").await.as_deref(), Ok("t1"));
    let [call] = &calls.taken()[..] else { panic!() };
    assert_eq!(call.path, "/api/v1/namespaces/headroom/serviceaccounts/controller/token");
    assert_eq!(call.body["spec"], json!({ "audiences": ["shop/orders"], "expirationSeconds": 600 }));
    assert_eq!(text(&tokens, "shop/carts").await.as_deref(), Ok("t2"));
    advance(Duration::from_secs(299)).await;
    assert_eq!(text(&tokens, "shop/orders").await.as_deref(), Ok("t1"));
    advance(Duration::from_secs(1)).await;
    assert_eq!(text(&tokens, "shop/orders").await.as_deref(), Ok("t3"));
    tokens.forget("shop/orders");
    assert_eq!(text(&tokens, "shop/orders").await.as_deref(), Ok("t4"));
}

#[tokio::test(start_paused = true)]
async fn an_old_token_is_used_to_its_end_while_there_is_no_new_one() {
    let (tokens, calls) = tokens(2);
    assert_eq!(text(&tokens, "shop/orders").await.as_deref(), Ok("t1"));
    advance(Duration::from_secs(300)).await;
    assert_eq!(text(&tokens, "shop/orders").await.as_deref(), Ok("t1"));
    assert_eq!(calls.taken().len(), 2);
    advance(Duration::from_secs(29)).await;
    assert_eq!(text(&tokens, "shop/orders").await.as_deref(), Ok("t1"));
    assert_eq!(calls.taken().len(), 0, "not asked again at once");
    advance(Duration::from_secs(241)).await;
    let error = text(&tokens, "shop/orders").await.unwrap_err().to_string();
    for part in ["shop/orders", "you may not", "serviceaccounts/token", "ServiceAccount/controller"] {
        assert!(error.contains(part), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_tokens_held_are_bounded() {
    let (tokens, _) = tokens(u32::MAX);
    let held =
        Held { token: Some(Token::new("old")), ends: Instant::now(), next: Instant::now(), error: None };
    for number in 0..MOST + 5 {
        tokens.hold(&format!("shop/{number}"), held.clone());
    }
    assert_eq!(tokens.held().len(), MOST);
}

#[test]
fn a_token_is_not_shown() {
    assert_eq!(format!("{:?}", Token::new("secret")), "Token");
    assert_eq!(account().subject(), "system:serviceaccount:headroom:controller");
}
