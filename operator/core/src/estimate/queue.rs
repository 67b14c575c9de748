//! The queueing model behind a pod: how many times more answers are late than an objective allows, by utilisation.

/// Most servers of the model. Beyond, nobody waits below full utilisation.
const MOST_SERVERS: u32 = 128;

/// A pod as a G/G/c queue.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Queue {
    /// Requests worked on at the same time, at most.
    pub(crate) servers: u32,
    /// Mean time in the handler, in seconds.
    pub(crate) service_seconds: f64,
    /// Squared coefficient of variation of that time: 0 fixed, 1 exponential.
    pub(crate) service_variation: f64,
}

impl Queue {
    /// A queue with values the formulas can take.
    pub(crate) fn new(servers: f64, service_seconds: f64, service_variation: f64) -> Self {
        Self {
            servers: (servers.round() as u32).clamp(1, MOST_SERVERS),
            service_seconds: service_seconds.max(1e-9),
            service_variation: service_variation.clamp(0.0, 25.0),
        }
    }

    /// P(response time > `threshold` seconds) at `utilization`. `beyond` is the share of the requests whose handler
    /// alone takes longer; without it the handler's time is taken to be exponential.
    ///
    /// A waiting request waits an exponential time of rate `2 c (1 - rho) / (S (1 + cs^2))` (Allen-Cunneen; exact for
    /// M/M/c) before its handler begins. The tail of the sum is known for a fixed and for an exponential time in the
    /// handler; in between it is interpolated by `cs^2`. For M/M/c this is the closed form.
    pub(crate) fn late(&self, utilization: f64, threshold: f64, beyond: Option<f64>) -> f64 {
        if utilization >= 1.0 {
            return 1.0;
        }
        let service_rate = 1.0 / self.service_seconds;
        let beyond = beyond.unwrap_or_else(|| (-service_rate * threshold).exp());
        let servers = f64::from(self.servers);
        let wait_rate = 2.0 * servers * (1.0 - utilization) * service_rate / (1.0 + self.service_variation);
        let fixed = (-wait_rate * (threshold - self.service_seconds).max(0.0)).exp();
        let exponential = sum_of_exponentials_tail(wait_rate, service_rate, threshold);
        let mix = self.service_variation.min(1.0);
        let after_waiting = (mix * exponential + (1.0 - mix) * fixed).max(beyond);
        let waits = self.erlang_c(utilization);
        ((1.0 - waits) * beyond + waits * after_waiting).min(1.0)
    }

    /// Probability that a request has to wait in M/M/c, by the recursion of Erlang's B formula.
    fn erlang_c(&self, utilization: f64) -> f64 {
        let offered = utilization * f64::from(self.servers);
        let blocked = (1..=self.servers).fold(1.0, |b, k| offered * b / (f64::from(k) + offered * b));
        blocked / (1.0 - utilization + utilization * blocked)
    }
}

/// P(X + Y > t) of two exponential times with rates `a` and `b`.
fn sum_of_exponentials_tail(a: f64, b: f64, t: f64) -> f64 {
    // Equal rates have a form of their own; a millionth apart is the same number.
    let b = if (a - b).abs() < 1e-6 * b { b * (1.0 + 1e-5) } else { b };
    (a * (-b * t).exp() - b * (-a * t).exp()) / (a - b)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn knee(queue: Queue, threshold: f64, allowed: f64) -> f64 {
        (0..1000)
            .map(|i| f64::from(i) / 1000.0)
            .take_while(|u| queue.late(*u, threshold, None) <= allowed)
            .last()
            .unwrap()
    }

    #[rstest]
    #[case::four_servers(4.0, 0.100, 0.875)]
    #[case::one_server(1.0, 0.100, 0.539)]
    #[case::a_tight_threshold(4.0, 0.050, 0.606)]
    fn agrees_with_the_closed_form_of_m_m_c(
        #[case] servers: f64,
        #[case] threshold: f64,
        #[case] expected: f64,
    ) {
        let found = knee(Queue::new(servers, 0.010, 1.0), threshold, 0.01);
        assert!((found - expected).abs() < 0.005, "{found} instead of {expected}");
    }

    #[test]
    fn steadier_service_carries_more() {
        let fixed = knee(Queue::new(4.0, 0.002, 0.0), 0.050, 0.01);
        let varied = knee(Queue::new(4.0, 0.002, 4.0), 0.050, 0.01);
        assert!(fixed > varied + 0.01, "{fixed} against {varied}");
    }
}
