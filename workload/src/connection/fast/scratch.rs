//! What the connections of one thread share: buffers that are full only while a connection is looked at, the date, and
//! names for requests. A connection at rest keeps none of it.

use std::cell::{Cell, RefCell};
use std::time::SystemTime;

use crate::clock::Nanos;

/// Bytes read at once. More than a head and a short body together, so that most requests are read in one go.
const READ_BYTES: usize = 64 * 1024;
/// Bytes kept of what a client sends while its request runs; the rest stays in the socket.
pub(super) const READ_AHEAD: usize = READ_BYTES;
/// An answer up to this size is copied behind its head; a larger body is written from where it is.
pub(super) const COPIED_BODY: usize = 16 * 1024;

/// Of one thread.
pub(crate) struct Scratch {
    pub(super) read: RefCell<Box<[u8]>>,
    pub(super) write: RefCell<Vec<u8>>,
    date: RefCell<Date>,
    names: Names,
}

struct Date {
    /// Second of the process's clock for which the text was made.
    second: u64,
    text: String,
}

/// Names of requests that their clients have not named.
struct Names {
    base: u64,
    next: Cell<u64>,
}

/// A request's name, 16 hexadecimal digits.
pub(super) type Name = [u8; 16];

impl Scratch {
    pub(crate) fn new() -> Self {
        Self {
            read: RefCell::new(vec![0; READ_BYTES].into()),
            write: RefCell::new(Vec::with_capacity(2 * COPIED_BODY)),
            date: RefCell::new(Date { second: u64::MAX, text: String::new() }),
            names: Names { base: rand::random(), next: Cell::new(0) },
        }
    }

    /// The header `Date`, made once a second.
    pub(super) fn with_date<T>(&self, now: Nanos, with: impl FnOnce(&[u8]) -> T) -> T {
        let second = now.0 / 1_000_000_000;
        let mut date = self.date.borrow_mut();
        if date.second != second {
            *date = Date { second, text: httpdate::fmt_http_date(SystemTime::now()) };
        }
        with(date.text.as_bytes())
    }

    /// A name that no other request has had, as far as 64 random bits can tell.
    pub(super) fn name(&self) -> Name {
        let next = self.names.next.get();
        self.names.next.set(next.wrapping_add(1));
        // An odd factor: all 2^64 names come before the first comes again.
        hexadecimal(self.names.base.wrapping_add(next.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
    }
}

impl std::fmt::Debug for Scratch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scratch").finish_non_exhaustive()
    }
}

fn hexadecimal(value: u64) -> Name {
    let mut name = [0; 16];
    let (high, low) = name.split_at_mut(8);
    high.copy_from_slice(&eight_digits((value >> 32) as u32));
    low.copy_from_slice(&eight_digits(value as u32));
    name
}

/// All eight digits at once, one in each byte of a number.
fn eight_digits(value: u32) -> [u8; 8] {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let halves = u64::from(value) << 32 >> 16 & 0x0000_ffff_0000_0000 | u64::from(value & 0xffff);
    let bytes = (halves << 8 | halves) & 0x00ff_00ff_00ff_00ff;
    let digits = (bytes << 4 | bytes) & (ONES * 0x0f);
    // What is above 9 carries into the next bit: those are letters.
    let letters = (digits + ONES * 6) >> 4 & ONES;
    (digits + ONES * u64::from(b'0') + letters * u64::from(b'a' - b'0' - 10)).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn numbers_are_written_in_hexadecimal() {
        for value in [0x0123_4567_89ab_cdef, 0xfedc_ba98_7654_3210, 0, u64::MAX, 0x9a_0000_a900] {
            assert_eq!(hexadecimal(value), *format!("{value:016x}").as_bytes());
        }
    }

    #[test]
    fn names_differ() {
        let scratch = Scratch::new();
        let names: HashSet<Name> = (0..1000).map(|_| scratch.name()).collect();
        assert_eq!(names.len(), 1000);
    }

    #[test]
    fn the_date_is_made_anew_each_second() {
        let scratch = Scratch::new();
        let date = |nanos| scratch.with_date(Nanos(nanos), <[u8]>::to_vec);
        assert!(httpdate::parse_http_date(std::str::from_utf8(&date(0)).unwrap()).is_ok());
        scratch.date.borrow_mut().text = "old".to_owned();
        assert_eq!(date(999_999_999), b"old");
        assert_ne!(date(1_000_000_000), b"old");
    }
}
