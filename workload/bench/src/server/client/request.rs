//! The bytes of a request.

use super::super::case::Protocol;

/// Bytes of a posted body.
const BODY: usize = 1024;

/// What a client sends for each request of that kind.
pub fn request(protocol: Protocol) -> Vec<u8> {
    let path = if protocol == Protocol::H1Json { "/json" } else { "/" };
    let close = if protocol.one_request() { "Connection: close\r\n" } else { "" };
    let host = "Host: bench.example\r\nUser-Agent: headroom-bench\r\nAccept: */*\r\n";
    if protocol == Protocol::H1Post {
        let head = format!(
            "POST / HTTP/1.1\r\n{host}Content-Type: application/octet-stream\r\nContent-Length: {BODY}\r\n\r\n"
        );
        return [head.into_bytes(), vec![b'x'; BODY]].concat();
    }
    format!("GET {path} HTTP/1.1\r\n{host}{close}\r\n").into_bytes()
}
