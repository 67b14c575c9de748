//! Who reads HTTP/1.

/// Who reads requests of HTTP/1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Http1 {
    /// The server's own parser those of a strict grammar, and hyper all others: the cheapest.
    #[default]
    Fast,
    /// hyper all of them.
    General,
}
