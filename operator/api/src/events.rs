//! Events of a `ScaledService`: their reasons, and whether each is a warning. One is written when something changes,
//! never because it goes on.

use crate::vocabulary::vocabulary;

vocabulary! {
    /// Whether an event is worth waking up for.
    pub enum EventKind {
        Normal = "Something changed as it should.",
        Warning = "Something needs a look.",
    }
}

/// One line for each reason, below its kind.
macro_rules! events {
    ($($kind:ident { $($reason:ident = $text:literal,)* })*) => {
        vocabulary! {
            /// Why an event was written.
            pub enum EventReason { $($($reason = $text,)*)* }
        }

        impl EventReason {
            /// Whether it is a warning.
            pub const fn kind(self) -> EventKind {
                match self {
                    $($(Self::$reason)|* => EventKind::$kind,)*
                }
            }
        }
    };
}

events! {
    Normal {
        SuccessfulRescale = "The size was written: sizes, numbers and the reason.",
        WorkersChanged = "The pods were told another worker count.",
        CapacityLearned = "The capacity of a pod is known with confidence for the first time.",
        EvidenceRecovered = "Enough pods answer again.",
        BudgetRecovered = "The error budget is no longer spent faster than allowed.",
        ScaleUpUnblocked = "Pods arrive again.",
        LimitLeft = "The wanted size is within the limits again.",
        TargetReleased = "What else sized the target is gone.",
        CheckpointRestored = "What was learned before the controller started is used again.",
    }
    Warning {
        EvidenceLost = "Too few pods answer: the size does not shrink.",
        LimitReached = "More pods are wanted than maxReplicas allows.",
        BudgetBurning = "The error budget is spent faster than the window allows.",
        CapacityRegressed = "The new revision holds clearly less than the one before.",
        FailedRescale = "The size, or what belongs to the service, could not be read or written.",
        TargetOwned = "Something else sizes the target: no size is written.",
        ScaledByOther = "Somebody else changed the size; the message names the writer.",
        ScaleUpBlocked = "Pods were asked for and do not arrive; the message says why.",
        ShrinkingFrozen = "Shrinking is frozen for all services.",
        InvalidSpec = "The spec breaks a rule that only the controller can see.",
        CheckpointIgnored = "What was learned before can't be read: it is learned anew.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_camel_case_and_short_enough_for_the_field() {
        let mut names: Vec<_> = EventReason::ALL.into_iter().map(EventReason::name).collect();
        assert!(
            names.iter().all(|name| name.len() <= 128 && name.chars().all(|c| c.is_ascii_alphanumeric()))
        );
        names.sort_unstable();
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]));
    }

    #[test]
    fn every_text_is_one_sentence() {
        for reason in EventReason::ALL {
            let text = reason.text();
            assert!(text.ends_with('.') && text.matches(". ").count() == 0, "{}: {text}", reason.name());
        }
    }

    #[test]
    fn success_is_normal_and_failure_a_warning() {
        assert_eq!(EventReason::SuccessfulRescale.kind(), EventKind::Normal);
        assert_eq!(EventReason::FailedRescale.kind().name(), "Warning");
    }
}
