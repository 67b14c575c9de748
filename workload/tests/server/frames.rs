//! A client of HTTP/2 that sends whatever frames it likes.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};

use crate::client::PATIENCE;

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const PRIORITY: u8 = 2;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const WINDOW_UPDATE: u8 = 8;
pub(crate) const CONTINUATION: u8 = 9;
pub(crate) const END_STREAM: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;

pub(crate) struct Frames<S = TcpStream> {
    stream: S,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) stream: u32,
    pub(crate) payload: Vec<u8>,
}

impl Frames {
    /// Connects and sends the preface.
    pub(crate) fn connect(address: SocketAddr, settings: &[(u16, u32)]) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        Self::over(stream, settings)
    }
}

impl<S: Read + Write> Frames<S> {
    /// Sends the preface over a stream.
    pub(crate) fn over(stream: S, settings: &[(u16, u32)]) -> io::Result<Self> {
        let mut frames = Self { stream };
        frames.raw(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")?;
        let settings: Vec<u8> = settings
            .iter()
            .flat_map(|(name, value)| [&name.to_be_bytes()[..], &value.to_be_bytes()[..]].concat())
            .collect();
        frames.send(SETTINGS, 0, 0, &settings)?;
        Ok(frames)
    }

    /// On a stream over which the preface was sent.
    pub(crate) fn after_preface(stream: S) -> Self {
        Self { stream }
    }

    pub(crate) fn raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    pub(crate) fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> io::Result<()> {
        self.raw(&frame(kind, flags, stream, payload))
    }

    /// A request without a body.
    pub(crate) fn get(&mut self, stream: u32, path: &str) -> io::Result<()> {
        self.send(HEADERS, END_HEADERS | END_STREAM, stream, &head("GET", path))
    }

    /// The next frame; an error once the connection has ended.
    pub(crate) fn next(&mut self) -> io::Result<Frame> {
        let mut header = [0; 9];
        self.stream.read_exact(&mut header)?;
        let [a, b, c, kind, flags, stream @ ..] = header;
        let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
        self.stream.read_exact(&mut payload)?;
        Ok(Frame { kind, flags, stream: u32::from_be_bytes(stream), payload })
    }

    /// The next frame of that kind.
    pub(crate) fn until(&mut self, kind: u8) -> io::Result<Frame> {
        loop {
            let frame = self.next()?;
            if frame.kind == kind && !(kind == SETTINGS && frame.flags == 1) {
                return Ok(frame);
            }
        }
    }

    /// Reads to the end of the connection; returns the error code of GOAWAY, if there was one.
    pub(crate) fn ended(&mut self) -> Option<u32> {
        let mut code = None;
        while let Ok(frame) = self.next() {
            if frame.kind == GOAWAY {
                code = Some(u32::from_be_bytes(frame.payload[4..8].try_into().unwrap()));
            }
        }
        code
    }
}

pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let [_, a, b, c] = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&[a, b, c, kind, flags][..], &stream.to_be_bytes(), payload].concat()
}

/// A head without compression: names from HPACK's table, values as they are.
pub(crate) fn head(method: &str, path: &str) -> Vec<u8> {
    let mut block = literal(2, method);
    block.push(0x86);
    block.extend(literal(4, path));
    block.extend(literal(1, "test"));
    block
}

/// A field with the name number `index` of HPACK's table, not to be remembered.
fn literal(index: u8, value: &str) -> Vec<u8> {
    [&[index, u8::try_from(value.len()).unwrap()][..], value.as_bytes()].concat()
}
