use std::collections::BTreeSet;

use headroom_core::ReasonCode;
use headroom_core::units::Replicas;

use super::*;
use crate::controller::report::conditions::conditions_of;
use crate::controller::report::events::Picture;
use crate::controller::report::fixtures::{at, calm, figures, service, standing, viewed, with_reason};
use crate::controller::report::status::status_of;
use crate::controller::{Decided, Outcome, Standing};

fn show(metrics: &Metrics, shown: &mut Shown, decided: Decided) {
    let figures = figures(&decided);
    let (service, standing) = (service("Active"), standing(decided));
    let status = viewed(&service, &standing, &headroom_api::ScaledServiceStatus::default(), at(0), status_of);
    let picture = Picture { status, figures: Some(figures) };
    shown.show(metrics, &service, &standing, &picture, at(0));
}

fn grown(from: u32, to: u32) -> Decided {
    let mut decided = with_reason(calm(), ReasonCode::Trend);
    decided.decision.numbers.replicas = Replicas(from);
    decided.decision.target_replicas = Replicas(to);
    decided.outcome = Outcome::Scaled { from, to };
    decided
}

#[test]
fn every_family_is_there_from_the_start_with_its_help() {
    let metrics = Metrics::default();
    let text = metrics.text();
    assert!(metrics.families().len() >= 34, "{}", metrics.families().len());
    for family in metrics.families() {
        let base = family.name.strip_suffix("_total").unwrap_or(&family.name);
        let help = format!("# HELP {base} {}", family.help);
        assert!(text.contains(&help), "no {help:?} in\n{text}");
        assert!(text.contains(&format!("# TYPE {base} {}", family.kind)), "no type of {base}");
    }
    assert!(text.ends_with("# EOF\n"));
}

#[test]
fn a_service_is_shown_and_goes_with_all_its_series() {
    let metrics = Metrics::default();
    let mut shown = Shown::default();
    show(&metrics, &mut shown, grown(7, 9));
    let text = metrics.text();
    let object = r#"namespace="shop",scaledservice="orders""#;
    for line in [
        format!("headroom_offered_requests_per_second{{{object}}} 700.0"),
        format!("headroom_ready_capacity_requests_per_second{{{object}}} 1050.0"),
        format!("headroom_replicas_target{{{object}}} 9.0"),
        format!("headroom_replicas_max{{{object}}} 10.0"),
        format!("headroom_objective_ratio{{{object}}} 0.999"),
        format!(r#"headroom_latency_seconds{{{object},objective="p99"}} 0.043"#),
        format!(r#"headroom_latency_objective_seconds{{{object},objective="p99"}} 0.05"#),
        format!(r#"headroom_decisions_total{{{object},direction="up",reason="Trend"}} 1.0"#),
        format!(
            r#"headroom_condition{{{object},kind="ScaledService",type="Ready",status="True",reason="Holding"}} 1.0"#
        ),
        format!(r#"headroom_requests_total{{{object},result="good"}} 0.0"#),
        format!("headroom_pods_fresh{{{object}}} 7.0"),
    ] {
        assert!(text.contains(&line), "no {line} in\n{text}");
    }
    metrics.forget("shop", "orders");
    assert!(!metrics.text().contains("orders"), "{}", metrics.text());
}

#[test]
fn a_condition_that_changed_is_shown_once() {
    let metrics = Metrics::default();
    let mut shown = Shown::default();
    show(&metrics, &mut shown, with_reason(calm(), ReasonCode::TooManyReplicas));
    assert!(metrics.text().contains(r#"type="Limited",status="True",reason="TooManyReplicas""#));
    show(&metrics, &mut shown, calm());
    let text = metrics.text();
    assert_eq!(text.matches(r#"type="Limited""#).count(), 1, "{text}");
    assert!(text.contains(r#"type="Limited",status="False",reason="DesiredWithinRange""#));
}

#[test]
fn a_turn_of_direction_counts() {
    let metrics = Metrics::default();
    let mut shown = Shown::default();
    for (from, to) in [(7, 9), (9, 11), (11, 8), (8, 9)] {
        show(&metrics, &mut shown, grown(from, to));
    }
    let line = r#"headroom_direction_changes_total{namespace="shop",scaledservice="orders"} 2.0"#;
    assert!(metrics.text().contains(line), "{}", metrics.text());
}

#[test]
fn what_is_not_seen_is_not_shown() {
    let metrics = Metrics::default();
    let mut shown = Shown::default();
    show(&metrics, &mut shown, calm());
    let (service, standing) = (service("Active"), Standing::InvalidSpec { message: "x".to_owned() });
    let old = headroom_api::ScaledServiceStatus::default();
    assert!(!viewed(&service, &standing, &old, at(1), conditions_of).is_empty());
    let status = viewed(&service, &standing, &old, at(1), status_of);
    shown.show(&metrics, &service, &standing, &Picture { status, figures: None }, at(1));
    let text = metrics.text();
    let shown = text.lines().filter(|line| line.contains(r#"scaledservice="orders""#));
    let names: BTreeSet<_> = shown.filter_map(|line| line.split('{').next()).collect();
    let known =
        ["condition", "latency_objective_seconds", "objective_ratio", "replicas_min", "requests_total"];
    let known: BTreeSet<_> = known.iter().map(|name| format!("headroom_{name}")).collect();
    assert_eq!(names, known.iter().map(String::as_str).collect(), "what the spec says, and what only grows");
    assert!(metrics.text().contains(r#"reason="InvalidSpec""#));
}

#[test]
fn a_pod_that_does_not_come_is_missing() {
    let metrics = Metrics::default();
    let mut shown = Shown::default();
    let mut decided = calm();
    decided.observation.pods[0].state = headroom_core::PodState::Starting;
    show(&metrics, &mut shown, decided);
    let line = r#"headroom_pods_missing_seconds{namespace="shop",scaledservice="orders"} 100.0"#;
    assert!(metrics.text().contains(line), "{}", metrics.text());
}
