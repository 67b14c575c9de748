//! HTTP/2 by h2load (nghttp2): a client of our own would have to be as good to be worth it.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, ensure};

use super::client::Sample;

/// Streams at the same time on a connection.
const STREAMS: &str = "10";

/// Sends so many requests over so many connections in clear text.
pub fn run(address: SocketAddr, connections: usize, requests: u64, folder: &Path) -> anyhow::Result<Sample> {
    let log = folder.join("h2load.log");
    // h2load appends.
    let _ = fs::remove_file(&log);
    let output = Command::new("h2load")
        .args(["-c", &connections.to_string(), "-m", STREAMS, "-t", "1", "-n", &requests.to_string()])
        .arg(format!("--log-file={}", log.display()))
        .arg(format!("http://{address}/"))
        .output()
        .context("failed to start h2load")?;
    let text = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "h2load: {}", String::from_utf8_lossy(&output.stderr));
    let lines = fs::read_to_string(&log).with_context(|| format!("failed to read {}", log.display()))?;
    let mut sample = summary(&text)?;
    ensure!(sample.requests == requests, "{} of {requests} requests succeeded", sample.requests);
    for micros in lines.lines().filter_map(duration_micros) {
        sample.latency.saturating_record(1000 * micros);
    }
    Ok(sample)
}

/// What h2load says at its end: how long it took and how many requests were answered with success.
fn summary(text: &str) -> anyhow::Result<Sample> {
    let wrong = || format!("h2load said:\n{text}");
    let finished = text.lines().find_map(|line| line.strip_prefix("finished in ")).with_context(wrong)?;
    let seconds = finished.split(',').next().and_then(seconds).with_context(wrong)?;
    let requests = text.lines().find_map(|line| line.strip_prefix("status codes: ")).with_context(wrong)?;
    let requests = requests.split(' ').next().and_then(|count| count.parse().ok()).with_context(wrong)?;
    Ok(Sample { requests, elapsed: Duration::from_secs_f64(seconds), ..Sample::nothing()? })
}

/// A number with the unit s, ms or us.
fn seconds(text: &str) -> Option<f64> {
    let digits = text.trim_end_matches(char::is_alphabetic);
    let factor = match &text[digits.len()..] {
        "s" => 1.0,
        "ms" => 1e-3,
        "us" => 1e-6,
        _ => return None,
    };
    Some(digits.parse::<f64>().ok()? * factor)
}

/// The last of start, status and duration.
fn duration_micros(line: &str) -> Option<u64> {
    line.split('\t').nth(2)?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("1.50s", Some(1.5))]
    #[case("250.00ms", Some(0.25))]
    #[case("500000us", Some(0.5))]
    #[case("3 weeks", None)]
    fn times_have_units(#[case] text: &str, #[case] expected: Option<f64>) {
        assert_eq!(seconds(text), expected);
    }

    #[test]
    fn the_end_of_a_run_is_read() {
        let text = "progress: 100% done\n\nfinished in 1.34s, 97342.53 req/s, 5.20MB/s\n\
                    requests: 1000 total, 1000 started, 1000 done, 998 succeeded, 2 failed, 2 errored, 0 timeout\n\
                    status codes: 998 2xx, 0 3xx, 0 4xx, 0 5xx\n";
        let sample = summary(text).unwrap();
        assert_eq!((sample.requests, sample.elapsed), (998, Duration::from_millis(1340)));
        assert!(summary("connect() failed").is_err());
    }

    #[test]
    fn a_line_of_the_log_ends_with_the_duration() {
        assert_eq!(duration_micros("1337254421000\t200\t1234"), Some(1234));
    }
}
