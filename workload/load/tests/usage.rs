//! Wrong usage ends with exit code 2 and says which flag, what was given and what is expected.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helper functions too")]

use rstest::rstest;
use std::process::{Command, Output};

const TARGET: [&str; 2] = ["--target", "http://127.0.0.1:9/"];

fn run(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_headroom-load")).args(args).output().unwrap()
}

#[rstest]
#[case::no_target(&["--rate", "1", "--duration", "1s"], "--target <URL>")]
#[case::no_shape(&["--target", "http://h"], "--rate <RPS>|--steps <STEPS>|--ramp <FROM:TO>|--trace <FILE>")]
fn a_missing_flag_is_named(#[case] args: &[&str], #[case] expected: &str) {
    let output = run(args);
    let message = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2));
    assert!(message.contains(expected), "{message}");
}

#[rstest]
#[case::target(&["--target", "ftp://h"], "does not start with http://")]
#[case::two_shapes(&["--rate", "1", "--duration", "1s", "--steps", "1s@1"], "cannot be used with")]
#[case::rate(&["--rate", "fast", "--duration", "1s"], "\"fast\" is not a rate; expected requests per second")]
#[case::rate_without_duration(&["--rate", "1"], "--duration <DURATION>")]
#[case::ramp_without_duration(&["--ramp", "1:2"], "--duration <DURATION>")]
#[case::duration(&["--rate", "1", "--duration", "10"], "\"10\" is not a duration; expected a form such as 30s")]
#[case::steps(&["--steps", "10s"], "\"10s\" is not a step; expected DURATION@RATE")]
#[case::steps_with_duration(&["--steps", "1s@1", "--duration", "1s"], "cannot be used with")]
#[case::ramp(&["--ramp", "5", "--duration", "1s"], "\"5\" is not a ramp; expected FROM:TO")]
#[case::trace(&["--trace", "no/such.csv"], "--trace: cannot read the trace no/such.csv")]
#[case::scale_without_trace(&["--rate", "1", "--duration", "1s", "--scale", "2"], "cannot be used with")]
#[case::scale(&["--trace", "x", "--scale", "0"], "\"0\" is not a factor")]
#[case::window(&["--trace", "x", "--window", "9:1"], "\"9:1\" is not a window; expected FROM:TO")]
#[case::warm_up(&["--warm-up", "x"], "\"x\" is not a duration")]
#[case::arrivals(&["--arrivals", "random"], "possible values: uniform, poisson")]
#[case::seed(&["--seed", "x"], "'--seed <SEED>': invalid digit")]
#[case::connections(&["--connections", "0"], "1..=1000000")]
#[case::timeout(&["--timeout", "1h"], "expected 1ms to 10m")]
#[case::objective(&["--objective", "p98<1s"], "\"p98<1s\" is not an objective; expected p50, p90, p99 or p99.9")]
#[case::method(&["--rate", "1", "--duration", "1s", "--method", "get it"], "\"get it\" is not a method")]
#[case::path(&["--rate", "1", "--duration", "1s", "--path", "here"], "the path \"here\" must start with /")]
#[case::header(&["--rate", "1", "--duration", "1s", "--header", "x"], "\"x\" is not a header; expected 'Name: value'")]
#[case::body(&["--rate", "1", "--duration", "1s", "--body-bytes", "99999999"], "over the limit of 16 MiB")]
#[case::rows_twice(&["--rate", "1", "--duration", "1s", "--csv", "x", "--json-lines", "-"], "cannot be used with")]
#[case::one_stdout(&["--rate", "1", "--duration", "1s", "--csv", "-", "--json", "-"], "would mix on stdout")]
fn a_wrong_flag_says_what_is_expected(#[case] args: &[&str], #[case] expected: &str) {
    let output = run(&[&TARGET, args].concat());
    let message = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{message}");
    assert!(message.contains(expected), "{message}");
}

#[test]
fn an_output_that_cannot_be_written_ends_the_run_before_it_starts() {
    let args = ["--rate", "1", "--duration", "1h", "--json", "no/such/folder/summary.json"];
    let output = run(&[&TARGET, args.as_slice()].concat());
    let message = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(message.contains("cannot write no/such/folder/summary.json"), "{message}");
}
