//! The command line of `headroom-workload`. Every flag has an environment variable.

mod brownout;
mod cpus;
mod health;
mod http1;
mod overload;
mod tls;
mod traces;
mod values;
mod writes;

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use clap::{Parser, ValueEnum};

use self::brownout::BrownoutArgs;
use self::cpus::CpuArgs;
use self::health::HealthArgs;
use self::http1::Http1Args;
use self::overload::OverloadArgs;
use self::tls::TlsArgs;
use self::traces::TraceArgs;
pub(crate) use self::values::parse_duration;
use self::values::{parse_answer_bytes, parse_objective, parse_stay, parse_workers};
use self::writes::WriteArgs;
use crate::sample::{Cost, CostDistribution};
use crate::settings::{Drain, Limits, Objective, Overload, Queue, Settings, Wait, Workers};

/// A sample service with settable costs, on a thread-per-core server whose workers can be changed while it runs.
#[derive(Debug, Clone, Parser)]
#[command(name = "headroom-workload", version)]
pub struct Args {
    /// Where requests are served; port 0 takes a free one.
    #[arg(long, env = "HEADROOM_WORKLOAD_LISTEN", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Where the admin port listens; port 0 takes a free one.
    #[arg(long, env = "HEADROOM_WORKLOAD_ADMIN_LISTEN", default_value = "127.0.0.1:9090")]
    admin_listen: SocketAddr,
    #[command(flatten)]
    tls: TlsArgs,
    #[command(flatten)]
    health: HealthArgs,
    /// Worker threads, 1 to 256; auto: min(|affinity|, max(1, floor(cgroup quota))).
    #[arg(long, env = "HEADROOM_WORKLOAD_WORKERS", default_value = "auto", value_parser = parse_workers)]
    workers: Workers,
    #[command(flatten)]
    cpus: CpuArgs,
    #[command(flatten)]
    brownout: BrownoutArgs,
    /// Requests that may run at the same time in one worker; without it there is no limit but what is measured.
    #[arg(long, env = "HEADROOM_WORKLOAD_SLOTS_PER_WORKER")]
    slots_per_worker: Option<NonZeroU32>,
    /// Requests that may wait for a slot, over all workers.
    #[arg(long, env = "HEADROOM_WORKLOAD_QUEUE", default_value_t = 1024)]
    queue: usize,
    /// How long a request may wait for a slot before it is refused. Default: 200ms, or less if the
    /// tightest objective leaves less.
    #[arg(long, env = "HEADROOM_WORKLOAD_QUEUE_DELAY", value_parser = parse_duration)]
    queue_delay: Option<Duration>,
    #[command(flatten)]
    overload: OverloadArgs,
    /// How long a request may take from its head to its answer.
    #[arg(long, env = "HEADROOM_WORKLOAD_REQUEST_TIMEOUT", default_value = "5s", value_parser = parse_duration)]
    request_timeout: Duration,
    /// A latency objective counted in /stats, as NAME=DURATION; may be repeated.
    #[arg(long, env = "HEADROOM_WORKLOAD_OBJECTIVE", value_parser = parse_objective, value_delimiter = ',')]
    objective: Vec<Objective>,
    /// The revision reported in /stats.
    #[arg(long, env = "HEADROOM_WORKLOAD_REVISION", default_value = "")]
    revision: String,
    #[command(flatten)]
    writes: WriteArgs,
    #[command(flatten)]
    traces: TraceArgs,
    #[command(flatten)]
    http1: Http1Args,
    /// The time before the server is ready and takes connections.
    #[arg(long, env = "HEADROOM_WORKLOAD_START_DELAY", default_value = "0s", value_parser = parse_duration)]
    start_delay: Duration,
    /// On SIGTERM: the time between unready and the first closed connection.
    #[arg(long, env = "HEADROOM_WORKLOAD_DRAIN_WAIT", default_value = "0s", value_parser = parse_duration)]
    drain_wait: Duration,
    /// The time for requests to finish after that.
    #[arg(long, env = "HEADROOM_WORKLOAD_DRAIN_TIMEOUT", default_value = "10s", value_parser = parse_duration)]
    drain_timeout: Duration,
    /// Connections open at the same time; more are answered 503 and closed.
    #[arg(long, env = "HEADROOM_WORKLOAD_MAX_CONNECTIONS", default_value_t = 10_000)]
    max_connections: usize,
    /// How long a connection is kept without a request, 1s to 24h.
    #[arg(long, env = "HEADROOM_WORKLOAD_KEEP_ALIVE", default_value = "75s", value_parser = parse_stay)]
    keep_alive: Duration,
    /// Age, 1s to 24h and 10 % more or less, from which a connection ends with its next answer, so that new servers
    /// get their share.
    #[arg(long, env = "HEADROOM_WORKLOAD_CONNECTION_AGE", default_value = "30m", value_parser = parse_stay)]
    connection_age: Duration,
    /// Bytes of a request body; more are answered 413.
    #[arg(long, env = "HEADROOM_WORKLOAD_BODY_LIMIT", default_value_t = 1024 * 1024)]
    body_limit: usize,

