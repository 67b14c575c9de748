//! The requests under way, in the order in which they were intended. Pure.
//!
//! All have the same timeout, so this is also the order of their deadlines: no heap and no timer wheel is needed.

use std::collections::VecDeque;
use std::time::Duration;

/// Number of a request, counted from 0 in the order of intended times.
pub(super) type RequestId = u64;
/// Index of a connection.
pub(super) type ConnectionId = usize;

/// Where a request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// For want of a connection not started yet.
    Waiting,
    /// On this connection, which may still be connecting.
    On(ConnectionId),
    Ended,
}

/// A request under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Underway {
    pub(super) intended: Duration,
    pub(super) destination: usize,
    pub(super) stage: Stage,
}

/// All requests from the first that has not ended.
#[derive(Debug, Default)]
pub(super) struct Requests {
    first: RequestId,
    queue: VecDeque<Underway>,
    /// Those that have not ended.
    open: usize,
}

impl Requests {
    pub(super) fn next_id(&self) -> RequestId {
        self.first + self.queue.len() as u64
    }

    pub(super) fn push(&mut self, intended: Duration, destination: usize) -> RequestId {
        let id = self.next_id();
        self.queue.push_back(Underway { intended, destination, stage: Stage::Waiting });
        self.open += 1;
        id
    }

    /// The request, unless it has ended.
    pub(super) fn get(&self, id: RequestId) -> Option<Underway> {
        let index = id.checked_sub(self.first)?;
        self.queue.get(index as usize).copied().filter(|request| request.stage != Stage::Ended)
    }

    pub(super) fn put_on(&mut self, id: RequestId, connection: ConnectionId) {
        self.set(id, Stage::On(connection));
    }

    /// Ends a request and returns it as it was; `None` if it had ended already.
    pub(super) fn end(&mut self, id: RequestId) -> Option<Underway> {
        let request = self.get(id)?;
        self.set(id, Stage::Ended);
        self.open -= 1;
        while self.queue.front().is_some_and(|front| front.stage == Stage::Ended) {
            self.queue.pop_front();
            self.first += 1;
        }
        Some(request)
    }

    /// The earliest intended request that has not ended.
    pub(super) fn earliest(&self) -> Option<(RequestId, Underway)> {
        self.queue.front().map(|request| (self.first, *request))
    }

    /// Number of those that have not ended.
    pub(super) fn open(&self) -> usize {
        self.open
    }

    fn set(&mut self, id: RequestId, stage: Stage) {
        if let Some(request) = id.checked_sub(self.first).and_then(|index| self.queue.get_mut(index as usize))
        {
            request.stage = stage;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earliest_is_the_first_that_has_not_ended() {
        let mut requests = Requests::default();
        let ids: Vec<_> = (0..3).map(|second| requests.push(Duration::from_secs(second), 0)).collect();
        assert!(requests.end(ids[1]).is_some());
        assert_eq!(requests.earliest().map(|(id, _)| id), Some(ids[0]));
        assert!(requests.end(ids[0]).is_some());
        assert_eq!(requests.earliest().map(|(id, _)| id), Some(ids[2]));
        assert_eq!((requests.open(), requests.next_id()), (1, 3));
    }

    #[test]
    fn a_request_ends_once() {
        let mut requests = Requests::default();
        let id = requests.push(Duration::ZERO, 1);
        requests.put_on(id, 7);
        assert_eq!(requests.end(id).map(|request| request.stage), Some(Stage::On(7)));
        assert_eq!((requests.end(id), requests.get(id), requests.open()), (None, None, 0));
    }
}
