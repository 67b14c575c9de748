//! What became of the requests, and what that means. Pure: times and outcomes come in, rows and a summary come out.

mod bucket;
mod ledger;
mod objective;
mod tally;
mod verdict;

pub use ledger::{Ended, Ledger, Totals};
pub use objective::{Objective, Quantile};
pub use tally::{Failure, Outcome};
pub use verdict::{Run, summarise};
