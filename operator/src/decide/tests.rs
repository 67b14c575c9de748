use headroom_core::{Decision, Policy, PolicySpec, State};
use rstest::rstest;

use super::*;

fn policy() -> Policy {
    let objective = headroom_core::policy::LatencyObjective {
        name: "p99".to_owned(),
        quantile: 0.99,
        threshold: std::time::Duration::from_millis(100),
    };
    Policy::new(PolicySpec {
        qps: 1000.0,
        latency: vec![objective],
        availability: 0.999,
        window_days: 28,
        reserve_qps: 0.0,
        min_replicas: 2,
        max_replicas: Some(10),
        behavior: headroom_core::policy::Behavior::default(),
        prior_qps_per_pod: Some(100.0),
        workers: None,
    })
    .unwrap()
}

/// A line with one pod, whose stats are `stats`.
fn line(now: &str, stats: &str) -> String {
    format!(
        r#"{{"now":"{now}","replicas":2,"pods":[{{"name":"a","state":"Ready","workers":1,"stats":{stats}}}]}}"#
    )
}

fn stats(arrivals: &str) -> String {
    format!(r#"{{"statsVersion":1,"bootId":"x","atNanos":1,"arrivals":{arrivals},"admitted":0}}"#)
}

fn decide(input: &str) -> anyhow::Result<Vec<Decision>> {
    let mut output = Vec::new();
    decide_lines(&policy(), State::default(), input.as_bytes(), &mut output)?;
    Ok(String::from_utf8(output)?.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

#[test]
fn each_line_is_answered_and_state_is_carried_on() {
    let input = [
        line("2026-01-01T00:00:00Z", &stats("0")),
        String::new(),
        line("2026-01-01T00:00:01Z", &stats("500.5")),
        line("2026-01-01T00:00:02Z", &stats("1000")),
    ];
    let decisions = decide(&input.join("\n")).unwrap();
    assert_eq!(decisions.len(), 3);
    assert_eq!(decisions[2].numbers.offered_rate.get(), 500.0);
    assert_eq!(decisions[2].target_replicas.0, 6, "500/s and noise at 100/s a pod");
}

#[rstest]
#[case::not_json("nonsense", "line 1: ")]
#[case::no_time(r#"{"replicas":2,"pods":[]}"#, "missing field `now`")]
#[case::negative_size(r#"{"now":"2026-01-01T00:00:00Z","replicas":-1,"pods":[]}"#, "line 1: replicas: ")]
#[case::unknown_state(
    r#"{"now":"2026-01-01T00:00:00Z","replicas":1,"pods":[{"name":"a","state":"Sleeping"}]}"#,
    "line 1: pods[0].state: unknown variant `Sleeping`, expected one of `Ready`"
)]
#[case::nameless(
    r#"{"now":"2026-01-01T00:00:00Z","replicas":1,"pods":[{"name":"","state":"Ready"}]}"#,
    "line 1: pods[0].name: must not be empty"
)]
#[case::twice(
    r#"{"now":"2026-01-01T00:00:00Z","replicas":1,"pods":[{"name":"a","state":"Ready"},{"name":"a","state":"Ready"}]}"#,
    "line 1: pods: the name \"a\" stands twice"
)]
#[case::trailing(
    r#"{"now":"2026-01-01T00:00:00Z","replicas":1,"pods":[]} {}"#,
    "line 1: line: trailing characters"
)]
fn a_bad_line_is_named(#[case] input: &str, #[case] expected: &str) {
    let error = format!("{:#}", decide(input).unwrap_err());
    assert!(error.contains(expected), "{error}");
}

#[rstest]
#[case::negative_counter(&stats("-1"), "pods[0].stats.arrivals: invalid value: floating point `-1.0`")]
#[case::no_number(&stats("\"many\""), "pods[0].stats.arrivals: invalid type")]
#[case::no_counter(r#"{"statsVersion":1,"bootId":"x","atNanos":1,"admitted":0}"#, "missing field `arrivals`")]
#[case::other_version(
    r#"{"statsVersion":2,"bootId":"x","atNanos":1,"arrivals":1,"admitted":0}"#,
    "pods[0].stats.statsVersion: version 2 is not known"
)]
fn a_bad_counter_is_named(#[case] stats: &str, #[case] expected: &str) {
    let input = [line("2026-01-01T00:00:00Z", "null"), line("2026-01-01T00:00:01Z", stats)];
    let error = format!("{:#}", decide(&input.join("\n")).unwrap_err());
    assert!(error.starts_with("line 2: "), "{error}");
    assert!(error.contains(expected), "{error}");
}

