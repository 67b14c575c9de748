//! The control thread: bounds the delay of the queue, keeps connections spread over the workers, and stops the server
//! in order.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use tokio::time::{sleep, timeout};

use crate::core::{Core, Stage};
use crate::watch;
use crate::worker::{Command, Crew};

/// How a server ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drained {
    /// Every request was answered.
    Completely,
    /// The time was up; so many connections were cut.
    Cut {
        /// Connections that were still open.
        connections: usize,
    },
}

/// How often the connections of the workers are compared.
const SPREAD_INTERVAL: Duration = Duration::from_secs(1);
/// The time for the answers to what was turned away when the time was up.
const LAST_ANSWERS: Duration = Duration::from_millis(100);

/// Runs a server from its start to its end. The listener stays open until the server drains, whatever the workers do.
pub(crate) async fn run(core: Arc<Core>, crew: Arc<Crew>) -> io::Result<Drained> {
    let bound = tokio::task::spawn_local(bound_delay(Arc::clone(&core)));
    let watching = tokio::task::spawn_local(watch::watch_pulses(Arc::clone(&core)));
    let following = tokio::task::spawn_local(watch::follow_machine(crew));
    tokio::select! {
        () = sleep(core.settings.start_delay) => core.advance(Stage::Ready),
        () = core.reached(Stage::Unready) => {}
    }
    let spread = tokio::task::spawn_local(spread_connections(Arc::clone(&core)));
    until_closing(&core).await;
    core.door.close();
    let drained = close(&core).await;
    bound.abort();
    following.abort();
    watching.abort();
    spread.abort();
    Ok(drained)
}

/// Connections live for very different times: what was even when they were accepted does not stay so.
async fn spread_connections(core: Arc<Core>) {
    loop {
        sleep(SPREAD_INTERVAL).await;
        core.roster.rebalance();
    }
}

async fn until_closing(core: &Core) {
    core.reached(Stage::Unready).await;
    tracing::info!("unready, draining");
    tokio::select! {
        () = sleep(core.settings.drain.wait) => core.advance(Stage::Closing),
        () = core.reached(Stage::Closing) => {}
    }
}

async fn close(core: &Core) -> Drained {
    core.gate.stop();
    core.roster.tell_all(|| Command::Close);
    if timeout(core.settings.drain.timeout, ended(core)).await.is_ok() {
        return Drained::Completely;
    }
    core.gate.clear_queue();
    drop(timeout(LAST_ANSWERS, ended(core)).await);
    let connections = core.open.load(Relaxed);
    core.roster.tell_all(|| Command::Abort);
    tracing::warn!(connections, "the drain timeout is over: the rest is cut");
    Drained::Cut { connections }
}

async fn ended(core: &Core) {
    while !core.roster.is_empty() {
        sleep(Duration::from_millis(5)).await;
    }
}

/// Watches the queue while there is one: requests must not wait longer than the bound even if no slot becomes free.
async fn bound_delay(core: Arc<Core>) {
    let period = (core.settings.queue.delay / 8).clamp(Duration::from_millis(1), Duration::from_millis(250));
    loop {
        core.gate.began_waiting().await;
        while core.gate.shed_overdue() {
            sleep(period).await;
        }
    }
}
