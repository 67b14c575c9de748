//! How many workers run and on which CPUs: a plain function of what is wanted and of what the machine has.
//!
//! A pinned worker whose CPU somebody else uses waits while other CPUs are idle, so workers are pinned only when the
//! CPUs are shown to be the process's own. Nothing inside a container says so outright; what does is a mask that is
//! smaller than the machine and exactly as large as the container's whole CPU limit, which is how a kubelet with the
//! static CPU manager hands out exclusive CPUs. A shared pool of that very size looks the same: `Pinning::Off` is for
//! those who have one.

use std::fmt::{self, Display, Formatter};

use super::machine::Machine;
use crate::settings::{MAX_WORKERS, Pinning, Workers};

/// What is to run.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Placement {
    pub(crate) workers: usize,
    /// A CPU for each worker, or none for any.
    pub(crate) cpus: Vec<usize>,
    pub(crate) because: Reason,
}

/// Why workers are pinned or not.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Reason {
    Forced,
    Exclusive { cpus: usize, online: usize },
    Off,
    TooFew { cpus: usize, workers: usize },
    WholeMachine { cpus: usize },
    NoLimit { cpus: usize, online: usize },
    OtherLimit { cpus: usize, limit: f64 },
    Failed { error: String },
}

impl Placement {
    pub(crate) fn of(workers: Workers, pinning: Pinning, machine: &Machine) -> Self {
        let workers = match workers {
            Workers::Auto => machine.workers().min(MAX_WORKERS),
            Workers::Exactly(count) => count.get(),
        };
        let because = reason(workers, pinning, machine);
        let pinned = if because.pins() { workers } else { 0 };
        Self { workers, cpus: machine.allowed.iter().copied().take(pinned).collect(), because }
    }
}

fn reason(workers: usize, pinning: Pinning, machine: &Machine) -> Reason {
    let cpus = machine.allowed.len();
    match pinning {
        Pinning::Off => Reason::Off,
        _ if workers > cpus => Reason::TooFew { cpus, workers },
        Pinning::Forced => Reason::Forced,
        Pinning::Auto => exclusivity(machine),
    }
}

/// Whether the CPUs are shown to be the process's own.
fn exclusivity(machine: &Machine) -> Reason {
    let (cpus, online) = (machine.allowed.len(), machine.online);
    if cpus >= online {
        return Reason::WholeMachine { cpus };
    }
    // Kubelets before 1.33 leave the quota, later ones take it away.
    let limit = machine.quota.or_else(|| machine.limit.map(|limit| f64::from(limit.get())));
    match limit {
        None => Reason::NoLimit { cpus, online },
        Some(limit) if limit == cpus as f64 => Reason::Exclusive { cpus, online },
        Some(limit) => Reason::OtherLimit { cpus, limit },
    }
}

impl Reason {
    fn pins(&self) -> bool {
        matches!(self, Self::Forced | Self::Exclusive { .. })
    }
}

impl Display for Reason {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Forced => write!(f, "pinned because that is forced; others may use the same CPUs"),
            Self::Exclusive { cpus, online } => {
                write!(f, "pinned: the limit is exactly the {cpus} of {online} CPUs that the process may use")
            }
            Self::Off => write!(f, "not pinned: pinning is off"),
            Self::TooFew { cpus, workers } => {
                write!(f, "not pinned: the process may use {cpus} CPUs, fewer than its {workers} workers")
            }
            Self::WholeMachine { cpus } => {
                write!(
                    f,
                    "not pinned: the process may use every CPU of the machine ({cpus}), so others may too"
                )
            }
            Self::NoLimit { cpus, online } => write!(
                f,
                "not pinned: the process may use {cpus} of {online} CPUs, but without a known CPU limit they may be \
                 a pool that others share"
            ),
            Self::OtherLimit { cpus, limit } => {
                write!(
                    f,
                    "not pinned: the CPU limit is {limit} and the process may use {cpus} CPUs, so others do too"
                )
            }
            Self::Failed { error } => write!(f, "not pinned: the system refused it: {error}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::num::{NonZeroU32, NonZeroUsize};

    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    fn machine(allowed: usize, online: usize, quota: Option<f64>, limit: Option<u32>) -> Machine {
        let limit = limit.and_then(NonZeroU32::new);
        Machine { allowed: (4..4 + allowed).collect(), online, quota, limit }
    }

    fn exactly(count: usize) -> Workers {
        Workers::Exactly(NonZeroUsize::new(count).unwrap())
    }

    #[rstest]
    #[case::quota_as_large_as_the_mask(machine(2, 8, Some(2.0), None), true, "exactly the 2 of 8")]
    #[case::told_limit_without_quota(machine(2, 8, None, Some(2)), true, "exactly the 2 of 8")]
    #[case::whole_machine(machine(8, 8, Some(8.0), None), false, "every CPU of the machine (8)")]
    #[case::unknown_machine(machine(2, 0, Some(2.0), None), false, "every CPU of the machine")]
    #[case::pool_without_a_limit(machine(6, 8, None, None), false, "without a known CPU limit")]
    #[case::part_of_a_pool(machine(6, 8, Some(2.0), None), false, "limit is 2 and the process may use 6")]
    #[case::fraction(machine(2, 8, Some(1.5), None), false, "limit is 1.5")]
    #[case::quota_against_told_limit(machine(2, 8, Some(1.0), Some(2)), false, "limit is 1")]
    fn only_cpus_shown_to_be_exclusive_are_pinned(
        #[case] machine: Machine,
        #[case] pinned: bool,
        #[case] because: &str,
    ) {
        let placement = Placement::of(Workers::Auto, Pinning::Auto, &machine);
        assert_eq!(!placement.cpus.is_empty(), pinned);
        assert!(placement.because.to_string().contains(because), "{}", placement.because);
    }

    #[rstest]
    #[case::forced(2, Pinning::Forced, &[4, 5], "others may use")]
    #[case::fewer_workers_than_cpus(1, Pinning::Forced, &[4], "others may use")]
    #[case::more_workers_than_cpus(3, Pinning::Forced, &[], "fewer than its 3 workers")]
    #[case::off(2, Pinning::Off, &[], "pinning is off")]
    fn forced_pins_whoever_else_is_there(
        #[case] workers: usize,
        #[case] pinning: Pinning,
        #[case] cpus: &[usize],
        #[case] because: &str,
    ) {
        let placement = Placement::of(exactly(workers), pinning, &machine(2, 8, None, None));
        assert_eq!((placement.workers, placement.cpus.as_slice()), (workers, cpus));
        assert!(placement.because.to_string().contains(because), "{}", placement.because);
    }

    proptest! {
        #[test]
        fn pinned_workers_have_distinct_allowed_cpus(
            allowed in 1..40usize, online in 0..64usize, quota in proptest::option::of(0.1..64.0), workers in 1..64usize,
            pinning in prop_oneof![Just(Pinning::Auto), Just(Pinning::Off), Just(Pinning::Forced)],
        ) {
            let machine = machine(allowed, online, quota, None);
            let Placement { workers: count, cpus, because } = Placement::of(exactly(workers), pinning, &machine);
            prop_assert_eq!(count, workers);
            prop_assert!(cpus.is_empty() || cpus.len() == workers);
            prop_assert_eq!(because.pins(), !cpus.is_empty());
            prop_assert!(cpus.is_sorted_by(|a, b| a < b) && cpus.iter().all(|cpu| machine.allowed.contains(cpu)));
        }
    }
}
