//! What people and files get to see of a run: rows and progress while it runs, the summary at its end.

mod progress;
mod reporter;
mod text;

pub use progress::{ProgressLine, Style};
pub use reporter::{Reporter, RowFormat, Rows};
pub use text::render;
