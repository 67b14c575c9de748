//! Lets the workers follow the CPUs that the process may use.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time::sleep;

use crate::worker::{Crew, WorkersError};

/// How often the machine is looked at: there is nothing that tells of a change. A look takes some tens of microseconds.
const PERIOD: Duration = Duration::from_millis(250);
/// The pause after a worker did not start.
const RETRY: Duration = Duration::from_secs(5);

/// Follows the machine until the server stops.
pub(crate) async fn follow_machine(crew: Arc<Crew>) {
    loop {
        sleep(PERIOD).await;
        let crew = Arc::clone(&crew);
        // Reads files and waits for threads to start: others have work on this thread.
        match spawn_blocking(move || crew.adapt()).await {
            Ok(Ok(())) => {}
            Ok(Err(WorkersError::Stopping)) | Err(_) => return,
            Ok(Err(error)) => {
                tracing::warn!(%error, "the workers could not follow a change of the CPUs; trying again");
                sleep(RETRY).await;
            }
        }
    }
}
