//! Attacks on a server in a process of its own, beside a client that does nothing wrong: none of its requests may fail,
//! and the memory of the server stays bounded. Each lasts two seconds; `make soak-attacks` makes it a minute, one after
//! another, and writes down how much slower the good client's requests became.

mod http1;
mod http2;
mod report;
mod scene;
mod tls;
