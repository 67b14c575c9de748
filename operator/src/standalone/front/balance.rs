//! Which server gets the next request: the one with the fewest in flight.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use hyper::http::uri::Authority;

/// The servers that requests may go to. Cheap to clone; every clone is the same list.
#[derive(Debug, Clone, Default)]
pub(crate) struct Backends {
    listed: Arc<RwLock<Vec<Arc<Backend>>>>,
    /// Where the search for the least busy one begins, so that equals take turns.
    turn: Arc<AtomicUsize>,
}

/// One server.
#[derive(Debug)]
pub(crate) struct Backend {
    authority: Authority,
    in_flight: AtomicUsize,
}

/// A request's place at a server, given back when dropped.
#[derive(Debug)]
pub(super) struct Place(Arc<Backend>);

impl Backends {
    /// Lists a server; requests may go to it from now on.
    pub(crate) fn add(&self, backend: &Arc<Backend>) {
        let mut listed = self.listed.write().unwrap_or_else(PoisonError::into_inner);
        listed.push(Arc::clone(backend));
    }

    /// Takes a server out: when this returns, no further request goes to it, and [`Backend::in_flight`] only falls.
    pub(crate) fn remove(&self, backend: &Arc<Backend>) {
        let mut listed = self.listed.write().unwrap_or_else(PoisonError::into_inner);
        listed.retain(|other| !Arc::ptr_eq(other, backend));
    }

    /// A place at the server with the fewest requests in flight; `None` when no server is listed.
    pub(super) fn least_busy(&self) -> Option<Place> {
        let listed = self.listed.read().unwrap_or_else(PoisonError::into_inner);
        let turn = self.turn.fetch_add(1, Ordering::Relaxed) % listed.len().max(1);
        let (before, from_turn) = listed.split_at(turn);
        let chosen = from_turn.iter().chain(before).min_by_key(|b| b.in_flight())?;
        // Counted while the list is still locked: `remove` waits for it, so it can promise that the count only falls.
        chosen.in_flight.fetch_add(1, Ordering::Relaxed);
        Some(Place(Arc::clone(chosen)))
    }
}

impl Backend {
    /// The server at this host and port.
    pub(crate) fn new(authority: Authority) -> Self {
        Self { authority, in_flight: AtomicUsize::new(0) }
    }

    /// Requests sent to it whose answers have not been passed on whole.
    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }
}

impl Place {
    /// Where to send the request.
    pub(super) fn authority(&self) -> Authority {
        self.0.authority.clone()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn backends(names: &[&'static str]) -> (Backends, Vec<Arc<Backend>>) {
        let backends = Backends::default();
        let listed = names.iter().map(|name| Arc::new(Backend::new(Authority::from_static(name))));
        let listed: Vec<_> = listed.collect();
        for backend in &listed {
            backends.add(backend);
        }
        (backends, listed)
    }

    #[test]
    fn nobody_listed_is_nobody_chosen() {
        assert!(Backends::default().least_busy().is_none());
    }

    #[test]
    fn requests_spread_evenly_over_equals() {
        let (backends, listed) = backends(&["a", "b", "c"]);
        let places: Vec<_> = (0..9).filter_map(|_| backends.least_busy()).collect();
        assert_eq!(places.len(), 9);
        assert!(listed.iter().all(|b| b.in_flight() == 3));
    }

    #[test]
    fn idle_equals_take_turns() {
        let (backends, _) = backends(&["a", "b"]);
        let chosen: Vec<_> = (0..4).filter_map(|_| Some(backends.least_busy()?.authority())).collect();
        assert_eq!(chosen, ["a", "b", "a", "b"]);
    }

    #[test]
    fn the_least_busy_one_is_chosen() {
        let (backends, listed) = backends(&["a", "b"]);
        let mut places: Vec<_> = (0..4).filter_map(|_| backends.least_busy()).collect();
        places.retain(|place| place.authority() == "a");
        assert_eq!(listed[1].in_flight(), 0);
        assert_eq!(backends.least_busy().unwrap().authority(), "b");
    }

    #[test]
    fn a_removed_one_gets_no_more_and_keeps_what_it_has() {
        let (backends, listed) = backends(&["a", "b"]);
        let held: Vec<_> = (0..2).filter_map(|_| backends.least_busy()).collect();
        backends.remove(&listed[0]);
        let chosen: Vec<_> = (0..3).filter_map(|_| backends.least_busy()).collect();
        assert!(chosen.iter().all(|place| place.authority() == "b"));
        assert_eq!(listed[0].in_flight(), 1);
        drop(held);
        assert_eq!(listed[0].in_flight(), 0);
    }
}
