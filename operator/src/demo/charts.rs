//! `report.html`: the run for people.

use std::ops::Range;

use headroom_load::report::{Second, Summary};

use super::played::Played;
use super::recording::{Change, Recording};
use super::verdict::{Judgement, Server, Verdict};
use crate::page::chart::{Band, Chart, Column, Mark, Series, Time, y_ticks};
use crate::page::scale::Scale;
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
            charts: vec![self.load_chart(), self.size_chart(), self.latency_chart()],
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
            "{:.1} % of the requests within {:.0} ms; {} s of load{changed}",
            100.0 * self.server.quantile,
            1000.0 * self.server.threshold_seconds,
            self.recording.seconds.len()
        )
    }

    fn tiles(&self) -> Vec<Tile> {
        let (judged, counts) = (self.judged, &self.load.counts);
        let tile = |label, value, detail, mood| Tile {
            label,
            value,
            detail,
            mood,
        };
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
                mood(judged.judged_bad as f64 <= 0.02 * judged.judged as f64),
            ),
            tile(
                "P99",
                p99.map_or("-".to_owned(), millis),
                format!(
                    "of the answers; objective {}",
                    millis(self.server.threshold_seconds)
                ),
                Mood::Plain,
            ),
            tile(
                "Pod-hours over optimum",
                format!("{:.2}", judged.efficiency),
                format!(
                    "{:.3} over {:.3}; 1.5 allowed",
                    self.recording.pod_seconds() / 3600.0,
                    judged.optimum.pod_hours()
                ),
                mood(judged.efficiency <= 1.5),
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

    fn load_chart(&self) -> Chart {
        let most = self
            .recording
            .seconds
            .iter()
            .map(|second| second.intended)
            .max()
            .unwrap_or(0);
        let scale = Scale::linear(most as f64);
        let offered = self.per_second(scale, |second| Some(second.intended as f64));
        let served = self.per_second(scale, |second| Some((second.good + second.late) as f64));
        self.chart(
            "Requests per second",
            scale,
            |value| format!("{value}"),
            vec![
                line("offered", "offered", offered),
                line("served thin", "served", served),
            ],
        )
    }

    fn size_chart(&self) -> Chart {
        let (total, ready) = (self.recording.total(), self.recording.ready());
        let optimum = self.judged.optimum.ready.iter().zip(0u32..);
        let optimum: Vec<_> = optimum
            .map(|(pods, second)| (f64::from(second), f64::from(*pods)))
            .collect();
        let scale = Scale::linear(f64::from(most(&total).max(most(&optimum))));
        let time = self.time();
        let mut chart = self.chart(
            "Pods",
            scale,
            |value| format!("{value}"),
            vec![
                line("optimum dashed thin", "optimum", time.stairs(scale, &optimum)),
                line("total thin", "running", time.stairs(scale, &total)),
                line("ready", "ready", time.stairs(scale, &ready)),
            ],
        );
        chart.marks = self.marks(scale);
        chart
    }

    fn latency_chart(&self) -> Chart {
        let seconds = &self.recording.seconds;
        let threshold = self.server.threshold_seconds;
        let shortest = seconds
            .iter()
            .filter_map(|second| second.p50_seconds)
            .fold(threshold, f64::min);
        let longest = seconds
            .iter()
            .filter_map(|second| second.p99_seconds)
            .fold(2.0 * threshold, f64::max);
        let scale = Scale::log(shortest.max(0.0001), longest);
        let time = self.time();
        let objective = time.line(scale, [(0.0, Some(threshold)), (time.seconds, Some(threshold))]);
        self.chart(
            "Latency",
            scale,
            millis,
            vec![
                line("objective dashed thin", "objective", objective),
                line("p50", "P50", self.per_second(scale, |second| second.p50_seconds)),
                line("p99", "P99", self.per_second(scale, |second| second.p99_seconds)),
            ],
        )
    }

    fn chart(
        &self,
        title: &'static str,
        scale: Scale,
        label: impl Fn(f64) -> String,
        series: Vec<Series>,
    ) -> Chart {
        let time = self.time();
        Chart {
            title,
            series,
            y_ticks: y_ticks(scale, label),
            x_ticks: time.ticks(),
            bands: self.bands(),
            columns: self.columns(),
            marks: Vec::new(),
        }
    }

    fn bands(&self) -> Vec<Band> {
        let time = self.time();
        let calm = self
            .not_judged
            .iter()
            .map(|range| time.band("calm", range.start as f64, range.end as f64));
        let bad = self
            .judged
            .bad
            .iter()
            .map(|second| time.band("missed", *second as f64, *second as f64 + 1.0));
        calm.chain(bad).collect()
    }

    fn columns(&self) -> Vec<Column> {
        let time = self.time();
        let (total, ready) = (self.recording.total(), self.recording.ready());
        let columns = self.recording.seconds.iter().zip(0u32..).map(|(second, index)| {
            let at = f64::from(index);
            let text = format!(
                "{index} s: {} offered, {} good, {} late, {} failed; P50 {}, P99 {}; {} of {} pods ready",
                second.intended,
                second.good,
                second.late,
                second.failed,
                second.p50_seconds.map_or("-".to_owned(), millis),
                second.p99_seconds.map_or("-".to_owned(), millis),
                value_at(&ready, at),
                value_at(&total, at),
            );
            time.column(at, text)
        });
        columns.collect()
    }

    fn marks(&self, scale: Scale) -> Vec<Mark> {
        let changes = self.recording.changes.iter().zip(1..);
        let mark = |(change, number): (&Change, usize)| Mark {
            number,
            left: self.time().at(change.at) / 10.0,
            bottom: scale.percent(f64::from(change.to)),
            text: mark_text(change),
            class: if change.to > change.from { "up" } else { "down" },
        };
        changes.map(mark).collect()
    }

    fn per_second(&self, scale: Scale, value: impl Fn(&Second) -> Option<f64>) -> String {
        let seconds = self.recording.seconds.iter().zip(0u32..);
        let points = seconds.map(|(second, index)| (f64::from(index) + 0.5, value(second)));
        self.time().line(scale, points)
    }

    fn time(&self) -> Time {
        Time {
            seconds: self.recording.length().max(1.0),
        }
    }
}

fn line(class: &'static str, label: &'static str, path: String) -> Series {
    Series { class, label, path }
}

fn mark_text(change: &Change) -> String {
    let reasons = change
        .decision
        .reasons
        .iter()
        .map(|reason| format!("\n{}", reason.message));
    let reasons: String = reasons.collect();
    format!(
        "{:.0} s: {} \u{2192} {} pods{reasons}",
        change.at, change.from, change.to
    )
}

fn change((change, number): (&Change, usize)) -> page::Change {
    let numbers = &change.decision.numbers;
    let reasons = change.decision.reasons.iter().map(|reason| page::Why {
        code: format!("{:?}", reason.code),
        message: reason.message.clone(),
    });
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

fn most(points: &[(f64, f64)]) -> u32 {
    points.iter().map(|(_, pods)| *pods as u32).max().unwrap_or(0)
}

/// The value of the last point at or before the end of the second that begins at `second`.
fn value_at(points: &[(f64, f64)], second: f64) -> f64 {
    let before = points.iter().take_while(|(at, _)| *at < second + 1.0);
    before.last().map_or(0.0, |(_, value)| *value)
}

fn millis(seconds: f64) -> String {
    match 1000.0 * seconds {
        ms if ms >= 10.0 => format!("{ms:.0} ms"),
        ms => format!("{ms:.1} ms"),
    }
}
