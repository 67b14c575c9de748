//! PURE: when a status is worth a write. What changes the picture is written at once; numbers wait, and every write
//! counts against a budget for the whole controller.

use std::collections::{HashMap, VecDeque};

use headroom_api::ScaledServiceStatus;
use headroom_api::conditions::ConditionType;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use super::display::MOVES;

/// Numbers alone are written at most this often, in seconds.
const NUMBERS_EVERY: f64 = 15.0;
/// After a change of size or a step of the load the picture goes on moving for a minute. In it, whatever differs is
/// written at the latest so many seconds after the last write: first while the change goes on, then until it is over.
const FOLLOW_UP: f64 = 5.0;
/// Seconds for which the first pace holds.
const FIRST_PART: f64 = 15.0;
/// A rate that is told is a step away when it is so many times the other,
const STEP: f64 = 2.0;
/// and so many requests a second away from it: less may be chance.
const LEAST_STEP: f64 = 5.0;
/// Writes are counted over so many seconds.
const MINUTE: f64 = 60.0;
/// Writes a minute up to which the pace after a change is kept.
const MOST_FOLLOWING: usize = 12;
/// Seconds to wait after a write that failed; twice as many after each further one in a row, up to a minute.
const FIRST_REST: f64 = 1.0;

/// What a new status changes, the least urgent first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// Nothing that is seen.
    Nothing,
    /// Numbers and texts.
    Numbers,
    /// Conditions that explain: why the size is what it is.
    Explanation,
    /// Conditions that say whether Headroom works for this service.
    Vital,
    /// A step of the load, or that the pods wanted have become ready.
    Step,
    /// The size, or that a new spec was seen.
    Size,
}

impl Change {
    /// Writes a minute up to which such a change is written at once. Nothing but size changes can exceed it, and a size
    /// changes at most once a tick.
    fn most_a_minute(self) -> usize {
        match self {
            Self::Nothing => 0,
            Self::Numbers | Self::Explanation => 4,
            Self::Vital | Self::Step => MOST_FOLLOWING,
            Self::Size => usize::MAX,
        }
    }
}

/// What `new` changes, compared with what was written last.
pub fn change_of(written: Option<&ScaledServiceStatus>, new: &ScaledServiceStatus) -> Change {
    let Some(written) = written else { return Change::Size };
    let size = |status: &ScaledServiceStatus| {
        (status.observed_generation, status.replicas, status.last_change.clone(), status.decisions.len())
    };
    if size(written) != size(new) {
        return Change::Size;
    }
    if load_stepped(written.offered_rate, new.offered_rate) || pods_arrived(written, new) {
        return Change::Step;
    }
    match conditions(&written.conditions, &new.conditions) {
        Some(change) => change,
        None if written == new => Change::Nothing,
        None => Change::Numbers,
    }
}

/// Whether a reader of the old rate is wrong about how large the load is.
fn load_stepped(written: Option<i64>, new: Option<i64>) -> bool {
    let (Some(written), Some(new)) = (written, new) else { return false };
    let (low, high) = (written.min(new) as f64, written.max(new) as f64);
    high >= STEP * low && high - low >= LEAST_STEP
}

/// Whether the pods wanted have become ready: a change of size ends with it.
fn pods_arrived(written: &ScaledServiceStatus, new: &ScaledServiceStatus) -> bool {
    let moves = |status: &ScaledServiceStatus| status.display.replicas.contains(MOVES);
    moves(written) && !moves(new) && !new.display.replicas.is_empty()
}

/// The most urgent of the conditions whose value or reason changed.
fn conditions(written: &[Condition], new: &[Condition]) -> Option<Change> {
    let find = |list: &[Condition], kind: &str| {
        let found = list.iter().find(|condition| condition.type_ == kind);
        found.map(|condition| (condition.status.clone(), condition.reason.clone()))
    };
    let types = ConditionType::ALL.into_iter();
    let changed = types.filter(|kind| find(written, kind.name()) != find(new, kind.name()));
    changed.map(urgency).max()
}

fn urgency(kind: ConditionType) -> Change {
    match kind {
        ConditionType::Ready
        | ConditionType::EvidenceFresh
        | ConditionType::ScaleUpBlocked
        | ConditionType::Paused
        | ConditionType::Stalled => Change::Vital,
        ConditionType::Feasible
        | ConditionType::AboveTarget
        | ConditionType::ObjectiveMet
        | ConditionType::Limited
        | ConditionType::AbleToScale
        | ConditionType::CapacityKnown
        | ConditionType::RuntimeApplied
        | ConditionType::Reconciling => Change::Explanation,
    }
}

