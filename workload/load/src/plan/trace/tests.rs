//! Tables of the trace reader, on small generated traces.

use super::*;
use rstest::rstest;

fn trace(rows: &[(f64, f64)]) -> Trace {
    let lines: Vec<_> = rows.iter().map(|(time, rate)| format!("{time},{rate}")).collect();
    Trace::parse(
        format!(
            "{HEADER}
{}
",
            lines.join(
                "
"
            )
        )
        .as_bytes(),
    )
    .unwrap()
}

#[test]
fn bins_of_a_second_are_steps() {
    let rate = trace(&[(0.0, 10.0), (1.0, 20.0), (2.0, 30.0)]).rate(None, 2.0, 1.0).unwrap();
    assert_eq!((rate.seconds(), rate.at(0.9), rate.at(1.0), rate.total()), (3.0, 20.0, 40.0, 120.0));
}

#[rstest]
#[case::flat_up_to_the_first_centre(10.0, 100.0)]
#[case::first_centre(30.0, 100.0)]
#[case::between_centres(60.0, 150.0)]
#[case::last_centre(90.0, 200.0)]
#[case::flat_after_it(119.0, 200.0)]
fn wider_bins_are_interpolated_between_centres(#[case] time: f64, #[case] expected: f64) {
    let rate = trace(&[(0.0, 100.0), (60.0, 200.0)]).rate(None, 1.0, 1.0).unwrap();
    assert!((rate.at(time) - expected).abs() < 1e-9);
}

#[test]
fn a_speed_up_shortens_the_time_at_the_same_rates() {
    let rate = trace(&[(0.0, 100.0), (60.0, 200.0)]).rate(None, 1.0, 10.0).unwrap();
    assert_eq!((rate.seconds(), rate.at(6.0)), (12.0, 150.0));
}

#[test]
fn a_window_is_cut_out_after_interpolation_and_starts_at_zero() {
    let rate = trace(&[(0.0, 100.0), (60.0, 200.0)]).rate(Some((60.0, 90.0)), 1.0, 1.0).unwrap();
    assert_eq!((rate.seconds(), rate.at(0.0), rate.total()), (30.0, 150.0, 30.0 * 175.0));
}

#[rstest]
#[case::empty("", "the trace has 0 rows")]
#[case::other_header("time,rate\n0,1\n", "must be the header \"t_seconds,rps\"")]
#[case::one_row("t_seconds,rps\n0,1\n", "at least 2 are needed")]
#[case::no_number("t_seconds,rps\n0,1\n1,x\n", "line 3 of the trace: rps \"x\" is not a number")]
#[case::negative("t_seconds,rps\n0,-1\n", "line 2 of the trace: rps \"-1\"")]
#[case::not_finite("t_seconds,rps\n0,NaN\n", "line 2")]
#[case::one_column("t_seconds,rps\n0\n", "line 2 of the trace: \"0\" is not")]
#[case::backwards("t_seconds,rps\n1,1\n0,1\n", "line 3 of the trace: t_seconds 0 is not after 1")]
#[case::gap("t_seconds,rps\n0,1\n1,1\n3,1\n", "line 4 of the trace: t_seconds is 3")]
fn a_broken_trace_says_which_line(#[case] text: &str, #[case] expected: &str) {
    let message = Trace::parse(text.as_bytes()).unwrap_err().to_string();
    assert!(message.contains(expected), "{message}");
}

#[test]
fn a_window_outside_says_what_the_trace_covers() {
    let error = trace(&[(0.0, 1.0), (1.0, 1.0)]).rate(Some((5.0, 9.0)), 1.0, 1.0).unwrap_err();
    assert_eq!(error.to_string(), "the window 5:9 holds nothing of the trace, which covers 0 s to 2 s");
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let message = Trace::read(Path::new("no/such.csv")).unwrap_err().to_string();
    assert!(message.starts_with("cannot read the trace no/such.csv:"), "{message}");
}
