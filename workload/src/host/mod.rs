//! What the machine says: CPUs to run on, CPU time used, time held back by the cgroup.

mod cgroup;
mod cpus;
mod descriptors;
mod usage;

pub(crate) use cpus::auto_workers;
pub(crate) use descriptors::connections_within;
pub(crate) use usage::{Cpu, process_cpu_seconds, thread_cpu_seconds, throttled_seconds};
