//! What a client's bytes are spent on: the frames are counted as they come in, without looking into them. hyper slows
//! a client down that sends control frames, and does not end it; here, after nginx, it ends once the bytes it has sent
//! are eight times more than requests and answers account for.

use crate::clock::Nanos;

/// A count of the frames of one connection.
#[derive(Debug)]
pub(super) struct Meter {
    at: At,
    /// Bytes received.
    total: u64,
    /// Bytes of requests and answers.
    payload: u64,
    resets: u64,
    /// Frames that were read as a whole.
    frames: u64,
    /// Since when a head is under way.
    head_since: Option<Nanos>,
    /// Whether the head ends with the frame under way.
    ends_head: bool,
}

#[derive(Debug)]
enum At {
    /// So many bytes of the preface are to come.
    Preface(usize),
    /// So many bytes of the next frame's header are there.
    Header { bytes: [u8; HEADER], have: usize },
    /// So many bytes of a frame are to come.
    Payload(u32),
}

const HEADER: usize = 9;
const NEW_HEADER: At = At::Header { bytes: [0; HEADER], have: 0 };

/// Types of frames (RFC 9113, section 6).
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const CONTINUATION: u8 = 9;
const END_HEADERS: u8 = 4;

/// Bytes that need no reason.
const ALLOWANCE: u64 = 1024 * 1024;
/// Streams that a client may reset, beyond as many as were answered.
const RESETS: u64 = 100;

impl Meter {
    pub(super) fn new(preface: usize) -> Self {
        Self {
            at: At::Preface(preface),
            total: 0,
            payload: 0,
            resets: 0,
            frames: 0,
            head_since: None,
            ends_head: false,
        }
    }

    /// Bytes that came in at about `now`.
    pub(super) fn read(&mut self, mut bytes: &[u8], now: Nanos) {
        self.total += bytes.len() as u64;
        while !bytes.is_empty() {
            bytes = self.step(bytes, now);
        }
    }

    /// Bytes of an answer.
    pub(super) fn answered(&mut self, bytes: usize) {
        self.payload += bytes as u64;
    }

    /// Whether the client sends too much that is neither a request nor called for by an answer.
    pub(super) fn is_flooded(&self, answers: u64) -> bool {
        self.total / 8 > self.payload + ALLOWANCE || self.resets > RESETS + answers
    }

    /// Since when the client owes the rest of a head.
    pub(super) fn head_since(&self) -> Option<Nanos> {
        self.head_since
    }

    /// Whether a frame has begun and not ended, or none has come yet.
    pub(super) fn is_within_frame(&self) -> bool {
        !matches!(self.at, At::Header { have: 0, .. }) || self.frames == 0
    }

    /// Takes some of `bytes`; returns the rest.
    fn step<'a>(&mut self, bytes: &'a [u8], now: Nanos) -> &'a [u8] {
        match &mut self.at {
            At::Preface(left) => {
                let taken = bytes.len().min(*left);
                *left -= taken;
                if *left == 0 {
                    self.at = NEW_HEADER;
                }
                &bytes[taken..]
            }
            At::Header { bytes: header, have } => {
                let taken = bytes.len().min(HEADER - *have);
                header[*have..*have + taken].copy_from_slice(&bytes[..taken]);
                *have += taken;
                if *have == HEADER {
                    let header = *header;
                    self.begin(header, now);
                }
                &bytes[taken..]
            }
            At::Payload(left) => {
                let taken = bytes.len().min(*left as usize);
                *left -= taken as u32;
                if *left == 0 {
                    self.end();
                }
                &bytes[taken..]
            }
        }
    }

    fn begin(&mut self, header: [u8; HEADER], now: Nanos) {
        let [high, middle, low, kind, flags, ..] = header;
        let length = u32::from_be_bytes([0, high, middle, low]);
        match kind {
            DATA => self.payload += u64::from(length),
            HEADERS => {
                self.payload += u64::from(length);
                self.head_since = Some(now);
            }
            RST_STREAM => self.resets += 1,
            _ => {}
        }
        self.ends_head = matches!(kind, HEADERS | CONTINUATION) && flags & END_HEADERS != 0;
        self.at = At::Payload(length);
        if length == 0 {
            self.end();
        }
    }

    fn end(&mut self) {
        self.frames += 1;
        self.at = NEW_HEADER;
        if self.ends_head {
            self.head_since = None;
        }
    }
}

