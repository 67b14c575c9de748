//! Receiving: what an event means depends on what its connection is doing.

use super::connection::{Doing, Step};
use super::requests::ConnectionId;
use super::run::Engine;
use std::time::Duration;

impl<A: Iterator<Item = Duration>> Engine<A> {
    /// Something happened on a connection. The event may be stale: the connection closed or another one in its place.
    pub(super) fn ready(&mut self, connection: ConnectionId, readable: bool, writable: bool, closing: bool) {
        let Some(open) = self.connections.get_mut(connection).and_then(Option::as_mut) else {
            return;
        };
        let bytes = &self.setup.destinations[open.destination].request.bytes;
        let step = match open.doing {
            Doing::Connecting(request) if writable || closing => open.connected(request, bytes),
            Doing::Exchange(_) if writable => open.write(bytes),
            _ => Step::Continues,
        };
        self.after(connection, step);
        if readable || closing {
            self.read(connection, closing);
        }
    }

    fn read(&mut self, connection: ConnectionId, closing: bool) {
        let Some(open) = self.connections[connection].as_mut() else {
            return;
        };
        if matches!(open.doing, Doing::Connecting(_)) {
            return;
        }
        let expected = self.setup.destinations[open.destination].request.bytes.len();
        let step = open.read(&mut self.buffer, closing, expected);
        self.after(connection, step);
    }
}
