//! What decisions are judged with: the size that someone who knows the future would choose, and the queueing formulas
//! behind a server's capacity.
//!
//! Pure, as the core is: numbers in, numbers out.

pub mod mmc;
pub mod optimum;
