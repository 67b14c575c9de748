//! Why the server ends a connection, or a stream of one, that its client has not ended.

/// A reason. The first one counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// TLS was not agreed on in time.
    SlowHandshake,
    /// A head did not come in time, or no request at all.
    SlowHead,
    /// A body did not come in time.
    SlowBody,
    /// A frame of HTTP/2 was begun and not ended in time.
    SlowFrame,
    /// The client took nothing of what was to be written.
    SlowReader,
    /// No request for long.
    Idle,
    /// It was old.
    Age,
    /// Fewer connections were ordered.
    Order,
    /// It had carried as many requests as one may.
    Requests,
    /// Its worker ended, and it could not go to another.
    Worker,
    /// The client sent much that was neither a request nor called for.
    Flood,
    /// What the client sent was against HTTP's rules, or too large.
    Malformed,
}

impl Cut {
    pub(crate) const COUNT: usize = Self::Malformed as usize + 1;
}
