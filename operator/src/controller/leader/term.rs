//! Whether we may write, asked at the moment of a write.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::time::Instant;

/// Until when we hold the lease. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Leadership(Arc<Mutex<Option<Instant>>>);

impl Leadership {
    /// Whether a write may begin now.
    pub fn may_write(&self, now: Instant) -> bool {
        self.until().is_some_and(|until| now < until)
    }

    pub(in crate::controller) fn hold(&self, until: Instant) {
        if self.replace(Some(until)).is_none() {
            tracing::info!("we lead");
        }
    }

    pub(in crate::controller) fn lose(&self) {
        if self.replace(None).is_some() {
            tracing::info!("we no longer lead");
        }
    }

    /// Until when writes may begin, as of now; `None` where we don't lead.
    pub fn until(&self) -> Option<Instant> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn replace(&self, until: Option<Instant>) -> Option<Instant> {
        std::mem::replace(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner), until)
    }
}

#[cfg(test)]
impl Leadership {
    /// One that outlasts the test.
    pub(in crate::controller) fn lasting() -> Self {
        let leadership = Self::default();
        leadership.hold(Instant::now() + std::time::Duration::from_secs(1_000_000));
        leadership
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn what_we_held_runs_out_by_itself() {
        let (leadership, now) = (Leadership::default(), Instant::now());
        assert!(!leadership.may_write(now));
        leadership.hold(now + Duration::from_secs(6));
        assert!(leadership.may_write(now + Duration::from_millis(5999)));
        assert!(!leadership.may_write(now + Duration::from_secs(6)));
        leadership.lose();
        assert!(!leadership.may_write(now));
    }
}
