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
    /// Where `value` lies, in percent; what is off the axis lies at its end.
    pub fn percent(self, value: f64) -> f64 {
        let share = match self {
            Self::Linear { max } => value / max,
            Self::Log { min, max } => (value.max(min) / min).ln() / (max / min).ln(),
        };
        100.0 * share.clamp(0.0, 1.0)
    }

    /// The values to write beside it: round ones, from the smallest to the largest.
    pub fn ticks(self) -> Vec<f64> {
        match self {
            Self::Linear { max } => {
                let step = step_for(max);
                (0..=(max / step + 1e-9) as usize).map(|i| i as f64 * step).collect()
            }
            Self::Log { min, max } => {
                let powers = min.log10().floor() as i32..=max.log10().ceil() as i32;
                powers
                    .flat_map(|power| [1.0, 2.0, 5.0].map(|factor| factor * 10f64.powi(power)))
                    .filter(|tick| (0.999 * min..=1.001 * max).contains(tick))
                    .collect()
            }
        }
    }
}

/// A step of 1, 2 or 5 times a power of ten that divides `largest` into three to six parts.
fn step_for(largest: f64) -> f64 {
    let rough = largest / 6.0;
    let power = 10f64.powf(rough.log10().floor());
    [1.0, 2.0, 5.0, 10.0].into_iter().find(|factor| factor * power >= 0.999 * rough).unwrap_or(10.0) * power
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::small(Scale::Linear { max: 1.2 }, &[0.0, 0.2, 0.4, 0.6, 0.8, 1.0, 1.2])]
    #[case::large(Scale::Linear { max: 1400.0 }, &[0.0, 500.0, 1000.0])]
    #[case::decades(Scale::Log { min: 0.5, max: 20.0 }, &[0.5, 1.0, 2.0, 5.0, 10.0, 20.0])]
    fn ticks_are_round(#[case] scale: Scale, #[case] expected: &[f64]) {
        let ticks = scale.ticks();
        assert_eq!(ticks.len(), expected.len(), "{ticks:?}");
        assert!(ticks.iter().zip(expected).all(|(tick, expected)| (tick - expected).abs() < 1e-9));
    }

    #[rstest]
    #[case::middle(Scale::Linear { max: 10.0 }, 5.0, 50.0)]
    #[case::beyond(Scale::Linear { max: 10.0 }, 50.0, 100.0)]
    #[case::log_middle(Scale::Log { min: 0.01, max: 1.0 }, 0.1, 50.0)]
    #[case::log_zero(Scale::Log { min: 0.01, max: 1.0 }, 0.0, 0.0)]
    fn place_on_the_axis(#[case] scale: Scale, #[case] value: f64, #[case] percent: f64) {
        assert!((scale.percent(value) - percent).abs() < 1e-9);
    }
}
