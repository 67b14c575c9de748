//! What the file loader does with files that are large, hostile or not there.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helper functions too")]

use std::{fs, io::Write};

use headroom_api::{LoadError, load, load_text};
use rstest::rstest;

fn refused(text: &str) -> String {
    load_text("f.yaml", text).unwrap_err().to_string()
}

#[test]
fn a_file_full_of_faults_names_the_first_and_counts_the_rest() {
    let fields = (0..40).fold(String::new(), |fields, n| fields + &format!("x{n}: 1\n"));
    let error = refused(&format!("apiVersion: headroom.dev/v1alpha1\n{fields}"));
    assert_eq!(error.lines().count(), 26);
    assert!(error.ends_with("\nf.yaml: and 18 more"), "{error}");
}

fn alias_bomb() -> String {
    let level = |n: usize| format!("a{n}: &a{n} [{}]\n", vec![format!("*a{}", n - 1); 10].join(","));
    "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n".to_owned() + &(1..9).map(level).collect::<String>()
}

#[rstest]
#[case::aliases(alias_bomb(), "more than 100000 values, counting what aliases stand for")]
#[case::open_brackets("[".repeat(1 << 20), "f.yaml:1: nested deeper than 128 levels; a ScaledService needs fewer than 10")]
#[case::nested_items("- ".repeat(1000) + "x", "f.yaml:1: nested deeper than 128 levels; a ScaledService needs fewer than 10")]
#[case::indentation((0..300).map(|n| " ".repeat(n) + "a:\n").collect(), "nested deeper than 128 levels")]
#[case::documents("---\na: 1\n".repeat(101), "f.yaml:1: more than 100 documents; split the file")]
#[case::size("#".repeat((1 << 20) + 1), "f.yaml: larger than 1 MiB; split it into several files")]
fn a_hostile_file_is_refused_by_a_limit(#[case] text: String, #[case] error: &str) {
    assert!(refused(&text).contains(error), "{}", refused(&text));
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("none.yaml");
    let error = load(&missing).unwrap_err();
    assert!(matches!(error, LoadError::Read { .. }));
    assert!(error.to_string().starts_with(&format!("{}: cannot be read: ", missing.display())), "{error}");

    let large = folder.path().join("large.yaml");
    fs::File::create(&large).unwrap().write_all(&vec![b'#'; (1 << 20) + 1]).unwrap();
    assert!(matches!(load(&large).unwrap_err(), LoadError::TooLarge { .. }));
}
