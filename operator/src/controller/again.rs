//! How long a broken watch waits before it begins again.
//!
//! kube's own goes up to half a minute, and then the first look after an outage is that late; and it begins at the
//! bottom as soon as a list is asked for, whether or not it is answered.

use std::time::Duration;

use kube::runtime::utils::Backoff;
use rand::RngExt;
use tokio::time::Instant;

/// First and longest wait.
const WAIT: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(5));
/// A watch that went well for so long begins at the bottom.
const FORGIVEN: Duration = Duration::from_secs(30);

/// Waits that double, with jitter that keeps replicas apart.
#[derive(Debug, Default)]
pub(super) struct Again {
    failures: u32,
    last: Option<Instant>,
}

impl Iterator for Again {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        let now = Instant::now();
        if self.last.is_some_and(|last| now.duration_since(last) > FORGIVEN) {
            self.failures = 0;
        }
        self.last = Some(now);
        let wait = (WAIT.0 * 2u32.saturating_pow(self.failures).min(1024)).min(WAIT.1);
        self.failures = self.failures.saturating_add(1);
        Some(wait.mul_f64(rand::rng().random_range(0.75..1.25)))
    }
}

impl Backoff for Again {
    /// Asked for at every sign of success, also for the mere beginning of a list: time forgives instead.
    fn reset(&mut self) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn waits_double_up_to_five_seconds_and_begin_anew_when_all_went_well() {
        let mut again = Again::default();
        let near = |wait: Duration, seconds: f64| (0.75..1.25).contains(&(wait.as_secs_f64() / seconds));
        for seconds in [0.25, 0.5, 1.0, 2.0, 4.0, 5.0, 5.0] {
            again.reset();
            assert!(near(again.next().unwrap(), seconds));
        }
        tokio::time::advance(FORGIVEN + Duration::from_secs(1)).await;
        assert!(near(again.next().unwrap(), 0.25));
    }
}
