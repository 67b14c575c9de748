#![allow(missing_docs)]
//! stub
use headroom_core::policy::*;
use headroom_core::{Policy, PolicySpec};
use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Active,
    Observe,
    Paused,
}
#[derive(Debug, Clone)]
pub struct Service {
    pub name: String,
    pub policy: Policy,
    pub mode: Mode,
    pub server_args: Vec<OsString>,
    pub bound: ServerBound,
}
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ServerBound {
    pub slots: u32,
    pub service_seconds: f64,
}
impl Service {
    pub fn from_file(_: &Path, max: Option<u32>) -> anyhow::Result<Self> {
        Self::from_text("", "", max)
    }
    pub fn from_text(_: &str, _: &str, max: Option<u32>) -> anyhow::Result<Self> {
        let rules = |s| ScalingRules {
            stabilization_window: Duration::from_secs(s),
            ..ScalingRules::default()
        };
        Ok(Self { name: "demo".into(), mode: Mode::Active, bound: ServerBound { slots: 8, service_seconds: 0.025 },
        policy: Policy::new(PolicySpec { qps: 2000.0, latency: vec![LatencyObjective { name: "p99".into(), quantile: 0.99, threshold: Duration::from_millis(100) }], availability: 0.999, reserve_qps: 250.0, min_replicas: 2, max_replicas: max.or(Some(12)), behavior: Behavior { scale_up: rules(0), scale_down: rules(10) }, prior_qps_per_pod: None, workers: None })?,
        server_args: "--workers 1 --slots-per-worker 8 --queue 200 --queue-delay 60ms --drain-wait 0s --drain-timeout 5s --wait 25ms --objective p99=100ms --revision local".split(' ').map(Into::into).collect() })
    }
}

pub(crate) fn one_policy(_: &Path) -> anyhow::Result<Policy> {
    Ok(Service::from_text("", "", None)?.policy)
}
