//! Sending: what is due goes on an idle connection, on a new one, or waits.

use super::connection::{Connection, Doing, Step};
use super::requests::{ConnectionId, RequestId, Stage};
use super::run::Engine;
use crate::account::{Failure, Outcome};
use mio::Token;
use std::time::Duration;

/// Requests sent before events are looked at again: a burst does not keep answers waiting for long.
const BATCH: usize = 64;

impl<A: Iterator<Item = Duration>> Engine<A> {
    /// Takes up the requests whose intended time has come.
    pub(super) fn send_due(&mut self) {
        let mut now = self.now();
        for _ in 0..BATCH {
            let Some(due) = self.next_due().filter(|due| *due <= now) else {
                return;
            };
            self.arrivals.next();
            let destination = (self.requests.next_id() % self.setup.destinations.len() as u64) as usize;
            self.ledger.intend(due, destination);
            let id = self.requests.push(due, destination);
            now = self.now();
            // Late by more than its timeout it is not worth a connection: `end_overdue` comes next.
            if due + self.setup.timeout > now {
                self.send(id, destination, now);
            }
        }
    }

    /// Ends the requests whose timeout has passed; those on a connection take it with them.
    pub(super) fn end_overdue(&mut self) {
        let now = self.now();
        let mut any = false;
        while let Some((id, request)) = self.requests.earliest() {
            if request.intended + self.setup.timeout > now {
                break;
            }
            match request.stage {
                Stage::On(connection) => self.close(connection),
                Stage::Waiting => {
                    self.ledger.start(request.intended, self.schedule.behind(now, request.intended));
                }
                Stage::Ended => {}
            }
            self.end(id, Outcome::Failed(Failure::Timeout));
            any = true;
        }
        if any {
            (0..self.pools.len()).for_each(|destination| self.serve_waiting(destination));
        }
    }

    /// Starts a request, or lets it wait for a connection.
    fn send(&mut self, id: RequestId, destination: usize, now: Duration) {
        let connections = &self.connections;
        let idle =
            self.pools[destination].take_idle(|connection| is_idle(connections, connection, destination));
        match idle {
            Some(connection) => self.start_on(connection, id, now),
            None if self.pools[destination].may_open() => self.start_on_new(id, destination, now),
            None => self.pools[destination].wait(id),
        }
    }

    /// Starts the requests that wait for a connection to this destination, as far as connections may be opened.
    pub(super) fn serve_waiting(&mut self, destination: usize) {
        while self.pools[destination].may_open() {
            let now = self.now();
            let Some(id) = self.next_waiting(destination, now) else {
                return;
            };
            self.start_on_new(id, destination, now);
        }
    }

    /// A connection is free: the request that waits for longest gets it.
    pub(super) fn hand_over(&mut self, connection: ConnectionId, destination: usize, now: Duration) {
        match self.next_waiting(destination, now) {
            Some(id) => self.start_on(connection, id, now),
            None => self.pools[destination].connection_idle(connection),
        }
    }

    /// Overdue ones are left to `end_overdue`.
    fn next_waiting(&mut self, destination: usize, now: Duration) -> Option<RequestId> {
        let (requests, timeout) = (&self.requests, self.setup.timeout);
        self.pools[destination]
            .take_waiting(|id| requests.get(id).is_some_and(|one| one.intended + timeout > now))
    }

    fn start_on(&mut self, connection: ConnectionId, id: RequestId, now: Duration) {
        self.record_start(id, now);
        self.requests.put_on(id, connection);
        let Some(open) = self.connections[connection].as_mut() else {
            return;
        };
        let step = open.begin(id, &self.setup.destinations[open.destination].request.bytes);
        self.after(connection, step);
    }

    fn start_on_new(&mut self, id: RequestId, destination: usize, now: Duration) {
        self.record_start(id, now);
        let connection = self.free.pop().unwrap_or(self.connections.len());
        let to = &self.setup.destinations[destination];
        let (registry, token) = (self.poll.registry(), Token(connection));
        match Connection::open(registry, token, to.address, destination, to.request.no_body, id) {
            Ok(open) => {
                self.requests.put_on(id, connection);
                self.pools[destination].connection_opened();
                if connection == self.connections.len() {
                    self.connections.push(Some(open));
                } else {
                    self.connections[connection] = Some(open);
                }
            }
            Err(failure) => {
                if connection < self.connections.len() {
                    self.free.push(connection);
                }
                self.end(id, Outcome::Failed(failure));
            }
        }
    }

    fn record_start(&mut self, id: RequestId, now: Duration) {
        if let Some(request) = self.requests.get(id) {
            self.ledger.start(request.intended, self.schedule.behind(now, request.intended));
        }
    }

    pub(super) fn end(&mut self, id: RequestId, outcome: Outcome) {
        if let Some(request) = self.requests.end(id) {
            self.ledger.end(request.intended, request.destination, outcome);
        }
    }

    /// Closes a connection; its request, if any, is the caller's to end.
    pub(super) fn close(&mut self, connection: ConnectionId) {
        if let Some(closed) = self.connections[connection].take() {
            self.pools[closed.destination].connection_closed();
            self.free.push(connection);
        }
    }

    pub(super) fn record_sent(&mut self, id: RequestId) {
        self.requests_sent += 1;
        if let Some(request) = self.requests.get(id) {
            self.ledger.sent(request.intended, request.destination);
        }
    }

    /// What follows from a step of a connection.
    pub(super) fn after(&mut self, connection: ConnectionId, step: Step) {
        let Some(open) = self.connections[connection].as_mut() else {
            return;
        };
        let (request, destination) = (open.request(), open.destination);
        match step {
            Step::Continues => {}
            Step::Sent => {
                if let Some(id) = request {
                    self.record_sent(id);
                }
            }
            Step::IdleClosed => {
                self.close(connection);
                self.serve_waiting(destination);
            }
            Step::Failed(failure) => {
                self.close(connection);
                if let Some(id) = request {
                    self.end(id, Outcome::Failed(failure));
                }
                self.serve_waiting(destination);
            }
            Step::Answered(answer) => {
                open.doing = Doing::Nothing;
                let now = self.now();
                if let Some(id) = request {
                    self.answered(id, answer.status, now);
                }
                if answer.reusable && self.keeps_connections() {
                    self.hand_over(connection, destination, now);
                } else {
                    self.close(connection);
                    self.serve_waiting(destination);
                }
            }
        }
    }

    /// An answer that is complete only after the timeout is a timeout, whichever of the two is noticed first.
    fn answered(&mut self, id: RequestId, status: u16, now: Duration) {
        let Some(request) = self.requests.get(id) else {
            return;
        };
        let latency = now.saturating_sub(request.intended);
        if latency > self.setup.timeout {
            self.end(id, Outcome::Failed(Failure::Timeout));
        } else {
            self.end(id, Outcome::Answered { status, latency });
        }
    }
}

fn is_idle(connections: &[Option<Connection>], connection: ConnectionId, destination: usize) -> bool {
    connections[connection]
        .as_ref()
        .is_some_and(|open| open.doing == Doing::Nothing && open.destination == destination)
}
