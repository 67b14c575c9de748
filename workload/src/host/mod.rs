//! What the machine says: CPUs to run on, CPU time used, time held back by the cgroup.

mod cgroup;
mod descriptors;
mod machine;
mod pins;
mod placement;
mod usage;

pub(crate) use descriptors::connections_within;
#[cfg(test)]
pub(crate) use machine::tests as fixture;
pub(crate) use machine::{Host, Machine};
pub(crate) use pins::{keep_to, keeps_to, run_anywhere};
pub(crate) use placement::{Placement, Reason};
pub(crate) use usage::{Cpu, process_cpu_seconds, thread_cpu_seconds};
