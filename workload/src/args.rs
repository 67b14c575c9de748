//! The command line of `headroom-workload`. Every flag has an environment variable and a default.

use std::net::SocketAddr;
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, ValueEnum};

use crate::sample::{Cost, CostDistribution};
use crate::settings::{Drain, Limits, MAX_WORKERS, Objective, Queue, Settings, Workers};

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
    /// Worker threads, 1 to 256; auto: min(|affinity|, max(1, floor(cgroup quota))).
    #[arg(long, env = "HEADROOM_WORKLOAD_WORKERS", default_value = "auto", value_parser = parse_workers)]
    workers: Workers,
    /// Requests that may run at the same time in one worker; without it there is no limit and no queue.
    #[arg(long, env = "HEADROOM_WORKLOAD_SLOTS_PER_WORKER")]
    slots_per_worker: Option<NonZeroU32>,
    /// Requests that may wait for a slot, over all workers.
    #[arg(long, env = "HEADROOM_WORKLOAD_QUEUE", default_value_t = 1024)]
    queue: usize,
    /// How long a request may wait for a slot before it is refused.
    #[arg(long, env = "HEADROOM_WORKLOAD_QUEUE_DELAY", default_value = "50ms", value_parser = parse_duration)]
    queue_delay: Duration,
    /// How long a request may take from its head to its answer.
    #[arg(long, env = "HEADROOM_WORKLOAD_REQUEST_TIMEOUT", default_value = "5s", value_parser = parse_duration)]
    request_timeout: Duration,
    /// A latency objective counted in /stats, as NAME=DURATION; may be repeated.
    #[arg(long, env = "HEADROOM_WORKLOAD_OBJECTIVE", value_parser = parse_objective, value_delimiter = ',')]
    objective: Vec<Objective>,
    /// The revision reported in /stats.
    #[arg(long, env = "HEADROOM_WORKLOAD_REVISION", default_value = "")]
    revision: String,
    /// File with the bearer token for writes to the admin port; without it they are refused.
    #[arg(long, env = "HEADROOM_WORKLOAD_TOKEN_FILE")]
    token_file: Option<PathBuf>,
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
    /// Bytes of a request body; more are answered 413.
    #[arg(long, env = "HEADROOM_WORKLOAD_BODY_LIMIT", default_value_t = 1024 * 1024)]
    body_limit: usize,

    /// CPU time of one request.
    #[arg(long, env = "HEADROOM_WORKLOAD_CPU", default_value = "1ms", value_parser = parse_duration)]
    cpu: Duration,
    /// Waiting time of one request.
    #[arg(long, env = "HEADROOM_WORKLOAD_WAIT", default_value = "0s", value_parser = parse_duration)]
    wait: Duration,
    /// How both vary from request to request.
    #[arg(long, env = "HEADROOM_WORKLOAD_DISTRIBUTION", default_value = "fixed")]
    distribution: Distribution,
    /// Length of an answer.
    #[arg(long, env = "HEADROOM_WORKLOAD_ANSWER_BYTES", default_value_t = 13, value_parser = parse_answer_bytes)]
    answer_bytes: usize,
}

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
        Cost { cpu: self.cpu, wait: self.wait, distribution, answer_bytes: self.answer_bytes }
    }

    /// The server's settings.
    pub fn settings(self) -> Settings {
        Settings {
            listen: self.listen,
            admin: self.admin_listen,
            workers: self.workers,
            slots_per_worker: self.slots_per_worker,
            queue: Queue { length: self.queue, delay: self.queue_delay },
            objectives: self.objective,
            revision: self.revision,
            token_file: self.token_file,
            start_delay: self.start_delay,
            drain: Drain { wait: self.drain_wait, timeout: self.drain_timeout },
            limits: Limits {
                connections: self.max_connections,
                body_bytes: self.body_limit,
                request_timeout: self.request_timeout,
                ..Limits::default()
            },
        }
    }
}

