//! Which pods have more connections than their share, and to how many they are told to go back.
//!
//! A balancer below HTTP gives new connections to new pods and moves none: what a pod ends comes back as new connections,
//! spread over all pods. Each round halves the excess at worst, and no pod is told to go below the mean.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

/// A pod is above the others with more connections than this many hundredths of the mean ...
const ABOVE_PERCENT: u64 = 115;
/// ... and with so many more than it: what chance makes of few connections is left alone.
const ABOVE_COUNT: u64 = 8;
/// A pod that became ready so recently is new: others give it its share at once.
const NEW: SignedDuration = SignedDuration::from_secs(60);
/// Without a new pod it is told once connections have been uneven for so long.
const LASTING: SignedDuration = SignedDuration::from_secs(10);
/// Time between two orders to one pod: what the last one ended is back by then.
const AGAIN: SignedDuration = SignedDuration::from_secs(5);

/// A ready pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Carrier<'a> {
    /// Its name, unique among the pods of the service.
    pub pod: &'a str,
    /// Client connections open, if it told at this look.
    pub connections: Option<u32>,
}

/// A pod is to end its connections above so many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// Its name.
    pub pod: String,
    /// Connections that stay: at least the mean, and at least half of what there is.
    pub at_most: u32,
    /// Connections that end.
    pub ends: u32,
}

/// What is remembered of one service between two looks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Balance {
    uneven_since: Option<Timestamp>,
    ready: BTreeMap<String, Known>,
}

/// What is remembered of a ready pod.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Known {
    /// When it was first seen ready, if that was not at the first look. Not when the cluster says: clocks differ.
    since: Option<Timestamp>,
    told: Option<Timestamp>,
}

impl Balance {
    /// What pods are told now, given all ready pods.
    pub fn orders(&mut self, pods: &[Carrier<'_>], now: Timestamp) -> Vec<Order> {
        self.meet(pods, now);
        let above = above(pods);
        if above.is_empty() {
            self.uneven_since = None;
            return Vec::new();
        }
        let since = *self.uneven_since.get_or_insert(now);
        let is_new = |known: &Known| known.since.is_some_and(|since| within(since, NEW, now));
        if within(since, LASTING, now) && !self.ready.values().any(is_new) {
            return Vec::new();
        }
        above.into_iter().filter(|order| self.tell(&order.pod, now)).collect()
    }

    /// Takes in who is ready.
    fn meet(&mut self, pods: &[Carrier<'_>], now: Timestamp) {
        let first = self.ready.is_empty();
        let mut before = std::mem::take(&mut self.ready);
        let since = (!first).then_some(now);
        for pod in pods {
            let (name, known) = before
                .remove_entry(pod.pod)
                .unwrap_or_else(|| (pod.pod.to_owned(), Known { since, told: None }));
            self.ready.insert(name, known);
        }
    }

    /// Whether this pod is told now.
    fn tell(&mut self, pod: &str, now: Timestamp) -> bool {
        let Some(known) = self.ready.get_mut(pod) else { return false };
        let due = !known.told.is_some_and(|told| within(told, AGAIN, now));
        if due {
            known.told = Some(now);
        }
        due
    }
}

/// Whether `now` is less than `span` after `at`, and not before: a clock that was set back holds up nothing.
fn within(at: Timestamp, span: SignedDuration, now: Timestamp) -> bool {
    (SignedDuration::ZERO..span).contains(&now.duration_since(at))
}

/// Orders for all pods that have more than their share.
fn above(pods: &[Carrier<'_>]) -> Vec<Order> {
    let told = || pods.iter().filter_map(|pod| Some((pod.pod, pod.connections?)));
    let count = told().count() as u64;
    let total: u64 = told().map(|(_, connections)| u64::from(connections)).sum();
    let is_above = |(_, connections): &(&str, u32)| {
        let own = u64::from(*connections) * count;
        own * 100 > total * ABOVE_PERCENT && own >= total + ABOVE_COUNT * count
    };
    let order = |(pod, connections): (&str, u32)| {
        // The mean is below what this pod has, so it fits.
        let mean = u32::try_from(total.div_ceil(count)).unwrap_or(connections);
        let at_most = mean.max(connections.div_ceil(2));
        Order { pod: pod.to_owned(), at_most, ends: connections.saturating_sub(at_most) }
    };
    told().filter(is_above).map(order).collect()
}

#[cfg(test)]
mod tests;
