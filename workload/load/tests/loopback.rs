//! The whole generator against servers whose every answer is known: the counts have to be exact.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, its helper functions too")]

use headroom_load::report::{Line, Second, Summary, Verdict};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, SystemTime};

/// What a server does with a request.
#[derive(Clone, Copy)]
enum Reaction {
    Answer(&'static str),
    AnswerAndClose(&'static str),
    /// Answers late.
    AnswerAfter(Duration, &'static str),
    /// Never answers, and keeps the connection open.
    Silence,
}

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// A server that reacts to its n-th request, counted over all connections; its address. It ends with the test.
fn serve(react: fn(usize) -> Reaction) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let count = Arc::new(AtomicUsize::new(0));
        for stream in listener.incoming() {
            let count = Arc::clone(&count);
            thread::spawn(move || converse(&stream.unwrap(), react, &count));
        }
    });
    format!("http://{address}/")
}

fn converse(mut stream: &TcpStream, react: fn(usize) -> Reaction, count: &AtomicUsize) {
    let mut lines = BufReader::new(stream).lines();
    while let Some(Ok(line)) = lines.next() {
        if !line.is_empty() {
            continue;
        }
        match react(count.fetch_add(1, Ordering::Relaxed)) {
            Reaction::Answer(text) => stream.write_all(text.as_bytes()).unwrap(),
            Reaction::AnswerAndClose(text) => return stream.write_all(text.as_bytes()).unwrap(),
            Reaction::AnswerAfter(delay, text) => {
                thread::sleep(delay);
                stream.write_all(text.as_bytes()).unwrap();
            }
            // Reads until the client gives up.
            Reaction::Silence => return lines.for_each(drop),
        }
    }
}

fn generator(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_headroom-load"));
    command.args(["--quiet", "--arrivals", "uniform"]).args(args);
    command
}

fn summary_of(output: &Output) -> Summary {
    let errors = String::from_utf8_lossy(&output.stderr);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {errors}"))
}

#[test]
fn every_kind_of_answer_is_counted_as_what_it_is() {
    let target = serve(|number| match number {
        10 => Reaction::Silence,
        20 => Reaction::AnswerAndClose("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nok"),
        30 => Reaction::AnswerAndClose(""),
        40 => Reaction::AnswerAndClose("hello\r\n"),
        50 => Reaction::Answer("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"),
        60 => Reaction::Answer("HTTP/1.1 429 Too Many\r\nContent-Length: 0\r\n\r\n"),
        70 => Reaction::Answer("HTTP/1.1 503 Unavailable\r\nContent-Length: 0\r\n\r\n"),
        80 => Reaction::AnswerAndClose("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"),
        90 => Reaction::AnswerAndClose("HTTP/1.1 200 OK\r\n\r\nuntil the end"),
        100 => {
            Reaction::Answer("HTTP/1.1 302 Found\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n")
        }
        _ if number % 10 == 5 => Reaction::Answer("HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n"),
        _ => Reaction::Answer(OK),
    });
    let folder = tempfile::tempdir().unwrap();
    let csv = folder.path().join("seconds.csv");
    let shape = ["--rate", "100", "--duration", "1500ms", "--timeout", "3s", "--json", "-", "--csv"];
    let output = generator(&["--target", &target])
        .args(shape)
        .arg(&csv)
        .args(["--objective", "p90<3s"])
        .output()
        .unwrap();

    let Summary { counts, verdict, bad_seconds, .. } = summary_of(&output);
    assert_eq!((counts.intended, counts.sent, counts.answered), (150, 150, 146));
    assert_eq!((counts.good, counts.late, counts.rejected), (150 - 2 - 1 - 4 - 15, 0, 2));
    let failed = &counts.failed;
    assert_eq!((failed.timeout, failed.truncated, failed.reset, failed.malformed), (1, 1, 1, 1));
    assert_eq!((failed.status5xx, failed.refused, failed.local, failed.total), (16, 0, 0, 20));
    assert_eq!((counts.status.success, counts.status.redirection, counts.status.client_error), (127, 1, 2));

    let text = std::fs::read_to_string(&csv).unwrap();
    let (header, rows) = text.split_once('\n').unwrap();
    let rows: Vec<Second> = rows.lines().map(|line| line.parse().unwrap()).collect();
    assert_eq!(header, Second::CSV_HEADER);
    assert_eq!(rows.iter().map(|row| (row.second, row.intended)).collect::<Vec<_>>(), [(0, 100), (1, 50)]);
    assert_eq!(rows.iter().map(|row| row.failed).sum::<u64>(), 20);
    // 20 of 150 are more than 10 %; a machine too busy to run the generator in time is told apart from that.
    assert_eq!(bad_seconds, 2);
    assert_ne!(verdict, Verdict::Held);
    assert_eq!(output.status.code(), Some(3));
}

