//! Medians, and how far values lie from them.

/// The median; NaN of nothing.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => sorted[n / 2],
        n => f64::midpoint(sorted[n / 2 - 1], sorted[n / 2]),
    }
}

/// The median distance from the median (MAD), in percent of it.
pub fn spread_percent(values: &[f64]) -> f64 {
    let middle = median(values);
    let distances: Vec<_> = values.iter().map(|value| (value - middle).abs()).collect();
    100.0 * median(&distances) / middle
}

/// The median of the ratios of values of the same round; what drifts from round to round falls out. `None` if they
/// have no round in common.
pub fn paired_ratio(values: &[(usize, f64)], reference: &[(usize, f64)]) -> Option<f64> {
    let of_round = |round| reference.iter().find(|(other, _)| *other == round).map(|(_, value)| *value);
    let ratios: Vec<_> = values.iter().filter_map(|&(round, value)| Some(value / of_round(round)?)).collect();
    (!ratios.is_empty()).then(|| median(&ratios))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(&[3.0], 3.0, 0.0)]
    #[case(&[4.0, 2.0], 3.0, 100.0 / 3.0)]
    #[case(&[9.0, 10.0, 500.0], 10.0, 10.0)]
    #[case(&[8.0, 10.0, 12.0, 10.0, 30.0], 10.0, 20.0)]
    fn one_wild_value_moves_neither(#[case] values: &[f64], #[case] middle: f64, #[case] spread: f64) {
        assert_eq!(median(values), middle);
        assert!((spread_percent(values) - spread).abs() < 1e-9);
    }

    #[test]
    fn ratios_are_of_the_same_round() {
        // Everything takes twice as long in the second round, and the reference has no third.
        let values = [(0, 9.0), (1, 18.0), (2, 500.0)];
        assert_eq!(paired_ratio(&values, &[(0, 10.0), (1, 20.0)]), Some(0.9));
        assert_eq!(paired_ratio(&values, &[(7, 10.0)]), None);
    }
}
