//! PURE: what the user wrote becomes what the core works with, or an error that names the field.

use std::ffi::OsString;
use std::num::NonZero;
use std::path::Path;
use std::thread::available_parallelism;
use std::time::Duration;

use headroom_api::behavior::{PolicyType, ScalingPolicy};
use headroom_api::workload::{Distribution, ServerConfig};
use headroom_api::{ScaledService, ScaledServiceSpec, Workers};
use headroom_core::policy::{Behavior, LatencyObjective, Limit, LimitKind, ScalingRules, SelectPolicy};
use headroom_core::{Policy, PolicyError, PolicySpec};

pub use headroom_api::Mode;

/// One service with a workload, ready to be run.
#[derive(Debug, Clone)]
pub struct Service {
    /// Its name.
    pub name: String,
    /// What it must hold.
    pub policy: Policy,
    /// Whether sizes are written.
    pub mode: Mode,
    /// Arguments of the bundled server.
    pub server_args: Vec<OsString>,
    /// What one server can do at best.
    pub bound: ServerBound,
}

/// What one server can do at best, whatever is asked of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ServerBound {
    /// Requests at the same time.
    pub slots: u32,
    /// How long a slot is taken by a request, in seconds; at least a microsecond.
    pub service_seconds: f64,
}

/// Why a service can't be run.
#[derive(Debug, thiserror::Error)]
pub enum ValidateError {
    /// The file is not one of `ScaledService`.
    #[error(transparent)]
    Load(#[from] headroom_api::LoadError),
    /// A value the core does not accept.
    #[error("spec.{0}")]
    Policy(#[from] PolicyError),
    /// There is nothing to run.
    #[error(
        "spec.workload is missing: standalone mode runs the bundled server, it can't scale a scaleTargetRef"
    )]
    NoWorkload,
    /// More than one, or none.
    #[error("{file} holds {found} services: write exactly one")]
    NotOne {
        /// The file.
        file: String,
        /// Services found in it.
        found: usize,
    },
}

impl Service {
    /// The one service of a file, with another `maxReplicas` if given.
    pub fn from_file(file: &Path, max_replicas: Option<u32>) -> Result<Self, ValidateError> {
        Self::sized(only(headroom_api::load(file)?, &file.display().to_string())?, max_replicas)
    }

    /// The one service of a text; `file` is its name in errors.
    pub fn from_text(text: &str, file: &str, max_replicas: Option<u32>) -> Result<Self, ValidateError> {
        Self::sized(only(headroom_api::load_text(file, text)?, file)?, max_replicas)
    }

    fn sized(mut service: ScaledService, max_replicas: Option<u32>) -> Result<Self, ValidateError> {
        service.spec.max_replicas = max_replicas.or(service.spec.max_replicas);
        Self::new(&service)
    }

    /// Of one object.
    pub fn new(service: &ScaledService) -> Result<Self, ValidateError> {
        let spec = &service.spec;
        let config = &spec.workload.as_ref().ok_or(ValidateError::NoWorkload)?.config;
        Ok(Self {
            name: service.metadata.name.clone().unwrap_or_default(),
            policy: policy(spec)?,
            mode: spec.mode,
            server_args: local_args(spec, config),
            bound: ServerBound::of(config, workers(spec.runtime.workers)),
        })
    }
}

fn only(services: Vec<ScaledService>, file: &str) -> Result<ScaledService, ValidateError> {
    let found = services.len();
    match <[ScaledService; 1]>::try_from(services) {
        Ok([service]) => Ok(service),
        Err(_) => Err(ValidateError::NotOne { file: file.to_owned(), found }),
    }
}

/// The policy of the one service of a file, whatever it scales.
pub fn one_policy(file: &Path) -> Result<Policy, ValidateError> {
    let service = only(headroom_api::load(file)?, &file.display().to_string())?;
    Ok(policy(&service.spec)?)
}

/// What the core works with.
pub fn policy(spec: &ScaledServiceSpec) -> Result<Policy, PolicyError> {
    let latency = spec.objectives.latency.iter().map(|objective| LatencyObjective {
        name: objective.name.clone(),
        quantile: objective.quantile.share(),
        threshold: objective.threshold.get(),
    });
    Policy::new(PolicySpec {
        qps: spec.objectives.qps as f64,
        latency: latency.collect(),
        availability: spec.objectives.availability.share(),
        window_days: spec.objectives.window_days,
        reserve_qps: spec.reserve.map_or(0.0, |reserve| reserve.qps as f64),
        min_replicas: spec.min_replicas,
        max_replicas: spec.max_replicas,
        behavior: behavior(&spec.behavior),
        workers: match spec.runtime.workers {
            Workers::Auto => None,
            Workers::Count(count) => Some(count),
        },
        prior_qps_per_pod: spec.capacity.map(|capacity| capacity.prior.qps_per_pod as f64),
    })
}

