//! Each guard with all others off: what it promises must not depend on another one holding the size.

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use rstest::rstest;

use super::*;
use crate::decision::ReasonCode;
use crate::observation::{Inventory, Resizer, Shrinking};
use crate::policy::{Behavior, Limit, LimitKind, PolicySpec, ScalingRules, SelectPolicy};
use crate::state::load::Entry;
use crate::units::{Rate, Share};

const PER_POD: f64 = 100.0;

/// Facts to change one by one: 10 pods of 10 ready, all fresh, nothing wrong, no limits.
struct Bench {
    spec: PolicySpec,
    state: State,
    seen: Observation,
    current: u32,
    look: Look,
    demand: Demand,
    needed: Option<u32>,
}

fn bench() -> Bench {
    let objective = crate::policy::LatencyObjective {
        name: "p99".to_owned(),
        quantile: 0.99,
        threshold: std::time::Duration::from_millis(100),
    };
    Bench {
        spec: PolicySpec {
            qps: 1e6,
            latency: vec![objective],
            availability: 0.999,
            window_days: 28,
            reserve_qps: 0.0,
            min_replicas: 1,
            max_replicas: Some(100),
            behavior: Behavior::default(),
            prior_qps_per_pod: None,
            workers: None,
        },
        state: State::default(),
        seen: Observation::default(),
        current: 10,
        look: Look { ready: 10, running: 10, fresh: 10, ..Look::default() },
        demand: Demand::default(),
        needed: Some(10),
    }
}

fn at(seconds: i64) -> Moment {
    Moment::from(Timestamp::UNIX_EPOCH + SignedDuration::from_secs(100_000 + seconds))
}

impl Bench {
    /// Applies one guard to a proposal of `target` pods: the size and the kinds of its reasons.
    fn apply(&self, guard: Guard, target: u32) -> (u32, Vec<ReasonCode>) {
        let proposal = self.proposal(guard, target);
        (proposal.target.0, proposal.reasons.iter().map(|reason| reason.code).collect())
    }

    /// The reasons alone.
    fn reasons(&self, guard: Guard, target: u32) -> Vec<crate::decision::Reason> {
        self.proposal(guard, target).reasons
    }

    fn proposal(&self, guard: Guard, target: u32) -> Proposal {
        let policy = Policy::new(self.spec.clone()).unwrap();
        let per_pod = Some(Rate::new(PER_POD));
        let demand = Rate::new(PER_POD * f64::from(self.needed.unwrap_or(0)));
        let facts = Facts {
            policy: &policy,
            state: &self.state,
            seen: &self.seen,
            current: Replicas(self.current),
            look: &self.look,
            demand: &self.demand,
            capacity: Capacity { per_pod, confidence: Share::ALL, knee: Share::new(0.8) },
            need: Need {
                replicas: self.needed.map(Replicas),
                demand,
                max: policy.max_replicas().unwrap_or(Replicas(1000)),
            },
            now: at(0),
        };
        guard(&facts, Proposal { target: Replicas(target), reasons: Vec::new() })
    }

    fn recommended(mut self, size: u32, seconds_ago: i64, window: f64) -> Self {
        self.state.recommendations.push(Replicas(size), at(-seconds_ago), window, window);
        self
    }
}

#[rstest]
#[case::all_answered(10, 10, 5, 5, &[])]
#[case::few_answers_do_not_stop_growth(1, 10, 20, 20, &[])]
#[case::without_any_nothing_grows(0, 10, 20, 10, &[ReasonCode::EvidenceAbsent])]
#[case::none_answered(0, 10, 5, 10, &[ReasonCode::EvidenceAbsent])]
#[case::three_of_ten_missing(7, 10, 5, 10, &[ReasonCode::EvidencePartial])]
#[case::two_of_ten_count_as_full(8, 10, 5, 7, &[ReasonCode::EvidencePartial])]
fn evidence_alone(
    #[case] fresh: u32,
    #[case] running: u32,
    #[case] target: u32,
    #[case] expected: u32,
    #[case] codes: &[ReasonCode],
) {
    let mut bench = bench();
    bench.needed = Some(5);
    bench.look = Look { fresh, running, ready: running, ..bench.look };
    assert_eq!(bench.apply(evidence::evidence, target), (expected, codes.to_vec()));
}