/// For the fuzz targets: however bytes are cut, the count is the same.
#[cfg(feature = "fuzz")]
pub(crate) fn fuzz(bytes: &[u8]) {
    let Some((cut, frames)) = bytes.split_first() else { return };
    let (mut whole, mut parts) = (Meter::new(0), Meter::new(0));
    whole.read(frames, Nanos(1));
    for part in frames.chunks(usize::from(*cut) + 1) {
        parts.read(part, Nanos(1));
    }
    assert_eq!(format!("{whole:?}"), format!("{parts:?}"));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    fn frame(kind: u8, flags: u8, payload: usize) -> Vec<u8> {
        let length = (payload as u32).to_be_bytes();
        let header = [length[1], length[2], length[3], kind, flags, 0, 0, 0, 1];
        [&header[..], &vec![0; payload]].concat()
    }

    fn fed(frames: &[Vec<u8>]) -> Meter {
        let mut meter = Meter::new(0);
        meter.at = NEW_HEADER;
        for frame in frames {
            meter.read(frame, Nanos(7));
        }
        meter
    }

    #[rstest]
    #[case::pings(frame(6, 0, 8), 600_000, true)]
    #[case::settings(frame(4, 0, 6), 600_000, true)]
    #[case::priorities(frame(2, 0, 5), 700_000, true)]
    #[case::window_updates(frame(8, 0, 4), 700_000, true)]
    #[case::empty_data(frame(DATA, 0, 0), 1_000_000, true)]
    #[case::some_pings(frame(6, 0, 8), 100_000, false)]
    #[case::uploads(frame(DATA, 0, 1000), 100_000, false)]
    #[case::requests(frame(HEADERS, END_HEADERS, 10), 1_000_000, false)]
    #[case::resets(frame(RST_STREAM, 0, 4), 101, true)]
    #[case::some_resets(frame(RST_STREAM, 0, 4), 100, false)]
    fn frames_without_a_purpose_are_a_flood(
        #[case] frame: Vec<u8>,
        #[case] count: usize,
        #[case] flood: bool,
    ) {
        let mut meter = fed(&[]);
        for _ in 0..count {
            meter.read(&frame, Nanos(0));
        }
        assert_eq!(meter.is_flooded(0), flood);
    }

    #[test]
    fn what_answers_call_for_is_no_flood() {
        let mut meter = fed(&[]);
        for _ in 0..1_000_000 {
            meter.answered(1000);
            meter.read(&frame(8, 0, 4), Nanos(0));
        }
        assert!(!meter.is_flooded(0));
        let resets: Vec<_> = (0..1000).map(|_| frame(RST_STREAM, 0, 4)).collect();
        assert!(!fed(&resets).is_flooded(900));
    }

    #[rstest]
    #[case::whole(&[frame(HEADERS, END_HEADERS, 10)], None)]
    #[case::to_be_continued(&[frame(HEADERS, 0, 10)], Some(Nanos(7)))]
    #[case::continued(&[frame(HEADERS, 0, 10), frame(CONTINUATION, 0, 10)], Some(Nanos(7)))]
    #[case::ended(&[frame(HEADERS, 0, 10), frame(CONTINUATION, END_HEADERS, 0)], None)]
    #[case::cut(&[frame(HEADERS, END_HEADERS, 10)[..15].to_vec()], Some(Nanos(7)))]
    fn a_head_is_owed_until_its_last_frame_is_complete(
        #[case] frames: &[Vec<u8>],
        #[case] expected: Option<Nanos>,
    ) {
        assert_eq!(fed(frames).head_since(), expected);
    }

    proptest! {
        /// However the bytes are cut.
        #[test]
        fn cuts_make_no_difference(
            frames in prop::collection::vec((0u8..10, any::<u8>(), 0usize..40), 1..20),
            piece in 1usize..30,
        ) {
            let frames: Vec<_> = frames.iter().map(|(kind, flags, length)| frame(*kind, *flags, *length)).collect();
            let whole = fed(&frames);
            let pieces: Vec<_> = frames.concat().chunks(piece).map(<[u8]>::to_vec).collect();
            let cut = fed(&pieces);
            prop_assert_eq!(format!("{whole:?}"), format!("{cut:?}"));
            prop_assert_eq!(whole.frames, frames.len() as u64);
        }
    }
}
