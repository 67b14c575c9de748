//! The tower service under a `kube::Client`: one connection with its faults and its place in the log.

use crate::{
    ask::{Ask, PatchKind},
    discovery,
    faults::Fault,
    log::Record,
    reads,
    reply::{Answer, Refusal, Reply},
    route::{self, Query, Route, Verb},
    state::{Core, Down, State},
    stream::{self, Shape},
};
use bytes::Bytes;
use futures::{FutureExt, future::BoxFuture};
use http::{Request, Response, header};
use http_body_util::{BodyExt, Full, StreamBody, combinators::UnsyncBoxBody};
use kube::client::Body;
use serde_json::Value;
use std::{
    io,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use tokio::time::{Instant, sleep};
use tower::BoxError;

type Answered = Result<Response<UnsyncBoxBody<Bytes, BoxError>>, BoxError>;

/// One client's connection to the fake server: the tower service below kube's `Client`, for layers of one's own in
/// between.
#[derive(Clone)]
pub struct Connection {
    pub(crate) core: Arc<Core>,
    pub(crate) client: String,
}

impl tower::Service<Request<Body>> for Connection {
    type Response = Response<UnsyncBoxBody<Bytes, BoxError>>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Answered>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        self.clone().serve(request).boxed()
    }
}

/// A request as it arrived, with its place in the log.
struct Arrived {
    method: http::Method,
    path: String,
    query: Query,
    route: Option<Route>,
    patch: Option<PatchKind>,
    body: Value,
    shape: Shape,
    index: usize,
}

impl Connection {
    async fn serve(self, request: Request<Body>) -> Answered {
        let (parts, body) = request.into_parts();
        let bytes = body.collect().await?.to_bytes();
        let (arrived, faults) = self.core.change(|state| {
            let arrived = self.arrive(state, &parts, &bytes);
            let faults = self.meet(state, &arrived);
            (arrived, faults)
        });
        let mut rewrites = Vec::new();
        let mut lost = None;
        let mut late = Duration::ZERO;
        for fault in faults {
            match fault {
                Fault::Delay(by) => sleep(by).await,
                Fault::Late(by) => late += by,
                Fault::Stall => std::future::pending().await,
                Fault::Cut => return Err(broken()),
                Fault::Status(code, after) => return self.refuse(&arrived, &Refusal::scripted(code, after)),
                Fault::Deny => return self.refuse(&arrived, &self.forbidden(&arrived)),
                Fault::LoseAnswer => lost = Some(broken()),
                Fault::Rewrite(rewrite) => rewrites.push(rewrite),
                Fault::Expire | Fault::Silence | Fault::CutWatch | Fault::DropEvent => {}
            }
        }
        let answered = if late.is_zero() {
            self.handle(&arrived, &rewrites)
        } else {
            // A task of its own: it goes on when the client has gone.
            let connection = self.clone();
            tokio::spawn(async move {
                sleep(late).await;
                connection.handle(&arrived, &rewrites)
            })
            .await?
        };
        lost.map_or(answered, Err)
    }

    /// Takes the request apart and writes it into the log.
    fn arrive(&self, state: &mut State, parts: &http::request::Parts, bytes: &[u8]) -> Arrived {
        let text = |name: header::HeaderName| parts.headers.get(name).and_then(|value| value.to_str().ok());
        let path = parts.uri.path().to_owned();
        let query = route::query(parts.uri.query().unwrap_or_default());
        let route = route::route(&state.store.kinds, &path);
        let target = match &route {
            Some(Route::Resource(target)) => Some(target),
            _ => None,
        };
        state.log.push(Record {
            at: Instant::now(),
            handled_at: None,
            client: self.client.clone(),
            user_agent: text(header::USER_AGENT).map(ToOwned::to_owned),
            verb: target.and_then(|target| route::verb(&parts.method, target, &query)).unwrap_or(Verb::Get),
            group: target.map(|target| target.kind.group.to_owned()).unwrap_or_default(),
            resource: target.map_or_else(|| path.clone(), |target| target.kind.plural.to_owned()),
            subresource: target.and_then(|target| target.subresource.clone()),
            namespace: target.and_then(|target| target.namespace.clone()),
            name: target.and_then(|target| target.name.clone()),
            field_manager: query.manager.clone(),
            body: serde_json::from_slice(bytes).unwrap_or(Value::Null),
            status: None,
        });
        let metadata = text(header::ACCEPT).is_some_and(|accept| accept.contains("as=PartialObjectMetadata"));
        Arrived {
            method: parts.method.clone(),
            path,
            query,
            route,
            patch: text(header::CONTENT_TYPE).and_then(PatchKind::of),
            body: serde_json::from_slice(bytes).unwrap_or(Value::Null),
            shape: if metadata { Shape::Metadata } else { Shape::Whole },
            index: state.log.len() - 1,
        }
    }