#[test]
fn an_old_list_of_pods_alone_stops_shrinking_only() {
    let mut bench = bench();
    bench.seen.inventory = Inventory::Stale;
    assert_eq!(bench.apply(evidence::inventory, 5), (10, vec![ReasonCode::EvidenceStale]));
    assert_eq!(bench.apply(evidence::inventory, 15), (15, vec![]));
}

#[test]
fn a_freeze_alone_stops_shrinking_only() {
    let mut bench = bench();
    bench.seen.shrinking = Shrinking::Frozen;
    assert_eq!(bench.apply(freeze::freeze, 5), (10, vec![ReasonCode::Frozen]));
    assert_eq!(bench.apply(freeze::freeze, 15), (15, vec![]));
}

#[test]
fn a_sample_alone_stops_shrinking_only() {
    let mut bench = bench();
    bench.look.unasked = 1;
    assert_eq!(bench.apply(sampled::sampled, 5), (10, vec![ReasonCode::Sampled]));
    assert_eq!(bench.apply(sampled::sampled, 15), (15, vec![]));
}

#[rstest]
#[case::what_is_needed_is_asked_for(30, 30)]
#[case::nothing_is_asked_for_in_their_stead(34, 30)]
#[case::shrinking_goes_on(5, 5)]
fn blocked_pods_alone(#[case] target: u32, #[case] expected: u32) {
    let mut bench = bench();
    bench.needed = Some(30);
    bench.look.troubled[crate::observation::Trouble::ImagePull as usize] = 2;
    assert_eq!(bench.apply(blocked::blocked, target), (expected, vec![ReasonCode::ScaleUpBlocked]));
}

#[test]
fn what_blocks_pods_is_counted_and_quoted_within_bounds() {
    let mut bench = bench();
    (bench.look.troubled, bench.look.refused) = ([3, 0, 1, 0], 4);
    bench.seen.blocked = Some("exceeded quota: pods ".repeat(500));
    let message = bench.reasons(blocked::blocked, 12).remove(0).message;
    assert!(message.starts_with(
        "of 10 pods asked for, 3 find no node, 1 can't pull their image, 4 are refused: exceeded quota"
    ));
    assert!(message.len() < 400, "{message}");
}

#[rstest]
#[case::held(20, 60, 10, &[ReasonCode::ScaledByOther])]
#[case::growth_goes_on(20, 60, 15, &[])]
#[case::the_window_is_over(20, 181, 5, &[])]
fn the_size_set_by_somebody_else_alone(
    #[case] before: u32,
    #[case] ago: i64,
    #[case] expected: u32,
    #[case] codes: &[ReasonCode],
) {
    let mut bench = bench();
    bench.spec.behavior.scale_down.stabilization_window = std::time::Duration::from_secs(180);
    bench.state.sizes.notice(Replicas(before), Resizer::Us, at(-ago - 1));
    bench.state.sizes.notice(Replicas(10), Resizer::Other, at(-ago));
    bench.state.recommendations.hold(Replicas(10), at(-ago), 180.0);
    let target = if expected == 15 { 15 } else { 5 };
    bench.state.recommendations.push(Replicas(target), at(0), 0.0, 180.0);
    assert_eq!(bench.apply(stabilize::stabilize, target), (expected, codes.to_vec()));
}

#[rstest]
#[case::all_ready(10, 6, 6)]
#[case::two_unready_stay_counted(8, 6, 8)]
#[case::too_few_ready(3, 6, 10)]
fn readiness_alone(#[case] ready: u32, #[case] target: u32, #[case] expected: u32) {
    let mut bench = bench();
    (bench.look.ready, bench.needed) = (ready, Some(6));
    assert_eq!(bench.apply(ready::ready, target).0, expected);
}

#[rstest]
#[case::within_the_objectives(0.9, 5)]
#[case::beyond(1.1, 10)]
fn budget_alone(#[case] excess: f64, #[case] expected: u32) {
    let mut bench = bench();
    let entry = Entry { at: at(-5), seconds: 1.0, finished: 1e6, excess: 1e6 * excess, ..Entry::default() };
    bench.state.load.push(entry);
    assert_eq!(bench.apply(budget::budget, 5).0, expected);
}

