//! Creates that store nothing: access reviews, tokens, evictions.

use crate::{
    ask::Ask,
    reply::{Answer, Refusal, Reply},
    state::State,
    writes,
};
use jiff::SignedDuration;
use serde_json::{Value, json};

/// Answers such a create; `None` for one that stores an object.
pub(crate) fn create(state: &mut State, ask: &Ask) -> Option<Answer> {
    Some(match (ask.target.kind.plural, ask.subresource()) {
        ("selfsubjectaccessreviews" | "subjectaccessreviews", None) => Ok(review(state, ask)),
        ("serviceaccounts", Some("token")) => token(state, ask),
        ("pods", Some("eviction")) => writes::delete(&mut state.store, ask).map(|_| {
            Reply::created(json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}))
        }),
        (_, Some(_)) => Err(Refusal::not_allowed()),
        _ => return None,
    })
}

fn review(state: &State, ask: &Ask) -> Reply {
    let mut review = ask.body.clone();
    let allowed = (state.access)(&ask.client, &review["spec"]);
    review["status"] = json!({ "allowed": allowed });
    Reply::created(review)
}

/// A token nobody can read: `fake-token.NAMESPACE.NAME.NUMBER`.
fn token(state: &mut State, ask: &Ask) -> Answer {
    if state.store.get(&ask.key(), None).is_none() {
        return Err(Refusal::not_found(&ask.target));
    }
    let number = state.store.number();
    let seconds = ask.body["spec"]["expirationSeconds"].as_i64().unwrap_or(3600);
    let end = state.store.clock.now().saturating_add(SignedDuration::from_secs(seconds));
    let namespace = ask.target.namespace.as_deref().unwrap_or_default();
    let mut request: Value = ask.body.clone();
    request["status"] = json!({
        "token": format!("fake-token.{namespace}.{}.{number}", ask.name()),
        "expirationTimestamp": end.map(|end| end.to_string()).unwrap_or_default(),
    });
    Ok(Reply::created(request))
}
