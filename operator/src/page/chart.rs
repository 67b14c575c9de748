//! One chart over time: series as SVG paths, marked seconds, and marks for decisions.
//!
//! The SVG's own coordinates are 0 to 1000 from left to right and 0 to 100 from top to bottom; it is stretched to
//! whatever room there is.

use std::fmt::Write;

use super::scale::Scale;

/// One chart, ready to be drawn.
#[derive(Debug)]
pub struct Chart {
    /// What it shows, with the unit.
    pub title: &'static str,
    /// The lines, later ones above earlier ones.
    pub series: Vec<Series>,
    /// Values beside the vertical axis.
    pub y_ticks: Vec<Tick>,
    /// Values below the horizontal axis.
    pub x_ticks: Vec<Tick>,
    /// Seconds that are marked.
    pub bands: Vec<Band>,
    /// What to say of each second.
    pub columns: Vec<Column>,
    /// Decisions.
    pub marks: Vec<Mark>,
}

/// One line.
#[derive(Debug)]
pub struct Series {
    /// Class in the style sheet.
    pub class: &'static str,
    /// Its name in the legend.
    pub label: &'static str,
    /// SVG path data.
    pub path: String,
}

/// A value beside an axis.
#[derive(Debug)]
pub struct Tick {
    /// Where, in percent of the axis.
    pub percent: f64,
    /// The value.
    pub label: String,
}

/// A marked stretch of time.
#[derive(Debug)]
pub struct Band {
    /// Class in the style sheet.
    pub class: &'static str,
    /// Left end, 0 to 1000.
    pub left: f64,
    /// Width, 0 to 1000.
    pub width: f64,
}

/// One second.
#[derive(Debug)]
pub struct Column {
    /// Left end, 0 to 1000.
    pub left: f64,
    /// Width, 0 to 1000.
    pub width: f64,
    /// Shown when pointed at.
    pub text: String,
}

/// A decision.
#[derive(Debug)]
pub struct Mark {
    /// Number of the decision: the anchor it leads to.
    pub number: usize,
    /// Where, in percent from the left.
    pub left: f64,
    /// Where, in percent from the bottom.
    pub bottom: f64,
    /// Shown when pointed at or focused.
    pub text: String,
    /// Which way the size went: `up` or `down`.
    pub class: &'static str,
}

/// The time that all charts of a page share, in seconds.
#[derive(Debug, Clone, Copy)]
pub struct Time {
    /// Length, above 0.
    pub seconds: f64,
}

impl Time {
    /// Where a time lies, 0 to 1000.
    pub fn at(self, second: f64) -> f64 {
        1000.0 * (second / self.seconds).clamp(0.0, 1.0)
    }

    /// A marked stretch of time.
    pub fn band(self, class: &'static str, from: f64, to: f64) -> Band {
        Band { class, left: self.at(from), width: self.at(to) - self.at(from) }
    }

    /// What to say of the second that begins at `from`.
    pub fn column(self, from: f64, text: String) -> Column {
        Column { left: self.at(from), width: self.at(from + 1.0) - self.at(from), text }
    }

    /// Values below the axis.
    pub fn ticks(self) -> Vec<Tick> {
        let scale = Scale::Linear { max: self.seconds };
        let tick = |second: f64| Tick { percent: scale.percent(second), label: format!("{second} s") };
        scale.ticks().into_iter().map(tick).collect()
    }

    /// A line through `points` (second, value); it is interrupted where there is no value.
    pub fn line(self, scale: Scale, points: impl IntoIterator<Item = (f64, Option<f64>)>) -> String {
        let (mut path, mut pen) = (String::new(), 'M');
        for (second, value) in points {
            match value {
                Some(value) => {
                    let y = 100.0 - scale.percent(value);
                    // Writing to a string does not fail.
                    let _ = write!(path, "{pen}{:.1} {y:.1}", self.at(second));
                    pen = 'L';
                }
                None => pen = 'M',
            }
        }
        path
    }

    /// A line that keeps each value of `points` (second, value) until the next.
    pub fn stairs(self, scale: Scale, points: &[(f64, f64)]) -> String {
        let ends = points.iter().skip(1).map(|(second, _)| *second).chain([self.seconds]);
        let corners = points.iter().zip(ends);
        self.line(
            scale,
            corners.flat_map(|(&(begin, value), end)| [(begin, Some(value)), (end, Some(value))]),
        )
    }
}

/// Values beside a vertical axis, written by `label`.
pub fn y_ticks(scale: Scale, label: impl Fn(f64) -> String) -> Vec<Tick> {
    let tick = |value| Tick { percent: scale.percent(value), label: label(value) };
    scale.ticks().into_iter().map(tick).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIME: Time = Time { seconds: 10.0 };
    const SCALE: Scale = Scale::Linear { max: 4.0 };

    #[test]
    fn a_line_is_interrupted_where_nothing_is_known() {
        let points = [(0.0, Some(0.0)), (1.0, Some(4.0)), (2.0, None), (3.0, Some(2.0))];
        assert_eq!(TIME.line(SCALE, points), "M0.0 100.0L100.0 0.0M300.0 50.0");
    }

    #[test]
    fn stairs_keep_a_value_until_the_next() {
        let path = TIME.stairs(SCALE, &[(0.0, 1.0), (5.0, 2.0)]);
        assert_eq!(path, "M0.0 75.0L500.0 75.0L500.0 50.0L1000.0 50.0");
    }
}
