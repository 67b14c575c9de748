//! `/metrics`: what [`Stats`] says, in Prometheus's text format.

mod upstream;

use std::fmt::{self, Write as _};

use crate::stats::{BrownoutStats, Histogram, Stats, TlsStats};
use crate::watch::Stalls;

/// What is not in [`Stats`].
#[derive(Debug)]
pub(super) struct Gauges {
    pub(super) connections: usize,
    pub(super) connections_refused: usize,
    pub(super) ready: bool,
    pub(super) stalls: Vec<Stalls>,
}

/// Upper bounds of the histograms' buckets, in seconds.
const BOUNDS: [f64; 14] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

const PREFIX: &str = "headroom_workload";

/// The whole text.
pub(super) fn render(stats: &Stats, gauges: &Gauges) -> String {
    let mut text = Text(String::with_capacity(8192));
    // Writing to a string does not fail.
    text.all(stats, gauges).map(|()| text.0).unwrap_or_default()
}

struct Text(String);

/// A family's values: label pairs as written, and the number.
type Values<'a> = &'a [(String, f64)];

impl Text {
    fn all(&mut self, stats: &Stats, gauges: &Gauges) -> fmt::Result {
        self.gauges(stats, gauges)?;
        self.counters(stats, gauges)?;
        self.outcomes(stats)?;
        self.closed(stats)?;
        self.objectives(stats)?;
        self.workers(stats)?;
        self.stalls(&gauges.stalls)?;
        if let Some(tls) = &stats.tls {
            self.tls(tls)?;
        }
        self.upstream(&crate::upstream::seen())?;
        if let Some(brownout) = stats.brownout {
            self.brownout(brownout)?;
        }
        self.histogram(
            "request_duration_seconds",
            "Head read to last byte written, successful.",
            &stats.latency,
        )?;
        self.histogram("service_duration_seconds", "Time in the handler.", &stats.service)?;
        self.histogram("queue_wait_seconds", "Time waiting for admission.", &stats.queue_wait)
    }

    fn gauges(&mut self, stats: &Stats, gauges: &Gauges) -> fmt::Result {
        let limit = stats.concurrency_limit.map_or(f64::INFINITY, f64::from);
        let clients = stats.limited_clients.unwrap_or(0) as f64;
        let adaptive = stats.adaptive_limit.map_or(f64::INFINITY, f64::from);
        for (name, help, value) in [
            ("workers", "Workers that run.", f64::from(stats.workers)),
            ("concurrency_limit", "Requests that may run at the same time.", limit),
            ("adaptive_limit", "As many of them as was measured to be of use.", adaptive),
            ("delay_bound_seconds", "The longest wait for admission.", stats.delay_bound_seconds),
            ("limited_clients", "Clients that have used some of their limit just now.", clients),
            ("overloaded", "Whether the queue stands.", f64::from(u8::from(stats.overloaded))),
            ("queued_requests", "Requests that wait for admission.", stats.queued as f64),
            ("in_flight_requests", "Requests admitted and not answered.", stats.in_flight as f64),
            ("connections", "Open connections.", gauges.connections as f64),
            ("pinned", "Whether each worker keeps to a CPU of its own.", f64::from(u8::from(stats.pinned))),
            ("ready", "Whether the server is ready.", f64::from(u8::from(gauges.ready))),
        ] {
            self.family(name, "gauge", help, &[(String::new(), value)])?;
        }
        Ok(())
    }

    fn counters(&mut self, stats: &Stats, gauges: &Gauges) -> fmt::Result {
        let refused = gauges.connections_refused as f64;
        let (in_flight, queued) = (stats.in_flight_seconds, stats.queued_seconds);
        let (cpu, throttled) = (stats.cpu_seconds, stats.throttled_seconds);
        for (name, help, value) in [
            ("arrivals_total", "Requests whose head was read.", stats.arrivals as f64),
            ("retries_total", "Arrivals marked as retries.", stats.retries as f64),
            ("admitted_total", "Arrivals handed to the service.", stats.admitted as f64),
            ("connections_refused_total", "Connections over the limit.", refused),
            ("in_flight_seconds_total", "Integral of in-flight requests.", in_flight),
            ("queued_seconds_total", "Integral of queued requests.", queued),
            ("cpu_seconds_total", "CPU time of the process.", cpu),
            ("throttled_seconds_total", "Time held back by the cgroup.", throttled),
        ] {
            self.family(name, "counter", help, &[(String::new(), value)])?;
        }
        Ok(())
    }

    fn outcomes(&mut self, stats: &Stats) -> fmt::Result {
        let rejected = stats.rejected;
        let reasons = [
            ("queueFull", rejected.queue_full),
            ("delayBound", rejected.delay_bound),
            ("clientLimit", rejected.client_limit),
            ("priority", rejected.priority),
            ("deadlineExpired", rejected.deadline_expired),
            ("breaker", rejected.breaker),
            ("malformed", rejected.malformed),
            ("draining", rejected.draining),
        ];
        let rows = reasons.map(|(reason, count)| (format!("reason=\"{reason}\""), count as f64));
        self.family("rejected_total", "counter", "Arrivals turned away.", &rows)?;
        let responses = stats.responses;
        let classes = [
            ("2xx", responses.success),
            ("3xx", responses.redirection),
            ("4xx", responses.client_error),
            ("5xx", responses.server_error),
        ];
        let rows = classes.map(|(class, count)| (format!("class=\"{class}\""), count as f64));
        self.family("responses_total", "counter", "Answers to admitted requests.", &rows)
    }

