//! How fast the admin port answers while its server is overloaded.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::process::{fetch_stats, pin_to_load_cpu};

/// Between two questions.
const PAUSE: Duration = Duration::from_millis(20);

/// Asks an admin port again and again until it is stopped.
#[derive(Debug)]
pub struct Watcher {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<anyhow::Result<Vec<f64>>>,
}

impl Watcher {
    /// Begins to ask.
    pub fn start(admin: SocketAddr) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            pin_to_load_cpu()?;
            let mut took = Vec::new();
            while !stopped.load(Ordering::Relaxed) {
                took.push(fetch_stats(admin)?.1.as_secs_f64());
                thread::sleep(PAUSE);
            }
            Ok(took)
        });
        Self { stop, thread }
    }

    /// How long each answer took, in seconds.
    pub fn stop(self) -> anyhow::Result<Vec<f64>> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().map_err(|_| anyhow::anyhow!("the thread that asks the admin port panicked"))?
    }
}
