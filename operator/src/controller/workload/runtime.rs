//! Tells running servers how many workers to run: those that run another number, and no others.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::{StreamExt as _, stream};
use tokio::time::Instant;

use super::token::{Token, TokenError, Tokens};
use crate::controller::AdminPort;
use crate::controller::findings::Acknowledged;
use crate::observe::WriteError;

/// Servers told at the same time.
const PARALLEL: usize = 32;
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
    pub async fn push(
        &mut self,
        port: &dyn AdminPort,
        tokens: &Tokens,
        audience: &str,
        wanted: u32,
        pods: &[Runs],
    ) -> Pushed {
        let now = Instant::now();
        let due = self.due(wanted, pods, now);
        let right = pods.iter().filter(|pod| pod.workers == wanted).count() as u32;
        let mut pushed =
            Pushed { acknowledged: Acknowledged { pods: right, of: pods.len() as u32 }, trouble: None };
        if due.is_empty() {
            return pushed;
        }
        let token = match tokens.token(audience).await {
            Ok(token) => token,
            Err(error) => return Pushed { trouble: Some(error.into()), ..pushed },
        };
        for (pod, answer) in tell(port, &token, wanted, due).await {
            match answer {
                Ok(workers) if workers == wanted => {
                    pushed.acknowledged.pods += 1;
                    self.0.remove(&pod.pod);
                }
                answer => {
                    if let Err(WriteError::Refused { status: 401, .. }) = answer {
                        tokens.forget(audience);
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

    /// Pods to tell now. What is remembered of pods that are gone, or run what is wanted, is dropped.
    fn due<'a>(&mut self, wanted: u32, pods: &'a [Runs], now: Instant) -> Vec<&'a Runs> {
        let other: Vec<&Runs> = pods.iter().filter(|pod| pod.workers != wanted).collect();
        if !self.0.is_empty() {
            let names: std::collections::HashSet<&str> = other.iter().map(|pod| pod.pod.as_str()).collect();
            self.0.retain(|pod, _| names.contains(pod.as_str()));
        }
        let due = |pod: &&Runs| self.0.get(&pod.pod).is_none_or(|failures| now >= failures.next);
        other.into_iter().filter(due).collect()
    }

    fn failed(&mut self, pod: &str, now: Instant) {
        let count = self.0.get(pod).map_or(0, |failures| failures.count);
        let wait = (RETRY * 2_u32.saturating_pow(count).min(64)).min(LONGEST);
        self.0.insert(pod.to_owned(), Failures { count: count.saturating_add(1), next: now + wait });
    }
}

async fn tell<'a>(
    port: &dyn AdminPort,
    token: &Token,
    wanted: u32,
    pods: Vec<&'a Runs>,
) -> Vec<(&'a Runs, Result<u32, WriteError>)> {
    // Boxed: the compiler can't tell that a closure over borrowed pods gives futures that may be sent to other threads.
    let mut calls: Vec<BoxFuture<'_, (&'a Runs, Result<u32, WriteError>)>> = Vec::new();
    for pod in pods {
        let answer = port.set_workers(pod.admin, token.expose(), wanted);
        calls.push(Box::pin(async move { (pod, answer.await) }));
    }
    stream::iter(calls).buffer_unordered(PARALLEL).collect().await
}

#[cfg(test)]
mod tests;
