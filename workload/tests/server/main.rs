//! A whole server over loopback sockets, seen by plain blocking clients that never retry.
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, clippy::print_stdout)] // helpers of tests fail as tests do

mod admin;
mod admission;
mod age;
mod attacks;
mod authority;
mod bodies;
mod brownout;
mod client;
mod closed;
mod collector;
mod context;
mod drain;
mod frames;
mod framing;
mod grpc;
mod h2spec;
mod http2;
mod inside;
mod issuer;
mod limits;
mod overload;
mod paths;
mod process;
mod secure;
mod service;
mod shed;
mod tls;
mod tokens;
mod tools;
mod traces;
mod workers;
