//! `behavior.*.policies`: how much the size may change within a period (HPA's arithmetic).

use super::Facts;
use crate::decision::ReasonCode;
use crate::plan::Proposal;
use crate::policy::{Limit, LimitKind, ScalingRules, SelectPolicy};
use crate::units::Replicas;

pub(super) fn rate(facts: &Facts<'_>, mut proposal: Proposal) -> Proposal {
    let behavior = facts.policy.behavior();
    if facts.grows(&proposal) {
        let target = proposal.target.min(most(facts, &behavior.scale_up));
        proposal.change(target, ReasonCode::ScaleUpLimit, || {
            format!("behavior.scaleUp allows {target} pods now")
        });
    } else if facts.shrinks(&proposal) {
        let target = proposal.target.max(least(facts, &behavior.scale_down));
        proposal.change(target, ReasonCode::ScaleDownLimit, || {
            format!("behavior.scaleDown allows {target} pods now")
        });
    }
    proposal
}

/// The largest size allowed; never below the present one.
fn most(facts: &Facts<'_>, rules: &ScalingRules) -> Replicas {
    let allowed = rules.limits.iter().map(|limit| {
        let (added, removed) = moved(facts, limit);
        let start = facts.current.0.saturating_sub(added).saturating_add(removed);
        let most = match limit.kind {
            LimitKind::Pods => start.saturating_add(limit.value),
            LimitKind::Percent => (f64::from(start) * (1.0 + f64::from(limit.value) / 100.0)).ceil() as u32,
        };
        most.max(facts.current.0)
    });
    Replicas(match rules.select {
        SelectPolicy::Disabled => facts.current.0,
        _ if rules.limits.is_empty() => u32::MAX,
        SelectPolicy::Max => allowed.fold(0, u32::max),
        SelectPolicy::Min => allowed.fold(u32::MAX, u32::min),
    })
}

/// The smallest size allowed; never above the present one.
fn least(facts: &Facts<'_>, rules: &ScalingRules) -> Replicas {
    let allowed = rules.limits.iter().map(|limit| {
        let (added, removed) = moved(facts, limit);
        let start = facts.current.0.saturating_add(removed).saturating_sub(added);
        let least = match limit.kind {
            LimitKind::Pods => start.saturating_sub(limit.value),
            LimitKind::Percent => (f64::from(start) * (1.0 - f64::from(limit.value) / 100.0)).max(0.0) as u32,
        };
        least.min(facts.current.0)
    });
    Replicas(match rules.select {
        SelectPolicy::Disabled => facts.current.0,
        _ if rules.limits.is_empty() => 0,
        SelectPolicy::Max => allowed.fold(u32::MAX, u32::min),
        SelectPolicy::Min => allowed.fold(0, u32::max),
    })
}

fn moved(facts: &Facts<'_>, limit: &Limit) -> (u32, u32) {
    facts.state.sizes.moved_within(limit.period.as_secs_f64(), facts.now)
}
