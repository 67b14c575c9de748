//! Where requests go: `http://HOST[:PORT][/PATH]`.

use std::net::{SocketAddr, ToSocketAddrs};

/// A target as the user named it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Host and port as they go into the Host header.
    pub authority: String,
    /// Path and query, starting with a slash.
    pub path: String,
    /// Name or address, without brackets.
    host: String,
    port: u16,
}

/// Why a URL is no target.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// Another scheme, or none.
    #[error("{0:?} does not start with http://; other schemes are not supported")]
    Scheme(String),
    /// No host, a user, a fragment, a wrong port.
    #[error("{url:?} has {problem}; expected http://HOST[:PORT][/PATH]")]
    Form {
        /// The URL.
        url: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The name has no address.
    #[error("cannot resolve {host:?}: {source}; check the name in --target")]
    Resolve {
        /// The name.
        host: String,
        /// The cause.
        source: std::io::Error,
    },
}

impl Target {
    /// Reads a URL.
    pub fn parse(url: &str) -> Result<Self, TargetError> {
        let rest = url.strip_prefix("http://").ok_or_else(|| TargetError::Scheme(url.to_owned()))?;
        let form = |problem| TargetError::Form { url: url.to_owned(), problem };
        let slash = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(slash);
        if !url.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(form("characters that a URL has to escape"));
        }
        if url.contains('#') || authority.contains('@') {
            return Err(form("a user or a fragment"));
        }
        let (host, port) = split_port(authority).ok_or_else(|| form("no valid port"))?;
        if host.is_empty() {
            return Err(form("no host"));
        }
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        Ok(Self { authority: authority.to_owned(), path, host: host.to_owned(), port })
    }

    /// The first address of the host, IPv4 first: `localhost` is both, and most servers listen on that one.
    pub fn resolve(&self) -> Result<SocketAddr, TargetError> {
        let failed = |source| TargetError::Resolve { host: self.host.clone(), source };
        let addresses: Vec<_> = (self.host.as_str(), self.port).to_socket_addrs().map_err(failed)?.collect();
        let first = addresses.iter().find(|address| address.is_ipv4()).or_else(|| addresses.first());
        first.copied().ok_or_else(|| failed(std::io::Error::other("it has no address")))
    }
}

fn split_port(authority: &str) -> Option<(&str, u16)> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?,
        None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
    };
    match port.strip_prefix(':') {
        Some(port) => Some((host, port.parse().ok().filter(|port| *port > 0)?)),
        None => port.is_empty().then_some((host, 80)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("http://localhost", "localhost", 80, "/")]
    #[case("http://127.0.0.1:8080/work?cost=1", "127.0.0.1", 8080, "/work?cost=1")]
    #[case("http://[::1]:8080", "::1", 8080, "/")]
    #[case("http://h?q", "h", 80, "/?q")]
    fn a_url_splits_into_host_port_and_path(
        #[case] url: &str,
        #[case] host: &str,
        #[case] port: u16,
        #[case] path: &str,
    ) {
        let target = Target::parse(url).unwrap();
        assert_eq!((target.host.as_str(), target.port, target.path.as_str()), (host, port, path));
    }

    #[rstest]
    #[case("https://h", "does not start with http://")]
    #[case("localhost:80", "does not start with http://")]
    #[case("http://", "no host")]
    #[case("http://:80", "no host")]
    #[case("http://h:0", "no valid port")]
    #[case("http://h:x", "no valid port")]
    #[case("http://[::1", "no valid port")]
    #[case("http://u@h", "a user or a fragment")]
    #[case("http://h/#a", "a user or a fragment")]
    #[case("http://h/a b", "characters that a URL has to escape")]
    fn a_wrong_url_says_what_is_wrong(#[case] url: &str, #[case] expected: &str) {
        let message = Target::parse(url).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    }
}