#[test]
fn waiting_behind_a_slow_answer_is_part_of_the_latency() {
    let target = serve(|number| match number {
        0 => Reaction::AnswerAfter(Duration::from_millis(300), OK),
        _ => Reaction::Answer(OK),
    });
    // The last request is intended at 95 ms and cannot be answered before 305 ms.
    let output =
        generator(&["--target", &target, "--connections", "1", "--rate", "100", "--duration", "100ms"])
            .args(["--timeout", "10s", "--objective", "p50<200ms", "--json", "-"])
            .output()
            .unwrap();
    let summary = summary_of(&output);
    assert_eq!((summary.counts.late, summary.counts.good, summary.connections_opened), (10, 0, 1));
    assert_eq!((summary.objectives[0].held, output.status.code()), (false, Some(3)));
}

#[test]
fn several_targets_get_the_requests_in_turn_and_new_connections_are_counted() {
    let targets = [serve(|_| Reaction::Answer(OK)), serve(|_| Reaction::Answer(OK))];
    let output = generator(&["--target", &targets[0], "--target", &targets[1], "--new-connections"])
        .args(["--steps", "200ms@100,100ms@400", "--timeout", "10s", "--json", "-"])
        .output()
        .unwrap();
    let summary = summary_of(&output);
    assert_eq!((summary.counts.good, summary.connections_opened), (60, 60));
    let halves: Vec<_> =
        summary.per_target.iter().map(|one| (one.counts.good, one.connections_opened)).collect();
    assert_eq!(halves, [(30, 30), (30, 30)]);
}

#[test]
fn a_body_is_sent_whole_and_a_warm_up_counts_nowhere() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = format!("http://{}/", listener.local_addr().unwrap());
    let body = 3_000_000;
    let server = thread::spawn(move || {
        let mut received = Vec::new();
        for stream in listener.incoming().take(4) {
            let mut stream = stream.unwrap();
            let mut head = BufReader::new(&stream);
            let length: usize =
                head.by_ref().lines().map_while(Result::ok).take_while(|line| !line.is_empty()).count();
            received.push((length, std::io::copy(&mut head.take(body), &mut std::io::sink()).unwrap()));
            stream.write_all(OK.as_bytes()).unwrap();
        }
        received
    });
    let output =
        generator(&["--target", &target, "--method", "POST", "--body-bytes", "3000000", "--new-connections"])
            .args([
                "--rate",
                "20",
                "--duration",
                "100ms",
                "--warm-up",
                "100ms",
                "--timeout",
                "10s",
                "--json",
                "-",
            ])
            .output()
            .unwrap();
    assert_eq!(server.join().unwrap(), [(4, body); 4]);
    assert_eq!(summary_of(&output).counts.good, 2);
}

#[test]
fn json_lines_are_the_start_the_seconds_and_the_summary() {
    let target = serve(|_| Reaction::Answer(OK));
    let shape = ["--rate", "20", "--duration", "1500ms", "--warm-up", "100ms", "--timeout", "10s"];
    let output = generator(&["--target", &target, "--json-lines", "-"]).args(shape).output().unwrap();
    let lines: Vec<Line> =
        output.stdout.lines().map(|line| serde_json::from_str(&line.unwrap()).unwrap()).collect();
    let [Line::Start(start), Line::Second(first), Line::Second(second), Line::Summary(summary)] =
        lines.as_slice()
    else {
        panic!("{lines:?}");
    };
    assert_eq!((first.second, first.intended, second.second, second.intended), (0, 20, 1, 10));
    assert_eq!((summary.counts.intended, summary.counts.failed.total), (30, 0));
    assert_eq!(start.targets, [target]);
    assert_eq!(start.at_unix_seconds, summary.started_at_unix_seconds);
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs_f64();
    assert!(start.at_unix_seconds < now && start.at_unix_seconds > 1.7e9, "{start:?}");
    assert!(output.stderr.is_empty());
}

#[test]
fn when_no_target_can_be_reached_it_is_an_error() {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let output =
        generator(&["--target", &format!("http://{address}/"), "--rate", "50", "--duration", "100ms"])
            .args(["--json", "-"])
            .output()
            .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("no target could be reached"));
    assert_eq!(summary_of(&output).counts.failed.refused, 5);
}

#[test]
fn an_interrupted_run_still_leaves_its_rows_and_its_summary() {
    let target = serve(|_| Reaction::Answer(OK));
    let folder = tempfile::tempdir().unwrap();
    let json = folder.path().join("summary.json");
    let mut running =
        generator(&["--target", &target, "--rate", "50", "--duration", "1h", "--csv", "-", "--json"])
            .arg(&json)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
    let mut lines = BufReader::new(running.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), Second::CSV_HEADER);
    let first: Second = lines.next().unwrap().unwrap().parse().unwrap();
    rustix::process::kill_process(rustix::process::Pid::from_child(&running), rustix::process::Signal::INT)
        .unwrap();

    assert_eq!(running.wait().unwrap().code(), Some(130));
    let summary: Summary = serde_json::from_slice(&std::fs::read(&json).unwrap()).unwrap();
    assert!(summary.interrupted);
    assert!(summary.counts.intended >= first.intended && summary.counts.failed.total == 0);
    let rows: Vec<Second> = lines.map(|line| line.unwrap().parse().unwrap()).collect();
    assert_eq!(summary.seconds, 1 + rows.len() as u64);
}