/// Remembers what was written when.
#[derive(Debug)]
pub struct Quiet {
    /// Writes a second, over all services.
    budget: f64,
    services: HashMap<String, History>,
    /// Writes that may be made at once, and when that was true.
    saved: Option<(f64, Timestamp)>,
}

#[derive(Debug, Default)]
struct History {
    /// Within the last minute, oldest first.
    writes: VecDeque<Timestamp>,
    /// The last write that told of a step or of a size.
    moved: Option<Timestamp>,
    /// The last one begun, whatever came of it.
    tried: Option<Timestamp>,
    /// Those that failed in a row.
    failures: u32,
    under_way: bool,
}

impl Quiet {
    /// Writes at most so often a second, over all services.
    pub fn new(per_second: u32) -> Self {
        Self { budget: f64::from(per_second), services: HashMap::new(), saved: None }
    }

    /// Which of these services, named by UID, to write now: the most urgent first, then those tried longest ago:
    /// services whose status is always refused must not use up the budget of the others. Each counts as being written until [`Self::done`] or [`Self::failed`] is called for it.
    pub fn choose(&mut self, mut wishes: Vec<(String, Change)>, now: Timestamp) -> Vec<String> {
        wishes.retain(|(uid, change)| self.is_due(uid, *change, now));
        wishes.sort_by_cached_key(|(uid, change)| (std::cmp::Reverse(*change), self.tried(uid), uid.clone()));
        wishes.truncate(self.saved_up(now) as usize);
        if let Some((saved, _)) = &mut self.saved {
            *saved -= wishes.len() as f64;
        }
        for (uid, change) in &wishes {
            let history = self.services.entry(uid.clone()).or_default();
            history.under_way = true;
            history.writes.push_back(now);
            history.tried = Some(now);
            if *change >= Change::Step {
                history.moved = Some(now);
            }
        }
        wishes.into_iter().map(|(uid, _)| uid).collect()
    }

    /// The write has been made.
    pub fn done(&mut self, uid: &str) {
        if let Some(history) = self.services.get_mut(uid) {
            history.under_way = false;
            history.failures = 0;
        }
    }

    /// The write has not been made: it does not count against the service, which tries again after a rest that grows.
    pub fn failed(&mut self, uid: &str) {
        if let Some(history) = self.services.get_mut(uid) {
            history.under_way = false;
            history.writes.pop_back();
            history.failures = history.failures.saturating_add(1);
        }
    }

    /// The service is gone.
    pub fn forget(&mut self, uid: &str) {
        self.services.remove(uid);
    }

    fn is_due(&mut self, uid: &str, change: Change, now: Timestamp) -> bool {
        let Some(history) = self.services.get_mut(uid) else { return change != Change::Nothing };
        while history.writes.front().is_some_and(|at| seconds(*at, now) >= MINUTE) {
            history.writes.pop_front();
        }
        let patient = change > Change::Numbers || history.is_silent_for(NUMBERS_EVERY, now);
        let regular = patient && history.writes.len() < change.most_a_minute();
        let due = regular || (change != Change::Nothing && history.follows_up(now));
        !history.under_way && history.has_rested(now) && due
    }

    fn tried(&self, uid: &str) -> Option<Timestamp> {
        self.services.get(uid)?.tried
    }

    fn saved_up(&mut self, now: Timestamp) -> f64 {
        let saved = self.saved.map_or(self.budget, |(saved, since)| {
            (saved + self.budget * seconds(since, now)).min(self.budget)
        });
        self.saved = Some((saved, now));
        saved
    }
}

impl History {
    /// Whether nothing was written for so long.
    fn is_silent_for(&self, least: f64, now: Timestamp) -> bool {
        self.writes.back().is_none_or(|at| seconds(*at, now) >= least)
    }

    /// Whether a change that is not over yet was last told too long ago.
    fn follows_up(&self, now: Timestamp) -> bool {
        let Some(moved) = self.moved.map(|at| seconds(at, now)).filter(|moved| *moved <= MINUTE) else {
            return false;
        };
        let pace = if moved <= FIRST_PART { FOLLOW_UP } else { NUMBERS_EVERY };
        self.is_silent_for(pace, now) && self.writes.len() < MOST_FOLLOWING
    }

    /// Whether the rest after failures is over; it is, too, when the clock went back.
    fn has_rested(&self, now: Timestamp) -> bool {
        let Some(further) = self.failures.checked_sub(1) else { return true };
        let rest = (FIRST_REST * 2f64.powi(further.min(6).cast_signed())).min(MINUTE);
        self.tried.is_none_or(|at| now < at || seconds(at, now) >= rest)
    }
}

/// Seconds between the two; 0 when the clock went back.
fn seconds(since: Timestamp, now: Timestamp) -> f64 {
    now.duration_since(since).as_secs_f64().max(0.0)
}

#[cfg(test)]
mod tests;
