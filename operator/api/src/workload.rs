//! A workload that Headroom owns: the bundled server, its configuration, and what its pods may carry.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{formats, pod::PodTemplate, units::Duration};

/// The bundled server. Headroom owns its Deployment, Service and PodDisruptionBudget.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Workload {
    /// Container image of the server. Default: the one the controller was installed with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = formats::IMAGE.max), regex(pattern = formats::IMAGE.pattern))]
    pub image: Option<String>,

    /// TCP port on which the pods answer requests.
    #[serde(default = "port")]
    #[schemars(range(min = 1, max = 65_535))]
    pub port: u16,

    /// Configuration of the server.
    #[serde(default)]
    pub config: ServerConfig,

    /// What the pods carry besides the server: an allow-list.
    #[serde(default)]
    pub pod: PodTemplate,
}

/// Configuration of the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServerConfig {
    /// Requests that one worker handles at a time. 1 suits handlers that compute; more suits handlers that wait.
    #[serde(default = "slots_per_worker")]
    #[schemars(range(min = 1, max = 4096))]
    pub slots_per_worker: u32,

    /// Requests that may wait for a slot in one pod; further ones are rejected with 503.
    #[serde(default = "queue_length")]
    #[schemars(range(max = 100_000))]
    pub queue_length: u32,

    /// Longest wait for a slot; a request that would wait longer is rejected with 503.
    /// Default: the shortest latency threshold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue_delay: Option<Duration>,

    /// Time after which a request is answered with an error; 1ms to 1h.
    #[serde(default = "request_timeout")]
    pub request_timeout: Duration,

    /// Age at which a connection is closed after its next answer, give or take a tenth, so that new pods get their
    /// share; 1s to 24h.
    #[serde(default = "connection_age")]
    pub connection_age: Duration,

    /// How a pod stops.
    #[serde(default)]
    pub drain: Drain,

    /// What one request to the sample service costs. A server with handlers of its own ignores it.
    #[serde(default)]
    pub cost: RequestCost,
}

/// How a pod stops: it turns unready, waits, then finishes what it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Drain {
    /// Time between turning unready and closing the listener, so that load balancers can notice.
    #[serde(default = "drain_delay")]
    pub delay: Duration,

    /// Longest time for requests in flight to finish.
    #[serde(default = "drain_timeout")]
    pub timeout: Duration,
}

/// What one request to the sample service costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RequestCost {
    /// Mean CPU time of a request.
    #[serde(default = "nothing")]
    pub cpu: Duration,

    /// Mean time a request waits in its slot without using CPU.
    #[serde(default = "nothing")]
    pub wait: Duration,

    /// How cpu and wait vary from request to request.
    #[serde(default)]
    pub distribution: Distribution,

    /// Size of the answer's body in bytes.
    #[serde(default = "answer_bytes")]
    #[schemars(range(max = 16_777_216))]
    pub answer_bytes: u32,
}

/// How a cost varies from request to request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum Distribution {
    /// Every request costs the mean.
    #[default]
    Fixed,
    /// Exponentially distributed around the mean.
    Exponential,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            slots_per_worker: slots_per_worker(),
            queue_length: queue_length(),
            queue_delay: None,
            request_timeout: request_timeout(),
            connection_age: connection_age(),
            drain: Drain::default(),
            cost: RequestCost::default(),
        }
    }
}

impl Default for Drain {
    fn default() -> Self {
        Self { delay: drain_delay(), timeout: drain_timeout() }
    }
}

impl Default for RequestCost {
    fn default() -> Self {
        Self {
            cpu: nothing(),
            wait: nothing(),
            distribution: Distribution::default(),
            answer_bytes: answer_bytes(),
        }
    }
}

fn port() -> u16 {
    8080
}

fn slots_per_worker() -> u32 {
    1
}

fn queue_length() -> u32 {
    1000
}

fn request_timeout() -> Duration {
    Duration::from_secs(10)
}

fn connection_age() -> Duration {
    Duration::from_secs(60)
}

fn drain_delay() -> Duration {
    Duration::from_secs(5)
}

fn drain_timeout() -> Duration {
    Duration::from_secs(20)
}

fn nothing() -> Duration {
    Duration::from_secs(0)
}

fn answer_bytes() -> u32 {
    64
}
