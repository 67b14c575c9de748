use rstest::rstest;

use super::*;

/// A service with these lines in its spec.
fn service(spec: &str) -> Result<Service, ValidateError> {
    let text = format!(
        "apiVersion: headroom.dev/v1alpha1\nkind: ScaledService\nmetadata: {{ name: shop }}\nspec:\n  objectives:\n    \
         qps: 1000\n    latency: [{{ name: p99, quantile: \"0.99\", threshold: 100ms }}]\n{spec}"
    );
    Service::from_text(&text, "shop.yaml", None)
}

#[test]
fn what_is_left_out_has_the_defaults_of_the_schema() {
    let service = service("  workload: {}\n").unwrap();
    let policy = service.policy;
    assert_eq!((service.name.as_str(), service.mode), ("shop", Mode::Active));
    assert_eq!((policy.qps().get(), policy.reserve().get()), (1000.0, 0.0));
    assert_eq!((policy.min_replicas().0, policy.max_replicas()), (2, None));
    assert_eq!((policy.prior(), policy.workers()), (None, None));
    assert_eq!(policy.behavior().scale_up, ScalingRules::default());
    assert_eq!(policy.behavior().scale_down.stabilization_window, Duration::from_secs(180));
}

#[test]
fn what_is_written_arrives_in_the_core() {
    let spec = "  workload: {}
  reserve: { qps: 300 }
  minReplicas: 3
  maxReplicas: 9
  capacity: { prior: { qpsPerPod: 200 } }
  runtime: { workers: 4 }
  behavior:
    scaleUp: { policies: [{ type: Pods, value: 4, periodSeconds: 15 }], selectPolicy: Min, tolerance: \"0.1\" }
";
    let policy = service(spec).unwrap().policy;
    let limit = Limit { kind: LimitKind::Pods, value: 4, period: Duration::from_secs(15) };
    let up = &policy.behavior().scale_up;
    assert_eq!((up.limits.as_slice(), up.select, up.tolerance), ([limit].as_slice(), SelectPolicy::Min, 0.1));
    assert_eq!((policy.min_replicas().0, policy.max_replicas().map(|max| max.0)), (3, Some(9)));
    assert_eq!(
        (policy.reserve().get(), policy.prior().map(headroom_core::units::Rate::get)),
        (300.0, Some(200.0))
    );
    assert_eq!(policy.workers(), Some(4));
}

#[test]
fn the_server_gets_its_configuration_as_arguments() {
    let spec =
        "  runtime: { workers: 2 }\n  workload: { config: { slotsPerWorker: 4, cost: { wait: 20ms } } }\n";
    let service = service(spec).unwrap();
    let args: Vec<_> = service.server_args.iter().filter_map(|arg| arg.to_str()).collect();
    for pair in
        [["--workers", "2"], ["--slots-per-worker", "4"], ["--wait", "20ms"], ["--objective", "p99=100ms"]]
    {
        assert!(args.windows(2).any(|found| found == pair), "{pair:?} in {args:?}");
    }
    assert_eq!(service.bound, ServerBound { slots: 8, service_seconds: 0.02 });
}

#[rstest]
#[case::what_waits("{ wait: 25ms }", 0.025)]
#[case::what_computes_one_at_a_time("{ cpu: 2ms }", 0.016)]
#[case::what_does_both("{ cpu: 1ms, wait: 25ms }", 0.026)]
#[case::what_costs_nothing("{ }", 1e-6)]
fn a_slot_is_taken_for(#[case] cost: &str, #[case] seconds: f64) {
    let spec = format!("  workload: {{ config: {{ slotsPerWorker: 8, cost: {cost} }} }}\n");
    assert!((service(&spec).unwrap().bound.service_seconds - seconds).abs() < 1e-9);
}

#[test]
fn somebody_elses_target_cannot_be_run() {
    let error = service("  scaleTargetRef: { kind: Deployment, name: shop }\n").unwrap_err();
    assert!(error.to_string().contains("spec.workload is missing"), "{error}");
}

#[test]
fn an_error_names_the_field() {
    let error = service("  workload: {}\n  minReplicas: 5\n  maxReplicas: 3\n").unwrap_err();
    assert!(error.to_string().contains("maxReplicas"), "{error}");
}

#[test]
fn exactly_one_service_is_run() {
    let error = Service::from_text("", "empty.yaml", None).unwrap_err();
    assert!(error.to_string().contains("empty.yaml"), "{error}");
}

#[test]
fn the_demo_can_be_run_with_another_maximum() {
    let demo = include_str!("../../../examples/demo.yaml");
    let service = Service::from_text(demo, "demo.yaml", Some(3)).unwrap();
    assert_eq!(service.policy.max_replicas().map(|max| max.0), Some(3));
    assert_eq!(service.bound, ServerBound { slots: 8, service_seconds: 0.025 });
}
