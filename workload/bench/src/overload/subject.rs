//! What is measured: handlers, and the ways of a server with them.

use std::time::Duration;

use super::closed_form::Queue;

/// What a request costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum Handler {
    /// 2 ms of CPU time, exponential.
    Cpu,
    /// 5 ms of waiting, exponential, for one of four slots behind the handler, as for the connections to a database.
    Wait,
}

/// How a server decides whom it serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mode {
    /// As shipped.
    Adaptive,
    /// A fixed number of requests runs, the others wait in a queue that is bounded in length alone.
    Fixed,
    /// Everything is let in.
    Off,
}

impl Handler {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Cpu, Self::Wait];

    /// As it stands in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Wait => "wait",
        }
    }

    /// The queue that it is with one worker.
    pub fn queue(self) -> Queue {
        match self {
            Self::Cpu => Queue { servers: 1, service_seconds: 0.002 },
            Self::Wait => Queue { servers: 4, service_seconds: 0.005 },
        }
    }

    /// The smallest of some round objectives with which theory gives at least 85 % of the hard capacity: 5 % more than
    /// is demanded, for what a real server costs beside its handler.
    pub fn objective(self) -> Duration {
        const CHOICE: [u64; 5] = [10, 25, 50, 100, 200];
        let queue = self.queue();
        let enough = |millis: &u64| {
            let threshold = Duration::from_millis(*millis).as_secs_f64();
            queue.capacity(threshold, 0.01) >= 0.85 * queue.hard_capacity()
        };
        Duration::from_millis(CHOICE.into_iter().find(enough).unwrap_or(500))
    }

    fn flags(self) -> Vec<String> {
        let cost = match self {
            Self::Cpu => ["--cpu", "2ms", "--wait", "0s"].as_slice(),
            Self::Wait => &["--cpu", "0s", "--wait", "5ms", "--wait-slots", "4"],
        };
        let rest = ["--distribution", "exponential"];
        cost.iter().chain(&rest).map(|flag| (*flag).to_owned()).collect()
    }
}

impl Mode {
    /// All of them, ours first.
    pub const ALL: [Self; 3] = [Self::Adaptive, Self::Fixed, Self::Off];

    /// As it stands in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Adaptive => "headroom",
            Self::Fixed => "headroom-fixed-limit",
            Self::Off => "headroom-no-admission",
        }
    }

    /// The flags of a server of this mode with that handler.
    pub fn flags(self, handler: Handler) -> Vec<String> {
        let mut flags = handler.flags();
        let slots = handler.queue().servers.to_string();
        let objective = format!("p99={}ms", handler.objective().as_millis());
        let more: &[&str] = match self {
            Self::Adaptive => &["--objective", &objective],
            // Without an objective its queue knows no delay but this.
            Self::Fixed => &["--admission", "fixed", "--slots-per-worker", &slots, "--queue-delay", "10m"],
            Self::Off => &["--objective", &objective, "--admission", "off"],
        };
        flags.extend(more.iter().map(|flag| (*flag).to_owned()));
        flags
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(Handler::Cpu, 100)]
    #[case(Handler::Wait, 50)]
    fn objectives_leave_the_capacity_above_what_is_demanded(#[case] handler: Handler, #[case] millis: u64) {
        assert_eq!(handler.objective(), Duration::from_millis(millis));
    }
}
