//! A profile in the format of pprof: a message of protocol buffers, whose fields are numbered in
//! <https://github.com/google/pprof/blob/main/proto/profile.proto>.
//!
//! Written by hand, as it is two kinds of fields in six messages, and pprof's own way brings a compiler for protocol
//! buffers along.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

/// Where threads were found, and how often.
#[derive(Debug, Default)]
pub(super) struct Samples {
    strings: Table<String>,
    functions: Table<(u64, u64)>,
    locations: Table<(u64, u64)>,
    taken: Vec<u8>,
}

/// One function on a stack.
#[derive(Debug, Clone, Copy)]
pub(super) struct Call<'a> {
    pub(super) function: &'a str,
    pub(super) file: &'a str,
    pub(super) line: u64,
}

/// When and how the samples were taken.
#[derive(Debug, Clone, Copy)]
pub(super) struct Timing {
    pub(super) started: SystemTime,
    pub(super) duration: Duration,
    /// CPU time between two samples.
    pub(super) period: Duration,
}

/// Things by number, each once.
#[derive(Debug)]
struct Table<T> {
    numbers: HashMap<T, u64>,
    rows: Vec<u8>,
}

impl Samples {
    /// A stack of a thread, innermost call first, that was found so often.
    pub(super) fn add<'a>(
        &mut self,
        thread: &str,
        stack: impl Iterator<Item = Call<'a>>,
        count: u64,
        period: Duration,
    ) {
        let locations: Vec<u64> = stack.map(|call| self.location(call)).collect();
        let (key, value) = (self.string("thread"), self.string(thread));
        let mut sample = Message::default();
        for location in locations {
            sample.number(1, location);
        }
        sample.number(2, count);
        sample.number(2, count * nanos(period));
        sample.message(3, &Message::default().with(1, key).with(2, value));
        Message::append(&mut self.taken, 2, &sample);
    }

    /// The whole profile.
    pub(super) fn encode(mut self, timing: Timing) -> Vec<u8> {
        let mut unit = |kind: &str, unit: &str| {
            let (kind, unit) = (self.string(kind), self.string(unit));
            Message::default().with(1, kind).with(2, unit)
        };
        let (samples, cpu) = (unit("samples", "count"), unit("cpu", "nanoseconds"));
        let started = timing.started.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let mut profile = Message::default();
        profile.message(1, &samples);
        profile.message(1, &cpu);
        profile.0.extend([self.taken, self.locations.rows, self.functions.rows].concat());
        // The first string has to be empty.
        Message::append(&mut profile.0, 6, &Message::default());
        profile.0.extend(self.strings.rows);
        profile.number(9, nanos(started));
        profile.number(10, nanos(timing.duration));
        profile.message(11, &cpu);
        profile.number(12, nanos(timing.period));
        profile.0
    }

    fn location(&mut self, call: Call<'_>) -> u64 {
        let (name, file) = (self.string(call.function), self.string(call.file));
        let function = self.functions.number((name, file), |id| {
            (5, Message::default().with(1, id).with(2, name).with(3, name).with(4, file))
        });
        self.locations.number((function, call.line), |id| {
            let mut location = Message::default().with(1, id);
            location.message(4, &Message::default().with(1, function).with(2, call.line));
            (4, location)
        })
    }

    fn string(&mut self, text: &str) -> u64 {
        if text.is_empty() {
            return 0;
        }
        self.strings.number(text.to_owned(), |_| (6, Message(text.as_bytes().to_vec())))
    }
}

impl<T: Eq + std::hash::Hash> Table<T> {
    /// The number of a thing, which is written when it is new.
    fn number(&mut self, thing: T, row: impl FnOnce(u64) -> (u64, Message)) -> u64 {
        let next = self.numbers.len() as u64 + 1;
        *self.numbers.entry(thing).or_insert_with(|| {
            let (field, message) = row(next);
            Message::append(&mut self.rows, field, &message);
            next
        })
    }
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self { numbers: HashMap::new(), rows: Vec::new() }
    }
}

/// A message of protocol buffers, or what stands in its place: the bytes of a string.
#[derive(Debug, Clone, Default)]
struct Message(Vec<u8>);

impl Message {
    fn with(mut self, field: u64, value: u64) -> Self {
        self.number(field, value);
        self
    }

    fn number(&mut self, field: u64, value: u64) {
        varint(&mut self.0, field << 3);
        varint(&mut self.0, value);
    }

    fn message(&mut self, field: u64, message: &Self) {
        Self::append(&mut self.0, field, message);
    }

    fn append(to: &mut Vec<u8>, field: u64, message: &Self) {
        varint(to, field << 3 | 2);
        varint(to, message.0.len() as u64);
        to.extend_from_slice(&message.0);
    }
}

fn varint(to: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        to.push(value as u8 | 0x80);
        value >>= 7;
    }
    to.push(value as u8);
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(0, &[0])]
    #[case(127, &[127])]
    #[case(300, &[0xac, 0x02])]
    #[case(u64::MAX, &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01])]
    fn numbers_are_written_in_sevens(#[case] value: u64, #[case] expected: &[u8]) {
        let mut bytes = Vec::new();
        varint(&mut bytes, value);
        assert_eq!(bytes, expected);
    }

    #[test]
    fn what_occurs_twice_is_written_once() {
        let call = Call { function: "work", file: "work.rs", line: 7 };
        let mut samples = Samples::default();
        let period = Duration::from_millis(10);
        samples.add("worker-0", [call, call].into_iter(), 3, period);
        samples.add("worker-0", [call].into_iter(), 1, period);
        let timing = Timing { started: SystemTime::UNIX_EPOCH, duration: period, period };
        let encoded = samples.encode(timing);
        for text in ["work", "work.rs", "worker-0", "nanoseconds"] {
            let row = [&[6 << 3 | 2, text.len() as u8], text.as_bytes()].concat();
            let found = encoded.windows(row.len()).filter(|window| *window == row).count();
            assert_eq!(found, 1, "{text}");
        }
    }
}
