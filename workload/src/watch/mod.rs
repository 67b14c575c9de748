//! What the control thread watches, which is never pinned and never runs a request.

mod machine;

pub(crate) use machine::follow_machine;
