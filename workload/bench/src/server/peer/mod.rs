//! The servers that are compared, each as its authors recommend to run it.

mod h2o;
mod haproxy;
mod headroom;
mod nginx;
mod small;
#[cfg(test)]
mod tests;

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::case::{Case, Protocol};

/// What all answer, but for JSON.
pub const ANSWER: &str = "hello, world\n";

/// The JSON of servers that answer with constants; as long as what the others make for each request.
pub const JSON: &str = concat!(
    r#"{"id":4711,"customer":"Ada Example","city":"Springfield","express":true,"#,
    r#""lines":[{"article":"blue notebook, ruled","count":3,"cents":499},"#,
    r#"{"article":"pencil, soft","count":12,"cents":85},{"article":"desk lamp","count":1,"cents":3990}],"#,
    r#""note":"please ring twice","cents":6507}"#
);

/// From here on servers have to be told how many connections there will be. To open them may then take longer than a
/// server keeps idle ones.
const MANY: usize = 10_000;

/// How long a server keeps them then.
const LONG: &str = "1800s";

/// A server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Peer {
    /// Ours, under that name, from that program.
    Headroom {
        name: String,
        program: PathBuf,
    },
    Nginx,
    Haproxy,
    H2o,
    Go,
    Axum,
    Actix,
    /// No server: it answers whatever comes.
    Floor,
}

/// What a server is started for.
#[derive(Debug)]
pub struct Setup<'a> {
    pub case: Case,
    pub address: SocketAddr,
    /// For its configuration; its own.
    pub folder: &'a Path,
    /// Where the peers that are built for this are.
    pub built: &'a Path,
    /// Certificate and key.
    pub certificate: (&'a Path, &'a Path),
}

impl Peer {
    /// Everything that ours is compared with, ours first.
    pub fn all(ours: PathBuf) -> Vec<Self> {
        let ours = Self::Headroom { name: "headroom".to_owned(), program: ours };
        vec![ours, Self::Nginx, Self::Haproxy, Self::H2o, Self::Go, Self::Axum, Self::Actix, Self::Floor]
    }

    /// Whether it is compared in a case: in clear-text HTTP/1.1 all are.
    pub fn takes_part(&self, case: Case) -> bool {
        match case.protocol {
            Protocol::H1 | Protocol::H1Close | Protocol::H1Json | Protocol::H1Post => true,
            Protocol::H2 | Protocol::Tls | Protocol::TlsHandshake => {
                matches!(self, Self::Headroom { .. } | Self::Nginx | Self::H2o)
            }
        }
    }

    /// Why it can't be measured in a case, if so.
    pub fn refuses(&self, case: Case) -> Option<String> {
        match (self, case.protocol) {
            (Self::Headroom { program, .. }, protocol) if protocol.encrypted() => {
                headroom::knows_tls(program)
            }
            (Self::H2o, Protocol::H1Post) => Some("its file handler takes no POST".to_owned()),
            _ => None,
        }
    }

    /// Whether its memory for idle connections is measured.
    pub fn keeps_many_connections(&self) -> bool {
        matches!(self, Self::Headroom { .. } | Self::Nginx)
    }

    /// The command that serves in the foreground.
    pub fn command(&self, setup: &Setup<'_>) -> anyhow::Result<Command> {
        match self {
            Self::Headroom { program, .. } => Ok(headroom::command(program, setup)),
            Self::Nginx => nginx::command(setup),
            Self::Haproxy => haproxy::command(setup),
            Self::H2o => h2o::command(setup),
            Self::Go => Ok(small::peer("go-peer", setup)),
            Self::Axum => Ok(small::peer("axum-peer", setup)),
            Self::Actix => Ok(small::peer("actix-peer", setup)),
            Self::Floor => small::floor(setup),
        }
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Headroom { name, .. } => name,
            Self::Nginx => "nginx",
            Self::Haproxy => "haproxy",
            Self::H2o => "h2o",
            Self::Go => "go",
            Self::Axum => "axum",
            Self::Actix => "actix",
            Self::Floor => "floor",
        })
    }
}
