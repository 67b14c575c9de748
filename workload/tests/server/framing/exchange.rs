//! Sends bytes to a server and reads what it makes of them.

use std::fmt::{self, Display, Formatter};
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

/// What a server has understood of some bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Understood {
    /// The requests it has served, as the server behind it says.
    pub(super) served: Vec<String>,
    /// The status with which it has refused what followed.
    pub(super) refused: Option<u16>,
}

/// A server that waits for more gets none after so long.
const WAIT: Duration = Duration::from_millis(400);

pub(super) fn exchange(address: SocketAddr, bytes: &[u8]) -> Understood {
    let mut socket = TcpStream::connect(address).unwrap();
    socket.set_read_timeout(Some(WAIT)).unwrap();
    // It may close before it has read everything.
    drop(socket.write_all(bytes));
    let mut answer = Vec::new();
    if socket.read_to_end(&mut answer).is_err() {
        drop(socket.shutdown(Shutdown::Write));
        drop(socket.read_to_end(&mut answer));
    }
    understand(&answer)
}

fn understand(mut answer: &[u8]) -> Understood {
    let mut understood = Understood { served: Vec::new(), refused: None };
    while let Some((status, body, rest)) = split(answer) {
        match status {
            100..200 => {}
            200 => understood.served.push(body),
            _ => understood.refused = understood.refused.or(Some(status)),
        }
        answer = rest;
    }
    understood
}

/// The first response: its status, its body, and what follows.
fn split(answer: &[u8]) -> Option<(u16, String, &[u8])> {
    let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n")? + 4;
    let head = String::from_utf8_lossy(&answer[..end]).to_lowercase();
    let status: u16 = head.split(' ').nth(1)?.parse().ok()?;
    let field = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    let rest = &answer[end..];
    if (100..200).contains(&status) {
        return Some((status, String::new(), rest));
    }
    if field("transfer-encoding:").is_some() {
        return chunked(rest).map(|(body, rest)| (status, body, rest));
    }
    let length = field("content-length:").map_or(Some(0), |length| length.parse().ok())?;
    // The answer to HEAD says how long its body would be.
    let length = if rest.starts_with(b"HTTP/") { 0 } else { rest.len().min(length) };
    Some((status, String::from_utf8_lossy(&rest[..length]).into_owned(), &rest[length..]))
}

fn chunked(mut rest: &[u8]) -> Option<(String, &[u8])> {
    let mut body = Vec::new();
    loop {
        let line = rest.windows(2).position(|bytes| bytes == b"\r\n")?;
        let length = usize::from_str_radix(std::str::from_utf8(&rest[..line]).ok()?, 16).ok()?;
        body.extend_from_slice(rest.get(line + 2..line + 2 + length)?);
        rest = rest.get(line + 4 + length..)?;
        if length == 0 {
            return Some((String::from_utf8_lossy(&body).into_owned(), rest));
        }
    }
}

impl Display for Understood {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.served.join(", "))?;
        match self.refused {
            Some(status) if self.served.is_empty() => write!(f, "{status}"),
            Some(status) => write!(f, ", {status}"),
            None if self.served.is_empty() => write!(f, "closed"),
            None => Ok(()),
        }
    }
}
