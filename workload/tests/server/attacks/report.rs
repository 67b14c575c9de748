//! What an attack did to the good client, as a line of JSON in the file that `HEADROOM_ATTACK_REPORT` names. Without it
//! nothing is written. Latencies are measured here and judged by who reads them: no test fails for them.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

pub(super) struct Report {
    file: PathBuf,
    /// Attacks that are measured must not meet.
    _alone: MutexGuard<'static, ()>,
}

/// The good client's latencies, in rising order, and what the server's memory grew by.
pub(super) struct Measured {
    pub(super) calm: Vec<Duration>,
    pub(super) attacked: Vec<Duration>,
    pub(super) growth_kib: u64,
}

impl Report {
    /// Waits for its turn, if reports are wanted.
    pub(super) fn wanted() -> Option<Self> {
        static ALONE: Mutex<()> = Mutex::new(());
        let file = std::env::var_os("HEADROOM_ATTACK_REPORT")?.into();
        Some(Self { file, _alone: ALONE.lock().unwrap_or_else(PoisonError::into_inner) })
    }

    /// Adds a line about the test that runs on this thread.
    pub(super) fn add(&self, measured: &Measured) {
        let (calm, attacked) = (measured.p99_calm(), measured.p99_attacked());
        let line = serde_json::json!({
            "attack": thread::current().name(),
            "requests": measured.attacked.len(),
            "p99CalmMicros": calm.as_micros(),
            "p99AttackedMicros": attacked.as_micros(),
            "ratio": attacked.as_secs_f64() / calm.as_secs_f64(),
            "growthKib": measured.growth_kib,
        });
        let mut file = OpenOptions::new().create(true).append(true).open(&self.file).unwrap();
        writeln!(file, "{line}").unwrap();
    }
}

impl Measured {
    pub(super) fn p99_calm(&self) -> Duration {
        p99(&self.calm)
    }

    pub(super) fn p99_attacked(&self) -> Duration {
        p99(&self.attacked)
    }
}

fn p99(sorted: &[Duration]) -> Duration {
    sorted[(sorted.len() - 1) * 99 / 100]
}
