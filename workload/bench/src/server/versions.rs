//! The versions of the peers that were found.

use std::process::Command;

/// What each program says of itself, as far as it is there.
pub fn found() -> Vec<String> {
    let programs =
        [("nginx", "-v"), ("haproxy", "-v"), ("h2o", "-v"), ("h2load", "--version"), ("go", "version")];
    programs.into_iter().filter_map(|(program, flag)| version(program, flag)).collect()
}

fn version(program: &str, flag: &str) -> Option<String> {
    let output = Command::new(program).arg(flag).output().ok()?;
    // nginx writes it to stderr.
    let text = [output.stdout, output.stderr].concat();
    let line = String::from_utf8_lossy(&text).lines().next()?.to_owned();
    let number = number(&line)?;
    Some(format!("{program} {number}"))
}

/// The first word part that begins with a digit and holds a dot.
fn number(line: &str) -> Option<&str> {
    line.split([' ', '/'])
        .map(|word| word.trim_start_matches("go"))
        .find(|word| word.starts_with(|c: char| c.is_ascii_digit()) && word.contains('.'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("nginx version: nginx/1.22.1", Some("1.22.1"))]
    #[case("HAProxy version 2.6.12-1+deb12u4 2026/10/17 - https://haproxy.org/", Some("2.6.12-1+deb12u4"))]
    #[case("h2load nghttp2/1.52.0", Some("1.52.0"))]
    #[case("go version go1.26.8 linux/amd64", Some("1.26.8"))]
    #[case("something else", None)]
    fn the_number_is_found(#[case] line: &str, #[case] expected: Option<&str>) {
        assert_eq!(number(line), expected);
    }
}
