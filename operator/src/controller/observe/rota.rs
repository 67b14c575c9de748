//! PURE: which pods to ask at this look.
//!
//! Pods that did not answer come after those that did, and pods that are absent are asked apart from the others: those
//! that accept and hang hold up nobody else.

use std::time::Duration;

use headroom_core::Ask;

/// In a sample a pod that waited so long is asked whatever its part of the round: at the next look it would be more than
/// five seconds, and the core forgets what was told 6.5 seconds ago.
const DUE: Duration = Duration::from_millis(4500);
/// A sample is at least so many pods.
const LEAST: usize = 10;
/// Looks over which a sample goes round.
const ROUND: usize = 5;
/// A pod that did not answer so many questions in a row is absent.
const ABSENT: u8 = 3;

/// What is known of one pod that can be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Turn {
    /// How long ago it was last asked; `None`: never.
    pub(super) waited: Option<Duration>,
    /// Questions in a row that it did not answer.
    pub(super) misses: u8,
}

/// Places of the pods to ask, in the order in which to ask them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Round {
    /// Those that answered lately, and new ones.
    pub(super) present: Vec<usize>,
    /// Those that are absent.
    pub(super) absent: Vec<usize>,
}

/// Whom to ask. New pods and silent ones are always among them.
pub(super) fn round(ask: Ask, turns: &[Turn]) -> Round {
    let mut places: Vec<usize> = (0..turns.len()).collect();
    // New ones first, then those that waited longest.
    places.sort_by_key(|place| std::cmp::Reverse(waited(turns[*place])));
    let (absent, present): (Vec<_>, Vec<_>) =
        places.into_iter().partition(|place| turns[*place].misses >= ABSENT);
    let (missed, mut present): (Vec<_>, Vec<_>) =
        present.into_iter().partition(|place| turns[*place].misses > 0);
    if ask == Ask::Sample {
        let due = present.partition_point(|place| waited(turns[*place]) >= DUE);
        let part = present.len().div_ceil(ROUND).max(LEAST);
        present.truncate(due.max(part));
    }
    present.extend(missed);
    Round { present, absent }
}

fn waited(turn: Turn) -> Duration {
    turn.waited.unwrap_or(Duration::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NEW: Turn = Turn { waited: None, misses: 0 };

    /// Goes on by one look: who was asked is asked zero seconds ago, all wait for `tick` more.
    fn go_on(turns: &mut [Turn], asked: &Round, tick: Duration) {
        for place in asked.present.iter().chain(&asked.absent) {
            turns[*place].waited = Some(Duration::ZERO);
        }
        for turn in turns {
            turn.waited = turn.waited.map(|waited| waited + tick);
        }
    }

    #[test]
    fn every_pod_is_asked_unless_a_sample_will_do() {
        let asked = |misses| Turn { waited: Some(Duration::from_secs(1)), misses };
        let turns = [vec![asked(2)], vec![asked(0); 100], vec![NEW, asked(3)]].concat();
        let whole = round(Ask::EveryPod, &turns);
        assert_eq!((whole.present.len(), whole.absent.as_slice()), (102, [102].as_slice()));
        let sample = round(Ask::Sample, &turns);
        assert_eq!((sample.present.len(), sample.absent.as_slice()), (22, [102].as_slice()));
        assert_eq!(
            (sample.present[0], sample.present[21]),
            (101, 0),
            "new ones first, those that missed last"
        );
        assert_eq!(round(Ask::Sample, &turns[1..13]).present.len(), LEAST, "a sample of few is no saving");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]

        #[test]
        fn in_a_sample_each_pod_has_its_turn_within_five_looks(
            pods in 0usize..150,
            late_millis in prop::collection::vec(0u64..150, 25),
        ) {
            let mut turns = vec![NEW; pods];
            let mut sizes = Vec::new();
            for late in late_millis {
                let asked = round(Ask::Sample, &turns);
                go_on(&mut turns, &asked, Duration::from_millis(1000 + late));
                sizes.push(asked.present.len());
                let longest = turns.iter().filter_map(|turn| turn.waited).max().unwrap_or_default();
                // The core recalls what was told within 6.5 s.
                prop_assert!(longest <= Duration::from_millis(5800), "{longest:?}");
            }
            prop_assert!(turns.iter().all(|turn| turn.waited.is_some()));
            let after_the_first = sizes.get(10..).unwrap_or_default();
            let most = after_the_first.iter().max().copied().unwrap_or_default();
            prop_assert!(most <= (2 * pods.div_ceil(ROUND)).max(LEAST), "{sizes:?}");
        }

        #[test]
        fn on_time_the_parts_are_even(pods in 50usize..150) {
            let mut turns = vec![NEW; pods];
            for look in 0..20 {
                let asked = round(Ask::Sample, &turns);
                prop_assert!(look == 0 || asked.present.len() <= pods.div_ceil(ROUND), "look {look}");
                go_on(&mut turns, &asked, Duration::from_secs(1));
            }
        }
    }
}
