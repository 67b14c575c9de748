//! What a queue with several servers does, in theory.

/// A queue with Poisson arrivals and exponential service.
#[derive(Debug, Clone, Copy)]
pub struct Queue {
    /// Requests served at the same time.
    pub servers: usize,
    /// Mean service time in seconds.
    pub service: f64,
    /// Seconds that a request may take.
    pub threshold: f64,
}

impl Queue {
    /// Requests per second that it can do at all.
    pub fn hard(self) -> f64 {
        self.servers as f64 / self.service
    }

    /// The rate at which that share of requests takes longer than the threshold.
    pub fn capacity(self, most_late: f64) -> f64 {
        let (mut holds, mut fails) = (0.0, self.hard());
        for _ in 0..60 {
            let rate = f64::midpoint(holds, fails);
            *(if self.late(rate) <= most_late { &mut holds } else { &mut fails }) = rate;
        }
        holds
    }

    /// P(T > t) at that rate: its own service after a wait, if it has to (Erlang C).
    fn late(self, rate: f64) -> f64 {
        let (c, mu, t) = (self.servers as f64, self.service.recip(), self.threshold);
        let load = rate / mu;
        let mut blocked = 1.0;
        for servers in 1..=self.servers {
            blocked = load * blocked / (servers as f64 + load * blocked);
        }
        let waits = blocked / (1.0 - load / c * (1.0 - blocked));
        let spare = c * mu - rate - mu;
        // The integral of the wait's share up to t; 0/0 where both tails decay equally fast.
        let waited = if spare.abs() < 1e-6 { t } else { -(-spare * t).exp_m1() / spare };
        (-mu * t).exp() * (1.0 + waits * mu * waited)
    }
}