    /// CPU time of one request.
    #[arg(long, env = "HEADROOM_WORKLOAD_CPU", default_value = "1ms", value_parser = parse_duration)]
    cpu: Duration,
    /// Waiting time of one request.
    #[arg(long, env = "HEADROOM_WORKLOAD_WAIT", default_value = "0s", value_parser = parse_duration)]
    wait: Duration,
    /// Requests that may wait at the same time over all workers, like the connections to a database; no limit without
    /// it.
    #[arg(long, env = "HEADROOM_WORKLOAD_WAIT_SLOTS")]
    wait_slots: Option<NonZeroU32>,
    /// How both vary from request to request.
    #[arg(long, env = "HEADROOM_WORKLOAD_DISTRIBUTION", default_value = "fixed")]
    distribution: Distribution,
    /// Length of an answer.
    #[arg(long, env = "HEADROOM_WORKLOAD_ANSWER_BYTES", default_value_t = 13, value_parser = parse_answer_bytes)]
    answer_bytes: usize,
}

/// Nobody waits longer unless somebody has said so.
const LONGEST_DELAY: Duration = Duration::from_millis(200);

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Distribution {
    Fixed,
    Exponential,
}

impl Args {
    /// What a request of the sample service costs.
    pub fn cost(&self) -> Cost {
        let distribution = match self.distribution {
            Distribution::Fixed => CostDistribution::Fixed,
            Distribution::Exponential => CostDistribution::Exponential,
        };
        Cost {
            cpu: self.cpu,
            wait: self.wait,
            wait_slots: self.wait_slots,
            distribution,
            answer_bytes: self.answer_bytes,
        }
    }

    /// The server's settings.
    pub fn settings(self) -> Settings {
        let tightest = self.objective.iter().map(|objective| objective.threshold).min();
        let derived = || tightest.map_or(LONGEST_DELAY, |objective| objective.min(LONGEST_DELAY));
        let delay = self.queue_delay.unwrap_or_else(derived);
        Settings {
            listen: self.listen,
            admin: self.admin_listen,
            tls: self.tls.into(),
            grpc_health: self.health.into(),
            workers: self.workers,
            cpus: self.cpus.into(),
            slots_per_worker: self.slots_per_worker,
            queue: Queue { length: self.queue, delay },
            overload: Overload {
                // Who says how long knows it better.
                wait: if self.queue_delay.is_some() { Wait::Delay } else { Wait::Objective },
                ..self.overload.into()
            },
            objectives: self.objective,
            revision: self.revision,
            open_reads: self.writes.open_reads(),
            traces: self.traces.into(),
            writes: self.writes.into(),
            start_delay: self.start_delay,
            http1: self.http1.into(),
            fixed: Vec::new(),
            brownout: self.brownout.into(),
            drain: Drain { wait: self.drain_wait, timeout: self.drain_timeout },
            limits: Limits {
                connections: self.max_connections,
                body_bytes: self.body_limit,
                request_timeout: self.request_timeout,
                keep_alive: self.keep_alive,
                connection_age: self.connection_age,
                ..Limits::default()
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::settings::Cpus;

    #[rstest]
    #[case::nothing(&[], 200)]
    #[case::objective(&["--objective=p99=80ms,slow=2s"], 80)]
    #[case::long_objective(&["--objective=p99=2s"], 200)]
    #[case::said(&["--objective=p99=80ms", "--queue-delay=3s"], 3000)]
    fn the_queue_delay_follows_the_objective_unless_it_is_said(#[case] args: &[&str], #[case] millis: u64) {
        let args = Args::parse_from([&["headroom-workload"], args].concat());
        let settings = args.settings();
        assert_eq!(settings.queue.delay, Duration::from_millis(millis));
        // What was said holds whatever the objective leaves.
        assert_eq!(settings.overload.wait == Wait::Delay, millis == 3000);
    }

    #[test]
    fn defaults_are_those_of_the_library() {
        let settings = Args::parse_from(["headroom-workload"]).settings();
        assert_eq!(settings.limits, Limits::default());
        assert_eq!(settings.overload, Overload::default());
        assert_eq!((settings.queue, settings.drain), (Queue::default(), Drain::default()));
        assert_eq!((settings.workers, settings.cpus), (Workers::Auto, Cpus::default()));
    }
}