    /// The faults this request meets.
    fn meet(&self, state: &mut State, arrived: &Arrived) -> Vec<Fault> {
        let down = state.down;
        let faults = state.faults_of(&self.client);
        if down == Down::Down || faults.down.is_some() {
            return vec![Fault::Cut];
        }
        match &arrived.route {
            Some(Route::Resource(target)) => {
                let verb = route::verb(&arrived.method, target, &arrived.query);
                verb.map(|verb| faults.of_request(verb, target)).unwrap_or_default()
            }
            _ => Vec::new(),
        }
    }

    fn forbidden(&self, arrived: &Arrived) -> Refusal {
        match &arrived.route {
            Some(Route::Resource(target)) => {
                let verb = route::verb(&arrived.method, target, &arrived.query).unwrap_or(Verb::Get);
                Refusal::forbidden(&self.client, &verb.to_string(), target)
            }
            _ => Refusal::new(403, "Forbidden", format!("User \"{}\" cannot get path", self.client)),
        }
    }

    /// The server's own part: from here on the request counts as handled.
    fn handle(&self, arrived: &Arrived, rewrites: &[Rewrite]) -> Answered {
        let handled = self.core.change(|state| {
            // A delayed request may find the server gone.
            if state.down == Down::Down || state.faults_of(&self.client).down.is_some() {
                return Err(broken());
            }
            state.log[arrived.index].handled_at = Some(Instant::now());
            Ok(self.answer(state, arrived))
        })?;
        match handled {
            Ok(Handled::Watch(ask)) => {
                self.note(arrived.index, 200);
                let body = StreamBody::new(stream::open(&self.core, *ask, arrived.shape));
                let response = Response::builder().header(header::CONTENT_TYPE, "application/json");
                Ok(response.body(body.map_err(Into::into).boxed_unsync())?)
            }
            Ok(Handled::Reply(mut reply)) => {
                for rewrite in rewrites {
                    rewrite(&mut reply.body);
                }
                self.note(arrived.index, reply.code);
                respond(reply.code, &reply.body, None)
            }
            Err(refusal) => self.refuse(arrived, &refusal),
        }
    }

    fn answer(&self, state: &mut State, arrived: &Arrived) -> Result<Handled, Refusal> {
        let target = match &arrived.route {
            None => return Err(Refusal::no_such_path()),
            Some(Route::Plain(path)) => return plain(state, path).map(Handled::Reply),
            Some(Route::Resource(target)) => target,
        };
        let verb = route::verb(&arrived.method, target, &arrived.query).ok_or_else(Refusal::not_allowed)?;
        if verb == Verb::Patch && arrived.patch.is_none() {
            return Err(Refusal::new(
                415,
                "UnsupportedMediaType",
                "the body of the request was in an unknown format",
            ));
        }
        if matches!(verb, Verb::Create | Verb::Update | Verb::Patch) && !arrived.body.is_object() {
            return Err(Refusal::bad(format!(
                "the body of {} {} is not a JSON object",
                arrived.method, arrived.path
            )));
        }
        let ask = Ask {
            client: self.client.clone(),
            verb,
            target: target.clone(),
            query: arrived.query.clone(),
            patch: arrived.patch.filter(|_| verb == Verb::Patch),
            body: arrived.body.clone(),
            at: state.faults_of(&self.client).view,
        };
        if verb == Verb::Watch {
            return Ok(Handled::Watch(Box::new(ask)));
        }
        let mut reply = state.answer(&ask)?;
        if arrived.shape == Shape::Metadata {
            let narrow = if verb == Verb::List { reads::metadata_only_list } else { reads::metadata_only };
            reply.body = narrow(&reply.body);
        }
        Ok(Handled::Reply(reply))
    }

    fn refuse(&self, arrived: &Arrived, refusal: &Refusal) -> Answered {
        self.note(arrived.index, refusal.code);
        respond(refusal.code, &refusal.body, refusal.retry_after)
    }

    fn note(&self, index: usize, code: u16) {
        self.core.state().log[index].status = Some(code);
    }
}

type Rewrite = Arc<dyn Fn(&mut Value) + Send + Sync>;

/// What the server made of a request.
enum Handled {
    Reply(Reply),
    Watch(Box<Ask>),
}

fn plain(state: &State, path: &str) -> Answer {
    discovery::answer(path, &state.store.kinds, &state.keys)
}

fn broken() -> BoxError {
    io::Error::new(io::ErrorKind::ConnectionReset, "the fake API server closed the connection").into()
}

fn respond(code: u16, body: &Value, retry_after: Option<Duration>) -> Answered {
    let mut response = Response::builder().status(code).header(header::CONTENT_TYPE, "application/json");
    if let Some(after) = retry_after {
        response = response.header(header::RETRY_AFTER, after.as_secs());
    }
    let body = Full::new(Bytes::from(body.to_string()));
    Ok(response.body(body.map_err(|never| match never {}).boxed_unsync())?)
}
