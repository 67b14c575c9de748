//! What Prometheus reads: every metric of the controller, each registered in one line that the documentation reads too.
//!
//! Base units, `_total` for what only grows, `_ratio` from 0 to 1. What is about one service carries its namespace and
//! name and goes when the service goes.

mod count;
mod series;
mod show;

pub use count::Counted;
pub use series::{Counters, FamilyInfo, Gauges};
pub use show::Shown;

use prometheus_client::encoding::text;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use series::Catalogue;

/// Content type of [`Metrics::text`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Seconds: from a millisecond to what is far too long for a tick.
const TICK_BUCKETS: [f64; 11] = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0];
/// Seconds: one decision takes microseconds.
const DECIDE_BUCKETS: [f64; 9] = [5e-6, 1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 1e-3, 1e-2, 1e-1];

macro_rules! metrics {
    ($($(#[$object:ident])? $field:ident: $kind:ident($name:literal, $help:literal, $labels:expr);)*) => {
        /// Every metric. One for the process; shared.
        #[derive(Debug)]
        pub struct Metrics {
            registry: Registry,
            families: Vec<FamilyInfo>,
            $(#[doc = $help] pub $field: metrics!(@type $kind),)*
        }

        impl Default for Metrics {
            fn default() -> Self {
                let mut catalogue = Catalogue::new();
                $(let $field = catalogue.$kind($name, $help, $labels);)*
                let Catalogue { registry, families } = catalogue;
                let metrics = Self { registry, families, $($field,)* };
                metrics.build_info.set(&[env!("CARGO_PKG_VERSION")], 1.0);
                metrics
            }
        }

        impl Metrics {
            /// Removes every series of a service.
            pub fn forget(&self, namespace: &str, name: &str) {
                $($(metrics!(@$object self.$field, namespace, name);)?)*
            }
        }
    };
    (@type gauge) => { Gauges };
    (@type counter) => { Counters };
    (@type histogram) => { Histogram };
    (@object $this:ident.$field:ident, $namespace:ident, $name:ident) => {
        $this.$field.forget($namespace, $name)
    };
}

const OBJECT: &[&str] = &["namespace", "scaledservice"];
const OBJECTIVE: &[&str] = &["namespace", "scaledservice", "objective"];

metrics! {
    #[object] requests: counter("requests", "Requests that came to an end, by result: good, late (beyond the first latency objective), rejected (for overload) or error (5xx).", &["namespace", "scaledservice", "result"]);
    #[object] objective: gauge("objective_ratio", "Share of the requests that must be good, from objectives.availability.", OBJECT);
    #[object] budget_remaining: gauge("budget_remaining_ratio", "Share of the availability budget of the window that is left; negative when overspent.", OBJECT);
    #[object] burn_rate: gauge("burn_rate", "Bad requests of the last hour over what the availability objective allows of as many; at 1 the budget lasts its window.", OBJECT);
    #[object] latency: gauge("latency_seconds", "Latency at the objective's quantile now, at the server.", OBJECTIVE);
    #[object] latency_objective: gauge("latency_objective_seconds", "Longest latency within the objective.", OBJECTIVE);
    #[object] replicas_current: gauge("replicas_current", "Pods the target is asked to have.", OBJECT);
    #[object] replicas_ready: gauge("replicas_ready", "Pods that serve.", OBJECT);
    #[object] replicas_wanted: gauge("replicas_wanted", "Pods that demand needs, before any guard or bound.", OBJECT);
    #[object] replicas_target: gauge("replicas_target", "Pods decided on, after every guard and bound.", OBJECT);
    #[object] replicas_min: gauge("replicas_min", "minReplicas.", OBJECT);
    #[object] replicas_max: gauge("replicas_max", "Upper bound in force: maxReplicas, or what objectives.qps needs.", OBJECT);
    #[object] offered: gauge("offered_requests_per_second", "Requests that arrive.", OBJECT);
    #[object] demand: gauge("demand_requests_per_second", "What buys pods: the largest of load, reserve, and what saturated workers hide.", OBJECT);
    #[object] ready_capacity: gauge("ready_capacity_requests_per_second", "What the ready pods hold within the objectives.", OBJECT);
    #[object] pod_capacity: gauge("pod_capacity_requests_per_second", "What one pod holds within the objectives.", OBJECT);
    #[object] pod_capacity_change: gauge("pod_capacity_ratio", "Capacity of a pod of the newest revision over that of the revision before, once both are known.", OBJECT);
    #[object] confidence: gauge("capacity_confidence_ratio", "How well the capacity of a pod is known: 0 assumed, 1 learned with certainty.", OBJECT);
    #[object] pods_fresh: gauge("pods_fresh", "Running pods whose numbers are recent.", OBJECT);
    #[object] pods_missing: gauge("pods_missing_seconds", "How long pods that were asked for have been missing; 0 when none is.", OBJECT);
    #[object] lead_time: gauge("lead_time_seconds", "Time from writing a size to the pods being ready, as learned.", OBJECT);
    #[object] direction_changes: counter("direction_changes", "Size changes in the other direction than the one before.", OBJECT);
    #[object] decisions: counter("decisions", "Decisions to change the size, by direction (up, down) and the reason that decided.", &["namespace", "scaledservice", "direction", "reason"]);
    #[object] connections_moved: counter("connections_moved", "Connections that pods with more than their share were told to end.", OBJECT);
    #[object] condition: gauge("condition", "1 for each condition as it is now.", &["namespace", "scaledservice", "kind", "type", "status", "reason"]);
    leader: gauge("leader", "1 in the replica of the controller that writes.", &[]);
    tick_duration: histogram("tick_duration_seconds", "Time of one pass over one service.", &TICK_BUCKETS);
    decide_duration: histogram("decide_duration_seconds", "Time of one decision about one service.", &DECIDE_BUCKETS);
    load_to_write: histogram("load_to_write_seconds", "Time from asking the pods to the answer to the size written because of what they said.", &TICK_BUCKETS);
    writes: counter("writes", "Writes that the API server accepted.", &["resource", "verb"]);
    write_errors: counter("write_errors", "Writes that failed, by cause.", &["resource", "reason"]);
    api_request_errors: counter("api_request_errors", "Requests to the API server that failed, by cause: 4xx (but 404, 409 and 410, which are answers), 5xx, timeout or connection.", &["reason"]);
    watch_age: gauge("watch_age_seconds", "Time since a watch was last heard from.", &["resource"]);
    invariant_violations: counter("invariant_violations", "Decisions or writes that break an invariant, which is a defect of Headroom.", &["id"]);
    quarantined: gauge("quarantined_services", "Services that are left alone for a minute because looking at them made the controller panic.", &[]);
    build_info: gauge("build_info", "1, with the version of the controller.", &["version"]);
}

impl Metrics {
    /// All of it, in the `OpenMetrics` text format.
    pub fn text(&self) -> String {
        let mut out = String::new();
        // Writing to a String does not fail.
        let _ = text::encode(&mut out, &self.registry);
        out
    }

    /// What there is, in the order of [`Self::text`].
    pub fn families(&self) -> &[FamilyInfo] {
        &self.families
    }
}

#[cfg(test)]
mod tests;
