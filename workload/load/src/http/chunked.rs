//! Finds the end of a chunked body, whatever pieces it comes in.

use super::{MAX_BODY, MAX_HEAD, Malformed};

/// Digits of a chunk size: 64 MiB needs seven.
const MAX_SIZE_DIGITS: usize = 16;

/// Where in the chunked framing the next byte belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Size { digits: usize },
    Extension,
    SizeEnd,
    Data,
    DataReturn,
    DataEnd,
    TrailerStart,
    Trailer,
    TrailerEnd,
    LastEnd,
    Done,
}

/// Decoder of a chunked body that keeps nothing of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Chunked {
    at: At,
    /// Bytes of the chunk still to come.
    remaining: u64,
    /// Bytes of all chunks announced so far.
    total: u64,
    /// Bytes of extensions and trailers so far.
    extra: usize,
}

impl Chunked {
    pub(super) fn new() -> Self {
        Self { at: At::Size { digits: 0 }, remaining: 0, total: 0, extra: 0 }
    }

    /// Takes bytes up to the end of the body. Returns how many, and whether the end was among them.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Result<(usize, bool), Malformed> {
        let mut used = 0;
        while self.at != At::Done && used < bytes.len() {
            if self.at == At::Data {
                let take = self.remaining.min((bytes.len() - used) as u64);
                self.remaining -= take;
                used += take as usize;
                if self.remaining == 0 {
                    self.at = At::DataReturn;
                }
            } else {
                self.at = self.step(bytes[used])?;
                used += 1;
            }
        }
        Ok((used, self.at == At::Done))
    }

    fn step(&mut self, byte: u8) -> Result<At, Malformed> {
        match (self.at, byte) {
            (At::Size { digits }, _) if byte.is_ascii_hexdigit() => self.size_digit(digits, byte),
            (At::Size { digits: 1.. } | At::Extension, b'\r') => Ok(At::SizeEnd),
            (At::Size { digits: 1.. }, b';' | b' ' | b'\t') => Ok(At::Extension),
            (At::Extension, _) if byte != b'\n' => self.extra(At::Extension),
            (At::SizeEnd, b'\n') => self.size_end(),
            (At::DataReturn, b'\r') => Ok(At::DataEnd),
            (At::DataEnd, b'\n') => {
                self.remaining = 0;
                Ok(At::Size { digits: 0 })
            }
            (At::TrailerStart, b'\r') => Ok(At::LastEnd),
            (At::Trailer, b'\r') => Ok(At::TrailerEnd),
            (At::TrailerStart | At::Trailer, _) if byte != b'\n' => self.extra(At::Trailer),
            (At::TrailerEnd, b'\n') => Ok(At::TrailerStart),
            (At::LastEnd, b'\n') => Ok(At::Done),
            _ => Err(Malformed::Chunk),
        }
    }

    fn size_digit(&mut self, digits: usize, byte: u8) -> Result<At, Malformed> {
        if digits == MAX_SIZE_DIGITS {
            return Err(Malformed::Chunk);
        }
        let digit = (byte as char).to_digit(16).ok_or(Malformed::Chunk)?;
        self.remaining = self.remaining * 16 + u64::from(digit);
        if self.remaining > MAX_BODY {
            Err(Malformed::BodyTooLong)
        } else {
            Ok(At::Size { digits: digits + 1 })
        }
    }

    fn size_end(&mut self) -> Result<At, Malformed> {
        self.total += self.remaining;
        match self.remaining {
            _ if self.total > MAX_BODY => Err(Malformed::BodyTooLong),
            0 => Ok(At::TrailerStart),
            _ => Ok(At::Data),
        }
    }

    fn extra(&mut self, then: At) -> Result<At, Malformed> {
        self.extra += 1;
        if self.extra > MAX_HEAD { Err(Malformed::HeadTooLong) } else { Ok(then) }
    }
}
