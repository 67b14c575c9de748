//! Measurements of the server, each a subcommand that writes JSON, a page with plots, and a table for the docs.

pub mod machine;
pub mod overload;
pub mod plot;
pub mod server;
