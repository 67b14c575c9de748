//! `report.html`: the run for people, figures and words; the charts are in [`super::charts`].

use std::ops::Range;

use headroom_load::report::Summary;

use super::charts::{millis, most};
use super::played::Played;
use super::recording::{Change, Recording};
use super::verdict::{Judgement, MAX_BAD_SHARE, MAX_EFFICIENCY, Server, Verdict};
use crate::page::{self, Mood, Page, Tile};

/// Everything the page shows.
#[derive(Debug)]
pub struct Run<'a> {
    /// Name of the service.
    pub service: &'a str,
    /// What was played.
    pub played: &'a Played,
    /// Seconds that were not judged.
    pub not_judged: &'a [Range<usize>],
    /// What happened.
    pub recording: &'a Recording,
    /// What the generator makes of it.
    pub load: &'a Summary,
    /// What one server can do.
    pub server: Server,
    /// The verdict.
    pub judged: &'a Judgement,
}

impl Run<'_> {
    /// The page.
    pub fn page(&self) -> Page {
        Page {
            title: format!("Headroom demo: {}", self.service),
            subtitle: self.subtitle(),
            mood: mood(self.judged.verdict == Verdict::Held),
            verdict: match self.judged.verdict {
                Verdict::Held => "held".to_owned(),
                Verdict::Missed => "missed".to_owned(),
            },
            why: self.judged.why.clone(),
            tiles: self.tiles(),
            charts: self.charts(),
            changes: self.recording.changes.iter().zip(1..).map(change).collect(),
            notes: self.notes(),
        }
    }

    fn subtitle(&self) -> String {
        let changed = match self.played.changed.as_str() {
            "" => String::new(),
            changed => format!(", {changed}"),
        };
        format!(
            "{} % of the requests within {:.0} ms; {} s of load{changed}",
            self.server.percent(),
            1000.0 * self.server.threshold_seconds,
            self.recording.seconds.len()
        )
    }

    fn tiles(&self) -> Vec<Tile> {
        let (judged, counts) = (self.judged, &self.load.counts);
        let tile = |label, value, detail, mood| Tile { label, value, detail, mood };
        let p99 = self.load.latency.p99_seconds;
        let outs = self.recording.changes.len() - self.recording.scale_ins();
        vec![
            tile(
                "Goodput",
                format!("{:.2} %", 100.0 * self.load.goodput),
                format!("{} of {} requests good", counts.good, counts.intended),
                Mood::Plain,
            ),
            tile(
                "Bad seconds",
                judged.judged_bad.to_string(),
                format!(
                    "of {} judged; {} of {} in all",
                    judged.judged,
                    judged.bad.len(),
                    self.recording.seconds.len()
                ),
                mood(judged.judged_bad as f64 <= MAX_BAD_SHARE * judged.judged as f64),
            ),
            tile(
                "P99",
                p99.map_or_else(|| "-".to_owned(), millis),
                format!("of the answers; objective {}", millis(self.server.threshold_seconds)),
                Mood::Plain,
            ),
            tile(
                "Pod-hours over optimum",
                format!("{:.2}", judged.efficiency),
                format!(
                    "{:.3} over {:.3}; {MAX_EFFICIENCY} allowed",
                    self.recording.pod_seconds() / 3600.0,
                    judged.optimum.pod_hours()
                ),
                mood(judged.efficiency <= MAX_EFFICIENCY),
            ),
            tile(
                "Changes of the size",
                format!("{outs} out, {} in", self.recording.scale_ins()),
                format!("at most {} pods", most(&self.recording.total())),
                mood(self.recording.scale_ins() > 0),
            ),
        ]
    }

    fn notes(&self) -> Vec<String> {
        vec![
            "Requests and latency are the load generator's records; latency counts from the time at which a request was \
             due. Pods are counted from the start of their process to its end."
                .to_owned(),
            "A second is bad when more than 1 % of the requests due in it failed or were late. The ten seconds after a \
             step (a rise to twice the load or more within two seconds) are not judged: no pod can be ready before."
                .to_owned(),
            format!(
                "The optimum knows the future: the cheapest sizes at {:.0}/s a pod, all a pod can do, with a start of {} s.",
                self.server.queue.hard_capacity(),
                self.server.start_delay
            ),
            "Held: at most 2 % of the judged seconds bad, at most 1.5 times the pod-hours of the optimum, and made \
             smaller at least once."
                .to_owned(),
        ]
    }
}

fn change((change, number): (&Change, usize)) -> page::Change {
    let numbers = &change.decision.numbers;
    let reasons = change
        .decision
        .reasons
        .iter()
        .map(|reason| page::Why { code: format!("{:?}", reason.code), message: reason.message.clone() });
    page::Change {
        number,
        at: format!("{:.0} s", change.at),
        from: change.from,
        to: change.to,
        offered: format!("{:.0}/s", numbers.offered_rate.get()),
        per_pod: format!("{:.0}/s", numbers.capacity_per_pod.get()),
        reasons: reasons.collect(),
    }
}

fn mood(good: bool) -> Mood {
    if good { Mood::Good } else { Mood::Bad }
}
