//! How many connections the process's limit of open descriptors leaves room for.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors for the admin port, for workers and for what handlers open: a quarter of all, but these at least while
/// connections have as many.
const RESERVE: u64 = 64;

/// Raises the soft limit of open descriptors as far as `wanted` connections need and the hard limit allows. Returns
/// how many connections fit, at most `wanted`.
pub(crate) fn connections_within(wanted: usize) -> usize {
    let wanted = wanted as u64;
    let needed = wanted.saturating_add((wanted / 3).max(RESERVE));
    let limit = raise(needed).unwrap_or(needed);
    wanted.min(limit - reserve(limit)) as usize
}

fn reserve(limit: u64) -> u64 {
    (limit / 4).max(RESERVE).min(limit / 2)
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

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(20_000, 5_000)]
    #[case(200, 64)]
    #[case(100, 50)]
    #[case(0, 0)]
    fn some_descriptors_are_kept_back(#[case] limit: u64, #[case] reserved: u64) {
        assert_eq!(reserve(limit), reserved);
    }
}
