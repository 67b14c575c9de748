//! Attacks on a server in a process of its own, beside a client that does nothing wrong: none of its requests may fail,
//! and the memory of the server stays bounded. Each lasts two seconds; `HEADROOM_ATTACK_SECONDS=60` makes it a minute
//! and tells how much slower the good client's requests became.

mod http1;
mod http2;
mod scene;
mod tls;
