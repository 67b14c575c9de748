//! Tells running servers how many workers to run: those that run another number, and no others.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::{StreamExt as _, stream};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

use super::token::{Token, TokenError, Tokens};
use crate::controller::AdminPort;
use crate::controller::findings::Acknowledged;
use crate::controller::leader::Leadership;
use crate::observe::WriteError;

/// Servers told at the same time.
const PARALLEL: usize = 32;
/// With less time than this left no server is told.
const SHORTEST: Duration = Duration::from_millis(100);
/// Wait after a pod's first failure; it doubles up to [`LONGEST`].
const RETRY: Duration = Duration::from_secs(1);
/// See [`RETRY`].
const LONGEST: Duration = Duration::from_secs(60);

/// A running pod, as its `/stats` last showed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Runs {
    /// The pod's UID.
    pub pod: String,
    /// Its admin port.
    pub admin: SocketAddr,
    /// Workers it runs.
    pub workers: u32,
}

/// Why the worker count was not taken over everywhere: the first thing that went wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuntimeError {
    /// There is no token to write with.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// A server did not take it.
    #[error("{admin}: {message}")]
    Server {
        /// The server.
        admin: SocketAddr,
        /// What it said.
        message: String,
    },
}

/// How servers are told.
#[derive(Clone, Copy)]
pub struct Way<'a> {
    /// Their admin ports.
    pub port: &'a dyn AdminPort,
    /// Bounds the calls of the whole controller to them.
    pub sockets: &'a Semaphore,
    /// What they know us by.
    pub tokens: &'a Tokens,
    /// Whether we lead: asked before each call.
    pub leadership: &'a Leadership,
    /// When the look has to go on. Whoever was not told by then is told at the next one.
    pub until: Instant,
}

/// What came of a server's turn.
enum Turn {
    /// It answered, or failed to.
    Told(Result<u32, WriteError>),
    /// Its turn did not come in time.
    NotReached,
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pushed {
    /// Pods that run what is wanted.
    pub acknowledged: Acknowledged,
    /// What went wrong, if anything did.
    pub trouble: Option<RuntimeError>,
}

/// What is remembered of the pods of one service that did not take their worker count.
#[derive(Debug, Default)]
pub struct Pushes(HashMap<String, Failures>);

#[derive(Debug, Clone, Copy)]
struct Failures {
    count: u32,
    next: Instant,
}

impl Pushes {
    /// Tells every pod that runs another number of workers, unless it failed just now.
    pub async fn push(&mut self, way: Way<'_>, audience: &str, wanted: u32, pods: &[Runs]) -> Pushed {
        let now = Instant::now();
        let due = self.due(wanted, pods, now);
        let right = pods.iter().filter(|pod| pod.workers == wanted).count() as u32;
        let mut pushed =
            Pushed { acknowledged: Acknowledged { pods: right, of: pods.len() as u32 }, trouble: None };
        if due.is_empty() {
            return pushed;
        }
        let token = match way.tokens.token(audience).await {
            Ok(token) => token,
            Err(error) => return Pushed { trouble: Some(error.into()), ..pushed },
        };
        for (pod, turn) in tell(way, &token, wanted, due).await {
            let Turn::Told(answer) = turn else { continue };
            match answer {
                Ok(workers) if workers == wanted => {
                    pushed.acknowledged.pods += 1;
                    self.0.remove(&pod.pod);
                }
                answer => {
                    if let Err(WriteError::Refused { status: 401, .. }) = answer {
                        way.tokens.forget(audience);
                    }
                    self.failed(&pod.pod, now);
                    let message = match answer {
                        Ok(workers) => format!("runs {workers} workers, {wanted} were asked for"),
                        Err(error) => error.to_string(),
                    };
                    pushed.trouble.get_or_insert(RuntimeError::Server { admin: pod.admin, message });
                }
            }
        }
        pushed
    }

    /// Pods to tell now, those that never failed first: time may not suffice for all. What is remembered of pods that are gone, or run what is wanted, is dropped.
    fn due<'a>(&mut self, wanted: u32, pods: &'a [Runs], now: Instant) -> Vec<&'a Runs> {
        let other: Vec<&Runs> = pods.iter().filter(|pod| pod.workers != wanted).collect();
        if !self.0.is_empty() {
            let names: std::collections::HashSet<&str> = other.iter().map(|pod| pod.pod.as_str()).collect();
            self.0.retain(|pod, _| names.contains(pod.as_str()));
        }
        let due = |pod: &&Runs| self.0.get(&pod.pod).is_none_or(|failures| now >= failures.next);
        let mut due: Vec<_> = other.into_iter().filter(due).collect();
        due.sort_by_key(|pod| self.0.get(&pod.pod).map_or(0, |failures| failures.count));
        due
    }

    fn failed(&mut self, pod: &str, now: Instant) {
        let count = self.0.get(pod).map_or(0, |failures| failures.count);
        let wait = (RETRY * 2_u32.saturating_pow(count).min(64)).min(LONGEST);
        self.0.insert(pod.to_owned(), Failures { count: count.saturating_add(1), next: now + wait });
    }
}

async fn tell<'a>(way: Way<'_>, token: &Token, wanted: u32, pods: Vec<&'a Runs>) -> Vec<(&'a Runs, Turn)> {
    // Boxed: the compiler can't tell that a closure over borrowed pods gives futures that may be sent to other threads.
    let mut calls: Vec<BoxFuture<'_, (&'a Runs, Turn)>> = Vec::new();
    for pod in pods {
        calls.push(Box::pin(async move { (pod, tell_one(way, token, wanted, pod.admin).await) }));
    }
    stream::iter(calls).buffer_unordered(PARALLEL).collect().await
}

/// A server that is told and does not answer in time has failed, though it may well do what it was told: its next
/// `/stats` shows that.
async fn tell_one(way: Way<'_>, token: &Token, wanted: u32, admin: SocketAddr) -> Turn {
    let last_begin = way.until - SHORTEST;
    let Ok(Ok(_permit)) = timeout_at(last_begin, way.sockets.acquire()).await else {
        return Turn::NotReached;
    };
    let now = Instant::now();
    if now >= last_begin || !way.leadership.may_write(now) {
        return Turn::NotReached;
    }
    let told = timeout_at(way.until, way.port.set_workers(admin, token.expose(), wanted)).await;
    Turn::Told(told.unwrap_or(Err(WriteError::Timeout)))
}

#[cfg(test)]
mod tests;
