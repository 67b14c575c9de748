//! What the server has closed although its client had not, by reason.

use serde::{Deserialize, Serialize};

use super::counters::count;

/// Connections that the server has closed. Those that end with the server itself are not counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ConnectionsClosed {
    /// TLS was not agreed on in time.
    #[serde(deserialize_with = "count")]
    pub slow_handshake: u64,
    /// A request's head did not come in time, or no first request at all.
    #[serde(deserialize_with = "count")]
    pub slow_head: u64,
    /// A request's body did not come in time.
    #[serde(deserialize_with = "count")]
    pub slow_body: u64,
    /// A frame of HTTP/2 was begun and not ended in time.
    #[serde(deserialize_with = "count")]
    pub slow_frame: u64,
    /// The client read nothing of what was to be sent.
    #[serde(deserialize_with = "count")]
    pub slow_reader: u64,
    /// There was no request for long.
    #[serde(deserialize_with = "count")]
    pub idle: u64,
    /// The connection was old.
    #[serde(deserialize_with = "count")]
    pub age: u64,
    /// Fewer connections were ordered, by `PUT /connections`.
    #[serde(deserialize_with = "count")]
    pub order: u64,
    /// It had carried as many requests as one connection may (HTTP/2).
    #[serde(deserialize_with = "count")]
    pub requests: u64,
    /// Its worker ended, and it could not move to another (HTTP/2).
    #[serde(deserialize_with = "count")]
    pub worker: u64,
    /// The client sent too much that was neither a request nor called for by an answer (HTTP/2).
    #[serde(deserialize_with = "count")]
    pub flood: u64,
    /// What the client sent was against HTTP's rules, or too large.
    #[serde(deserialize_with = "count")]
    pub malformed: u64,
}

/// Streams of HTTP/2 that the server has ended before their time; their connections go on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct StreamsClosed {
    /// The request's body did not come in time.
    #[serde(deserialize_with = "count")]
    pub slow_body: u64,
    /// The client opened no window for the answer.
    #[serde(deserialize_with = "count")]
    pub slow_reader: u64,
}

impl ConnectionsClosed {
    /// Each reason, as it is called in JSON, with its count.
    pub fn by_reason(&self) -> [(&'static str, u64); 12] {
        [
            ("slowHandshake", self.slow_handshake),
            ("slowHead", self.slow_head),
            ("slowBody", self.slow_body),
            ("slowFrame", self.slow_frame),
            ("slowReader", self.slow_reader),
            ("idle", self.idle),
            ("age", self.age),
            ("order", self.order),
            ("requests", self.requests),
            ("worker", self.worker),
            ("flood", self.flood),
            ("malformed", self.malformed),
        ]
    }
}

impl StreamsClosed {
    /// Each reason, as it is called in JSON, with its count.
    pub fn by_reason(&self) -> [(&'static str, u64); 2] {
        [("slowBody", self.slow_body), ("slowReader", self.slow_reader)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_called_as_in_json() {
        let json = serde_json::to_value(ConnectionsClosed::default()).unwrap();
        let reasons = ConnectionsClosed::default().by_reason();
        assert!(reasons.iter().all(|(reason, _)| json[reason] == 0), "{json}");
        assert_eq!(json.as_object().unwrap().len(), reasons.len());
    }
}