    fn closed(&mut self, stats: &Stats) -> fmt::Result {
        let rows = |counts: &[(&str, u64)]| -> Vec<_> {
            counts.iter().map(|(reason, count)| (format!("reason=\"{reason}\""), *count as f64)).collect()
        };
        let connections = rows(&stats.connections_closed.by_reason());
        let help = "Connections that the server closed before their clients.";
        self.family("connections_closed_total", "counter", help, &connections)?;
        let streams = rows(&stats.streams_closed.by_reason());
        let help = "Streams of HTTP/2 that the server ended before their time.";
        self.family("streams_closed_total", "counter", help, &streams)
    }

    fn objectives(&mut self, stats: &Stats) -> fmt::Result {
        let objectives = stats.objectives.iter().flat_map(|objective| {
            let name = escaped(&objective.name);
            [("good", objective.good), ("late", objective.late)]
                .map(|(result, count)| (format!("objective=\"{name}\",result=\"{result}\""), count as f64))
        });
        self.family(
            "objective_total",
            "counter",
            "Successful answers by objective.",
            &objectives.collect::<Vec<_>>(),
        )
    }

    fn workers(&mut self, stats: &Stats) -> fmt::Result {
        let workers = stats.busy_seconds_per_worker.iter().enumerate();
        let rows: Vec<_> =
            workers.map(|(worker, seconds)| (format!("worker=\"{worker}\""), *seconds)).collect();
        self.family("busy_seconds_total", "counter", "Time a worker was occupied.", &rows)
    }

    fn tls(&mut self, tls: &TlsStats) -> fmt::Result {
        let until = [(String::new(), tls.not_after_seconds as f64)];
        let expiry = "When the first certificate in use expires, Unix time.";
        self.family("tls_not_after_timestamp_seconds", "gauge", expiry, &until)?;
        let stale = [(String::new(), f64::from(u8::from(tls.reload_error.is_some())))];
        self.family("tls_stale", "gauge", "Whether the files there are can't be used.", &stale)?;
        let reloads = [("used", tls.reloads), ("refused", tls.reloads_failed)];
        let rows = reloads.map(|(result, count)| (format!("result=\"{result}\""), count as f64));
        self.family("tls_reloads_total", "counter", "Changed certificate files.", &rows)?;
        let failed = [(String::new(), tls.handshakes_failed as f64)];
        self.family("tls_handshakes_failed_total", "counter", "Connections without TLS agreed on.", &failed)
    }

    fn stalls(&mut self, stalls: &[Stalls]) -> fmt::Result {
        type Of = fn(&Stalls) -> f64;
        let families: [(&str, &str, &str, Of); 4] = [
            ("stalls_total", "counter", "Times a worker's loop took over 10 ms to come round.", |worker| {
                worker.count as f64
            }),
            ("stall_seconds_total", "counter", "Time for which it did not.", |worker| worker.seconds),
            ("longest_stall_seconds", "gauge", "The longest of these times.", |worker| {
                worker.longest_seconds
            }),
            ("stalled", "gauge", "Whether it has been stalled for over 10 ms now.", |worker| {
                f64::from(u8::from(worker.now))
            }),
        ];
        for (name, kind, help, of) in families {
            let workers = stalls.iter().enumerate();
            let rows: Vec<_> =
                workers.map(|(number, worker)| (format!("worker=\"{number}\""), of(worker))).collect();
            self.family(name, kind, help, &rows)?;
        }
        Ok(())
    }

    fn brownout(&mut self, brownout: BrownoutStats) -> fmt::Result {
        let given_up = "0: nothing, 1: extras, 2: freshness, 3: everything.";
        self.family("brownout_level", "gauge", given_up, &[(String::new(), f64::from(brownout.level))])?;
        let valid = [(String::new(), f64::from(u8::from(brownout.rules_valid)))];
        self.family(
            "brownout_rules_valid",
            "gauge",
            "Whether the rule file that is there is in force.",
            &valid,
        )
    }

    fn family(&mut self, name: &str, kind: &str, help: &str, values: Values<'_>) -> fmt::Result {
        writeln!(self.0, "# HELP {PREFIX}_{name} {help}\n# TYPE {PREFIX}_{name} {kind}")?;
        for (labels, value) in values {
            let value = if value.is_infinite() { "+Inf".to_owned() } else { value.to_string() };
            match labels.as_str() {
                "" => writeln!(self.0, "{PREFIX}_{name} {value}")?,
                labels => writeln!(self.0, "{PREFIX}_{name}{{{labels}}} {value}")?,
            }
        }
        Ok(())
    }

    fn histogram(&mut self, name: &str, help: &str, histogram: &Histogram) -> fmt::Result {
        writeln!(self.0, "# HELP {PREFIX}_{name} {help}\n# TYPE {PREFIX}_{name} histogram")?;
        for bound in BOUNDS {
            let count = histogram.count_within(bound);
            writeln!(self.0, "{PREFIX}_{name}_bucket{{le=\"{bound}\"}} {count}")?;
        }
        let moments = histogram.moments();
        writeln!(self.0, "{PREFIX}_{name}_bucket{{le=\"+Inf\"}} {}", moments.count)?;
        writeln!(self.0, "{PREFIX}_{name}_sum {}\n{PREFIX}_{name}_count {}", moments.sum, moments.count)
    }
}

fn escaped(label: &str) -> String {
    label.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
