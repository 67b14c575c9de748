//! READ: asks the chosen pods, many at a time, and is back in time whatever they do.

use std::net::SocketAddr;
use std::time::Duration;

use futures::future::join;
use futures::stream::{self, StreamExt as _};
use headroom_workload::stats::Stats;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

use crate::controller::AdminPort;

/// Longest time for all questions of one look together.
pub(super) const DEADLINE: Duration = Duration::from_millis(700);
/// A pod that had so much time to answer, and did not, is silent; one that had less was not asked.
const PATIENCE: Duration = Duration::from_millis(500);
/// With less time than this left no question begins.
const SHORTEST: Duration = Duration::from_millis(100);
/// Questions of one service under way at the same time: a part of all the sockets there are.
const PRESENT_LANE: usize = 64;
/// The same for absent pods: those that accept and hang hold up each other alone.
const ABSENT_LANE: usize = 8;

/// What came of a question.
#[derive(Debug)]
pub(super) enum Reply {
    /// The counters.
    Told(Box<Stats>),
    /// None.
    Silent,
    /// Its turn did not come in time.
    NotReached,
}

/// Asks the pods of both lanes, those first in each first. `sockets` bounds the questions of the whole controller.
/// Returns each pod's place with its reply, in no order.
pub(super) async fn collect(
    port: &dyn AdminPort,
    sockets: &Semaphore,
    present: Vec<(usize, SocketAddr)>,
    absent: Vec<(usize, SocketAddr)>,
) -> Vec<(usize, Reply)> {
    let deadline = Instant::now() + DEADLINE;
    let ask = |(place, admin)| async move { (place, ask(port, sockets, admin, deadline).await) };
    let lane = |pods: Vec<_>, width| stream::iter(pods).map(ask).buffer_unordered(width).collect::<Vec<_>>();
    let (mut replies, others) = join(lane(present, PRESENT_LANE), lane(absent, ABSENT_LANE)).await;
    replies.extend(others);
    replies
}

async fn ask(port: &dyn AdminPort, sockets: &Semaphore, admin: SocketAddr, deadline: Instant) -> Reply {
    let last_begin = deadline - SHORTEST;
    if Instant::now() >= last_begin {
        return Reply::NotReached;
    }
    let Ok(Ok(_permit)) = timeout_at(last_begin, sockets.acquire()).await else { return Reply::NotReached };
    let began = Instant::now();
    match timeout_at(deadline, port.stats(admin)).await {
        Ok(Ok(stats)) => Reply::Told(Box::new(stats)),
        Ok(Err(error)) => {
            tracing::debug!(%admin, %error, "a server did not tell what it has counted");
            Reply::Silent
        }
        Err(_) if deadline.duration_since(began) >= PATIENCE => Reply::Silent,
        Err(_) => Reply::NotReached,
    }
}
