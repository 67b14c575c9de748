//! What ours is meant to reach, beside what it reached.

use super::case::{Case, Protocol};
use super::report::{Report, Row};
use super::text::ratio;
use crate::plot::Table;

/// Name of our server in the rows.
const OURS: &str = "headroom";
/// Bytes of resident memory for an idle connection.
const MOST_MEMORY: f64 = 4096.0;

const CALM: Case = case(Protocol::H1, 64, 1);
const CROWDED: Case = case(Protocol::H1, 4096, 1);

const fn case(protocol: Protocol, connections: usize, workers: usize) -> Case {
    Case { protocol, connections, workers }
}

/// Bounds of the ratio to nginx.
const GOALS: &[(Case, f64)] = &[
    (CALM, 0.95),
    (case(Protocol::H1, 512, 1), 0.90),
    (CROWDED, 0.95),
    (case(Protocol::H1Close, 64, 1), 1.0),
    (case(Protocol::H1, 64, 2), 0.90),
    (case(Protocol::H2, 64, 1), 1.0),
    (case(Protocol::Tls, 64, 1), 1.0),
];

/// The goals whose cases were measured.
pub fn table(report: &Report) -> Table {
    let mut rows = Vec::new();
    for &(case, most) in GOALS {
        let Some(row) = find(report, OURS, case) else { continue };
        let what = |of: &str| format!("{}: CPU time over {of}", case.words());
        rows.push(line(what("nginx's"), most, row.ratio_to_nginx));
        if case == CALM {
            rows.push(line(what("the floor's"), 1.10, row.ratio_to_floor));
        }
        if case == CROWDED {
            let nginx = find(report, "nginx", case).map(|nginx| row.p99_micros / nginx.p99_micros);
            rows.push(line(format!("{}: p99 over nginx's", case.words()), 1.0, nginx));
        }
    }
    for memory in report.memory.iter().filter(|memory| memory.server == OURS) {
        let met = memory.bytes_per_connection <= MOST_MEMORY;
        rows.push(vec![
            format!("bytes of memory for each of {} idle connections", memory.connections),
            format!("{MOST_MEMORY:.0}"),
            format!("{:.0}", memory.bytes_per_connection),
            yes(met),
        ]);
    }
    Table { head: ["goal", "at most", "measured", "met"].map(str::to_owned).to_vec(), rows }
}

fn find<'a>(report: &'a Report, server: &str, case: Case) -> Option<&'a Row> {
    report.rows.iter().find(|row| row.server == server && row.is_of(case))
}

fn line(what: String, most: f64, measured: Option<f64>) -> Vec<String> {
    vec![
        what,
        format!("{most:.2}"),
        ratio(measured),
        measured.map_or_else(|| "-".to_owned(), |value| yes(value <= most)),
    ]
}

fn yes(met: bool) -> String {
    if met { "yes" } else { "no" }.to_owned()
}
