//! PURE: the same event is told once, not once a tick.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;

/// Events remembered at most; beyond it the old ones are looked for and dropped.
const MOST: usize = 20_000;

/// Remembers which events were told when.
#[derive(Debug, Default)]
pub struct Dedupe {
    told: HashMap<Key, (Timestamp, Duration)>,
}

/// What makes two events the same: the object, the reason, and the values that matter.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Key {
    /// UID of the object.
    pub uid: String,
    /// Name of the reason.
    pub reason: &'static str,
    /// The values.
    pub values: String,
}

impl Dedupe {
    /// Whether to tell an event now that stays told for `window`.
    pub fn admits(&mut self, key: Key, window: Duration, now: Timestamp) -> bool {
        if self.told.len() >= MOST {
            self.told.retain(|_, told| is_told(*told, now));
        }
        if self.told.get(&key).is_some_and(|told| is_told(*told, now)) || self.told.len() >= MOST {
            return false;
        }
        self.told.insert(key, (now, window));
        true
    }

    /// The object is gone.
    pub fn forget(&mut self, uid: &str) {
        self.told.retain(|key, _| key.uid != uid);
    }
}

fn is_told((at, window): (Timestamp, Duration), now: Timestamp) -> bool {
    now.duration_since(at).as_secs_f64() < window.as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn key(uid: &str, values: &str) -> Key {
        Key { uid: uid.to_owned(), reason: "EvidenceLost", values: values.to_owned() }
    }

    #[test]
    fn an_event_is_told_again_after_its_window_or_with_other_values() {
        let window = Duration::from_secs(120);
        let mut dedupe = Dedupe::default();
        assert!(dedupe.admits(key("a", "7"), window, at(0)));
        assert!(!dedupe.admits(key("a", "7"), window, at(119)));
        assert!(dedupe.admits(key("a", "8"), window, at(1)));
        assert!(dedupe.admits(key("b", "7"), window, at(1)));
        assert!(dedupe.admits(key("a", "7"), window, at(120)));
        dedupe.forget("a");
        assert!(dedupe.admits(key("a", "7"), window, at(121)));
    }

    #[test]
    fn memory_is_bounded() {
        let mut dedupe = Dedupe::default();
        for index in 0..MOST + 100 {
            dedupe.admits(key("a", &index.to_string()), Duration::from_secs(60), at(0));
        }
        assert_eq!(dedupe.told.len(), MOST);
        assert!(!dedupe.admits(key("b", ""), Duration::from_secs(60), at(1)));
        assert!(dedupe.admits(key("b", ""), Duration::from_secs(60), at(61)));
    }
}
