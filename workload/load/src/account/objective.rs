//! What an answer has to be to be good: a quantile of the latency below a threshold.

use crate::units::parse_duration;
use std::str::FromStr;
use std::time::Duration;

/// The quantiles an objective may speak of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Quantile {
    /// The median.
    P50,
    /// 90 %.
    P90,
    /// 99 %.
    P99,
    /// 99.9 %.
    P999,
}

/// At least this share of the requests is answered successfully within the threshold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Objective {
    /// The share.
    pub quantile: Quantile,
    /// The threshold, counted from the intended send time to the last byte read.
    pub threshold: Duration,
}

impl Quantile {
    /// Its name in objectives.
    pub fn name(self) -> &'static str {
        match self {
            Self::P50 => "p50",
            Self::P90 => "p90",
            Self::P99 => "p99",
            Self::P999 => "p99.9",
        }
    }

    /// The share, 0 to 1.
    pub fn share(self) -> f64 {
        match self {
            Self::P50 => 0.5,
            Self::P90 => 0.9,
            Self::P99 => 0.99,
            Self::P999 => 0.999,
        }
    }
}

impl Objective {
    /// The threshold that makes one answer good or late: that of the highest quantile, the strictest one of several.
    pub fn limit_of_one(objectives: &[Self]) -> Option<Duration> {
        let highest = objectives.iter().map(|objective| objective.quantile).max()?;
        objectives
            .iter()
            .filter(|objective| objective.quantile == highest)
            .map(|objective| objective.threshold)
            .min()
    }
}

impl FromStr for Objective {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("{text:?} is not an objective; expected p50, p90, p99 or p99.9, as in p99<100ms");
        let (name, threshold) = text.split_once('<').ok_or_else(wrong)?;
        let all = [Quantile::P50, Quantile::P90, Quantile::P99, Quantile::P999];
        let quantile = all.into_iter().find(|quantile| quantile.name() == name.trim()).ok_or_else(wrong)?;
        let threshold = parse_duration(threshold.trim())?;
        if threshold.is_zero() {
            return Err(format!("the threshold of {text:?} is 0: no answer can be that fast"));
        }
        Ok(Self { quantile, threshold })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn objectives(texts: &[&str]) -> Vec<Objective> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[rstest]
    #[case::none(&[], None)]
    #[case::one(&["p99<100ms"], Some(100))]
    #[case::highest_quantile(&["p50<20ms", "p99.9<200ms", "p99<100ms"], Some(200))]
    #[case::strictest_of_equals(&["p99 < 1s", "p99<100ms"], Some(100))]
    fn the_highest_quantile_judges_single_answers(#[case] texts: &[&str], #[case] millis: Option<u64>) {
        assert_eq!(Objective::limit_of_one(&objectives(texts)), millis.map(Duration::from_millis));
    }

    #[rstest]
    #[case("p99", "is not an objective")]
    #[case("p98<1s", "is not an objective")]
    #[case("p99<1", "is not a duration")]
    #[case("p99<0ms", "no answer can be that fast")]
    fn what_is_no_objective_says_why(#[case] text: &str, #[case] expected: &str) {
        let message = text.parse::<Objective>().unwrap_err();
        assert!(message.contains(expected), "{message}");
    }
}
