//! One connection: HTTP/1 or HTTP/2 over a watched stream, with every timeout kept by one sweep over all connections of
//! a thread instead of a timer for each request.

mod body;
mod cut;
mod drive;
mod fast;
mod front;
mod handshake;
mod head;
mod http2;
mod peer;
mod progress;
mod refusal;
mod registry;
mod socket;
mod stream;
mod term;
mod upload;

pub(crate) use cut::Cut;
pub(crate) use drive::{Arrival, Ended, Opened, drive};
#[cfg(feature = "fuzz")]
pub(crate) use fast::fuzz as fuzz_http1_head;
pub(crate) use front::{Backend, Outcome};
pub(crate) use handshake::secure;
pub(crate) use http2::Health;
#[cfg(feature = "fuzz")]
pub(crate) use http2::{fuzz as fuzz_http2_frames, fuzz_health};
pub(crate) use peer::Peer;
pub(crate) use refusal::Refusal;
pub(crate) use registry::{Hall, Mood};
pub(crate) use socket::Parked;
pub(crate) use term::Term;
