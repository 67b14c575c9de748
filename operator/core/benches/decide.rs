//! How long one decision takes. `cargo bench -p headroom-core`.
#![allow(missing_docs, reason = "criterion's macros make undocumented functions")]

#[path = "../tests/common/mod.rs"]
mod common;

use common::{Service, policy};
use criterion::{BatchSize, BenchmarkId, Criterion, criterion_group, criterion_main};
use headroom_core::decide;

fn decisions(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decide");
    for pods in [1, 10, 60, 100, 1000] {
        let mut spec = common::spec(180);
        spec.max_replicas = Some(pods);
        spec.min_replicas = pods;
        let mut service =
            Service::new(headroom_core::Policy::new(spec).unwrap_or_else(|_| policy(180)), pods);
        service.run(f64::from(pods) * 250.0, 300);
        service.serve(f64::from(pods) * 250.0);
        let seen = service.observation();
        group.bench_function(BenchmarkId::new("pods", pods), |bencher| {
            bencher.iter_batched(
                || service.state.clone(),
                |state| decide(&service.policy, state, &seen, service.now),
                BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, decisions);
criterion_main!(benches);
