//! `server.html` and `server.md`: the figures for people.

use super::case::{ALL, Case};
use super::goals;
use super::memory;
use super::report::{Report, Row};
use super::text::ratio;
use crate::plot::{Bar, Bars, Figure, Guide, Page, Section, Table, Whose};

/// How to read it, a sentence each.
const NOTES: &[&str] = &[
    "CPU time is the server's, user and system, of all threads and children, over the requests answered in a turn; it is \
     read while the server rests. Each figure is a median over the rounds, the stroke on a bar the median distance from it.",
    "In a round every server has one turn, in another order each time, on the same CPU; the others are stopped meanwhile. \
     Ratios are medians of the ratios within a round.",
    "Busy is CPU time over elapsed time and workers. Below 95 % the client, or another program, was the limit, and the \
     rate is not the server's throughput. The client is a closed loop: its latencies say how fair a server is at that \
     number of connections, not how it bears a load.",
    "With a connection for each request, the cost of connecting and closing is in the figure.",
];

/// The page.
pub fn page(report: &Report) -> Page {
    let mut sections = vec![Section {
        title: "Goals".to_owned(),
        text: "Ratios of CPU time per request.".to_owned(),
        figure: Figure::Table(goals::table(report)),
    }];
    for (case, rows) in cases(report) {
        sections.push(Section {
            title: case.words(),
            text: "CPU time per request; the dashed line is nginx.".to_owned(),
            figure: Figure::Bars(bars(&rows)),
        });
        sections.push(Section {
            title: format!("{}: figures", case.words()),
            text: String::new(),
            figure: Figure::Table(table(&rows)),
        });
    }
    sections.push(Section {
        title: "Memory".to_owned(),
        text: "Resident memory of idle keep-alive connections.".to_owned(),
        figure: Figure::Table(memory::table(&report.memory)),
    });
    if !report.skipped.is_empty() {
        sections.push(Section {
            title: "Not measured".to_owned(),
            text: String::new(),
            figure: Figure::Table(skipped(report)),
        });
    }
    Page {
        title: "What a request costs".to_owned(),
        subtitle: report.machine.line(),
        sections,
        notes: NOTES.iter().copied().map(str::to_owned).collect(),
    }
}

/// The same tables for the docs.
pub fn markdown(report: &Report) -> String {
    let mut parts = vec![
        format!("Measured on: {}. {}.", report.machine.line(), report.versions.join(", ")),
        goals::table(report).markdown(),
    ];
    for (case, rows) in cases(report) {
        parts.extend([format!("### {}", case.words()), table(&rows).markdown()]);
    }
    parts.extend(["### Memory of an idle connection".to_owned(), memory::table(&report.memory).markdown()]);
    if !report.skipped.is_empty() {
        parts.extend(["### Not measured".to_owned(), skipped(report).markdown()]);
    }
    parts.iter().map(|part| format!("{}\n", part.trim_end())).collect::<Vec<_>>().join("\n")
}

fn cases(report: &Report) -> impl Iterator<Item = (Case, Vec<&Row>)> {
    let of = |case: &Case| report.rows.iter().filter(|row| row.is_of(*case)).collect::<Vec<_>>();
    ALL.iter().map(move |case| (*case, of(case))).filter(|(_, rows)| !rows.is_empty())
}

fn bars(rows: &[&Row]) -> Bars {
    let bar = |row: &&Row| Bar {
        label: row.server.clone(),
        value: row.cpu_micros_per_request,
        spread: row.cpu_micros_per_request * row.spread_percent / 100.0,
        text: format!("{:.2} us, {} x nginx", row.cpu_micros_per_request, ratio(row.ratio_to_nginx)),
        whose: match row.server.as_str() {
            "headroom" => Whose::Ours,
            "floor" => Whose::Floor,
            _ => Whose::Others,
        },
    };
    let nginx = rows.iter().find(|row| row.server == "nginx");
    let guide = nginx.map(|row| Guide { value: row.cpu_micros_per_request, label: "nginx".to_owned() });
    Bars { bars: rows.iter().map(bar).collect(), guide }
}

fn table(rows: &[&Row]) -> Table {
    let head = [
        "server",
        "CPU us",
        "user",
        "system",
        "+- %",
        "x nginx",
        "x floor",
        "requests/s",
        "p50 us",
        "p99 us",
        "client us",
        "busy %",
    ];
    let cells = |row: &&Row| {
        vec![
            row.server.clone(),
            format!("{:.2}", row.cpu_micros_per_request),
            format!("{:.2}", row.user_micros_per_request),
            format!("{:.2}", row.system_micros_per_request),
            format!("{:.1}", row.spread_percent),
            ratio(row.ratio_to_nginx),
            ratio(row.ratio_to_floor),
            format!("{:.0}", row.requests_per_second),
            format!("{:.0}", row.p50_micros),
            format!("{:.0}", row.p99_micros),
            row.client_micros_per_request.map_or_else(|| "-".to_owned(), |micros| format!("{micros:.2}")),
            format!("{:.0}", row.utilisation_percent),
        ]
    };
    Table { head: head.map(str::to_owned).to_vec(), rows: rows.iter().map(cells).collect() }
}

fn skipped(report: &Report) -> Table {
    let rows = report.skipped.iter().map(|skipped| {
        let case =
            format!("{}, {} connections, {} workers", skipped.protocol, skipped.connections, skipped.workers);
        // A cell ends with its line.
        vec![skipped.server.clone(), case, skipped.reason.replace(['\n', '|'], " ")]
    });
    Table { head: ["server", "case", "why"].map(str::to_owned).to_vec(), rows: rows.collect() }
}
