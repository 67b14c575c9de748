//! What queueing theory says of the handlers: the tail of M/M/c, to choose an objective and where to look for the
//! capacity.

/// A service with exponential service times.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Queue {
    /// Requests served at the same time.
    pub servers: u32,
    /// Mean of the service time, in seconds.
    pub service_seconds: f64,
}

impl Queue {
    /// What it can serve at most, per second.
    pub fn hard_capacity(self) -> f64 {
        f64::from(self.servers) / self.service_seconds
    }

    /// The largest rate at which at most `share` of the requests take longer than `threshold` seconds.
    pub fn capacity(self, threshold: f64, share: f64) -> f64 {
        let (mut holds, mut fails) = (0.0, self.hard_capacity());
        for _ in 0..60 {
            let rate = f64::midpoint(holds, fails);
            *(if self.share_over(threshold, rate) <= share { &mut holds } else { &mut fails }) = rate;
        }
        holds
    }

    /// P(T > t) at that rate: its own service, after a wait if it has to (Erlang C).
    fn share_over(self, threshold: f64, rate: f64) -> f64 {
        let (servers, each) = (f64::from(self.servers), self.service_seconds.recip());
        let load = rate / each;
        let blocked =
            (1..=self.servers).fold(1.0, |blocked, n| load * blocked / (f64::from(n) + load * blocked));
        let waits = blocked / (1.0 - load / servers * (1.0 - blocked));
        let spare = servers * each - rate - each;
        // The integral of the wait's share up to the threshold; 0/0 where both tails decay equally fast.
        let waited = if spare.abs() < 1e-6 { threshold } else { -(-spare * threshold).exp_m1() / spare };
        (-each * threshold).exp() * (1.0 + waits * each * waited)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_server_has_an_exponential_tail() {
        let queue = Queue { servers: 1, service_seconds: 0.002 };
        // P(T > t) = exp(-(mu - lambda) t) = 0.01
        let expected = 500.0 - 100f64.ln() / 0.1;
        assert!((queue.capacity(0.1, 0.01) - expected).abs() < 1e-3);
    }

    #[test]
    fn four_servers_carry_more_of_what_they_can_than_one() {
        let four = Queue { servers: 4, service_seconds: 0.01 };
        let one = Queue { servers: 1, service_seconds: 0.01 };
        let share = |queue: Queue| queue.capacity(0.1, 0.01) / queue.hard_capacity();
        assert!(share(four) > 1.3 * share(one));
        assert!(share(four) < 1.0);
    }
}