#[test]
fn time_must_not_go_backwards() {
    let input = [line("2026-01-01T00:00:01Z", "null"), line("2026-01-01T00:00:00Z", "null")];
    let error = format!("{:#}", decide(&input.join("\n")).unwrap_err());
    assert!(error.contains("line 2: now: 2026-01-01T00:00:00Z is before 2026-01-01T00:00:01Z"), "{error}");
}

#[test]
fn state_in_a_file_gives_the_same_decisions_as_one_run() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.json");
    let lines: Vec<_> = (0..30u32)
        .map(|i| line(&format!("2026-01-01T00:00:{i:02}Z"), &stats(&(i * (300 + 10 * i)).to_string())))
        .collect();
    let whole = decide(&lines.join("\n")).unwrap();

    let mut parts = Vec::new();
    for part in lines.chunks(7) {
        let state = memory::load(&path).unwrap();
        let state = decide_lines(&policy(), state, part.join("\n").as_bytes(), &mut parts).unwrap();
        memory::save(&path, &state).unwrap();
    }
    let parts: Vec<Decision> =
        String::from_utf8(parts).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(parts, whole);
}

#[rstest]
#[case::not_json("{", "is no state of headroom decide")]
#[case::later_version(r#"{"version":99}"#, "has version 99")]
#[case::no_version("{}", "has version 0")]
fn a_state_file_that_is_none_is_refused(#[case] text: &str, #[case] expected: &str) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.json");
    std::fs::write(&path, text).unwrap();
    let error = format!("{:#}", memory::load(&path).unwrap_err());
    assert!(error.contains(expected), "{error}");
}

/// A pod of each kind, with everything a pod can have.
fn one_of_each() -> headroom_core::Observation {
    use headroom_core::units::{MilliCpu, Replicas};
    use headroom_core::{Answer, Answered, Inventory, Pod, PodState, Resizer, Sample, Shrinking, Trouble};
    let at = |second: i64| jiff::Timestamp::from_second(1_800_000_000 + second).unwrap();
    let mut sample = Sample { boot: u64::MAX, at_nanos: 7, arrivals: 0.1 + 0.2, ..Sample::default() };
    sample.objectives[0] = Answered { good: 5.0, late: 1.5, service_beyond: 0.25 };
    let pod = |name: &str, state, answer| Pod {
        name: name.to_owned(),
        state,
        created_at: Some(at(0)),
        ready_at: None,
        revision: "r1".to_owned(),
        node_class: "large".to_owned(),
        cpu: MilliCpu(500),
        workers: 3,
        trouble: None,
        answer,
    };
    let stuck = Pod { trouble: Some(Trouble::CrashLoop), ..pod("c", PodState::Starting, Answer::Silent) };
    headroom_core::Observation {
        replicas: Replicas(7),
        pods: vec![
            Pod { ready_at: Some(at(9)), ..pod("a", PodState::Ready, Answer::Told(sample)) },
            pod("b", PodState::Ready, Answer::NotAsked),
            stuck,
        ],
        inventory: Inventory::Stale,
        shrinking: Shrinking::Frozen,
        resized_by: Resizer::Other,
        blocked: Some("exceeded quota: pods".to_owned()),
        latency: [Some(0.043), None, None, None],
    }
}

#[test]
fn what_was_seen_survives_being_written_as_a_line() {
    let now = jiff::Timestamp::from_second(1_800_000_010).unwrap();
    for seen in [one_of_each(), headroom_core::Observation::default()] {
        let line = serde_json::to_vec(&ObservationLine::new(&seen, now)).unwrap();
        let read = line::parse(&line, &policy(), None).unwrap();
        assert_eq!(read.now, now);
        assert_eq!(read.observation, seen);
    }
}

#[rstest]
#[case::both(
    r#""stats":{"statsVersion":1,"bootId":"x","atNanos":1,"arrivals":1,"admitted":0},"#,
    "1.0",
    "give one of them"
)]
#[case::negative("", "-1.0", "pods[0].sample: holds a counter that is negative")]
fn a_sample_that_can_not_be_is_named(#[case] stats: &str, #[case] arrivals: &str, #[case] expected: &str) {
    let now = jiff::Timestamp::from_second(1_800_000_010).unwrap();
    let line = serde_json::to_string(&ObservationLine::new(&one_of_each(), now)).unwrap();
    let line = line.replace("\"sample\":", &format!("{stats}\"sample\":"));
    let line = line.replace("\"arrivals\":0.30000000000000004", &format!("\"arrivals\":{arrivals}"));
    let error = line::parse(line.as_bytes(), &policy(), None).unwrap_err().to_string();
    assert!(error.contains(expected), "{error}");
}
