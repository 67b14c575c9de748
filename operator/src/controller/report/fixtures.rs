//! Services, pods and passes for the tests of this folder.
#![allow(clippy::unwrap_used, reason = "a helper of a test is test code, though clippy can't tell")]

use std::collections::BTreeMap;

use headroom_api::{ScaledService, ScaledServiceStatus};
use headroom_core::units::{MilliCpu, Rate, Replicas, Share};
use headroom_core::{
    Answer, Answered, Decision, Numbers, Observation, Pod, PodState, Reason, ReasonCode, Sample,
};
use jiff::Timestamp;
use serde_json::json;

use super::conditions::View;
use super::figures::{Figures, Settling};
use crate::controller::{Decided, Outcome, Standing, Target, TargetName};

/// A moment.
pub(in crate::controller) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

/// `shop/orders`: 1000/s within 50ms at p99, 2 to 10 pods of its own Deployment.
pub(in crate::controller) fn service(mode: &str) -> ScaledService {
    let value = json!({
        "apiVersion": "headroom.dev/v1alpha1",
        "kind": "ScaledService",
        "metadata": { "name": "orders", "namespace": "shop", "uid": "u1", "generation": 3 },
        "spec": {
            "scaleTargetRef": { "kind": "Deployment", "name": "orders" },
            "objectives": {
                "qps": 1000,
                "latency": [{ "name": "p99", "quantile": "0.99", "threshold": "50ms" }]
            },
            "minReplicas": 2,
            "maxReplicas": 10,
            "mode": mode
        }
    });
    serde_json::from_value(value).unwrap()
}

/// Its target.
pub(in crate::controller) fn target(replicas: u32) -> Target {
    Target {
        name: TargetName {
            api_version: "apps/v1".to_owned(),
            kind: "Deployment".to_owned(),
            name: "orders".to_owned(),
        },
        uid: "t1".to_owned(),
        resource_version: "7".to_owned(),
        counted: 0,
        replicas,
        selector: "app=orders".to_owned(),
    }
}

/// A pod that serves and had counted this many arrivals.
pub(in crate::controller) fn pod(name: &str, state: PodState, arrivals: Option<f64>) -> Pod {
    let sample = arrivals.map(|arrivals| {
        let mut sample = Sample { boot: 1, at_nanos: arrivals as u64, arrivals, ..Sample::default() };
        sample.answers = arrivals;
        sample.objectives[0] = Answered { good: arrivals, late: 0.0, service_beyond: 0.0 };
        sample.busy_seconds = arrivals * 0.01;
        sample
    });
    Pod {
        name: name.to_owned(),
        state,
        created_at: Some(at(-100)),
        ready_at: (state == PodState::Ready).then(|| at(-90)),
        revision: "r1".to_owned(),
        node_class: String::new(),
        cpu: MilliCpu(500),
        workers: 4,
        trouble: None,
        answer: Answer::from(sample),
    }
}

/// Seven ready pods at 100/s each that hold 150/s each: nothing to do.
pub(in crate::controller) fn calm() -> Decided {
    let pods = (0..7).map(|index| pod(&format!("p{index}"), PodState::Ready, Some(100.0))).collect();
    let numbers = Numbers {
        replicas: Replicas(7),
        offered_rate: Rate::new(700.0),
        demand: Rate::new(750.0),
        capacity_per_pod: Rate::new(150.0),
        capacity_confidence: Share::new(0.9),
        ready_pods: Replicas(7),
        fresh_share: Share::ALL,
        time_to_ready_seconds: 31.0,
        needed_replicas: Replicas(7),
        max_replicas: Replicas(10),
        latency_seconds: [Some(0.043), None, None, None],
        ..Numbers::default()
    };
    let decision = Decision {
        now: at(0),
        target_replicas: Replicas(7),
        workers: None,
        cpu_millis: None,
        reasons: Vec::new(),
        numbers,
        look_again_seconds: 1.0,
        ask: headroom_core::Ask::EveryPod,
    };
    Decided {
        target: target(7),
        observation: Observation { replicas: Replicas(7), pods, ..Observation::default() },
        troubles: BTreeMap::new(),
        decision,
        outcome: Outcome::Unchanged,
        resized_by: None,
        stale: Vec::new(),
        unapplied: None,
        workers: None,
    }
}

/// With this step taken.
pub(in crate::controller) fn with_reason(mut decided: Decided, code: ReasonCode) -> Decided {
    let (from, to) = (Replicas(9), Replicas(7));
    decided.decision.reasons.push(Reason { code, from, to, message: "said why".to_owned() });
    decided
}

/// The figures of the first look.
pub(in crate::controller) fn figures(decided: &Decided) -> Figures {
    let Decided { decision, observation, .. } = decided;
    Settling::default().look(&decision.numbers, decision.target_replicas, observation, decision.now)
}

/// Calls `with` with a view of this.
pub(in crate::controller) fn viewed<T>(
    service: &ScaledService,
    standing: &Standing,
    old: &ScaledServiceStatus,
    now: Timestamp,
    with: impl FnOnce(&View<'_>) -> T,
) -> T {
    let figures = match standing {
        Standing::Decided(decided) => Some(figures(decided)),
        _ => None,
    };
    with(&View { service, standing, figures: figures.as_ref(), old, now })
}

/// A decided pass as a standing.
pub(in crate::controller) fn standing(decided: Decided) -> Standing {
    Standing::Decided(Box::new(decided))
}