fn parse_workers(text: &str) -> Result<Workers, String> {
    if text == "auto" {
        return Ok(Workers::Auto);
    }
    let count = text.parse::<NonZeroUsize>().ok().filter(|count| count.get() <= MAX_WORKERS);
    count.map(Workers::Exactly).ok_or_else(|| format!("write auto or a number from 1 to {MAX_WORKERS}"))
}

/// The form that Kubernetes writes: numbers with h, m, s or ms, one after another.
fn parse_duration(text: &str) -> Result<Duration, String> {
    const FORM: &str = "write a duration like 50ms, 5s or 1m30s (up to four parts of h, m, s, ms)";
    let mut total = Duration::ZERO;
    let mut rest = text;
    for part in 0.. {
        if rest.is_empty() && part > 0 {
            return Ok(total);
        }
        let digits = rest.find(|c: char| !c.is_ascii_digit()).filter(|digits| (1..=5).contains(digits));
        let (number, tail) = rest.split_at(digits.filter(|_| part < 4).ok_or(FORM)?);
        let number: u64 = number.parse().map_err(|_| FORM)?;
        let (unit, after) = unit_of(tail).ok_or(FORM)?;
        total += Duration::from_millis(number * unit);
        rest = after;
    }
    Err(FORM.to_owned())
}

/// Milliseconds of the unit that `text` begins with, and what follows it.
fn unit_of(text: &str) -> Option<(u64, &str)> {
    let units = [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000)];
    units.iter().find_map(|(name, millis)| Some((*millis, text.strip_prefix(name)?)))
}

fn parse_objective(text: &str) -> Result<Objective, String> {
    let (name, threshold) = text.split_once('=').ok_or("write NAME=DURATION, like p99=100ms")?;
    let well_named =
        !name.is_empty() && name.len() <= 63 && name.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-');
    if !well_named {
        return Err("the name must be 1 to 63 letters, digits or dashes".to_owned());
    }
    Ok(Objective { name: name.to_owned(), threshold: parse_duration(threshold)? })
}

fn parse_answer_bytes(text: &str) -> Result<usize, String> {
    const MAX: usize = 16 * 1024 * 1024;
    text.parse().ok().filter(|bytes| *bytes <= MAX).ok_or_else(|| format!("write a number from 0 to {MAX}"))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("50ms", Some(50))]
    #[case("5s", Some(5000))]
    #[case("1m30s", Some(90_000))]
    #[case("1h1m1s1ms", Some(3_661_001))]
    #[case("0s", Some(0))]
    #[case("", None)]
    #[case("5", None)]
    #[case("s", None)]
    #[case("-5s", None)]
    #[case("100000s", None)]
    #[case("1s1s1s1s1s", None)]
    fn durations_are_read_as_kubernetes_writes_them(#[case] text: &str, #[case] millis: Option<u64>) {
        assert_eq!(parse_duration(text).ok(), millis.map(Duration::from_millis));
    }

    #[rstest]
    #[case("p99=100ms", true)]
    #[case("p99", false)]
    #[case("=1s", false)]
    #[case("a b=1s", false)]
    #[case("p99=1", false)]
    fn objectives_need_a_name_and_a_threshold(#[case] text: &str, #[case] valid: bool) {
        assert_eq!(parse_objective(text).is_ok(), valid);
    }

    #[rstest]
    #[case("auto", Some(Workers::Auto))]
    #[case("256", Some(Workers::Exactly(NonZeroUsize::new(256).unwrap())))]
    #[case("257", None)]
    #[case("0", None)]
    #[case("many", None)]
    fn workers_are_a_number_or_auto(#[case] text: &str, #[case] expected: Option<Workers>) {
        assert_eq!(parse_workers(text).ok(), expected);
    }

    #[test]
    fn defaults_are_those_of_the_library() {
        let settings = Args::parse_from(["headroom-workload"]).settings();
        assert_eq!(settings.limits, Limits::default());
        assert_eq!((settings.queue, settings.drain), (Queue::default(), Drain::default()));
        assert_eq!(settings.workers, Workers::Auto);
    }
}