#[test]
fn hot_pods_alone() {
    let mut bench = bench();
    assert_eq!(bench.apply(hot_pods::hot_pods, 5).0, 5);
    bench.look.hot = 1;
    assert_eq!(bench.apply(hot_pods::hot_pods, 5), (10, vec![ReasonCode::HotPods]));
    assert_eq!(bench.apply(hot_pods::hot_pods, 15).0, 15, "growth goes on");
}

#[rstest]
#[case::none_late(0, None, 20)]
#[case::late_and_none_arrived(2, None, 10)]
#[case::late_and_one_arrived_before_the_growth(2, Some(-100), 10)]
#[case::late_but_one_arrived_since(2, Some(-10), 20)]
fn arrival_alone(#[case] overdue: u32, #[case] arrived: Option<i64>, #[case] expected: u32) {
    let mut bench = bench();
    bench.state.sizes.notice(Replicas(4), Resizer::Us, at(-60));
    bench.state.sizes.notice(Replicas(10), Resizer::Us, at(-50));
    bench.look.overdue = overdue;
    bench.state.last_arrival = arrived.map(at);
    assert_eq!(bench.apply(arrival::arrival, 20).0, expected);
    assert_eq!(bench.apply(arrival::arrival, 5).0, 5, "shrinking goes on");
}

#[rstest]
#[case::doubling(18.0, 20, 20)]
#[case::more_than_the_looks_agree_on(12.0, 50, 20)]
#[case::what_the_looks_agree_on(40.0, 50, 40)]
fn confirmation_alone(#[case] agreed_pods: f64, #[case] target: u32, #[case] expected: u32) {
    let mut bench = bench();
    bench.demand.confirmed = Rate::new(agreed_pods * PER_POD);
    assert_eq!(bench.apply(confirm::confirm, target).0, expected);
}

#[rstest]
#[case::largest_of_the_window(8, 100, 5, 8)]
#[case::a_larger_one_than_now_only_holds(30, 100, 5, 10)]
#[case::left_the_window(8, 181, 5, 5)]
fn stabilisation_alone(#[case] size: u32, #[case] ago: i64, #[case] target: u32, #[case] expected: u32) {
    let mut bench = bench().recommended(size, ago, 180.0);
    bench.state.recommendations.push(Replicas(target), at(0), 180.0, 180.0);
    assert_eq!(bench.apply(stabilize::stabilize, target).0, expected);
}

#[test]
fn growth_waits_for_the_smallest_of_its_window() {
    let bench = bench().recommended(12, 10, 60.0);
    assert_eq!(bench.apply(stabilize::stabilize, 20), (12, vec![ReasonCode::ScaleUpStabilized]));
}

const fn pods(value: u32) -> Limit {
    Limit { kind: LimitKind::Pods, value, period: std::time::Duration::from_secs(60) }
}

const fn percent(value: u32) -> Limit {
    Limit { kind: LimitKind::Percent, value, period: std::time::Duration::from_secs(60) }
}

// The size went from 8 to 10 ten seconds ago, so the period began with 8.
#[rstest]
#[case::no_limit(&[], SelectPolicy::Max, 50, 50)]
#[case::four_pods(&[pods(4)], SelectPolicy::Max, 50, 12)]
#[case::percent_is_rounded_up(&[percent(30)], SelectPolicy::Max, 50, 11)]
#[case::the_larger(&[pods(4), percent(100)], SelectPolicy::Max, 50, 16)]
#[case::the_smaller(&[pods(4), percent(100)], SelectPolicy::Min, 50, 12)]
#[case::used_up(&[pods(1)], SelectPolicy::Max, 50, 10)]
#[case::disabled(&[pods(4)], SelectPolicy::Disabled, 50, 10)]
fn growth_rate_alone(
    #[case] limits: &[Limit],
    #[case] select: SelectPolicy,
    #[case] target: u32,
    #[case] expected: u32,
) {
    let mut bench = bench();
    bench.state.sizes.notice(Replicas(8), Resizer::Us, at(-70));
    bench.state.sizes.notice(Replicas(10), Resizer::Us, at(-10));
    bench.spec.behavior.scale_up =
        ScalingRules { limits: limits.to_vec(), select, ..ScalingRules::default() };
    assert_eq!(bench.apply(rate::rate, target).0, expected);
}

