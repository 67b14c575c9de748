//! One exchange by plain means, to see that a server answers what all answer.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context as _, ensure};

/// A server that says nothing for so long will not.
const PATIENCE: Duration = Duration::from_secs(5);

/// Fails unless the answer to `request` is 200 with that body.
pub fn probe(address: SocketAddr, request: &[u8], expected: &str) -> anyhow::Result<()> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(request)?;
    let (mut answer, mut piece) = (Vec::new(), [0; 4096]);
    while !answer.ends_with(expected.as_bytes()) {
        let count = stream.read(&mut piece).context("the answer does not end as expected")?;
        let text = || String::from_utf8_lossy(&answer).into_owned();
        ensure!(count > 0, "answered \"{}\" where \"{expected}\" was expected", text());
        answer.extend_from_slice(&piece[..count]);
    }
    ensure!(answer.starts_with(b"HTTP/1.1 200"), "answered \"{}\"", String::from_utf8_lossy(&answer));
    Ok(())
}
