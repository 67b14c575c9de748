//! Tables and properties of the accounting, up to the summary.

use super::*;
use crate::account::{Run, summarise};
use crate::report::{Summary, Verdict};
use proptest::prelude::*;
use rstest::rstest;

const TIMEOUT: Duration = Duration::from_secs(1);

fn ledger(objectives: &[&str], warm_up: Duration) -> Ledger {
    let objectives = objectives.iter().map(|text| text.parse().unwrap()).collect();
    Ledger::new(1, objectives, TIMEOUT, warm_up).unwrap()
}

fn at(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn answered(status: u16, millis: u64) -> Outcome {
    Outcome::Answered { status, latency: at(millis) }
}

fn request(ledger: &mut Ledger, time: Duration, outcome: Outcome) {
    ledger.intend(time, 0);
    ledger.start(time, Duration::ZERO);
    ledger.sent(time, 0);
    ledger.end(time, 0, outcome);
}

fn summary(ledger: Ledger) -> Summary {
    let targets = vec!["http://h".to_owned()];
    let run = Run {
        started_at_unix_seconds: 0.0,
        targets,
        connections_opened: vec![3],
        requests_sent: 4,
        cpu: at(1),
        interrupted: false,
        seed: 1,
    };
    summarise(ledger, run)
}

#[rstest]
#[case::good(answered(200, 100), [1, 0, 0, 0])]
#[case::redirection(answered(302, 1), [1, 0, 0, 0])]
#[case::late(answered(200, 101), [0, 1, 0, 0])]
#[case::server_error(answered(500, 1), [0, 0, 1, 0])]
#[case::shed(answered(503, 1), [0, 0, 1, 1])]
#[case::client_error_counts_neither_way(answered(404, 1), [0, 0, 0, 0])]
#[case::client_limit_counts_neither_way(answered(429, 1), [0, 0, 0, 1])]
#[case::timeout(Outcome::Failed(Failure::Timeout), [0, 0, 1, 0])]
#[case::abandoned(Outcome::Abandoned, [0, 0, 0, 0])]
fn an_outcome_is_good_late_failed_or_rejected(#[case] outcome: Outcome, #[case] expected: [u64; 4]) {
    let mut ledger = ledger(&["p99<100ms"], Duration::ZERO);
    request(&mut ledger, at(500), outcome);
    let row = ledger.next_final(at(1000)).unwrap();
    assert_eq!([row.good, row.late, row.failed, row.rejected], expected);
    let counts = summary(ledger).counts;
    assert_eq!([counts.good, counts.late, counts.failed.total, counts.rejected], expected);
    assert_eq!((counts.intended, counts.sent), (1, 1));
}

#[test]
fn without_an_objective_every_success_is_good() {
    let mut ledger = ledger(&[], Duration::ZERO);
    request(&mut ledger, at(0), answered(200, 999));
    let summary = summary(ledger);
    assert_eq!((summary.counts.good, summary.verdict), (1, Verdict::Held));
}

#[test]
fn a_second_is_final_once_it_is_over_and_all_its_requests_have_ended() {
    let mut ledger = ledger(&[], Duration::ZERO);
    ledger.intend(at(900), 0);
    request(&mut ledger, at(1100), answered(200, 5));
    assert_eq!(ledger.next_final(at(2000)), None);
    ledger.end(at(900), 0, answered(200, 700));
    assert_eq!(ledger.next_final(at(999)), None);
    let rows = [ledger.next_final(at(2000)), ledger.next_final(at(2000)), ledger.next_final(at(2000))];
    assert_eq!(rows.map(|row| row.map(|row| (row.second, row.good))), [Some((0, 1)), Some((1, 1)), None]);
}

#[test]
fn a_second_without_requests_has_a_row_too() {
    let mut ledger = ledger(&[], Duration::ZERO);
    request(&mut ledger, at(2500), answered(200, 5));
    let rows: Vec<_> = std::iter::from_fn(|| ledger.next_final(at(3000))).map(|row| row.intended).collect();
    assert_eq!(rows, [0, 0, 1]);
}

#[test]
fn the_warm_up_counts_nowhere() {
    let mut ledger = ledger(&[], at(2000));
    request(&mut ledger, at(1999), Outcome::Failed(Failure::Reset));
    request(&mut ledger, at(2000), answered(200, 5));
    assert_eq!(ledger.next_final(at(2999)), None);
    assert_eq!(ledger.next_final(at(3000)).map(|row| (row.second, row.intended)), Some((0, 1)));
    assert_eq!(summary(ledger).counts.failed.total, 0);
}

#[rstest]
#[case::none_late(100, 0, 0, Verdict::Held, Some(0.005))]
#[case::one_percent_late(99, 1, 0, Verdict::Held, Some(0.005))]
#[case::two_percent_late(98, 2, 0, Verdict::Missed, Some(0.2))]
#[case::one_late_one_failed(98, 1, 1, Verdict::Missed, Some(0.2))]
#[case::turned_away(98, 0, 2, Verdict::Missed, None)]
fn an_objective_counts_failures_as_infinitely_late(
    #[case] fast: u64,
    #[case] late: u64,
    #[case] shed: u64,
    #[case] expected: Verdict,
    #[case] measured: Option<f64>,
) {
    let mut ledger = ledger(&["p99<100ms"], Duration::ZERO);
    for (count, outcome) in [(fast, answered(200, 5)), (late, answered(200, 200)), (shed, answered(503, 1))] {
        (0..count).for_each(|_| request(&mut ledger, at(1), outcome));
    }
    let summary = summary(ledger);
    assert_eq!(summary.verdict, expected);
    let close = |a: f64, b: f64| (a / b - 1.0).abs() < 0.002;
    let found = summary.objectives[0].measured_seconds;
    assert!(found.zip(measured).map_or(found == measured, |(a, b)| close(a, b)), "{found:?}");
}

#[rstest]
#[case::on_time(0, 5, Verdict::Held)]
#[case::just_within(5, 10, Verdict::Held)]
#[case::one_percent_behind(1, 11, Verdict::Held)]
#[case::two_percent_behind(2, 11, Verdict::Invalid)]
fn a_run_that_missed_its_own_schedule_is_invalid(
    #[case] behind: u64,
    #[case] millis: u64,
    #[case] expected: Verdict,
) {
    let mut ledger = ledger(&["p99<100ms"], Duration::ZERO);
    for index in 0..100 {
        ledger.intend(at(index), 0);
        ledger.start(at(index), if index < behind { at(millis) } else { Duration::ZERO });
        ledger.end(at(index), 0, answered(200, 5));
    }
    let summary = summary(ledger);
    assert_eq!(summary.verdict, expected);
    assert_eq!(summary.schedule.behind_share_percent, if millis > 10 { behind as f64 } else { 0.0 });
}

#[test]
fn want_of_local_ports_is_the_generators_own_fault() {
    let mut ledger = ledger(&[], Duration::ZERO);
    request(&mut ledger, at(0), Outcome::Failed(Failure::Local));
    assert_eq!(summary(ledger).verdict, Verdict::Invalid);
}

#[test]
fn a_log_holds_the_requests_after_the_warm_up() {
    let mut ledger = ledger(&[], at(1000)).keep_log();
    request(&mut ledger, at(999), answered(200, 1));
    request(&mut ledger, at(1000), answered(503, 2));
    let ended = Ended { intended: at(1000), target: 0, outcome: answered(503, 2) };
    assert_eq!((ledger.take_log(), ledger.take_log()), (vec![ended], Vec::new()));
}

#[test]
fn the_summary_reads_back_as_it_was_written() {
    let mut ledger = ledger(&["p99<100ms"], Duration::ZERO);
    request(&mut ledger, at(0), answered(200, 5));
    let written = summary(ledger);
    let json = serde_json::to_value(&written).unwrap();
    for field in ["p999Seconds", "cpuMicrosPerRequest", "goodput", "intended", "badSeconds"] {
        assert!(json[field].is_number(), "{field} is missing");
    }
    assert_eq!((&json["status"]["2xx"], &json["failed"]["status5xx"]), (&1.into(), &0.into()));
    assert_eq!(json["perTarget"][0]["connectionsOpened"], 3);
    assert_eq!(serde_json::from_value::<Summary>(json).unwrap(), written);
}

fn outcome() -> impl Strategy<Value = Outcome> {
    let failures = [
        Failure::Refused,
        Failure::Reset,
        Failure::Timeout,
        Failure::Truncated,
        Failure::Malformed,
        Failure::Local,
    ];
    prop_oneof![
        (200u16..600, 0u64..1000).prop_map(|(status, millis)| answered(status, millis)),
        prop::sample::select(failures.to_vec()).prop_map(Outcome::Failed),
        Just(Outcome::Abandoned),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn every_request_is_counted_once(requests in prop::collection::vec((0u64..5000, outcome()), 0..60)) {
        let mut ledger = ledger(&["p99<100ms"], Duration::ZERO);
        for (time, outcome) in &requests {
            request(&mut ledger, at(*time), *outcome);
        }
        let rows: Vec<_> = std::iter::from_fn(|| ledger.next_final(at(5000))).collect();
        let summary = summary(ledger);
        let Counts { intended, good, late, failed, abandoned, answered, status, .. } = &summary.counts;
        prop_assert_eq!(*intended, requests.len() as u64);
        prop_assert_eq!(*intended, good + late + failed.total + abandoned + status.client_error);
        prop_assert_eq!(
            failed.total,
            failed.refused + failed.reset + failed.timeout + failed.status5xx + failed.truncated + failed.malformed + failed.local
        );
        prop_assert_eq!(*answered, status.success + status.redirection + status.client_error + status.server_error);
        prop_assert_eq!(rows.len(), 5);
        prop_assert_eq!(rows.iter().map(|row| row.intended).sum::<u64>(), *intended);
        prop_assert_eq!(rows.iter().map(|row| row.good).sum::<u64>(), *good);
    }
}
