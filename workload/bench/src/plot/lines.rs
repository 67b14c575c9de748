//! Values over values as lines.

use std::fmt::Write as _;

use super::scale::Scale;

/// Values over values.
#[derive(Debug)]
pub struct Lines {
    /// The horizontal axis.
    pub x: Scale,
    /// The vertical axis.
    pub y: Scale,
    /// Written behind the values of the horizontal axis.
    pub x_unit: &'static str,
    /// Written behind the values of the vertical axis.
    pub y_unit: &'static str,
    /// The lines, later ones above earlier ones; the style sheet has eight colours.
    pub series: Vec<Series>,
}

/// One line.
#[derive(Debug)]
pub struct Series {
    /// Its name in the legend.
    pub label: String,
    /// x and y, in their order; a point whose y is not finite interrupts the line.
    pub points: Vec<(f64, f64)>,
}

/// A value beside an axis.
#[derive(Debug, PartialEq)]
pub struct Tick {
    /// Where, in percent of the axis.
    pub percent: f64,
    /// The value with its unit.
    pub label: String,
}

impl Lines {
    /// SVG path of a line; x is 0 to 1000 from left to right, y 0 to 100 from top to bottom.
    pub fn path(&self, series: &Series) -> String {
        let (mut path, mut pen) = (String::new(), 'M');
        for &(x, y) in &series.points {
            if !y.is_finite() {
                pen = 'M';
                continue;
            }
            let (x, y) = (10.0 * self.x.percent(x), 100.0 - self.y.percent(y));
            // Writing to a string does not fail.
            let _ = write!(path, "{pen}{x:.1} {y:.1}");
            pen = 'L';
        }
        path
    }

    /// Values beside the vertical axis.
    pub fn y_ticks(&self) -> Vec<Tick> {
        ticks(self.y, self.y_unit)
    }

    /// Values below the horizontal axis.
    pub fn x_ticks(&self) -> Vec<Tick> {
        ticks(self.x, self.x_unit)
    }
}

fn ticks(scale: Scale, unit: &str) -> Vec<Tick> {
    let tick = |value: f64| Tick { percent: scale.percent(value), label: format!("{}{unit}", short(value)) };
    scale.ticks().into_iter().map(tick).collect()
}

/// Without the noise of binary fractions.
fn short(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines() -> Lines {
        Lines {
            x: Scale::Linear { max: 10.0 },
            y: Scale::Linear { max: 4.0 },
            x_unit: " s",
            y_unit: "",
            series: Vec::new(),
        }
    }

    #[test]
    fn a_line_is_interrupted_where_nothing_is_known() {
        let points = vec![(0.0, 0.0), (1.0, 4.0), (2.0, f64::NAN), (3.0, 2.0)];
        let path = lines().path(&Series { label: String::new(), points });
        assert_eq!(path, "M0.0 100.0L100.0 0.0M300.0 50.0");
    }

    #[test]
    fn ticks_have_their_unit() {
        assert_eq!(lines().x_ticks()[1], Tick { percent: 20.0, label: "2 s".to_owned() });
    }
}
