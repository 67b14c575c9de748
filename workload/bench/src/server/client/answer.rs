//! Where an answer ends. It looks at as little as it can: the server is known, and was checked when it started.

use anyhow::{Context as _, bail, ensure};

/// The start of every answer that counts.
const SUCCESS: &[u8] = b"HTTP/1.1 200";
/// A longer head is none.
const MAX_HEAD: usize = 16 * 1024;

/// Finds the ends of answers on one connection.
#[derive(Debug, Default)]
pub struct Answers {
    /// The beginning of an answer that came in pieces.
    begun: Vec<u8>,
}

impl Answers {
    /// Whether `bytes` complete an answer. `usual` is the length of the answer before, on any connection to the same
    /// server: one as long as that, in one piece, needs no look at its head.
    pub fn take(&mut self, bytes: &[u8], usual: &mut usize) -> anyhow::Result<bool> {
        if self.begun.is_empty() && bytes.len() == *usual && bytes.starts_with(SUCCESS) {
            return Ok(true);
        }
        self.begun.extend_from_slice(bytes);
        let Some(length) = whole_length(&self.begun)? else { return Ok(false) };
        ensure!(self.begun.len() <= length, "{} bytes follow the answer", self.begun.len() - length);
        let complete = self.begun.len() == length;
        if complete {
            *usual = length;
            self.begun.clear();
        }
        Ok(complete)
    }

    /// Whether an answer has begun and not ended.
    pub fn begun(&self) -> bool {
        !self.begun.is_empty()
    }
}

/// The length of the answer with its head, once the head is complete.
fn whole_length(bytes: &[u8]) -> anyhow::Result<Option<usize>> {
    let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
        ensure!(bytes.len() <= MAX_HEAD, "the head of the answer is longer than 16 KiB");
        return Ok(None);
    };
    let head = String::from_utf8_lossy(&bytes[..end]);
    let mut lines = head.split("\r\n");
    let first = lines.next().unwrap_or_default();
    if !first.as_bytes().starts_with(SUCCESS) {
        bail!("answered \"{first}\"");
    }
    let length = lines
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_, value)| value.trim().parse::<usize>().ok())
        .context("the answer has no Content-Length")?;
    Ok(Some(end + 4 + length))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\nServer: x\r\n\r\nhello";

    #[test]
    fn an_answer_may_come_in_any_pieces() {
        for cut in 1..ANSWER.len() {
            let (mut answers, mut usual) = (Answers::default(), 0);
            assert!(!answers.take(&ANSWER[..cut], &mut usual).unwrap(), "cut at {cut}");
            assert!(answers.begun());
            assert!(answers.take(&ANSWER[cut..], &mut usual).unwrap(), "cut at {cut}");
            assert_eq!(usual, ANSWER.len());
            // The next one, of the usual length.
            assert!(!answers.begun() && answers.take(ANSWER, &mut usual).unwrap());
        }
    }

    #[rstest]
    #[case::refused(b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n", "503")]
    #[case::no_length(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", "no Content-Length")]
    #[case::too_much(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\nmore", "4 bytes follow")]
    fn what_cannot_be_counted_is_an_error(#[case] bytes: &[u8], #[case] expected: &str) {
        let error = Answers::default().take(bytes, &mut 0).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}
