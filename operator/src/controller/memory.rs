//! What is remembered of each service between two looks, by the UID of its object.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use headroom_core::{Balance, State};
use tokio::sync::OwnedMutexGuard;
use tokio::time::Instant;

use super::checkpoint::Stored;
use super::contest::Contest;
use super::findings::Target;
use super::observe::Attention;
use super::report::events::NewEvent;
use super::workload::runtime::Pushes;
use super::workload::{Release, Upkeep};

/// A service whose object made us panic is left alone for so long.
const QUARANTINE: Duration = Duration::from_secs(60);
/// Time between two looks beyond which we, not the service, stood still (invariant I10).
const GAP: Duration = Duration::from_secs(3);

/// What is remembered of one service.
#[derive(Debug)]
pub struct Memory {
    /// The core's.
    pub state: State,
    /// Which pods to ask, and what they said before.
    pub attention: Attention,
    /// Who else sets the size.
    pub contest: Contest,
    /// The target as last read.
    pub target: Option<Target>,
    /// When it was last asked for.
    pub target_asked: Option<Instant>,
    /// Looks in a row at which fewer pods were listed than the target's controller counts.
    pub short: u32,
    /// Whether the last decision wanted fewer pods.
    pub wants_fewer: bool,
    /// Events of the look under way that no standing tells.
    pub news: Vec<NewEvent>,
    /// Whether the checkpoint has been asked for.
    pub resumed: bool,
    /// Since when the checkpoint can't be read.
    pub resuming: Option<Instant>,
    /// The checkpoint that our next write replaces, where it is known.
    pub checkpoint: Option<Stored>,
    /// The objects of a bundled workload.
    pub upkeep: Upkeep,
    /// What is left of a workload that the service had.
    pub release: Release,
    /// UID and version of the target that the last size was written on.
    pub written_on: Option<(String, String)>,
    /// Servers that did not take their worker count.
    pub pushes: Pushes,
    /// Which pods were told to have fewer connections.
    pub balance: Balance,
    /// What refused further pods when last asked, and when that was.
    pub blocked: (Option<String>, Option<Instant>),
    /// When the checkpoint was last written.
    pub saved: Option<Instant>,
    /// When our looking last had a gap, and the last look.
    pub gap: Instant,
    last: Instant,
    quarantined: Option<Instant>,
}

/// The memories of all services.
#[derive(Debug, Default)]
pub struct Memories(Mutex<BTreeMap<String, Arc<tokio::sync::Mutex<Memory>>>>);

impl Memory {
    fn new(now: Instant) -> Self {
        Self {
            state: State::default(),
            attention: Attention::default(),
            contest: Contest::default(),
            target: None,
            target_asked: None,
            short: 0,
            wants_fewer: false,
            news: Vec::new(),
            resumed: false,
            resuming: None,
            checkpoint: None,
            upkeep: Upkeep::default(),
            release: Release::default(),
            written_on: None,
            pushes: Pushes::default(),
            balance: Balance::default(),
            blocked: (None, None),
            saved: None,
            gap: now,
            last: now,
            quarantined: None,
        }
    }

    /// A look begins. Who is left alone is not looked at: a gap.
    pub fn look(&mut self, now: Instant) {
        if self.is_quarantined(now) {
            return;
        }
        if now.duration_since(self.last) > GAP {
            self.gap = now;
        }
        self.last = now;
    }

    /// The target has gone, or is another object now.
    pub fn forget_target(&mut self) {
        self.target = None;
        self.short = 0;
        self.state = State::default();
        self.attention = Attention::default();
        self.contest = Contest::default();
        self.balance = Balance::default();
        self.wants_fewer = false;
        self.gap = self.last;
    }

    /// When the look under way began.
    pub fn look_began(&self) -> Instant {
        self.last
    }

    /// How long the look under way takes by now.
    pub fn looked_for(&self, now: Instant) -> Duration {
        now.duration_since(self.last)
    }

    /// Whether this service is left alone because it made us panic.
    pub fn is_quarantined(&self, now: Instant) -> bool {
        self.quarantined.is_some_and(|since| now.duration_since(since) < QUARANTINE)
    }

