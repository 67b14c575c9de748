//! The connections of one destination, and the requests that wait for one. Pure.

use super::requests::{ConnectionId, RequestId};
use std::collections::VecDeque;

/// Idle connections are used in turn, as those of many clients would be: each worker of a server gets its share.
#[derive(Debug)]
pub(super) struct Pool {
    limit: usize,
    open: usize,
    opened: u64,
    /// May hold connections that have been closed or used since: whoever takes one checks it.
    idle: VecDeque<ConnectionId>,
    /// In order of intended times; may hold requests that have timed out.
    waiting: VecDeque<RequestId>,
}

impl Pool {
    /// At most `limit` connections are open at a time.
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, open: 0, opened: 0, idle: VecDeque::new(), waiting: VecDeque::new() }
    }

    /// Connections opened so far.
    pub(super) fn opened(&self) -> u64 {
        self.opened
    }

    pub(super) fn may_open(&self) -> bool {
        self.open < self.limit
    }

    pub(super) fn connection_opened(&mut self) {
        self.open += 1;
        self.opened += 1;
    }

    pub(super) fn connection_closed(&mut self) {
        self.open = self.open.saturating_sub(1);
    }

    pub(super) fn connection_idle(&mut self, connection: ConnectionId) {
        self.idle.push_back(connection);
    }

    /// The connection idle for longest that is still `usable`.
    pub(super) fn take_idle(&mut self, usable: impl Fn(ConnectionId) -> bool) -> Option<ConnectionId> {
        while let Some(connection) = self.idle.pop_front() {
            if usable(connection) {
                return Some(connection);
            }
        }
        None
    }

    pub(super) fn wait(&mut self, request: RequestId) {
        self.waiting.push_back(request);
    }

    /// The request waiting for longest that is still `alive`.
    pub(super) fn take_waiting(&mut self, alive: impl Fn(RequestId) -> bool) -> Option<RequestId> {
        while let Some(request) = self.waiting.pop_front() {
            if alive(request) {
                return Some(request);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idle_connections_are_used_in_turn_and_closed_ones_left_out() {
        let mut pool = Pool::new(3);
        (0..3).for_each(|connection| pool.connection_idle(connection));
        assert_eq!(pool.take_idle(|connection| connection != 0), Some(1));
        assert_eq!(pool.take_idle(|_| true), Some(2));
        assert_eq!(pool.take_idle(|_| true), None);
    }

    #[test]
    fn requests_wait_in_their_order_and_ended_ones_are_left_out() {
        let mut pool = Pool::new(1);
        (10..13).for_each(|request| pool.wait(request));
        assert_eq!(pool.take_waiting(|request| request > 10), Some(11));
        assert_eq!(pool.take_waiting(|_| true), Some(12));
    }

    #[test]
    fn no_more_connections_are_opened_than_allowed() {
        let mut pool = Pool::new(1);
        assert!(pool.may_open());
        pool.connection_opened();
        assert!(!pool.may_open());
        pool.connection_closed();
        assert!(pool.may_open());
        assert_eq!(pool.opened(), 1);
    }
}
