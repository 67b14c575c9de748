//! Watches the load and the rule file, each second.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use super::level::{BrownoutLevel, Dial};
use super::machine::{Load, Machine};
use super::rules::{LONGEST_FILE, RuleFile, RulesError};
use crate::clock::Nanos;
use crate::core::{Core, Stage};
use crate::stats::{BrownoutStats, Stats};

/// The brownout of one server.
#[derive(Debug, Default)]
pub(crate) struct Brownout {
    pub(crate) dial: Arc<Dial>,
    /// Whether there are rules, and the file that is there now has them.
    valid: AtomicBool,
    watched: AtomicBool,
}

const EVERY: Duration = Duration::from_secs(1);

/// Runs until the server ends.
pub(crate) async fn watch(core: Arc<Core>, path: PathBuf) -> io::Result<()> {
    core.brownout.watched.store(true, Relaxed);
    let mut rules = Rules { path, seen: None, machine: Machine::new() };
    let mut before = (core.stats(), 0);
    let mut tick = interval(EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = tick.tick() => {}
            () = core.reached(Stage::Closing) => return Ok(()),
        }
        if let Some(valid) = rules.reload() {
            core.brownout.valid.store(valid, Relaxed);
        }
        // First: what is refused between the two counts as load, not as less than none.
        let refused = core.brownout.dial.refused();
        let now = (core.stats(), refused);
        let level = rules.machine.observe(Nanos(now.0.at_nanos), load(&before, &now));
        core.brownout.enter(level);
        before = now;
    }
}

/// The file and the rules that are in force.
#[derive(Debug)]
struct Rules {
    path: PathBuf,
    /// What was in the file when it was last looked at.
    seen: Option<Result<Vec<u8>, RulesError>>,
    machine: Machine,
}

impl Rules {
    /// Looks whether the file has changed; says whether it is valid if it has. If it is not, the old rules stay.
    fn reload(&mut self) -> Option<bool> {
        // Read each time: a ConfigMap changes by a symbolic link to another folder.
        let content = read(&self.path);
        if self.seen.as_ref() == Some(&content) {
            return None;
        }
        let parsed = content.clone().and_then(|text| RuleFile::parse(&text));
        self.seen = Some(content);
        match parsed {
            Ok(file) => {
                tracing::info!(path = %self.path.display(), rules = file.rules.len(), "brownout rules loaded");
                self.machine.replace(file);
                Some(true)
            }
            Err(error) => {
                tracing::error!(path = %self.path.display(), "brownout rules not taken, the old ones stay: {error}");
                Some(false)
            }
        }
    }
}

fn read(path: &Path) -> Result<Vec<u8>, RulesError> {
    let unreadable = |error: io::Error| RulesError::Unreadable(error.to_string());
    let mut text = Vec::new();
    let file = File::open(path).map_err(unreadable)?;
    file.take(LONGEST_FILE + 1).read_to_end(&mut text).map_err(unreadable)?;
    if text.len() as u64 > LONGEST_FILE { Err(RulesError::TooLong) } else { Ok(text) }
}

/// The load between two snapshots, each with what the brownout itself had refused: that is no reason for it.
fn load((before, own_before): &(Stats, u64), (now, own_now): &(Stats, u64)) -> Load {
    let since = |now: u64, before: u64| now.saturating_sub(before);
    let own = since(*own_now, *own_before);
    let arrivals = since(since(now.arrivals, before.arrivals), own) as f64;
    let shed = since(since(now.rejected.overload(), before.rejected.overload()), own) as f64;
    let seconds = since(now.at_nanos, before.at_nanos) as f64 * 1e-9 * f64::from(now.workers.max(1));
    Load {
        cpu_share: (now.cpu_seconds - before.cpu_seconds) / seconds.max(1e-9),
        queue_seconds: (now.queued_seconds - before.queued_seconds) / arrivals.max(1.0),
        shed_share: shed / arrivals.max(1.0),
    }
}

impl Brownout {
    /// Adds what it has to say to `stats`.
    pub(crate) fn add_to(&self, stats: &mut Stats) {
        let refused = self.dial.refused();
        stats.arrivals += refused;
        stats.rejected.priority += refused;
        if self.watched.load(Relaxed) {
            let (level, rules_valid) = (self.dial.level() as u8, self.valid.load(Relaxed));
            stats.brownout = Some(BrownoutStats { level, rules_valid });
        }
    }

    fn enter(&self, level: BrownoutLevel) {
        let before = self.dial.level();
        if level != before {
            tracing::warn!(from = ?before, to = ?level, "brownout level changed");
            self.dial.set(level);
        }
    }
}

#[cfg(test)]
mod tests;