    /// A look made us panic: what was remembered may be half changed and is forgotten, and the service is left alone for a
    /// minute.
    pub fn quarantine(&mut self, now: Instant) {
        self.last = now;
        self.forget_target();
        self.upkeep.forget();
        self.quarantined = Some(now);
    }

    /// Thinks, with what is remembered; a panic is caught, what was remembered is forgotten, and the service is left
    /// alone for a minute.
    pub fn think<T>(&mut self, now: Instant, think: impl FnOnce(State) -> (T, State)) -> Option<T> {
        let state = std::mem::take(&mut self.state);
        let Ok((thought, state)) = catch_unwind(AssertUnwindSafe(|| think(state))) else {
            self.quarantine(now);
            return None;
        };
        self.state = state;
        Some(thought)
    }
}

impl Memories {
    /// The memory of a service; `None` while an earlier pass still has it.
    pub fn of(&self, uid: &str, now: Instant) -> Option<OwnedMutexGuard<Memory>> {
        let mut memories = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let memory = match memories.get(uid) {
            Some(memory) => Arc::clone(memory),
            None => Arc::clone(memories.entry(uid.to_owned()).or_insert_with(|| fresh(now))),
        };
        memory.try_lock_owned().ok()
    }

    /// Leaves a service alone for a minute because telling about it made us panic. One that is just being looked at is
    /// tried the next time.
    pub fn quarantine(&self, uid: &str, now: Instant) {
        let memories = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(Ok(mut memory)) = memories.get(uid).map(|memory| memory.try_lock()) {
            memory.quarantined = Some(now);
        }
    }

    /// Services that are left alone now. One that is just being looked at is not.
    pub fn quarantined(&self, now: Instant) -> usize {
        let memories = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        memories
            .values()
            .filter(|memory| memory.try_lock().is_ok_and(|memory| memory.is_quarantined(now)))
            .count()
    }

    /// Forgets services that are gone.
    pub fn keep(&self, exists: impl Fn(&str) -> bool) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|uid, _| exists(uid));
    }
}

fn fresh(now: Instant) -> Arc<tokio::sync::Mutex<Memory>> {
    Arc::new(tokio::sync::Mutex::new(Memory::new(now)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_caught_and_the_service_left_alone_for_a_minute() {
        let now = Instant::now();
        let mut memory = Memory::new(now);
        assert_eq!(memory.think(now, |state| (1, state)), Some(1));
        assert_eq!(memory.think::<()>(now, |_| panic!("a defect")), None);
        assert!(memory.is_quarantined(now + Duration::from_secs(59)));
        assert!(!memory.is_quarantined(now + QUARANTINE));
    }

    #[test]
    fn one_pass_at_a_time_has_a_memory() {
        let (memories, now) = (Memories::default(), Instant::now());
        let held = memories.of("a", now).unwrap();
        assert!(memories.of("a", now).is_none());
        assert!(memories.of("b", now).is_some());
        drop(held);
        assert!(memories.of("a", now).is_some());
        memories.keep(|uid| uid == "b");
        assert!(memories.of("a", now).is_some(), "made anew");
    }

    #[test]
    fn a_gap_in_looking_is_noticed() {
        let start = Instant::now();
        let mut memory = Memory::new(start);
        memory.look(start + Duration::from_secs(3));
        assert_eq!(memory.gap, start);
        memory.look(start + Duration::from_secs(7));
        assert_eq!(memory.gap, start + Duration::from_secs(7));
    }

    #[test]
    fn who_made_the_report_panic_is_left_alone_too() {
        let (memories, now) = (Memories::default(), Instant::now());
        drop(memories.of("a", now));
        memories.quarantine("a", now);
        memories.quarantine("unknown", now);
        assert_eq!(memories.quarantined(now), 1);
        let after = now + QUARANTINE;
        assert_eq!(memories.quarantined(after), 0);
        let mut memory = memories.of("a", after).unwrap();
        memory.look(after - Duration::from_secs(1));
        memory.look(after);
        assert_eq!(memory.gap, after, "a minute without a look");
    }
}
