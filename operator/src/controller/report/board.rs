//! What is known of each service right now, for `/debug/services`: a running service can be replayed from it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, PoisonError, RwLock};

use headroom_api::{Mode, ScaledService};
use headroom_core::Decision;
use jiff::Timestamp;
use serde::Serialize;

use crate::controller::{Decided, Standing};
use crate::decide::ObservationLine;

/// Decisions kept of one service, and of all together.
const MOST_DECISIONS: usize = 300;
const MOST_OF_ALL: usize = 30_000;
/// Decisions kept of each service however many services there are.
const FEWEST_DECISIONS: usize = 10;

/// What was last found out about every service. Shared between the loop, which shows, and the admin port, which reads.
#[derive(Debug, Default)]
pub struct Board {
    services: RwLock<BTreeMap<String, Arc<Shown>>>,
}

#[derive(Debug, Clone)]
struct Shown {
    name: String,
    namespace: String,
    mode: Mode,
    now: Timestamp,
    standing: Arc<Standing>,
    decisions: VecDeque<Arc<Decision>>,
}

/// One service as it is answered.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry<'a> {
    name: &'a str,
    namespace: &'a str,
    uid: &'a str,
    mode: Mode,
    now: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    standing: Option<&'a Standing>,
    /// The observation as `headroom decide` reads it.
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<ObservationLine<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_decisions: Option<Vec<&'a Decision>>,
    /// The answer was too long already: ask for this service alone.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    truncated: bool,
}

impl Board {
    /// Shows what a pass found out. A service without a UID is not shown: the API server gives each one.
    pub fn show(&self, service: &ScaledService, standing: Arc<Standing>, now: Timestamp) {
        let Some(uid) = service.metadata.uid.clone() else { return };
        let mut services = self.services.write().unwrap_or_else(PoisonError::into_inner);
        let most = (MOST_OF_ALL / (services.len() + 1)).clamp(FEWEST_DECISIONS, MOST_DECISIONS);
        let before = services.remove(&uid).map(Arc::unwrap_or_clone);
        let mut decisions = before.map(|shown| shown.decisions).unwrap_or_default();
        if let Standing::Decided(decided) = standing.as_ref() {
            decisions.push_back(Arc::new(decided.decision.clone()));
        }
        let surplus = decisions.len().saturating_sub(most);
        decisions.drain(..surplus);
        let shown = Shown {
            name: service.metadata.name.clone().unwrap_or_default(),
            namespace: service.metadata.namespace.clone().unwrap_or_default(),
            mode: service.spec.mode,
            now,
            standing,
            decisions,
        };
        services.insert(uid, Arc::new(shown));
    }

    /// The service is gone.
    pub fn forget(&self, uid: &str) {
        self.services.write().unwrap_or_else(PoisonError::into_inner).remove(uid);
    }

    /// The services that `wanted` says yes to, by namespace and name, as a JSON array of about `most_bytes` at most:
    /// once that is reached, the rest is only named. It may take a second, and the loop goes on meanwhile.
    pub fn json(&self, wanted: impl Fn(&str, &str) -> bool, most_bytes: usize) -> serde_json::Result<String> {
        let (mut bytes, mut entries) = (0, Vec::new());
        for (uid, shown) in &self.chosen(wanted) {
            let room = most_bytes.saturating_sub(bytes);
            let whole = if room > 0 { serde_json::to_string(&shown.entry(uid))? } else { String::new() };
            let entry = if (1..=room).contains(&whole.len()) {
                whole
            } else {
                serde_json::to_string(&shown.name_only(uid))?
            };
            bytes += entry.len();
            entries.push(entry);
        }
        Ok(format!("[{}]", entries.join(",")))
    }

    /// As of now. Writing them out takes far longer than this, and the loop waits for whoever holds the lock.
    fn chosen(&self, wanted: impl Fn(&str, &str) -> bool) -> Vec<(String, Arc<Shown>)> {
        let services = self.services.read().unwrap_or_else(PoisonError::into_inner);
        let chosen = services.iter().filter(|(_, shown)| wanted(&shown.namespace, &shown.name));
        chosen.map(|(uid, shown)| (uid.clone(), Arc::clone(shown))).collect()
    }
}

impl Shown {
    fn entry<'a>(&'a self, uid: &'a str) -> Entry<'a> {
        let line = match self.standing.as_ref() {
            Standing::Decided(decided) => {
                let Decided { observation, decision, .. } = decided.as_ref();
                Some(ObservationLine::new(observation, decision.now))
            }
            _ => None,
        };
        Entry {
            standing: Some(&self.standing),
            line,
            last_decisions: Some(self.decisions.iter().map(AsRef::as_ref).collect()),
            truncated: false,
            ..self.name_only(uid)
        }
    }

    fn name_only<'a>(&'a self, uid: &'a str) -> Entry<'a> {
        Entry {
            name: &self.name,
            namespace: &self.namespace,
            uid,
            mode: self.mode,
            now: self.now,
            standing: None,
            line: None,
            last_decisions: None,
            truncated: true,
        }
    }
}

#[cfg(test)]
mod tests;
