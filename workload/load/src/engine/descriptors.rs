//! How many connections the limit of open descriptors allows.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors kept for everything that is not a connection: epoll, timer, files, standard streams.
const KEPT: u64 = 32;

/// Raises the soft limit of open descriptors as far as `wanted` connections need and the hard limit allows. Returns
/// how many connections are possible, at most `wanted` and at least 1.
pub fn connections_possible(wanted: usize) -> usize {
    let needed = wanted as u64 + KEPT;
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let Some(soft) = current else { return wanted };
    if soft >= needed {
        return wanted;
    }
    let raised = maximum.map_or(needed, |hard| needed.min(hard));
    let limit = match setrlimit(Resource::Nofile, Rlimit { current: Some(raised), maximum }) {
        Ok(()) => raised,
        Err(_) => soft,
    };
    (limit.saturating_sub(KEPT) as usize).clamp(1, wanted.max(1))
}
