//! The queue with Poisson arrivals, exponential service and `c` servers (M/M/c): what a work-conserving pod with `c`
//! workers can carry at best.

/// Requests arriving at `servers` that each need a mean of `service_seconds`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mmc {
    /// Number of servers, 1 or more.
    pub servers: u32,
    /// Mean service time in seconds, above 0.
    pub service_seconds: f64,
}

impl Mmc {
    /// The largest rate it can finish at all, in requests per second.
    pub fn hard_capacity(self) -> f64 {
        f64::from(self.servers) / self.service_seconds
    }

    /// Probability that a request arriving at `rate` per second has to wait (Erlang C); 1 when overloaded.
    pub fn wait_probability(self, rate: f64) -> f64 {
        let offered = rate * self.service_seconds;
        let utilization = offered / f64::from(self.servers);
        if utilization >= 1.0 {
            return 1.0;
        }
        // Erlang B by its recursion, which never leaves 0..1; then C from B.
        let blocked = (1..=self.servers).fold(1.0, |b, k| offered * b / (f64::from(k) + offered * b));
        blocked / (1.0 - utilization * (1.0 - blocked))
    }

    /// Probability that a request arriving at `rate` per second takes longer than `seconds`; 1 when overloaded.
    pub fn tail(self, rate: f64, seconds: f64) -> f64 {
        let finish = 1.0 / self.service_seconds;
        let spare = self.hard_capacity() - rate;
        if spare <= 0.0 {
            return 1.0;
        }
        let wait = self.wait_probability(rate);
        let served = (-finish * seconds).exp();
        // Waiting is exponential with rate `spare`, service with rate `finish`: the tail of their sum, whose closed
        // form divides by the difference of the two.
        let both = if (spare - finish).abs() < 1e-6 * finish {
            (1.0 + finish * seconds) * served
        } else {
            (spare * served - finish * (-spare * seconds).exp()) / (spare - finish)
        };
        ((1.0 - wait) * served + wait * both).clamp(0.0, 1.0)
    }

    /// Probability that a request arriving at `rate` per second waits longer than `seconds`; 1 when overloaded.
    pub fn wait_tail(self, rate: f64, seconds: f64) -> f64 {
        let spare = (self.hard_capacity() - rate).max(0.0);
        self.wait_probability(rate) * (-spare * seconds).exp()
    }

    /// The largest rate at which the share `quantile` of the requests takes at most `seconds`; 0 when not even a
    /// single request would.
    pub fn rate_at(self, quantile: f64, seconds: f64) -> f64 {
        self.rate_with_tail(1.0 - quantile, |rate| self.tail(rate, seconds))
    }

    /// The largest rate at which the share `quantile` of the requests waits at most `seconds`. Where service times are
    /// fixed the true rate is a little larger: waits are shorter than with exponential ones.
    pub fn rate_at_wait(self, quantile: f64, seconds: f64) -> f64 {
        self.rate_with_tail(1.0 - quantile, |rate| self.wait_tail(rate, seconds))
    }

    fn rate_with_tail(self, allowed: f64, tail: impl Fn(f64) -> f64) -> f64 {
        let (mut low, mut high) = (0.0, self.hard_capacity());
        for _ in 0..60 {
            let middle = f64::midpoint(low, high);
            if tail(middle) <= allowed {
                low = middle;
            } else {
                high = middle;
            }
        }
        low
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    const POD: Mmc = Mmc { servers: 4, service_seconds: 0.01 };

    /// Against textbook values: one server is C = rho; for two, C = 2 rho^2 / (1 + rho).
    #[rstest]
    #[case::one_server(1, 0.7, 0.7)]
    #[case::two_servers(2, 1.0, 1.0 / 3.0)]
    #[case::ten_servers(10, 8.0, 0.409_180_1)]
    #[case::overloaded(4, 4.0, 1.0)]
    fn erlang_c(#[case] servers: u32, #[case] offered: f64, #[case] expected: f64) {
        let queue = Mmc { servers, service_seconds: 1.0 };
        assert!((queue.wait_probability(offered) - expected).abs() < 1e-6);
    }

    #[test]
    fn one_server_has_an_exponential_tail() {
        let queue = Mmc { servers: 1, service_seconds: 0.01 };
        let expected = (-(100.0_f64 - 60.0) * 0.05).exp();
        assert!((queue.tail(60.0, 0.05) - expected).abs() < 1e-9);
    }

    #[test]
    fn four_workers_of_ten_milliseconds_carry_350_within_100_ms() {
        let rate = POD.rate_at(0.99, 0.1);
        assert!((rate - 350.0).abs() < 1.0, "{rate}");
    }

    #[test]
    fn one_server_waits_with_an_exponential_tail() {
        let queue = Mmc { servers: 1, service_seconds: 0.01 };
        let expected = 0.6 * (-(100.0_f64 - 60.0) * 0.05).exp();
        assert!((queue.wait_tail(60.0, 0.05) - expected).abs() < 1e-9);
    }

    #[test]
    fn at_the_rate_found_just_the_allowed_share_waits_longer() {
        let rate = POD.rate_at_wait(0.99, 0.075);
        assert!((POD.wait_tail(rate, 0.075) - 0.01).abs() < 1e-6, "{rate}");
    }

    #[test]
    fn an_objective_below_the_service_time_carries_nothing() {
        assert!(POD.rate_at(0.99, 0.01) < 1e-9);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]

        #[test]
        fn more_load_never_answers_faster(
            servers in 1u32..64,
            utilization in 0.0f64..0.98,
            seconds in 0.001f64..1.0,
        ) {
            let queue = Mmc { servers, service_seconds: 0.01 };
            let rate = utilization * queue.hard_capacity();
            let more = (utilization + 0.01) * queue.hard_capacity();
            prop_assert!(queue.tail(more, seconds) >= queue.tail(rate, seconds) - 1e-9);
        }

        #[test]
        fn the_rate_found_holds_the_objective(servers in 1u32..64, quantile in 0.5f64..0.999) {
            let queue = Mmc { servers, service_seconds: 0.01 };
            let rate = queue.rate_at(quantile, 0.1);
            prop_assert!(rate < queue.hard_capacity());
            prop_assert!(queue.tail(rate, 0.1) <= 1.0 - quantile + 1e-9);
        }
    }
}
