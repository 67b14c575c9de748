//! What became of the requests.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// When a request began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Phase {
    #[default]
    Before,
    During,
    /// The load ends.
    After,
}

#[derive(Debug, Default)]
pub struct Tally {
    pub failed: AtomicU64,
    /// Kept connections that ended between two requests and were made anew.
    pub reconnects: AtomicU64,
    /// New connections that ended before their first request was sent.
    pub turned_away: AtomicU64,
    phase: AtomicU8,
    answered: [AtomicU64; 2],
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    /// Microseconds, by phase.
    latencies: [Vec<u32>; 2],
    by_kind: BTreeMap<&'static str, u64>,
    failures: BTreeMap<String, u64>,
}

/// Different failures remembered.
const FAILURES: usize = 20;

impl Tally {
    pub fn enter(&self, phase: Phase) {
        self.phase.store(phase as u8, Relaxed);
    }

    pub fn phase(&self) -> Phase {
        match self.phase.load(Relaxed) {
            0 => Phase::Before,
            1 => Phase::During,
            _ => Phase::After,
        }
    }

    pub fn answer(&self, kind: &'static str, phase: Phase, latency: Duration) {
        if phase == Phase::After {
            return;
        }
        self.answered[phase as usize].fetch_add(1, Relaxed);
        let mut seen = self.seen();
        seen.latencies[phase as usize].push(latency.as_micros() as u32);
        *seen.by_kind.entry(kind).or_default() += u64::from(phase == Phase::During);
    }

    pub fn fail(&self, failure: String) {
        self.failed.fetch_add(1, Relaxed);
        let mut seen = self.seen();
        if seen.failures.len() < FAILURES || seen.failures.contains_key(&failure) {
            *seen.failures.entry(failure).or_default() += 1;
        }
    }

    pub fn answered(&self, phase: Phase) -> u64 {
        self.answered.get(phase as usize).map_or(0, |answered| answered.load(Relaxed))
    }

    pub fn by_kind(&self) -> BTreeMap<&'static str, u64> {
        self.seen().by_kind.clone()
    }

    pub fn failures(&self) -> BTreeMap<String, u64> {
        self.seen().failures.clone()
    }

    /// In microseconds.
    pub fn p99(&self, phase: Phase) -> u32 {
        let mut latencies = self.seen().latencies[phase as usize].clone();
        latencies.sort_unstable();
        latencies.get(latencies.len() * 99 / 100).copied().unwrap_or(0)
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
