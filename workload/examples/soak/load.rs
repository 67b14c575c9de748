//! The load: kept connections and new ones, of each kind.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use tokio::runtime::Builder;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::client::{Connection, Connector, Kind, Sent};
use crate::tally::{Phase, Tally};
use crate::trust::Trust;

pub struct Load {
    pub kinds: Vec<Kind>,
    pub trust: Trust,
    pub tally: Arc<Tally>,
    pub kept: usize,
    pub new: usize,
}

/// Between two requests of one client: enough for two CPUs to carry clients and servers without a queue, as latencies
/// are compared.
const THINK: Duration = Duration::from_millis(20);
/// A new connection may be told to go away before its first request, as the worker that accepted it ends: nothing was
/// sent then, and the client connects again.
const CONNECTIONS: usize = 3;
/// An answer that takes longer is a failure.
const PATIENCE: Duration = Duration::from_secs(5);

impl Load {
    /// Until the last phase has come.
    pub fn run(self) -> anyhow::Result<()> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let mut clients = JoinSet::new();
            for kind in &self.kinds {
                let connector = Connector::new(*kind, &self.trust)?;
                for _ in 0..self.kept {
                    clients.spawn(kept(connector.clone(), Arc::clone(&self.tally)));
                }
                for _ in 0..self.new {
                    clients.spawn(anew(connector.clone(), Arc::clone(&self.tally)));
                }
            }
            clients.join_all().await;
            Ok(())
        })
    }
}

/// Keeps its connection for as long as the server does.
async fn kept(connector: Connector, tally: Arc<Tally>) {
    let mut connection = None;
    while tally.phase() != Phase::After {
        request(&connector, &tally, &mut connection).await;
        sleep(THINK).await;
    }
}

/// Connects anew for each request.
async fn anew(connector: Connector, tally: Arc<Tally>) {
    while tally.phase() != Phase::After {
        request(&connector, &tally, &mut None).await;
        sleep(THINK).await;
    }
}

/// One request, on a connection that is made if there is none. A failure counts, and ends the connection.
async fn request(connector: &Connector, tally: &Tally, connection: &mut Option<Connection>) {
    let (phase, began) = (tally.phase(), Instant::now());
    let made = connection.is_none();
    let outcome = timeout(PATIENCE, async {
        if let Some(open) = connection {
            if open.get().await? == Sent::Answered {
                return anyhow::Ok(());
            }
            tally.reconnects.fetch_add(1, Relaxed);
        }
        for _ in 0..CONNECTIONS {
            if connection.insert(connector.connect().await?).get().await? == Sent::Answered {
                return Ok(());
            }
            tally.turned_away.fetch_add(1, Relaxed);
        }
        anyhow::bail!("{CONNECTIONS} new connections in turn took no request")
    });
    let name = connector.kind.name();
    match outcome.await {
        Ok(Ok(())) => tally.answer(name, phase, began.elapsed()),
        failure => {
            let on = if made { "a new connection" } else { "a kept connection" };
            let error = match failure {
                Ok(Err(error)) => format!("{error:#}"),
                _ => "no answer in time".to_owned(),
            };
            tally.fail(format!("{name} on {on}: {error}"));
            *connection = None;
        }
    }
}
