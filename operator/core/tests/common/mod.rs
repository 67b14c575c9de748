//! A service to decide about: pods as M/M/4 queues in the fluid limit, counters as a real server keeps them.
#![allow(dead_code, reason = "each test binary uses its own part")]
#![allow(clippy::unwrap_used, reason = "the benchmark uses it too, and is no test to clippy")]

use std::time::Duration;

use headroom_core::policy::{Behavior, LatencyObjective, Limit, LimitKind, ScalingRules, SelectPolicy};
use headroom_core::units::{MilliCpu, Replicas};
use headroom_core::{
    Answered, Decision, Observation, Pod, PodState, Policy, PolicySpec, Sample, State, decide,
};
use jiff::{SignedDuration, Timestamp};

pub const WORKERS: f64 = 4.0;
/// Rate of one pod at which 1 % of the answers take longer than 100 ms, in closed form.
pub const KNEE: f64 = 350.0;

pub fn start() -> Timestamp {
    "2026-01-01T00:00:00Z".parse().unwrap()
}

/// P99 100 ms, 1 to 60 pods, shrinking at once up to what `window` seconds recommended.
pub fn spec(window: u64) -> PolicySpec {
    PolicySpec {
        qps: 100_000.0,
        latency: vec![LatencyObjective {
            name: "p99".to_owned(),
            quantile: 0.99,
            threshold: Duration::from_millis(100),
        }],
        availability: 0.999,
        window_days: 28,
        reserve_qps: 0.0,
        min_replicas: 1,
        max_replicas: Some(60),
        behavior: Behavior {
            scale_up: ScalingRules::default(),
            scale_down: ScalingRules {
                stabilization_window: Duration::from_secs(window),
                select: SelectPolicy::Max,
                limits: vec![Limit { kind: LimitKind::Percent, value: 100, period: Duration::from_secs(15) }],
                tolerance: 0.0,
            },
        },
        prior_qps_per_pod: None,
        workers: None,
    }
}

pub fn policy(window: u64) -> Policy {
    Policy::new(spec(window)).unwrap()
}

/// A service under `decide`: counters, pods on their way, and the clock.
#[derive(Clone)]
pub struct Service {
    pub policy: Policy,
    pub state: State,
    pub now: Timestamp,
    pub pods: Vec<Running>,
    pub start_delay: i64,
    pub handler_seconds: f64,
    pub changes: u32,
    named: u32,
}

/// One pod with its counters.
#[derive(Clone)]
pub struct Running {
    pub name: String,
    pub created: Timestamp,
    pub ready: Option<Timestamp>,
    pub never: bool,
    pub silent: bool,
    pub sample: Sample,
}

impl Service {
    pub fn new(policy: Policy, replicas: u32) -> Self {
        let mut service = Self {
            policy,
            state: State::default(),
            now: start(),
            pods: Vec::new(),
            start_delay: 30,
            handler_seconds: 0.010,
            changes: 0,
            named: 0,
        };
        service.resize(replicas);
        for pod in &mut service.pods {
            pod.created = start().checked_sub(SignedDuration::from_secs(service.start_delay)).unwrap();
            pod.ready = Some(start());
        }
        service
    }

    pub fn resize(&mut self, replicas: u32) {
        while self.pods.len() > replicas as usize {
            let last = self.pods.iter().rposition(|p| p.ready.is_none()).unwrap_or(self.pods.len() - 1);
            self.pods.remove(last);
        }
        while self.pods.len() < replicas as usize {
            self.named += 1;
            self.pods.push(Running {
                name: format!("pod-{:04}", self.named),
                created: self.now,
                ready: None,
                never: false,
                silent: false,
                sample: Sample { boot: u64::from(self.named), ..Sample::default() },
            });
        }
    }

    /// One second of `rate` requests, spread evenly over the ready pods.
    pub fn serve(&mut self, rate: f64) {
        self.now = self.now.checked_add(SignedDuration::from_secs(1)).unwrap();
        let delay = SignedDuration::from_secs(self.start_delay);
        for pod in &mut self.pods {
            if pod.ready.is_none() && !pod.never && self.now.duration_since(pod.created) >= delay {
                pod.ready = Some(self.now);
            }
        }
        let ready = self.pods.iter().filter(|p| p.ready.is_some()).count().max(1) as f64;
        for pod in &mut self.pods {
            pod.sample.at_nanos += 1_000_000_000;
            if pod.ready.is_some() {
                pod.work(rate / ready, self.handler_seconds);
            }
        }
    }

    pub fn observation(&self) -> Observation {
        let pods = self.pods.iter().map(|pod| Pod {
            name: pod.name.clone(),
            state: if pod.ready.is_some() { PodState::Ready } else { PodState::Starting },
            created_at: Some(pod.created),
            ready_at: pod.ready,
            revision: "a".to_owned(),
            node_class: String::new(),
            cpu: MilliCpu(4000),
            workers: WORKERS as u32,
            trouble: None,
            answer: (!pod.silent).then_some(pod.sample).into(),
        });
        Observation {
            replicas: Replicas(self.pods.len() as u32),
            pods: pods.collect(),
            ..Observation::default()
        }
    }

    /// One second, one decision, carried out at once.
    pub fn tick(&mut self, rate: f64) -> Decision {
        self.serve(rate);
        let (decision, state) =
            decide(&self.policy, std::mem::take(&mut self.state), &self.observation(), self.now);
        self.state = state;
        let target = decision.target_replicas.0;
        if target as usize != self.pods.len() {
            self.changes += 1;
            self.resize(target);
        }
        decision
    }

    /// `seconds` of the same rate; the last decision.
    pub fn run(&mut self, rate: f64, seconds: u32) -> Decision {
        (0..seconds).map(|_| self.tick(rate)).last().unwrap()
    }
}

impl Running {
    /// One second at `rate`: what exceeds four workers is turned away, the M/M/4 tail is late.
    pub fn work(&mut self, rate: f64, handler_seconds: f64) {
        let hard = WORKERS / handler_seconds;
        let served = rate.min(hard);
        let share = late_share(served / hard, handler_seconds, 0.100);
        let sample = &mut self.sample;
        sample.arrivals += rate;
        sample.rejected_overload += rate - served;
        let late = served * share;
        let answered = &mut sample.objectives[0];
        *answered =
            Answered { good: answered.good + served - late, late: answered.late + late, service_beyond: 0.0 };
        sample.busy_seconds += served * handler_seconds;
        sample.cpu_seconds += served * handler_seconds;
        sample.service.count += served;
        sample.service.sum += served * handler_seconds;
        sample.service.sum_of_squares += served * 2.0 * handler_seconds * handler_seconds;
    }
}

/// P(T > t) in M/M/4.
fn late_share(rho: f64, service: f64, threshold: f64) -> f64 {
    if rho >= 0.999 {
        return 1.0;
    }
    let blocked = (1..=4).fold(1.0, |b, k| rho * WORKERS * b / (f64::from(k) + rho * WORKERS * b));
    let wait = blocked / (1.0 - rho + rho * blocked);
    let (mu, theta) = (1.0 / service, WORKERS * (1.0 - rho) / service);
    let theta = if (theta - mu).abs() < 1e-6 { theta + 1e-4 } else { theta };
    (1.0 - wait) * (-mu * threshold).exp()
        + wait * (theta * (-mu * threshold).exp() - mu * (-theta * threshold).exp()) / (theta - mu)
}
