//! The format that other programs read, and the medians in it.

use serde_json::json;

use super::super::case::Protocol;
use super::super::goals;
use super::*;

const CASE: Case = Case { protocol: Protocol::H1, connections: 64, workers: 1 };

fn turn(cpu_micros: f64) -> Turn {
    Turn {
        requests_per_second: 1e6 / cpu_micros,
        cpu_micros,
        user_share: 0.25,
        p50_micros: 100.0,
        p99_micros: 200.0,
        client_micros: Some(3.0),
        utilisation: 0.99,
    }
}

fn measured(server: &str, costs: &[f64]) -> Measured {
    let turns = costs.iter().map(|&cost| turn(cost)).enumerate().collect();
    Measured { server: server.to_owned(), case: CASE, turns, skipped: None }
}

fn report() -> Report {
    let mut report = Report {
        machine: Machine::here(),
        versions: vec!["nginx 1.0".to_owned()],
        rows: Vec::new(),
        memory: Vec::new(),
        skipped: Vec::new(),
    };
    let refused = Some("it has no --tls-cert".to_owned());
    report.take(&[
        measured("headroom", &[4.0, 8.0, 16.0]),
        measured("nginx", &[5.0, 10.0, 20.0]),
        measured("floor", &[4.0, 8.0, 16.0]),
        Measured { skipped: refused, ..measured("other", &[1.0]) },
    ]);
    report
}

#[test]
fn rows_have_the_names_and_units_that_readers_know() {
    let json = serde_json::to_value(report()).unwrap();
    assert!(json["machine"]["cpu"].is_string());
    let expected = json!({
        "server": "headroom", "protocol": "h1", "connections": 64, "workers": 1,
        "requestsPerSecond": 125_000.0, "cpuMicrosPerRequest": 8.0,
        "userMicrosPerRequest": 2.0, "systemMicrosPerRequest": 6.0,
        "p50Micros": 100.0, "p99Micros": 200.0,
        "ratioToNginx": 0.8, "ratioToFloor": 1.0,
        "rounds": 3, "spreadPercent": 50.0, "utilisationPercent": 99.0, "clientMicrosPerRequest": 3.0, "saturated": true,
    });
    assert_eq!(json["rows"][0], expected);
    assert_eq!(json["rows"].as_array().unwrap().len(), 3);
}

#[test]
fn what_was_not_measured_says_why() {
    let json = serde_json::to_value(report()).unwrap();
    assert_eq!(json["skipped"][0]["server"], "other");
    assert_eq!(json["skipped"][0]["reason"], "it has no --tls-cert");
}

#[test]
fn goals_are_compared_with_what_was_measured() {
    let rows = goals::table(&report()).rows;
    let verdicts: Vec<_> = rows.iter().map(|row| (row[2].as_str(), row[3].as_str())).collect();
    assert_eq!(verdicts, [("0.800", "yes"), ("1.000", "yes")]);
}
