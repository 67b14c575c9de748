use proptest::prelude::*;
use regex::Regex;
use rstest::rstest;

use super::*;

#[rstest]
#[case("50ms", 50)]
#[case("1m30s", 90_000)]
#[case("2h", 7_200_000)]
#[case("1s1ms", 1001)]
#[case("0s", 0)]
fn a_duration_is_a_sum_of_numbers_with_units(#[case] text: &str, #[case] millis: u64) {
    let duration = Duration::try_from(text.to_owned()).unwrap();
    assert_eq!(duration, Duration::from_millis(millis));
    assert_eq!(duration.to_string(), text);
}

#[test]
fn an_error_says_what_was_found_and_what_fits() {
    let error = Duration::try_from("50".to_owned()).unwrap_err();
    assert_eq!(
        error.to_string(),
        r#""50" must be a duration with a unit (h, m, s or ms), for example "50ms" or "1m30s""#
    );
}

#[rstest]
#[case("100m", 0.1)]
#[case("0.05", 0.05)]
#[case("0", 0.0)]
fn a_tolerance_is_a_share_or_thousandths(#[case] text: &str, #[case] share: f64) {
    assert!((Tolerance::try_from(text.to_owned()).unwrap().share() - share).abs() < 1e-12);
}

#[test]
fn an_availability_is_read_as_percent_and_as_share() {
    let availability = Availability::try_from("99.95".to_owned()).unwrap();
    assert!((availability.percent() - 99.95).abs() < 1e-12);
    assert!((availability.share() - 0.9995).abs() < 1e-12);
    assert_eq!(Availability::default().to_string(), "99.9");
}

/// The API server lets in what the pattern accepts; a type that then refused it would break every
/// watch that sees the object. So: what matches is read, and what is read is written so that it matches.
fn reads_what_matches<T>(format: Format, text: &str) -> Result<(), TestCaseError>
where
    T: TryFrom<String, Error = UnitError> + ToString,
{
    let pattern = Regex::new(format.pattern).unwrap();
    prop_assert!(text.len() <= format.max as usize, "{text} is longer than its maxLength");
    let value = T::try_from(text.to_owned()).map_err(|error| TestCaseError::fail(error.to_string()))?;
    prop_assert!(pattern.is_match(&value.to_string()), "{} does not match", value.to_string());
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn every_duration_the_schema_accepts_is_read(text in "([0-9]{1,5}(h|m|s|ms)){1,4}") {
        reads_what_matches::<Duration>(formats::DURATION, &text)?;
    }

    #[test]
    fn every_quantile_the_schema_accepts_is_read(text in r"0\.[0-9]{0,4}[1-9]0{0,4}") {
        reads_what_matches::<Quantile>(formats::QUANTILE, &text)?;
    }

    #[test]
    fn every_availability_the_schema_accepts_is_read(text in r"[5-9][0-9](\.[0-9]{1,4})?") {
        reads_what_matches::<Availability>(formats::AVAILABILITY, &text)?;
    }

    #[test]
    fn every_tolerance_the_schema_accepts_is_read(text in r"(0|0?\.[0-9]{1,3}|[0-9]{1,3}m)") {
        reads_what_matches::<Tolerance>(formats::TOLERANCE, &text)?;
    }

    #[test]
    fn no_text_makes_a_unit_panic(text in ".{0,30}") {
        for refused in [
            Duration::try_from(text.clone()).is_err(),
            Quantile::try_from(text.clone()).is_err(),
            Availability::try_from(text.clone()).is_err(),
            Tolerance::try_from(text.clone()).is_err(),
        ] {
            prop_assert!(refused || text.bytes().any(|byte| byte.is_ascii_digit()));
        }
    }
}
