//! Rules about the target, the promise, the bounds and the behaviour.

use super::{Rule, items, when};
use crate::{
    behavior::{PolicyType, ScalingPolicy, SelectPolicy},
    objectives::LatencyObjective,
    path::Path,
    service::ScaledServiceSpec,
    units::Duration,
};

pub(super) const RULES: [Rule; 10] = [
    Rule {
        cel: "has(self.workload) != has(self.scaleTargetRef)",
        message: "give exactly one of workload (Headroom runs the bundled server) and scaleTargetRef \
                  (Headroom sizes an object you have)",
        field: "workload",
        broken_at: |spec| match (&spec.workload, &spec.scale_target_ref) {
            (Some(_), Some(_)) => vec![Path::of("scaleTargetRef")],
            (None, None) => vec![Path::default()],
            _ => Vec::new(),
        },
    },
    Rule {
        cel: "!has(self.maxReplicas) || self.minReplicas <= self.maxReplicas",
        message: "must not be below minReplicas (default 2): raise maxReplicas or lower minReplicas",
        field: "maxReplicas",
        broken_at: |spec| when(spec.max_replicas.is_some_and(|max| spec.min_replicas > max), "maxReplicas"),
    },
    Rule {
        cel: "!has(self.reserve) || self.reserve.qps <= self.objectives.qps",
        message: "must not exceed objectives.qps: beyond that rate nothing is promised; raise objectives.qps or \
                  lower the reserve",
        field: "reserve.qps",
        broken_at: |spec| {
            when(spec.reserve.is_some_and(|reserve| reserve.qps > spec.objectives.qps), "reserve.qps")
        },
    },
    Rule {
        cel: "self.objectives.latency.all(l, duration(l.threshold) >= duration('1ms') && \
              duration(l.threshold) <= duration('60s'))",
        message: "must be between 1ms and 60s",
        field: "objectives.latency",
        broken_at: |spec| {
            let allowed = Duration::from_millis(1)..=Duration::from_secs(60);
            items(&spec.objectives.latency, threshold, |_, objective| !allowed.contains(&objective.threshold))
        },
    },
    Rule {
        cel: "self.objectives.latency.all(a, \
              self.objectives.latency.exists_one(b, double(a.quantile) == double(b.quantile)))",
        message: "no two latency objectives may have the same quantile: keep the one with the shorter threshold",
        field: "objectives.latency",
        broken_at: |spec| {
            let latency = &spec.objectives.latency;
            let repeated = |index, objective: &LatencyObjective| {
                latency[..index].iter().any(|earlier| earlier.quantile == objective.quantile)
            };
            items(latency, |index| Path::of("objectives.latency").index(index).key("quantile"), repeated)
        },
    },
    Rule {
        cel: "self.objectives.latency.all(a, self.objectives.latency.all(b, \
              double(a.quantile) >= double(b.quantile) || duration(a.threshold) <= duration(b.threshold)))",
        message: "must not be shorter than the threshold of a lower quantile, which would then say nothing: \
                  swap the two thresholds or drop the lower quantile",
        field: "objectives.latency",
        broken_at: |spec| {
            let latency = &spec.objectives.latency;
            let below = |_, high: &LatencyObjective| {
                latency.iter().any(|low| low.quantile < high.quantile && low.threshold > high.threshold)
            };
            items(latency, threshold, below)
        },
    },
    Rule {
        cel: "self.behavior.scaleDown.policies.all(p, p.type != 'Percent' || p.value <= 100)",
        message: "must be at most 100 for type Percent: no more than all pods can go",
        field: "behavior.scaleDown.policies",
        broken_at: |spec| {
            let too_much =
                |_, policy: &ScalingPolicy| policy.kind == PolicyType::Percent && policy.value > 100;
            let place = |index| Path::of("behavior.scaleDown.policies").index(index).key("value");
            items(&spec.behavior.scale_down.policies, place, too_much)
        },
    },
    Rule {
        cel: "self.behavior.scaleUp.selectPolicy != 'Disabled' || size(self.behavior.scaleUp.policies) == 0",
        message: "Disabled never grows, so the policies would never be used: remove the policies or choose Max or Min",
        field: "behavior.scaleUp.selectPolicy",
        broken_at: |spec| {
            let up = &spec.behavior.scale_up;
            let unused = up.select_policy == SelectPolicy::Disabled && !up.policies.is_empty();
            when(unused, "behavior.scaleUp.selectPolicy")
        },
    },
    Rule {
        cel: "self.behavior.scaleUp.policies.all(a, self.behavior.scaleUp.policies.exists_one(b, \
              a.type == b.type && a.periodSeconds == b.periodSeconds))",
        message: "no two policies may have the same type and periodSeconds: keep one of them",
        field: "behavior.scaleUp.policies",
        broken_at: |spec| repeated_policies(&spec.behavior.scale_up.policies, "behavior.scaleUp.policies"),
    },
    Rule {
        cel: "self.behavior.scaleDown.policies.all(a, self.behavior.scaleDown.policies.exists_one(b, \
              a.type == b.type && a.periodSeconds == b.periodSeconds))",
        message: "no two policies may have the same type and periodSeconds: keep one of them",
        field: "behavior.scaleDown.policies",
        broken_at: |spec| {
            repeated_policies(&spec.behavior.scale_down.policies, "behavior.scaleDown.policies")
        },
    },
];

fn threshold(index: usize) -> Path {
    Path::of("objectives.latency").index(index).key("threshold")
}

fn repeated_policies(policies: &[ScalingPolicy], list: &str) -> Vec<Path> {
    let repeated = |index, policy: &ScalingPolicy| {
        let same = |earlier: &ScalingPolicy| {
            earlier.kind == policy.kind && earlier.period_seconds == policy.period_seconds
        };
        policies[..index].iter().any(same)
    };
    items(policies, |index| Path::of(list).index(index), repeated)
}

/// The thresholds of the promise.
pub(super) fn thresholds(spec: &ScaledServiceSpec) -> impl Iterator<Item = Duration> + '_ {
    spec.objectives.latency.iter().map(|objective| objective.threshold)
}
