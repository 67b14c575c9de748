//! The charts of a run: requests, pods and latency over the same time.

use headroom_load::report::Second;

use super::page::Run;
use super::recording::Change;
use crate::page::chart::{Band, Chart, Column, Mark, Series, Time, y_ticks};
use crate::page::scale::Scale;

impl Run<'_> {
    /// Every chart of the page, from top to bottom.
    pub(super) fn charts(&self) -> Vec<Chart> {
        vec![self.load_chart(), self.size_chart(), self.latency_chart()]
    }

    fn load_chart(&self) -> Chart {
        let most = self.recording.seconds.iter().map(|second| second.intended).max().unwrap_or(0);
        let scale = Scale::linear(most as f64);
        let offered = self.per_second(scale, |second| Some(second.intended as f64));
        let served = self.per_second(scale, |second| Some((second.good + second.late) as f64));
        self.chart(
            "Requests per second",
            scale,
            |value| format!("{value}"),
            vec![line("offered", "offered", offered), line("served thin", "served", served)],
        )
    }

    fn size_chart(&self) -> Chart {
        let (total, ready) = (self.recording.total(), self.recording.ready());
        let optimum = self.judged.optimum.ready.iter().zip(0u32..);
        let optimum: Vec<_> = optimum.map(|(pods, second)| (f64::from(second), f64::from(*pods))).collect();
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
        let shortest = seconds.iter().filter_map(|second| second.p50_seconds).fold(threshold, f64::min);
        let longest = seconds.iter().filter_map(|second| second.p99_seconds).fold(2.0 * threshold, f64::max);
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
        let calm =
            self.not_judged.iter().map(|range| time.band("calm", range.start as f64, range.end as f64));
        let bad =
            self.judged.bad.iter().map(|second| time.band("missed", *second as f64, *second as f64 + 1.0));
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
                second.p50_seconds.map_or_else(|| "-".to_owned(), millis),
                second.p99_seconds.map_or_else(|| "-".to_owned(), millis),
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
        Time { seconds: self.recording.length().max(1.0) }
    }
}

fn line(class: &'static str, label: &'static str, path: String) -> Series {
    Series { class, label, path }
}

fn mark_text(change: &Change) -> String {
    let reasons = change.decision.reasons.iter().map(|reason| format!("\n{}", reason.message));
    let reasons: String = reasons.collect();
    format!("{:.0} s: {} \u{2192} {} pods{reasons}", change.at, change.from, change.to)
}

pub(super) fn most(points: &[(f64, f64)]) -> u32 {
    points.iter().map(|(_, pods)| *pods as u32).max().unwrap_or(0)
}

/// The value of the last point at or before the end of the second that begins at `second`.
fn value_at(points: &[(f64, f64)], second: f64) -> f64 {
    let before = points.iter().take_while(|(at, _)| *at < second + 1.0);
    before.last().map_or(0.0, |(_, value)| *value)
}

pub(super) fn millis(seconds: f64) -> String {
    match 1000.0 * seconds {
        ms if ms >= 10.0 => format!("{ms:.0} ms"),
        ms => format!("{ms:.1} ms"),
    }
}
