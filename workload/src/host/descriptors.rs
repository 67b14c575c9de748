//! How many connections the process's limit of open descriptors leaves room for.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the soft limit of open descriptors as far as `wanted` connections need and the hard limit allows. Returns
/// how many connections fit, at most `wanted`: three for four descriptors, as the others are for the admin port, for
/// workers, and for what handlers open.
pub(crate) fn connections_within(wanted: usize) -> usize {
    let needed = (wanted as u64).saturating_mul(4).div_ceil(3);
    let limit = raise(needed).unwrap_or(needed);
    wanted.min(usize::try_from(limit / 4 * 3).unwrap_or(usize::MAX))
}

/// The soft limit, raised to `needed` if it is lower and that is possible; `None` without a limit.
fn raise(needed: u64) -> Option<u64> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let soft = current?;
    let raised = maximum.map_or(needed, |hard| needed.min(hard));
    if raised <= soft {
        return Some(soft);
    }
    let wanted = Rlimit { current: Some(raised), maximum };
    Some(setrlimit(Resource::Nofile, wanted).map_or(soft, |()| raised))
}
