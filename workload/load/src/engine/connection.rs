//! One connection: connects, writes a request, reads its answer. Never blocks.

#[cfg(test)]
mod tests;

use super::requests::RequestId;
use crate::account::Failure;
use crate::http::{Answer, AnswerParser, Ending, Progress};
use mio::{Interest, Registry, Token, net::TcpStream};
use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;

/// What a connection is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doing {
    Connecting(RequestId),
    /// Writing a request or reading its answer.
    Exchange(RequestId),
    Nothing,
}

/// What came of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing that ends the request.
    Continues,
    /// The first bytes of the request have just been written.
    Sent,
    Answered(Answer),
    Failed(Failure),
    /// The server closed the connection while it was idle.
    IdleClosed,
}

/// A nonblocking connection to one destination.
#[derive(Debug)]
pub(super) struct Connection {
    stream: TcpStream,
    pub(super) destination: usize,
    pub(super) doing: Doing,
    /// Bytes of the current request that are written.
    written: usize,
    parser: AnswerParser,
    /// Bytes of the current answer have come.
    answer_began: bool,
}

impl Connection {
    /// Begins to connect for a request.
    pub(super) fn open(
        registry: &Registry,
        token: Token,
        address: SocketAddr,
        destination: usize,
        no_body: bool,
        request: RequestId,
    ) -> Result<Self, Failure> {
        let mut stream = TcpStream::connect(address).map_err(|error| why_not_connected(&error))?;
        registry
            .register(&mut stream, token, Interest::READABLE | Interest::WRITABLE)
            .map_err(|_| Failure::Local)?;
        Ok(Self {
            stream,
            destination,
            doing: Doing::Connecting(request),
            written: 0,
            parser: AnswerParser::new(no_body),
            answer_began: false,
        })
    }

    /// The request whose fate depends on this connection.
    pub(super) fn request(&self) -> Option<RequestId> {
        match self.doing {
            Doing::Connecting(request) | Doing::Exchange(request) => Some(request),
            Doing::Nothing => None,
        }
    }

    /// After a writable event while connecting: finds out whether it is connected, and writes the request then.
    pub(super) fn connected(&mut self, request: RequestId, bytes: &[u8]) -> Step {
        if let Ok(Some(error)) = self.stream.take_error() {
            return Step::Failed(why_not_connected(&error));
        }
        match self.stream.peer_addr() {
            Ok(_) => {
                // Without it a large request would wait for an acknowledgement. If it fails the request is only slower.
                let _ = self.stream.set_nodelay(true);
                self.begin(request, bytes)
            }
            Err(error) if error.kind() == ErrorKind::NotConnected => Step::Continues,
            Err(error) => Step::Failed(why_not_connected(&error)),
        }
    }

    /// Writes a request on a connection that has nothing to do.
    pub(super) fn begin(&mut self, request: RequestId, bytes: &[u8]) -> Step {
        self.doing = Doing::Exchange(request);
        self.written = 0;
        self.answer_began = false;
        self.write(bytes)
    }

    /// Goes on writing the request of an exchange.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Step {
        let first = self.written == 0;
        while self.written < bytes.len() {
            match self.stream.write(&bytes[self.written..]) {
                Ok(count) => self.written += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // An answer may have come before the error, and says more than it.
                Err(_) if self.answer_began => break,
                Err(_) => return Step::Failed(Failure::Reset),
            }
        }
        if first && self.written > 0 { Step::Sent } else { Step::Continues }
    }

    /// Reads what there is of the answer. `closing`: the server is known to have closed its side.
    pub(super) fn read(&mut self, buffer: &mut [u8], closing: bool, request_bytes: usize) -> Step {
        loop {
            let count = match self.stream.read(buffer) {
                Ok(0) => return self.ended(),
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Step::Continues,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(_) => return self.broken(),
            };
            if self.doing == Doing::Nothing {
                return Step::IdleClosed;
            }
            self.answer_began = true;
            match self.parser.feed(&buffer[..count]) {
                Err(_) => return Step::Failed(Failure::Malformed),
                Ok(Progress::Complete(answer)) => {
                    // An answer before the end of the request: the rest of it cannot be followed by another one.
                    let reusable = answer.reusable && !closing && self.written == request_bytes;
                    return Step::Answered(Answer { reusable, ..answer });
                }
                // Less than there was room for: the socket is empty, and the next byte makes a new event.
                Ok(Progress::Partial) if count < buffer.len() && !closing => return Step::Continues,
                Ok(Progress::Partial) => {}
            }
        }
    }

    /// The server closed the connection in order.
    fn ended(&self) -> Step {
        match (self.doing, self.parser.end()) {
            (Doing::Nothing, _) => Step::IdleClosed,
            (_, Ending::Complete(answer)) => Step::Answered(answer),
            (_, Ending::Truncated) => Step::Failed(Failure::Truncated),
            (_, Ending::Nothing) => Step::Failed(Failure::Reset),
        }
    }

    /// The connection broke.
    fn broken(&self) -> Step {
        match self.doing {
            Doing::Nothing => Step::IdleClosed,
            _ if self.answer_began => Step::Failed(Failure::Truncated),
            _ => Step::Failed(Failure::Reset),
        }
    }
}

/// Out of descriptors, ports or memory it is the generator's own fault; anything else is the server's.
fn why_not_connected(error: &io::Error) -> Failure {
    use rustix::io::Errno;
    let own = [Errno::MFILE, Errno::NFILE, Errno::ADDRNOTAVAIL, Errno::NOBUFS, Errno::NOMEM, Errno::AGAIN];
    match Errno::from_io_error(error) {
        Some(errno) if own.contains(&errno) => Failure::Local,
        _ => Failure::Refused,
    }
}
