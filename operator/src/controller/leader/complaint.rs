//! PURE: when a trouble that lasts is worth a line in the log: when it begins, and once a minute while it goes on.

use std::time::Duration;

use tokio::time::Instant;

/// Time between two lines about the same trouble.
const AGAIN: Duration = Duration::from_secs(60);

/// A trouble that may come and go.
#[derive(Debug, Default)]
pub(super) struct Complaint {
    /// When it was last told, while it lasts.
    told: Option<Instant>,
}

impl Complaint {
    /// It is there. Whether to say so now.
    pub(super) fn lasts(&mut self, now: Instant) -> bool {
        let due = self.told.is_none_or(|told| now.duration_since(told) >= AGAIN);
        if due {
            self.told = Some(now);
        }
        due
    }

    /// It is gone. Whether to say so: its beginning was told.
    pub(super) fn is_over(&mut self) -> bool {
        self.told.take().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lasts_is_told_once_a_minute_and_its_end_once() {
        let (mut complaint, start) = (Complaint::default(), Instant::now());
        let told = |complaint: &mut Complaint, tenths: u64| {
            complaint.lasts(start + Duration::from_millis(tenths * 100))
        };
        assert!(!complaint.is_over(), "nothing was wrong");
        let lines = (0..=80).filter(|turn| told(&mut complaint, turn * 15)).count();
        assert_eq!(lines, 3, "at 0, 60 and 120 s");
        assert!(complaint.is_over());
        assert!(!complaint.is_over());
        assert!(told(&mut complaint, 1215), "it begins anew");
    }
}
