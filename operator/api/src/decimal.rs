//! Decimal text read without floating point, so that every unit type is exact, `Eq` and `Copy`.

/// Billionths in one.
const ONE: u64 = 1_000_000_000;

/// A non-negative number with at most nine decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Decimal {
    billionths: u64,
}

impl Decimal {
    /// Reads digits with an optional fraction. `None` for anything else, and for what does not fit.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(whole) || !digits(fraction) || fraction.len() > 9 || whole.len() + fraction.len() == 0 {
            return None;
        }
        let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
        let fraction: u64 = format!("{fraction:0<9}").parse().ok()?;
        Some(Self { billionths: whole.checked_mul(ONE)?.checked_add(fraction)? })
    }

    /// This number of thousandths.
    pub(crate) const fn thousandths(count: u32) -> Self {
        Self { billionths: count as u64 * (ONE / 1000) }
    }

    /// The nearest floating-point number.
    pub(crate) fn as_f64(self) -> f64 {
        self.billionths as f64 / ONE as f64
    }
}

impl std::fmt::Display for Decimal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let fraction = format!("{:09}", self.billionths % ONE);
        let fraction = fraction.trim_end_matches('0');
        let point = if fraction.is_empty() { "" } else { "." };
        write!(f, "{}{point}{fraction}", self.billionths / ONE)
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::Decimal;

    #[rstest]
    #[case("0.99", 0.99, "0.99")]
    #[case("0.990", 0.99, "0.99")]
    #[case(".5", 0.5, "0.5")]
    #[case("99.9999", 99.9999, "99.9999")]
    #[case("7", 7.0, "7")]
    fn text_is_read_exactly_and_written_shortest(
        #[case] text: &str,
        #[case] value: f64,
        #[case] shown: &str,
    ) {
        let decimal = Decimal::parse(text).unwrap();
        assert!((decimal.as_f64() - value).abs() < 1e-12);
        assert_eq!(decimal.to_string(), shown);
    }

    #[rstest]
    #[case("")]
    #[case(".")]
    #[case("-1")]
    #[case("1e3")]
    #[case("0.1234567890")]
    #[case("99999999999999999999")]
    fn anything_else_is_refused(#[case] text: &str) {
        assert_eq!(Decimal::parse(text), None);
    }
}
