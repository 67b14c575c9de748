//! Tells a server over its admin port how many workers to run.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::num::NonZeroUsize;
use std::time::Duration;

pub struct Admin {
    stream: BufReader<TcpStream>,
}

impl Admin {
    pub fn connect(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        Ok(Self { stream: BufReader::new(stream) })
    }

    /// Returns when the server says that it runs so many.
    pub fn set_workers(&mut self, token: &str, workers: NonZeroUsize) -> anyhow::Result<()> {
        let body = format!("{{\"workers\":{workers}}}");
        let head = format!("PUT /runtime HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {token}\r\n");
        write!(self.stream.get_mut(), "{head}content-length: {}\r\n\r\n{body}", body.len())?;
        let (mut line, mut length) = (String::new(), 0);
        self.stream.read_line(&mut line)?;
        let ok = line.contains(" 200 ");
        while line != "\r\n" {
            line.clear();
            anyhow::ensure!(self.stream.read_line(&mut line)? > 0, "the server closed the connection");
            if let Some(value) = line.strip_prefix("content-length: ") {
                length = value.trim().parse()?;
            }
        }
        let mut answer = vec![0; length];
        self.stream.read_exact(&mut answer)?;
        let answer: serde_json::Value = serde_json::from_slice(&answer)?;
        anyhow::ensure!(ok && answer["workers"] == workers.get(), "answered {answer}");
        Ok(())
    }
}