// The size went from 12 to 10 ten seconds ago, so the period began with 12.
#[rstest]
#[case::no_limit(&[], SelectPolicy::Max, 1, 1)]
#[case::three_pods(&[pods(3)], SelectPolicy::Max, 1, 9)]
#[case::percent_is_rounded_down(&[percent(30)], SelectPolicy::Max, 1, 8)]
#[case::the_larger_change(&[pods(3), percent(50)], SelectPolicy::Max, 1, 6)]
#[case::the_smaller_change(&[pods(3), percent(50)], SelectPolicy::Min, 1, 9)]
#[case::used_up(&[pods(1)], SelectPolicy::Max, 1, 10)]
#[case::disabled(&[pods(3)], SelectPolicy::Disabled, 1, 10)]
fn shrinking_rate_alone(
    #[case] limits: &[Limit],
    #[case] select: SelectPolicy,
    #[case] target: u32,
    #[case] expected: u32,
) {
    let mut bench = bench();
    bench.state.sizes.notice(Replicas(12), Resizer::Us, at(-70));
    bench.state.sizes.notice(Replicas(10), Resizer::Us, at(-10));
    bench.spec.behavior.scale_down =
        ScalingRules { limits: limits.to_vec(), select, ..ScalingRules::default() };
    assert_eq!(bench.apply(rate::rate, target).0, expected);
}

#[rstest]
#[case(0, 1, &[ReasonCode::TooFewReplicas])]
#[case(50, 50, &[])]
#[case(500, 100, &[ReasonCode::TooManyReplicas])]
fn bounds_alone(#[case] target: u32, #[case] expected: u32, #[case] codes: &[ReasonCode]) {
    assert_eq!(bench().apply(bounds::bounds, target), (expected, codes.to_vec()));
}

#[rstest]
#[case::set_by_somebody(Some(3), 120, ReasonCode::AboveMaximum, "the size is 120 pods, maxReplicas is 100")]
#[case::no_need_is_known(None, 120, ReasonCode::AboveMaximum, "the size is 120 pods, maxReplicas is 100")]
#[case::needed_too(
    Some(110),
    120,
    ReasonCode::TooManyReplicas,
    "110 pods would be needed, maxReplicas is 100"
)]
fn a_size_above_the_bound_is_no_need(
    #[case] needed: Option<u32>,
    #[case] target: u32,
    #[case] code: ReasonCode,
    #[case] message: &str,
) {
    let mut bench = bench();
    (bench.current, bench.needed) = (120, needed);
    let reasons = bench.reasons(bounds::bounds, target);
    assert_eq!((reasons[0].code, reasons[0].to, &*reasons[0].message), (code, Replicas(100), message));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    /// No guard but the bounds may turn the direction around: between the proposal and the present size.
    #[test]
    fn a_guard_moves_the_target_towards_the_present_size_only(
        target in 0u32..200, current in 1u32..100, ready in 0u32..100, fresh in 0u32..100, silent in 0u32..20,
        overdue in 0u32..3, hot in 0u32..2, unasked in 0u32..2, stale in any::<bool>(), frozen in any::<bool>(), needed in 0u32..200, recommended in 0u32..200, confirmed in 0.0..2e4f64,
    ) {
        let mut bench = bench().recommended(recommended, 5, 60.0);
        (bench.current, bench.needed) = (current, Some(needed));
        bench.look = Look { ready, fresh, running: fresh + silent, overdue, hot, unasked, ..bench.look };
        bench.seen.inventory = if stale { Inventory::Stale } else { Inventory::Complete };
        bench.seen.shrinking = if frozen { Shrinking::Frozen } else { Shrinking::Allowed };
        bench.demand.confirmed = Rate::new(confirmed);
        for guard in &ALL[..ALL.len() - 1] {
            let (moved, reasons) = bench.apply(*guard, target);
            prop_assert!((moved >= target.min(current)) && (moved <= target.max(current)));
            prop_assert_eq!(reasons.is_empty(), moved == target);
        }
    }

    #[test]
    fn evidence_alone_never_shrinks_on_too_few_answers(
        target in 0u32..100, current in 1u32..100, running in 1u32..100, fresh_share in 0.0..0.79f64,
    ) {
        let mut bench = bench();
        bench.current = current;
        let fresh = (f64::from(running) * fresh_share) as u32;
        bench.look = Look { ready: running, running, fresh, ..bench.look };
        prop_assert!(bench.apply(evidence::evidence, target).0 >= current.min(target.max(current)));
    }
}
