//! PURE: requests by result, summed over pods that come, go and restart.

use std::collections::HashMap;

use headroom_core::{Observation, PodState, Sample};

/// Names of the results, in the order of [`Counted::add`]'s answer.
pub const RESULTS: [&str; 4] = ["good", "late", "rejected", "error"];

/// What was counted of each pod at the last look.
#[derive(Debug, Default)]
pub struct Counted {
    pods: HashMap<String, Before>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Before {
    sample: Option<(u64, [f64; 4])>,
    /// It was seen before it could have served anything.
    from_zero: bool,
}

impl Counted {
    /// How many requests of each result came to an end since the last look. What a process had counted before it was
    /// first seen stays out, unless the pod was seen starting.
    pub fn add(&mut self, seen: &Observation) -> [f64; 4] {
        let mut sum = [0.0; 4];
        let mut pods = HashMap::with_capacity(seen.pods.len());
        for pod in &seen.pods {
            let mut before = self.pods.remove(&pod.name).unwrap_or_default();
            if pod.state == PodState::Starting && before.sample.is_none() {
                before.from_zero = true;
            }
            if let Some(sample) = pod.answer.told().filter(|sample| sample.is_plausible()) {
                let counts = results(sample);
                for (sum, new) in sum.iter_mut().zip(before.since(sample.boot, counts)) {
                    *sum += new;
                }
                before = Before { sample: Some((sample.boot, counts)), from_zero: true };
            }
            pods.insert(pod.name.clone(), before);
        }
        self.pods = pods;
        sum
    }
}

impl Before {
    fn since(self, boot: u64, now: [f64; 4]) -> [f64; 4] {
        let zero = match self.sample {
            Some((same, before)) if same == boot => before,
            // A new process of a pod that is known has counted from zero.
            _ if self.from_zero => [0.0; 4],
            _ => now,
        };
        let mut new = [0.0; 4];
        for (new, (now, zero)) in new.iter_mut().zip(now.into_iter().zip(zero)) {
            *new = (now - zero).max(0.0);
        }
        new
    }
}

fn results(sample: &Sample) -> [f64; 4] {
    let [first, ..] = sample.objectives;
    [first.good, first.late, sample.rejected_overload, sample.server_errors]
}

#[cfg(test)]
mod tests {
    use super::*;
    use headroom_core::{Answer, Answered, Pod};

    fn pod(name: &str, state: PodState, told: Option<(u64, f64)>) -> Pod {
        let sample = told.map(|(boot, good)| {
            let mut sample = Sample { boot, rejected_overload: good / 10.0, ..Sample::default() };
            sample.objectives[0] = Answered { good, late: good / 100.0, service_beyond: 0.0 };
            sample
        });
        Pod {
            name: name.to_owned(),
            state,
            created_at: None,
            ready_at: None,
            revision: String::new(),
            node_class: String::new(),
            cpu: headroom_core::units::MilliCpu(0),
            workers: 0,
            trouble: None,
            answer: Answer::from(sample),
        }
    }

    fn good(counted: &mut Counted, pods: Vec<Pod>) -> f64 {
        counted.add(&Observation { pods, ..Observation::default() })[0]
    }

    #[test]
    fn only_what_is_new_counts_and_a_restart_counts_from_zero() {
        use PodState::{Ready, Starting};
        let mut counted = Counted::default();
        assert_eq!(good(&mut counted, vec![pod("a", Ready, Some((1, 1000.0)))]), 0.0, "history stays out");
        assert_eq!(good(&mut counted, vec![pod("a", Ready, Some((1, 1100.0)))]), 100.0);
        assert_eq!(good(&mut counted, vec![pod("a", Ready, None)]), 0.0, "silence is no change");
        assert_eq!(good(&mut counted, vec![pod("a", Ready, Some((1, 1300.0)))]), 200.0, "and is made up for");
        assert_eq!(good(&mut counted, vec![pod("a", Ready, Some((2, 50.0)))]), 50.0, "a new process");
        let both = vec![pod("a", Ready, Some((2, 50.0))), pod("b", Starting, None)];
        assert_eq!(good(&mut counted, both), 0.0);
        let both = vec![pod("a", Ready, Some((2, 60.0))), pod("b", Ready, Some((7, 30.0)))];
        assert_eq!(good(&mut counted, both), 40.0, "b was seen starting");
        assert_eq!(good(&mut counted, vec![]), 0.0);
        assert_eq!(good(&mut counted, vec![pod("a", Ready, Some((2, 90.0)))]), 0.0, "forgotten with the pod");
    }

    #[test]
    fn counters_that_went_back_add_nothing() {
        let mut counted = Counted::default();
        good(&mut counted, vec![pod("a", PodState::Ready, Some((1, 1000.0)))]);
        assert_eq!(good(&mut counted, vec![pod("a", PodState::Ready, Some((1, 900.0)))]), 0.0);
    }

    #[test]
    fn each_result_has_its_place() {
        let mut counted = Counted::default();
        let seen = |good| Observation {
            pods: vec![pod("a", PodState::Ready, Some((1, good)))],
            ..Observation::default()
        };
        counted.add(&seen(0.0));
        assert_eq!(counted.add(&seen(1000.0)), [1000.0, 10.0, 100.0, 0.0]);
    }
}
