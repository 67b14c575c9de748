//! Where a value lies on an axis, and which values are written beside it.

/// An axis from its lower (or left) end at 0 percent to its upper (or right) end at 100 percent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Scale {
    /// From zero, in equal steps.
    Linear {
        /// The largest value shown, above 0.
        max: f64,
    },
    /// In equal factors.
    Log {
        /// The smallest value shown, above 0.
        min: f64,
        /// The largest value shown, above `min`.
        max: f64,
    },
}

impl Scale {
    /// A linear axis that shows values up to `largest` with a little room above.
    pub fn linear(largest: f64) -> Self {
        let step = step_for(largest);
        Self::Linear { max: (largest * 1.05 / step).ceil().max(1.0) * step }
    }

    /// A logarithmic axis from one of 1, 2, 5, 10, ... to another that holds both values.
    pub fn log(smallest: f64, largest: f64) -> Self {
        let below = |value: f64| round(value).find(|&tick| tick <= value);
        let min = below(smallest).unwrap_or(smallest);
        let above = round(largest).filter(|&tick| tick >= largest).last();
        Self::Log { min, max: above.unwrap_or(largest).max(min * 2.0) }
    }

    /// Where `value` lies, in percent; what is off the axis lies at its end.
    pub fn percent(self, value: f64) -> f64 {
        let share = match self {
            Self::Linear { max } => value / max,
            Self::Log { min, max } => (value.max(min) / min).ln() / (max / min).ln(),
        };
        100.0 * share.clamp(0.0, 1.0)
    }

    /// The values to write beside it.
    pub fn ticks(self) -> Vec<f64> {
        match self {
            Self::Linear { max } => {
                let step = step_for(max);
                let count = (max / step + 1e-9) as usize;
                (0..=count).map(|i| i as f64 * step).collect()
            }
            Self::Log { min, max } => {
                let mut ticks: Vec<_> = round(max).take_while(|tick| *tick > 0.99 * min).collect();
                ticks.retain(|tick| *tick < 1.01 * max);
                ticks.reverse();
                ticks
            }
        }
    }
}

/// A step of 1, 2 or 5 times a power of ten that divides `largest` into three to six parts.
fn step_for(largest: f64) -> f64 {
    let rough = (largest / 6.0).max(0.2);
    let power = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().find(|factor| factor * power >= 0.999 * rough);
    (step.unwrap_or(10.0) * power).max(1.0)
}

/// 1, 2 and 5 times powers of ten, falling, from the first above `value` down nine powers of ten.
fn round(value: f64) -> impl Iterator<Item = f64> {
    let power = value.log10().floor() as i32 + 1;
    (0..10).flat_map(move |down| [5.0, 2.0, 1.0].map(|factor| factor * 10f64.powi(power - down)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::nothing(0.0, &[0.0, 1.0])]
    #[case::few(4.0, &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0])]
    #[case::many(1400.0, &[0.0, 500.0, 1000.0, 1500.0])]
    fn linear_ticks(#[case] largest: f64, #[case] expected: &[f64]) {
        assert_eq!(Scale::linear(largest).ticks(), expected);
    }

    #[rstest]
    #[case::two_decades(0.02, 0.9, &[0.02, 0.05, 0.1, 0.2, 0.5, 1.0])]
    #[case::one_value(0.1, 0.1, &[0.1, 0.2])]
    fn log_ticks(#[case] smallest: f64, #[case] largest: f64, #[case] expected: &[f64]) {
        let ticks = Scale::log(smallest, largest).ticks();
        assert_eq!(ticks.len(), expected.len(), "{ticks:?}");
        assert!(ticks.iter().zip(expected).all(|(tick, expected)| (tick / expected - 1.0).abs() < 1e-9));
    }

    #[rstest]
    #[case::bottom(Scale::Linear { max: 10.0 }, 0.0, 0.0)]
    #[case::middle(Scale::Linear { max: 10.0 }, 5.0, 50.0)]
    #[case::beyond(Scale::Linear { max: 10.0 }, 50.0, 100.0)]
    #[case::log_middle(Scale::Log { min: 0.01, max: 1.0 }, 0.1, 50.0)]
    #[case::log_zero(Scale::Log { min: 0.01, max: 1.0 }, 0.0, 0.0)]
    fn place_on_the_axis(#[case] scale: Scale, #[case] value: f64, #[case] percent: f64) {
        assert!((scale.percent(value) - percent).abs() < 1e-9);
    }
}
