//! What is measured: a protocol, a number of connections, a number of workers.

use std::fmt;

/// What is asked, and over what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Protocol {
    /// HTTP/1.1 keep-alive, GET, an answer of 13 bytes.
    H1,
    /// The same with a new connection for each request.
    H1Close,
    /// HTTP/1.1 keep-alive, GET, some 300 bytes of JSON.
    H1Json,
    /// HTTP/1.1 keep-alive, POST of 1 KiB, an answer of 13 bytes.
    H1Post,
    /// HTTP/2 in clear text, ten streams a connection, GET, an answer of 13 bytes.
    H2,
    /// HTTP/1.1 keep-alive over TLS 1.3, GET, an answer of 13 bytes.
    Tls,
    /// A new TLS 1.3 connection for each request, not resumed, with a key on P-256.
    TlsHandshake,
}

/// One measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Case {
    pub protocol: Protocol,
    /// Connections open at the same time.
    pub connections: usize,
    /// Worker threads or processes of the server.
    pub workers: usize,
}

/// Everything that is measured, in this order.
pub const ALL: &[Case] = &[
    Case { protocol: Protocol::H1, connections: 64, workers: 1 },
    Case { protocol: Protocol::H1, connections: 512, workers: 1 },
    Case { protocol: Protocol::H1, connections: 4096, workers: 1 },
    Case { protocol: Protocol::H1Close, connections: 64, workers: 1 },
    Case { protocol: Protocol::H1Json, connections: 64, workers: 1 },
    Case { protocol: Protocol::H1Post, connections: 64, workers: 1 },
    Case { protocol: Protocol::H1, connections: 64, workers: 2 },
    Case { protocol: Protocol::H2, connections: 64, workers: 1 },
    Case { protocol: Protocol::Tls, connections: 64, workers: 1 },
    Case { protocol: Protocol::TlsHandshake, connections: 64, workers: 1 },
];

impl Protocol {
    /// As reports write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::H1 => "h1",
            Self::H1Close => "h1-close",
            Self::H1Json => "h1-json",
            Self::H1Post => "h1-post",
            Self::H2 => "h2",
            Self::Tls => "tls",
            Self::TlsHandshake => "tls-handshake",
        }
    }

    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::H1 => "HTTP/1.1, GET, 13 bytes",
            Self::H1Close => "HTTP/1.1, a connection for each GET",
            Self::H1Json => "HTTP/1.1, GET, JSON",
            Self::H1Post => "HTTP/1.1, POST of 1 KiB",
            Self::H2 => "HTTP/2, GET, 10 streams a connection",
            Self::Tls => "HTTP/1.1 over TLS 1.3, GET",
            Self::TlsHandshake => "TLS 1.3, a connection for each GET",
        }
    }

    /// Whether it needs certificates.
    pub fn encrypted(self) -> bool {
        matches!(self, Self::Tls | Self::TlsHandshake)
    }

    /// Whether a connection carries one request only.
    pub fn one_request(self) -> bool {
        matches!(self, Self::H1Close | Self::TlsHandshake)
    }
}

impl Case {
    /// Whether `pattern` of the command line means it: the whole name, or its beginning up to a hyphen.
    pub fn is_meant_by(&self, pattern: &str) -> bool {
        let name = self.to_string();
        name == pattern || name.strip_prefix(pattern).is_some_and(|rest| rest.starts_with('-'))
    }

    /// In words.
    pub fn words(&self) -> String {
        let workers =
            if self.workers == 1 { "1 worker".to_owned() } else { format!("{} workers", self.workers) };
        format!("{}; {} connections, {workers}", self.protocol.words(), self.connections)
    }
}

/// Its name on the command line: `h1-64`, or `h1-64-w2` with two workers.
impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.protocol.name(), self.connections)?;
        if self.workers > 1 {
            write!(f, "-w{}", self.workers)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("h1-64", &["h1-64", "h1-64-w2"])]
    #[case("h1-4096", &["h1-4096"])]
    #[case("h1-64-w2", &["h1-64-w2"])]
    #[case("tls", &["tls-64", "tls-handshake-64"])]
    #[case("h1-json", &["h1-json-64"])]
    #[case("h", &[])]
    fn a_pattern_means_names_that_begin_with_it(#[case] pattern: &str, #[case] expected: &[&str]) {
        let meant: Vec<_> =
            ALL.iter().filter(|case| case.is_meant_by(pattern)).map(ToString::to_string).collect();
        assert_eq!(meant, expected);
    }
}
