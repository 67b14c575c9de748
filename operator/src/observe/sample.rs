//! `GET /stats` of one server becomes the core's [`Sample`].

use std::hash::{DefaultHasher, Hash, Hasher};

use headroom_core::{Answered, Policy, Sample, ServiceTime};
use headroom_workload::stats::Stats;

/// The counters that decisions are made of.
///
/// An objective that the server doesn't count is left at zero: nothing is known of it.
pub fn sample_of(stats: &Stats, policy: &Policy) -> Sample {
    let service = stats.service.moments();
    let mut objectives = [Answered::default(); Policy::MAX_OBJECTIVES];
    for (answered, objective) in objectives.iter_mut().zip(policy.latency()) {
        if let Some(count) = stats.objectives.iter().find(|count| count.name == objective.name) {
            *answered = Answered {
                good: count.good as f64,
                late: count.late as f64,
                service_beyond: service.count
                    - stats.service.count_within(objective.threshold.as_secs_f64()) as f64,
            };
        }
    }
    Sample {
        boot: boot_of(&stats.boot_id),
        at_nanos: stats.at_nanos,
        arrivals: stats.arrivals as f64,
        retries: stats.retries as f64,
        excluded: stats.rejected.not_demand() as f64,
        rejected_overload: stats.rejected.overload() as f64,
        objectives,
        answers: stats.responses.total() as f64,
        server_errors: stats.responses.server_error as f64,
        in_flight: stats.in_flight as f64,
        queued: stats.queued as f64,
        busy_seconds: stats.busy_seconds,
        cpu_seconds: stats.cpu_seconds,
        service: ServiceTime {
            count: service.count,
            sum: service.sum,
            sum_of_squares: service.sum_of_squares,
        },
    }
}

/// A number for the boot id: equal ids give equal numbers in every run of the same binary.
fn boot_of(id: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    id.hash(&mut hasher);
    hasher.finish()
}