fn behavior(behavior: &headroom_api::behavior::Behavior) -> Behavior {
    let headroom_api::behavior::Behavior { scale_up: up, scale_down: down } = behavior;
    Behavior {
        scale_up: ScalingRules {
            stabilization_window: Duration::from_secs(up.stabilization_window_seconds.into()),
            select: select(up.select_policy),
            limits: up.policies.iter().map(limit).collect(),
            tolerance: up.tolerance.map_or(0.0, headroom_api::Tolerance::share),
        },
        scale_down: ScalingRules {
            stabilization_window: Duration::from_secs(down.stabilization_window_seconds.into()),
            select: select(down.select_policy),
            limits: down.policies.iter().map(limit).collect(),
            tolerance: down.tolerance.map_or(0.0, headroom_api::Tolerance::share),
        },
    }
}

fn select(policy: headroom_api::behavior::SelectPolicy) -> SelectPolicy {
    use headroom_api::behavior::SelectPolicy as Written;
    match policy {
        Written::Max => SelectPolicy::Max,
        Written::Min => SelectPolicy::Min,
        Written::Disabled => SelectPolicy::Disabled,
    }
}

fn limit(policy: &ScalingPolicy) -> Limit {
    Limit {
        kind: match policy.kind {
            PolicyType::Pods => LimitKind::Pods,
            PolicyType::Percent => LimitKind::Percent,
        },
        value: policy.value,
        period: Duration::from_secs(policy.period_seconds.into()),
    }
}

/// Arguments of a bundled server that runs here, besides the addresses to listen on.
fn local_args(spec: &ScaledServiceSpec, config: &ServerConfig) -> Vec<OsString> {
    let workers = match spec.runtime.workers {
        Workers::Auto => "auto".to_owned(),
        Workers::Count(count) => count.to_string(),
    };
    let here = ["--workers".to_owned(), workers, "--revision".to_owned(), "local".to_owned()];
    here.into_iter().chain(server_args(spec, config)).map(OsString::from).collect()
}

/// Arguments of the bundled server, wherever it runs: all but addresses, workers and revision.
pub(crate) fn server_args(spec: &ScaledServiceSpec, config: &ServerConfig) -> Vec<String> {
    let ServerConfig { slots_per_worker, queue_length, queue_delay: _, .. } = config;
    let ServerConfig { request_timeout, connection_age, drain, cost, .. } = config;
    let mut args = vec![
        ("--slots-per-worker", slots_per_worker.to_string()),
        ("--queue", queue_length.to_string()),
        ("--request-timeout", request_timeout.to_string()),
        ("--connection-age", connection_age.to_string()),
        ("--drain-wait", drain.delay.to_string()),
        ("--drain-timeout", drain.timeout.to_string()),
        ("--cpu", cost.cpu.to_string()),
        ("--wait", cost.wait.to_string()),
        ("--answer-bytes", cost.answer_bytes.to_string()),
        ("--distribution", distribution(cost.distribution).to_owned()),
    ];
    if let Some(delay) = spec.queue_delay() {
        args.push(("--queue-delay", delay.to_string()));
    }
    for objective in &spec.objectives.latency {
        args.push(("--objective", format!("{}={}", objective.name, objective.threshold)));
    }
    args.into_iter().flat_map(|(flag, value)| [flag.to_owned(), value]).collect()
}

fn distribution(distribution: Distribution) -> &'static str {
    match distribution {
        Distribution::Fixed => "fixed",
        Distribution::Exponential => "exponential",
    }
}

fn workers(workers: Workers) -> u32 {
    match workers {
        Workers::Auto => available_parallelism().map_or(1, NonZero::get) as u32,
        Workers::Count(count) => count,
    }
}

impl ServerBound {
    fn of(config: &ServerConfig, workers: u32) -> Self {
        let slots = workers * config.slots_per_worker;
        let (cpu, wait) = (config.cost.cpu.get().as_secs_f64(), config.cost.wait.get().as_secs_f64());
        // A worker computes one request at a time, however many slots it has.
        let by_cpu = cpu * f64::from(config.slots_per_worker);
        Self { slots, service_seconds: (cpu + wait).max(by_cpu).max(1e-6) }
    }
}

#[cfg(test)]
mod tests;
