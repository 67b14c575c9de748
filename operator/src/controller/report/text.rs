//! PURE: numbers as people read them in a column, with two digits that count.

use headroom_core::Budget;

/// Below this a rate shows as 0.
const NO_RATE: f64 = 0.05;

/// The value rounded to two significant digits; 0 for what is no positive number.
pub fn two_digits(value: f64) -> f64 {
    if !(value > 0.0 && value.is_finite()) {
        return 0.0;
    }
    let exponent = value.log10().floor() as i32 - 1;
    if exponent < 0 {
        let scale = 10f64.powi(-exponent);
        (value * scale).round() / scale
    } else {
        let step = 10f64.powi(exponent);
        (value / step).round() * step
    }
}

/// Requests per second: 0, 0.4, 42, 210, 4.2k, 42k, 1.2M.
pub fn rate(per_second: f64) -> String {
    if per_second < NO_RATE {
        return "0".to_owned();
    }
    let rounded = two_digits(per_second);
    match rounded {
        _ if rounded < 1e3 => short(rounded),
        _ if rounded < 1e6 => format!("{}k", short(rounded / 1e3)),
        _ if rounded < 1e9 => format!("{}M", short(rounded / 1e6)),
        _ => format!("{}G", short(rounded / 1e9)),
    }
}

/// A time in seconds: 0.5ms, 43ms, 1.2s, 31s, 120s.
pub fn time(seconds: f64) -> String {
    let millis = two_digits(seconds * 1000.0);
    if millis < 1000.0 { format!("{}ms", short(millis)) } else { format!("{}s", short(millis / 1000.0)) }
}

/// A share as percent: 87%.
pub fn percent(share: f64) -> String {
    format!("{:.0}%", share * 100.0)
}

/// What is left of an error budget: 87%, exhausted. How far it is overspent says little: after one bad day it is some
/// thousand percent.
pub fn left(budget: &Budget) -> String {
    if budget.remaining > 0.0 { percent(budget.remaining) } else { "exhausted".to_owned() }
}

/// How many times as fast as allowed a budget is spent: 0.4, 4.2, 42.
pub fn burn(rate: f64) -> String {
    let shown = two_digits(rate.min(1e6));
    if shown < 10.0 { format!("{shown:.1}") } else { format!("{shown:.0}") }
}

/// Thousandths of a CPU as a quantity: 500m, 2.
pub fn cpu(millis: u32) -> String {
    if millis.is_multiple_of(1000) { (millis / 1000).to_string() } else { format!("{millis}m") }
}

/// One decimal below ten, none above.
fn short(value: f64) -> String {
    let text = if value < 10.0 { format!("{value:.1}") } else { format!("{value:.0}") };
    match text.strip_suffix(".0") {
        Some(whole) => whole.to_owned(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(0.0, "0")]
    #[case(f64::NAN, "0")]
    #[case(-1.0, "0")]
    #[case(0.04, "0")]
    #[case(0.42, "0.4")]
    #[case(4.24, "4.2")]
    #[case(9.96, "10")]
    #[case(42.4, "42")]
    #[case(217.0, "220")]
    #[case(999.0, "1k")]
    #[case(4217.0, "4.2k")]
    #[case(99_600.0, "100k")]
    #[case(1_250_000.0, "1.3M")]
    #[case(1e12, "1000G")]
    fn a_rate_shows_two_digits(#[case] per_second: f64, #[case] shown: &str) {
        assert_eq!(rate(per_second), shown);
    }

    #[rstest]
    #[case(0.0, "0ms")]
    #[case(0.000_5, "0.5ms")]
    #[case(0.043_4, "43ms")]
    #[case(0.143, "140ms")]
    #[case(0.999, "1s")]
    #[case(1.24, "1.2s")]
    #[case(31.4, "31s")]
    #[case(300.0, "300s")]
    fn a_time_shows_two_digits(#[case] seconds: f64, #[case] shown: &str) {
        assert_eq!(time(seconds), shown);
    }

    #[rstest]
    #[case(0.871, "87%")]
    #[case(0.001, "0%")]
    #[case(0.0, "exhausted")]
    #[case(-42.02, "exhausted")]
    fn an_overspent_budget_is_exhausted(#[case] remaining: f64, #[case] shown: &str) {
        assert_eq!(left(&Budget { remaining, burn_rate: None }), shown);
    }

    #[rstest]
    #[case(500, "500m")]
    #[case(2000, "2")]
    fn cpu_is_a_quantity(#[case] millis: u32, #[case] shown: &str) {
        assert_eq!(cpu(millis), shown);
    }
}
